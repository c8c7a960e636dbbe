//! Checkpoints: what a report writes under its token, what a claim keeps of it, and what a person's retry clears.

use mission_core::{Checkpoint, CommittedFile, Counts, Progress, Settlement, State, UniqueId, WorkerId, limits};
use mission_store::{Claimed, Report, Reported, Store};
use mission_testkit::{Database, conformance};

use crate::stage::{WORKER, get, open, progress_report, push_many, running, succeed, task, waiting_again};

conformance![
    a_report_writes_progress_checkpoint_and_counters_together,
    a_report_under_a_stale_token_changes_nothing_and_is_named_lost,
    a_report_about_an_ended_task_is_lost,
    a_checkpoint_forgets_crashes_and_progress_alone_does_not,
    a_claim_keeps_progress_where_a_checkpoint_is,
    a_claim_of_a_batch_reads_what_it_keeps,
    starting_over_takes_the_checkpoint_away,
    a_retry_begins_from_the_beginning,
    the_largest_cursors_of_many_tasks_are_written_together,
    a_list_of_files_that_cannot_be_read_takes_its_cursor_with_it,
    a_checkpoint_that_the_database_refuses_is_named_and_the_others_are_written,
];

pub(crate) fn file(name: &str) -> CommittedFile {
    CommittedFile {
        name: name.to_owned(),
        media_type: "text/csv".to_owned(),
        bytes: 1 << 40,
        rows: Some(9_007_199_254_740_993),
        staging: "7-1.3.part".to_owned(),
        hash: "0aff".to_owned(),
        is_finished: false,
        keep_ms: Some(1000),
        segments: vec![(3, 1, 1 << 40).into()],
    }
}

pub(crate) fn checkpoint(cursor: u64, done: u64) -> Checkpoint {
    Checkpoint::at(&cursor, done, vec![file("orders.csv")]).unwrap()
}

pub(crate) fn with_checkpoint(claimed: &Claimed, checkpoint: Checkpoint) -> Report {
    Report { checkpoint: Some(checkpoint), ..progress_report(claimed.running.lease, Progress::of(5, 10)) }
}

async fn report(store: &Store, report: Report) {
    assert_eq!(store.report(&[report]).await.unwrap(), [Reported::Written]);
}

async fn again(store: &Store, claimed: &Claimed, worker: i64) -> Claimed {
    store.settle(&[waiting_again(claimed, None)]).await.unwrap();
    store.claim_one(&claimed.task.unique_id, WorkerId(worker)).await.unwrap().unwrap()
}

async fn a_report_writes_progress_checkpoint_and_counters_together(db: Database) {
    let store = open(&db).await;
    let claimed = running(&store, task()).await;
    let id = &claimed.task.unique_id;
    let written = Report { resumed: 2, redone: 7, active_ms: 1500, ..with_checkpoint(&claimed, checkpoint(42, 5)) };
    report(&store, written).await;
    let now = get(&store, id).await;
    assert_eq!((now.checkpoint.as_deref(), now.checkpoint_done), (Some("42"), Some(5)));
    assert_eq!(now.checkpoint_files, [file("orders.csv")]);
    assert_eq!((now.resumed, now.redone, now.active_ms), (2, 7, 1500));
    assert_eq!(now.progress, Some(Progress::of(5, 10)));
    // What a report leaves out stays as it was.
    let bare = Report { progress: None, ..progress_report(claimed.running.lease, Progress::default()) };
    report(&store, Report { resumed: 2, redone: 8, active_ms: 1600, ..bare }).await;
    let later = get(&store, id).await;
    assert_eq!((later.redone, later.active_ms), (8, 1600));
    assert_eq!((&later.progress, &later.checkpoint), (&now.progress, &now.checkpoint));
    assert_eq!(later.checkpoint_files, now.checkpoint_files);
    // A later one without files takes them away.
    report(&store, with_checkpoint(&claimed, Checkpoint::at(&"end", 9, Vec::new()).unwrap())).await;
    let last = get(&store, id).await;
    assert_eq!((last.checkpoint.as_deref(), last.checkpoint_files.len()), (Some("\"end\""), 0));
    assert_eq!(store.report(&[]).await.unwrap(), []);
}

