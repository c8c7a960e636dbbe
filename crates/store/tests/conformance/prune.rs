//! Prune: ended tasks go when their time is over, in batches; what waits or runs stays.

use std::time::Duration;

use mission_core::{Filter, limits};
use mission_store::{Keep, Pruned, Store};
use mission_testkit::{Database, Kind, conformance};

use crate::crowd::Rows;
use crate::stage::{get, number, open, push, running, succeed, task};
use crate::texts::{Raw, text};

conformance![
    failures_are_kept_longer_and_active_tasks_for_ever,
    a_large_table_is_pruned_in_batches_from_its_old_end,
    pruning_ends_at_the_first_young_task,
    a_task_that_is_retried_before_it_is_removed_stays,
    pruning_waits_for_no_other_tasks_row,
];

const DAY_US: i64 = 24 * 3600 * 1_000_000;

/// Stores a task of a state that was pushed, and last changed, so many days ago.
async fn store_aged(db: &Database, store: &Store, state: &str, pushed: i64, changed: i64) {
    let now = store.now().await.unwrap().0;
    let (created, modified) = (now - pushed * DAY_US, now - changed * DAY_US);
    let worker = i64::from(state == "executing");
    db.sql(&format!(
        "insert into mission_tasks (unique_id, method, state, worker_id, created_date, modified_date)
         values ('{state}-{pushed}-{changed}', 'export', '{state}', {worker}, {created}, {modified});"
    ))
    .await
    .unwrap();
}

async fn left(store: &Store) -> Vec<String> {
    let page = store.list(&Filter::all(), 100, None).await.unwrap();
    page.tasks.into_iter().rev().map(|task| task.unique_id.to_string()).collect()
}

async fn failures_are_kept_longer_and_active_tasks_for_ever(db: Database) {
    let store = open(&db).await;
    let aged = [
        ("init", 1000, 1000),
        ("executing", 999, 999),
        ("success", 101, 31),
        ("success", 101, 29),
        ("fail", 100, 91),
        ("fail", 100, 89),
        ("cancelled", 99, 31),
        ("cancelled", 99, 29),
        ("success", 29, 29),
    ];
    for (state, pushed, changed) in aged {
        store_aged(&db, &store, state, pushed, changed).await;
    }
    let pruned = store.prune_step(Keep::default(), 0).await.unwrap();
    assert_eq!(pruned, Pruned { removed: 3, next: None });
    let kept =
        ["init-1000-1000", "executing-999-999", "success-101-29", "fail-100-89", "cancelled-99-29", "success-29-29"];
    assert_eq!(left(&store).await, kept);
    let nothing = Keep { ended: Duration::MAX, failed: Duration::MAX };
    assert_eq!(store.prune_step(nothing, 0).await.unwrap().removed, 0);
    let all = Keep { ended: Duration::ZERO, failed: Duration::ZERO };
    assert_eq!(store.prune_step(all, 0).await.unwrap().removed, 4);
    assert_eq!(left(&store).await, kept[..2]);
}

async fn a_large_table_is_pruned_in_batches_from_its_old_end(db: Database) {
    let store = open(&db).await;
    let mut raw = Raw::open(&db).await;
    let batch = usize::try_from(limits::PRUNE_ROWS_MAX).unwrap();
    Rows { state: "success", ..Rows::due(batch * 2 + 10, "report", 0) }.write(&mut raw).await;
    raw.script("update mission_tasks set created_date = 0, modified_date = 0").await;
    let mut steps = Vec::new();
    let mut after = Some(0);
    while let Some(from) = after {
        let pruned = store.prune_step(Keep::default(), from).await.unwrap();
        steps.push(pruned.removed);
        after = pruned.next;
    }
    assert_eq!(steps, [1000, 1000, 10]);
    assert_eq!(number(&db, "select count(*) from mission_tasks;").await, 0);
}

async fn pruning_ends_at_the_first_young_task(db: Database) {
    let store = open(&db).await;
    store_aged(&db, &store, "fail", 60, 60).await;
    store_aged(&db, &store, "success", 60, 60).await;
    let mut raw = Raw::open(&db).await;
    let batch = usize::try_from(limits::PRUNE_ROWS_MAX).unwrap();
    Rows { state: "success", ..Rows::due(batch + 10, "report", 0) }.write(&mut raw).await;
    let pruned = store.prune_step(Keep::default(), 0).await.unwrap();
    assert_eq!(pruned, Pruned { removed: 1, next: None }, "what is younger is not even looked at");
}

async fn a_task_that_is_retried_before_it_is_removed_stays(db: Database) {
    let store = open(&db).await;
    let claimed = running(&store, task()).await;
    let waiting = get(&store, &push(&store, task()).await).await;
    let ended = running(&store, task()).await;
    succeed(&store, &ended).await;
    // The very statement that removes, for rows that were over when they were looked at.
    let batch = [claimed.task.id, waiting.id, ended.task.id].map(|id| format!("{{\"id\":{id}}}")).join(",");
    let mut raw = Raw::open(&db).await;
    raw.run(&text(db.kind(), "prune", &[]), &[("batch", format!("[{batch}]").as_str().into())]).await;
    let kept = [waiting.unique_id, claimed.task.unique_id].map(|id| id.to_string());
    assert_eq!(left(&store).await.into_iter().rev().collect::<Vec<_>>(), kept);
}

async fn pruning_waits_for_no_other_tasks_row(db: Database) {
    if db.kind() == Kind::Sqlite {
        return; // It locks no rows.
    }
    let store = open(&db).await;
    store_aged(&db, &store, "success", 100, 100).await;
    for pushed in 1..=3 {
        store_aged(&db, &store, "executing", pushed, pushed).await;
    }
    let of_it = "from mission_tasks where state = 'success'";
    db.sql(&format!("insert into mission_attempts select id, 1, 1, 1, 'host', 1, 2, 'error', null {of_it};"))
        .await
        .unwrap();
    db.sql(&format!("insert into mission_logs select id, 1, 1, 'info', 'said' {of_it};")).await.unwrap();
    let mut raw = Raw::open(&db).await;
    raw.script("begin").await;
    raw.script("update mission_tasks set progress_done = 1 where state = 'executing'").await;
    raw.script("insert into mission_tasks (unique_id, method) values ('pushed', 'export')").await;
    let pruned = tokio::time::timeout(Duration::from_secs(5), store.prune_step(Keep::default(), 0)).await;
    assert_eq!(pruned.expect("it does not wait").unwrap(), Pruned { removed: 1, next: None });
    let kept = "(select count(*) from mission_attempts) + (select count(*) from mission_logs)";
    assert_eq!(number(&db, &format!("select {kept};")).await, 0);
    raw.script("rollback").await;
}
