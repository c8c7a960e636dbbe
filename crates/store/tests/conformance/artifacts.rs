//! Result files in the tables: when they expire, whose they are, and what a sweeper may remove.

use mission_core::{Checkpoint, Progress, State};
use mission_store::{Report, Standing, Store, Verdict};
use mission_testkit::{Database, conformance};

use crate::checkpoint::file;
use crate::effects::{STORAGE, rich};
use crate::stage::{WORKER, ending, get, number, open, progress_report, push, running, task, waiting_again};

conformance![
    an_expired_file_is_found_marked_and_still_named,
    a_retry_ends_the_time_of_the_files_and_a_new_run_replaces_them,
    a_file_made_anew_in_the_same_place_is_not_marked_expired,
    the_files_of_a_task_that_is_gone_are_found_and_removed,
    the_bytes_of_a_storage_are_counted,
    the_standing_of_a_task_names_the_files_it_still_makes,
    a_task_keeps_its_files_as_long_as_its_push_says,
];

/// A task that succeeded with one file at this place.
async fn succeeded(store: &Store, location: &str) -> mission_store::Claimed {
    let claimed = running(store, task()).await;
    assert_eq!(store.settle(&[rich(&claimed, location)]).await.unwrap(), [Verdict::Settled]);
    claimed
}

async fn expire_all(db: &Database) {
    db.sql("update mission_artifacts set expires_date = created_date;").await.unwrap();
}

async fn an_expired_file_is_found_marked_and_still_named(db: Database) {
    let store = open(&db).await;
    let claimed = succeeded(&store, "1.csv").await;
    let other = succeeded(&store, "2.csv").await;
    assert_eq!(store.expired_artifacts(STORAGE, 10).await.unwrap(), []);
    let id = store.artifacts(&claimed.task.unique_id).await.unwrap()[0].id;
    assert_eq!(store.mark_expired(&[id]).await.unwrap(), 0, "its time is not over");
    db.sql(&format!("update mission_artifacts set expires_date = created_date where id = {id};")).await.unwrap();
    assert!(store.artifact(&claimed.task.unique_id, "orders.csv").await.unwrap().unwrap().is_expired);
    let expired = store.expired_artifacts(STORAGE, 10).await.unwrap();
    assert_eq!(expired.iter().map(|one| (one.id, one.location.as_str())).collect::<Vec<_>>(), [(id, "1.csv")]);
    assert_eq!(store.expired_artifacts("file:elsewhere:/files", 10).await.unwrap(), []);
    assert_eq!(store.mark_expired(&[id, id + 100]).await.unwrap(), 1);
    assert_eq!(store.expired_artifacts(STORAGE, 10).await.unwrap(), []);
    assert!(store.artifact(&claimed.task.unique_id, "orders.csv").await.unwrap().unwrap().is_expired);
    assert!(!store.artifact(&other.task.unique_id, "orders.csv").await.unwrap().unwrap().is_expired);
    expire_all(&db).await;
    assert_eq!(store.expired_artifacts(STORAGE, 10).await.unwrap().len(), 1, "one that is marked is not found again");
}

async fn a_retry_ends_the_time_of_the_files_and_a_new_run_replaces_them(db: Database) {
    let store = open(&db).await;
    let claimed = succeeded(&store, "old.csv").await;
    let id = &claimed.task.unique_id;
    let beside = succeeded(&store, "beside.csv").await;
    store.retry(id).await.unwrap();
    assert!(store.artifacts(id).await.unwrap()[0].is_expired);
    assert!(!store.artifacts(&beside.task.unique_id).await.unwrap()[0].is_expired);
    assert_eq!(store.attempts(id).await.unwrap().len(), 1, "attempts stay");
    let again = store.claim_one(id, WORKER).await.unwrap().unwrap();
    assert_eq!(store.settle(&[rich(&again, "new.csv")]).await.unwrap(), [Verdict::Settled]);
    let artifacts = store.artifacts(id).await.unwrap();
    assert_eq!(artifacts.len(), 1);
    assert_eq!((artifacts[0].location.as_str(), artifacts[0].is_expired), ("new.csv", false));
    // The file that was replaced is nobody's, and so its sweeper finds it.
    let orphans = store.orphaned_artifacts(STORAGE, 0, 100).await.unwrap();
    assert_eq!(orphans.artifacts.iter().map(|one| one.location.as_str()).collect::<Vec<_>>(), ["old.csv"]);
    assert_eq!(store.remove_artifacts(&[orphans.artifacts[0].id, artifacts[0].id]).await.unwrap(), 1);
    assert_eq!(store.artifacts(id).await.unwrap(), artifacts, "a task's own is not removed");
}

