//! A row that the database refuses to have claimed: only its own line waits, and everything else runs.

use std::time::Duration;

use mission_core::{NewTask, State};
use mission_testkit::{Database, Kind, conformance, eventually, eventually_within};
use mission_worker::{Registry, WhenEmpty, Which, WorkerSettings};

use crate::methods::{Diary, sleep};
use crate::stage::{Stage, settings};

conformance![
    other_lines_run_beside_a_row_that_cannot_be_claimed,
    what_stands_before_such_a_row_in_its_line_runs,
    a_worker_that_stops_when_empty_does_not_wait_for_such_a_row,
    its_line_goes_on_once_the_row_is_mended,
];

/// Puts in a due task of the method `note` that no claim can take.
async fn refused_row(stage: &Stage, priority: i64) {
    let attempt = match stage.db.kind() {
        // There an integer that grows too large becomes a float, so a trigger refuses.
        Kind::Sqlite => {
            let trigger = "create trigger refuse before update on mission_tasks \
                when new.state = 'executing' and old.attempt = 1000000 begin select raise(abort, 'refused'); end;";
            stage.db.sql(trigger).await.unwrap();
            1_000_000
        }
        _ => i64::MAX,
    };
    let insert = format!(
        "insert into mission_tasks (method, params, attempt, priority, run_at) \
         values ('note', '\"refused\"', {attempt}, {priority}, 2000000000);"
    );
    stage.db.sql(&insert).await.unwrap();
}

async fn other_lines_run_beside_a_row_that_cannot_be_claimed(db: Database) {
    let stage = Stage::set(db).await;
    let diary = Diary::default();
    refused_row(&stage, 9).await;
    let other_type = stage.push(NewTask::new("note").params(&"other type").task_type("report")).await;
    let other_method = stage.push(NewTask::new("sleep").params(&0)).await;
    let worker = stage.worker([sleep(), diary.method("note")]).await;
    stage.reaches_within(Duration::from_secs(10), &other_type, State::Success).await;
    stage.reaches_within(Duration::from_secs(10), &other_method, State::Success).await;
    for n in 0..3 {
        let later = stage.push(NewTask::new("sleep").params(&0).priority(n)).await;
        stage.reaches_within(Duration::from_secs(10), &later, State::Success).await;
    }
    assert_eq!(diary.count("refused"), 0);
    worker.stop().await;
}

async fn what_stands_before_such_a_row_in_its_line_runs(db: Database) {
    let stage = Stage::set(db).await;
    let diary = Diary::default();
    refused_row(&stage, 0).await;
    for n in 0..3 {
        stage.push(NewTask::new("note").params(&n.to_string())).await;
    }
    stage.db.sql("update mission_tasks set run_at = 1000000000 where params <> '\"refused\"';").await.unwrap();
    let worker = stage.worker([diary.method("note")]).await;
    eventually_within(Duration::from_secs(10), "those before it run", async || diary.read().len() == 3).await;
    assert_eq!(diary.count("refused"), 0);
    worker.stop().await;
}

async fn a_worker_that_stops_when_empty_does_not_wait_for_such_a_row(db: Database) {
    let stage = Stage::set(db).await;
    let diary = Diary::default();
    refused_row(&stage, 9).await;
    let good = stage.push(NewTask::new("note").params(&"good").task_type("report")).await;
    let settings = WorkerSettings { when_empty: WhenEmpty::Stop, ..settings() };
    let worker = stage.worker_with(settings, [diary.method("note")]).await;
    let left = tokio::time::timeout(Duration::from_secs(15), worker.finished()).await;
    assert!(left.is_ok(), "the worker waits for a task that nobody can claim");
    assert_eq!(stage.task(&good).await.state, State::Success);
    let registry = Registry::of([diary.method("note")]).unwrap();
    let run = stage.once(registry).execute(Which::All { limit: None });
    let ran = tokio::time::timeout(Duration::from_secs(15), run).await.expect("it ends").unwrap();
    assert!(ran.is_empty(), "{ran:?}");
}

async fn its_line_goes_on_once_the_row_is_mended(db: Database) {
    let stage = Stage::set(db).await;
    let diary = Diary::default();
    refused_row(&stage, 0).await;
    let behind = stage.push(NewTask::new("note").params(&"behind")).await;
    let other = stage.push(NewTask::new("sleep").params(&0)).await;
    let worker = stage.worker([sleep(), diary.method("note")]).await;
    stage.reaches_within(Duration::from_secs(10), &other, State::Success).await;
    stage.db.sql("update mission_tasks set attempt = 0 where params = '\"refused\"';").await.unwrap();
    stage.reaches(&behind, State::Success).await;
    // The two run side by side.
    eventually("the mended one has run, too", async || diary.count("refused") > 0).await;
    worker.stop().await;
    assert_eq!((diary.count("refused"), diary.count("behind")), (1, 1));
}