async fn a_report_under_a_stale_token_changes_nothing_and_is_named_lost(db: Database) {
    let store = open(&db).await;
    let stale = running(&store, task()).await;
    let crashed = Settlement { counts: Counts { crashes: 2, ..stale.running.counts }, ..waiting_again(&stale, None) };
    store.settle(&[crashed]).await.unwrap();
    let other = store.claim_one(&stale.task.unique_id, WorkerId(8)).await.unwrap().unwrap();
    let beside = running(&store, task()).await;
    let before = get(&store, &stale.task.unique_id).await;
    let reports = [
        with_checkpoint(&stale, checkpoint(1, 1)),
        with_checkpoint(&beside, checkpoint(2, 2)),
        Report { active_ms: 9, redone: 9, resumed: 9, ..progress_report(stale.running.lease, Progress::of(9, 9)) },
    ];
    let expected = [Reported::Lost, Reported::Written, Reported::Lost];
    assert_eq!(store.report(&reports).await.unwrap(), expected);
    assert_eq!(get(&store, &stale.task.unique_id).await, before, "neither cursor nor crashes nor counters");
    assert_eq!(before.counts.crashes, 2);
    assert_eq!(get(&store, &beside.task.unique_id).await.checkpoint.as_deref(), Some("2"));
    report(&store, with_checkpoint(&other, checkpoint(3, 3))).await;
}

async fn a_report_about_an_ended_task_is_lost(db: Database) {
    let store = open(&db).await;
    let claimed = running(&store, task()).await;
    succeed(&store, &claimed).await;
    let before = get(&store, &claimed.task.unique_id).await;
    let late = [with_checkpoint(&claimed, checkpoint(1, 1))];
    assert_eq!(store.report(&late).await.unwrap(), [Reported::Lost]);
    assert_eq!(get(&store, &claimed.task.unique_id).await, before);
    store.delete(&claimed.task.unique_id).await.unwrap();
    assert_eq!(store.report(&late).await.unwrap(), [Reported::Lost]);
}

async fn a_checkpoint_forgets_crashes_and_progress_alone_does_not(db: Database) {
    let store = open(&db).await;
    let first = running(&store, task()).await;
    let crashed = Settlement { counts: Counts { crashes: 3, ..first.running.counts }, ..waiting_again(&first, None) };
    store.settle(&[crashed]).await.unwrap();
    let claimed = store.claim_one(&first.task.unique_id, WORKER).await.unwrap().unwrap();
    let crashes = async || get(&store, &claimed.task.unique_id).await.counts.crashes;
    report(&store, progress_report(claimed.running.lease, Progress::of(1, 2))).await;
    assert_eq!(crashes().await, 3);
    report(&store, with_checkpoint(&claimed, Checkpoint::start_over())).await;
    assert_eq!(crashes().await, 3, "to start over is no step ahead");
    report(&store, with_checkpoint(&claimed, checkpoint(1, 1))).await;
    assert_eq!(crashes().await, 0);
}

async fn a_claim_keeps_progress_where_a_checkpoint_is(db: Database) {
    let store = open(&db).await;
    let (with, without) = (running(&store, task()).await, running(&store, task()).await);
    let counted = |report: Report| Report { resumed: 1, redone: 3, active_ms: 700, ..report };
    report(&store, counted(with_checkpoint(&with, checkpoint(42, 5)))).await;
    report(&store, counted(progress_report(without.running.lease, Progress::of(5, 10)))).await;
    for (claimed, kept) in [(with, true), (without, false)] {
        let again = again(&store, &claimed, 8).await;
        assert_eq!(again.task, get(&store, &claimed.task.unique_id).await);
        assert_eq!(again.task.progress, kept.then(|| Progress::of(5, 10)));
        assert_eq!((again.task.active_ms, again.task.checkpoint.is_some()), (if kept { 700 } else { 0 }, kept));
        assert_eq!((again.task.resumed, again.task.redone), (1, 3));
    }
}

async fn a_claim_of_a_batch_reads_what_it_keeps(db: Database) {
    let store = open(&db).await;
    push_many(&store, 3).await;
    for claimed in crate::stage::claim(&store, 3).await {
        if claimed.task.id % 2 == 0 {
            report(&store, with_checkpoint(&claimed, checkpoint(1, 1))).await;
        } else {
            report(&store, progress_report(claimed.running.lease, Progress::of(1, 2))).await;
        }
        store.settle(&[waiting_again(&claimed, None)]).await.unwrap();
    }
    for claimed in crate::stage::claim(&store, 3).await {
        assert_eq!(claimed.task, get(&store, &claimed.task.unique_id).await);
        assert_eq!(claimed.task.progress.is_some(), claimed.task.id % 2 == 0);
    }
}