async fn a_file_made_anew_in_the_same_place_is_not_marked_expired(db: Database) {
    let store = open(&db).await;
    let claimed = succeeded(&store, "same.csv").await;
    let id = &claimed.task.unique_id;
    store.retry(id).await.unwrap();
    let found = store.expired_artifacts(STORAGE, 10).await.unwrap();
    store.mark_expired(&[found[0].id]).await.unwrap();
    let again = store.claim_one(id, WORKER).await.unwrap().unwrap();
    assert_eq!(store.settle(&[rich(&again, "same.csv")]).await.unwrap(), [Verdict::Settled]);
    assert!(!store.artifacts(id).await.unwrap()[0].is_expired, "it is there again");
    assert_eq!(store.mark_expired(&[found[0].id]).await.unwrap(), 0, "by a sweeper that found it before");
    assert_eq!(store.orphaned_artifacts(STORAGE, 0, 100).await.unwrap().artifacts, []);
    assert_eq!(number(&db, "select count(*) from mission_artifacts;").await, 1);
}

async fn the_files_of_a_task_that_is_gone_are_found_and_removed(db: Database) {
    let store = open(&db).await;
    let mut claimed = Vec::new();
    for number in 0..5 {
        claimed.push(succeeded(&store, &format!("{number}.csv")).await);
    }
    for gone in [0, 3] {
        store.delete(&claimed[gone].task.unique_id).await.unwrap();
        assert_eq!(store.artifacts(&claimed[gone].task.unique_id).await.unwrap(), []);
    }
    let (mut found, mut after) = (Vec::new(), Some(0));
    let mut looks = 0;
    while let Some(from) = after {
        let orphans = store.orphaned_artifacts(STORAGE, from, 2).await.unwrap();
        found.extend(orphans.artifacts);
        after = orphans.next;
        looks += 1;
    }
    assert_eq!(found.iter().map(|one| one.location.as_str()).collect::<Vec<_>>(), ["0.csv", "3.csv"]);
    assert_eq!(looks, 3, "two at a time, and the last look is short");
    assert_eq!(store.orphaned_artifacts("file:elsewhere:/files", 0, 100).await.unwrap().artifacts, []);
    let all: Vec<i64> = (1..=5).collect();
    assert_eq!(store.remove_artifacts(&all).await.unwrap(), 2, "only those without a task");
    assert_eq!(number(&db, "select count(*) from mission_artifacts;").await, 3);
}

async fn the_bytes_of_a_storage_are_counted(db: Database) {
    let store = open(&db).await;
    assert_eq!(store.artifact_bytes(STORAGE).await.unwrap(), 0);
    let claimed = succeeded(&store, "1.csv").await;
    succeeded(&store, "2.csv").await;
    assert_eq!(store.artifact_bytes(STORAGE).await.unwrap(), 2 << 40);
    store.retry(&claimed.task.unique_id).await.unwrap();
    let expired = store.expired_artifacts(STORAGE, 10).await.unwrap();
    store.mark_expired(&[expired[0].id]).await.unwrap();
    assert_eq!(store.artifact_bytes(STORAGE).await.unwrap(), 1 << 40, "a removed file takes no room");
    assert_eq!(store.artifact_bytes("file:elsewhere:/files").await.unwrap(), 0);
}

async fn the_standing_of_a_task_names_the_files_it_still_makes(db: Database) {
    let store = open(&db).await;
    let (waits, runs, ended) =
        (running(&store, task()).await, running(&store, task()).await, running(&store, task()).await);
    for claimed in [&waits, &runs] {
        let made = Checkpoint::at(&1, 1, vec![file("a.csv")]).unwrap();
        let report = Report { checkpoint: Some(made), ..progress_report(claimed.running.lease, Progress::from(1)) };
        store.report(&[report]).await.unwrap();
    }
    store.settle(&[waiting_again(&waits, None), ending(&ended, State::Fail, "no")]).await.unwrap();
    let gone = push(&store, task()).await;
    let gone_id = get(&store, &gone).await.id;
    store.delete(&gone).await.unwrap();
    let ids = [waits.task.id, runs.task.id, ended.task.id, gone_id];
    let mut standing = store.staging_standing(&ids).await.unwrap();
    standing.sort_by_key(|one| one.id);
    let expected = |claimed: &mission_store::Claimed, is_active: bool, staging: Vec<String>| Standing {
        id: claimed.task.id,
        is_active,
        token: claimed.task.lease_token,
        staging,
    };
    let staging = vec![file("a.csv").staging];
    let all =
        [expected(&waits, true, staging.clone()), expected(&runs, true, staging), expected(&ended, false, vec![])];
    assert_eq!(standing, all);
    assert_eq!(store.staging_standing(&[]).await.unwrap(), []);
}

async fn a_task_keeps_its_files_as_long_as_its_push_says(db: Database) {
    let store = open(&db).await;
    let day = std::time::Duration::from_secs(24 * 3600);
    let claimed = running(&store, task().keep_files(day)).await;
    assert_eq!(claimed.task.keep_files_ms, Some(86_400_000));
    assert_eq!(running(&store, task()).await.task.keep_files_ms, None);
}
