//! Large numbers: ids, tokens and counts beyond 2^31 and 2^53 work everywhere.

use mission_core::{Filter, LeaseToken, Progress, State};
use mission_store::{Keep, Renewal};
use mission_testkit::{Database, Kind, conformance};

use crate::stage::{claim, ending, get, new_worker, open, progress_report, push_many, task};

conformance![ids_and_tokens_beyond_the_limits_of_smaller_types_work];

/// Lets the next row of a table have this number.
async fn next_number(db: &Database, table: &str, number: i64) {
    let statement = match db.kind() {
        Kind::Sqlite => format!(
            "delete from sqlite_sequence where name = '{table}';
             insert into sqlite_sequence (name, seq) values ('{table}', {});",
            number - 1
        ),
        Kind::Mariadb | Kind::Mysql => format!("alter table {table} auto_increment = {number};"),
        Kind::Postgres => format!("alter table {table} alter column id restart with {number};"),
    };
    db.sql(&statement).await.unwrap();
}

async fn ids_and_tokens_beyond_the_limits_of_smaller_types_work(db: Database) {
    let store = open(&db).await;
    for first in [(1_i64 << 31) - 1, (1 << 32) - 1, (1 << 53) - 1, (1 << 62) + 1] {
        next_number(&db, "mission_tasks", first).await;
        next_number(&db, "mission_workers", first).await;
        let worker = store.register(&new_worker(&["export"])).await.unwrap();
        assert_eq!(worker.0, first);
        let lease = std::time::Duration::from_secs(60);
        assert_eq!(store.heart(worker, lease).beat().await.unwrap(), Renewal::Renewed);
        let ids = push_many(&store, 4).await;
        db.sql(&format!("update mission_tasks set lease_token = {first}, attempt = {first} where state = 'init';"))
            .await
            .unwrap();

        let line = crate::stage::only_line(&store).await;
        let claimed = store.claim(&line, worker, 2).await.unwrap();
        assert_eq!(claimed.iter().map(|claimed| claimed.task.id).collect::<Vec<_>>(), [first, first + 1]);
        assert_eq!(claimed[0].running.lease.token, LeaseToken(first + 1));
        assert_eq!(claimed[0].running.counts.attempt, first + 1);
        assert_eq!(store.executing(worker).await.unwrap(), claimed);
        let report = |place: usize| {
            progress_report(claimed[place].running.lease, Progress::of(first.unsigned_abs(), i64::MAX as u64))
        };
        store.report(&[report(0), report(1)]).await.unwrap();
        assert_eq!(get(&store, &ids[0]).await.progress, report(0).progress);
        let watched = store.watch(&[claimed[1].running.lease]).await.unwrap();
        assert_eq!((watched[0].id, watched[0].token), (first + 1, LeaseToken(first + 1)));

        let mut group = vec![ending(&claimed[0], State::Success, "ok"), ending(&claimed[1], State::Success, "ok")];
        group[1].lease.token = LeaseToken(first);
        let verdicts = store.settle(&group).await.unwrap();
        assert_eq!(verdicts, [mission_store::Verdict::Settled, mission_store::Verdict::Lost], "one less is not ours");
        assert_eq!(get(&store, &ids[0]).await.counts.attempt, first + 1);

        let page = store.list(&Filter::all(), 2, None).await.unwrap();
        assert_eq!(page.tasks.iter().map(|task| task.id).collect::<Vec<_>>(), [first + 3, first + 2]);
        let next = store.list(&Filter::all(), 2, page.next).await.unwrap();
        assert_eq!(next.tasks.iter().map(|task| task.id).collect::<Vec<_>>(), [first + 1, first]);
        store.remove_worker(worker).await.unwrap();
        assert!(store.orphan_holders().await.unwrap().contains(&worker));
        db.sql("update mission_tasks set state = 'success', worker_id = 0, created_date = 0, modified_date = 0;")
            .await
            .unwrap();
        assert_eq!(store.prune_step(Keep::default(), 0).await.unwrap().removed, 4);
    }
    // The rest of a task's numbers are as large as they may be.
    let new = task().timeout(mission_core::limits::SPAN_MAX).retries(mission_core::limits::RETRIES_MAX);
    store.push(&new).await.unwrap();
    let claimed = claim(&store, 1).await.remove(0);
    assert_eq!(claimed.task.timeout_ms, Some(mission_core::limits::SPAN_MAX.as_millis() as i64));
}