async fn starting_over_takes_the_checkpoint_away(db: Database) {
    let store = open(&db).await;
    let claimed = running(&store, task()).await;
    report(&store, with_checkpoint(&claimed, checkpoint(42, 5))).await;
    report(&store, with_checkpoint(&claimed, Checkpoint::start_over())).await;
    let now = get(&store, &claimed.task.unique_id).await;
    assert_eq!((now.checkpoint, now.checkpoint_done, now.checkpoint_files.len()), (None, None, 0));
    assert_eq!(again(&store, &claimed, 8).await.task.progress, None);
}

async fn a_retry_begins_from_the_beginning(db: Database) {
    let store = open(&db).await;
    let claimed = running(&store, task()).await;
    let counted = Report { resumed: 1, redone: 3, active_ms: 700, ..with_checkpoint(&claimed, checkpoint(42, 5)) };
    report(&store, counted).await;
    store.settle(&[crate::stage::ending(&claimed, State::Fail, "no")]).await.unwrap();
    let ended = get(&store, &claimed.task.unique_id).await;
    assert_eq!((ended.checkpoint.as_deref(), ended.active_ms), (Some("42"), 700), "a failure keeps them");
    store.retry(&claimed.task.unique_id).await.unwrap();
    let again = get(&store, &claimed.task.unique_id).await;
    assert_eq!((again.checkpoint, again.checkpoint_done, again.checkpoint_files.len()), (None, None, 0));
    assert_eq!((again.resumed, again.redone, again.active_ms, again.progress), (0, 0, 0, None));
}

async fn the_largest_cursors_of_many_tasks_are_written_together(db: Database) {
    let store = open(&db).await;
    push_many(&store, 100).await;
    let claimed = crate::stage::claim(&store, 100).await;
    // Every sign is written with two bytes in JSON, and with four once that JSON is text within JSON.
    let cursor = "\\\"".repeat((limits::CURSOR_BYTES_MAX - 2) / 4);
    let largest = Checkpoint::at(&cursor, 1, vec![file("a\u{0}'\"\\ 界"); limits::FILES_MAX]).unwrap();
    assert!(largest.cursor.len() > limits::CURSOR_BYTES_MAX - 4);
    let reports: Vec<Report> = claimed.iter().map(|one| with_checkpoint(one, largest.clone())).collect();
    assert_eq!(store.report(&reports).await.unwrap(), vec![Reported::Written; 100]);
    for place in [0, 50, 99] {
        let now = get(&store, &claimed[place].task.unique_id).await;
        assert_eq!((now.checkpoint.as_ref(), &now.checkpoint_files), (Some(&largest.cursor), &largest.files));
    }
}

async fn a_list_of_files_that_cannot_be_read_takes_its_cursor_with_it(db: Database) {
    let store = open(&db).await;
    let claimed = running(&store, task()).await;
    report(&store, with_checkpoint(&claimed, checkpoint(42, 5))).await;
    for broken in ["[{", "[{\"name\":1}]", ""] {
        db.sql(&format!("update mission_tasks set checkpoint_files = '{broken}';")).await.unwrap();
        let now = get(&store, &claimed.task.unique_id).await;
        assert_eq!((now.checkpoint, now.checkpoint_files.len()), (None, 0));
    }
}

async fn a_checkpoint_that_the_database_refuses_is_named_and_the_others_are_written(db: Database) {
    let store = open(&db).await;
    crate::settle::refuse(&db, "checkpoint", "venom", "no_venom").await;
    let mut claimed = Vec::new();
    for _ in 0..3 {
        claimed.push(running(&store, task()).await);
    }
    let cursors = ["first", "venom", "last"];
    let cursor = |place: usize| Checkpoint::at(&cursors[place], 1, Vec::new()).unwrap();
    let reports: Vec<_> = (0..3).map(|place| with_checkpoint(&claimed[place], cursor(place))).collect();
    let expected = [Reported::Written, Reported::Refused, Reported::Written];
    assert_eq!(store.report(&reports).await.unwrap(), expected);
    let ids: Vec<&UniqueId> = claimed.iter().map(|claimed| &claimed.task.unique_id).collect();
    assert_eq!(get(&store, ids[1]).await.checkpoint, None);
    assert_eq!(get(&store, ids[2]).await.checkpoint.as_deref(), Some("\"last\""));
}
