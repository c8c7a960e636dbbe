//! A task's life in a worker: it runs, once, and its record says what came of it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use mission_core::{Failure, NewTask, Reason, State};
use mission_testkit::{Database, conformance};
use mission_worker::Method;

use crate::methods::Diary;
use crate::stage::Stage;

conformance![
    several_workers_run_everything_exactly_once,
    a_panic_is_a_failed_attempt,
    a_failed_task_runs_again_until_its_retries_are_used_up,
    a_fatal_failure_is_not_retried,
    params_that_do_not_fit_are_tried_once_more_later,
    the_last_progress_stands_in_the_record,
    a_task_whose_row_is_gone_is_stopped,
];

/// Counts how often it ran for each number.
fn count(runs: &Arc<Mutex<HashMap<u64, u64>>>) -> Method {
    let runs = Arc::clone(runs);
    Method::from_fn("count", move |_, n: u64| {
        *runs.lock().unwrap().entry(n).or_default() += 1;
        async move { Ok::<_, Failure>(n) }
    })
}

async fn several_workers_run_everything_exactly_once(db: Database) {
    let stage = Stage::set(db).await;
    let runs = Arc::default();
    let (one, other) = (stage.worker([count(&runs)]).await, stage.worker([count(&runs)]).await);
    let tasks: Vec<NewTask> = (0..200_u64).map(|n| NewTask::new("count").params(&n)).collect();
    let pushed = stage.store.push_all(&tasks).await.unwrap();
    stage.all_ended().await;
    for (n, pushed) in pushed.iter().enumerate() {
        let task = stage.task(&pushed.unique_id).await;
        assert_eq!((task.state, task.content), (State::Success, Some(n.to_string())));
        assert_eq!((task.counts.attempt, task.worker_id), (1, None));
    }
    assert!(runs.lock().unwrap().values().all(|times| *times == 1));
    one.stop().await;
    other.stop().await;
    assert!(stage.store.workers().await.unwrap().is_empty());
}

async fn a_panic_is_a_failed_attempt(db: Database) {
    let stage = Stage::set(db).await;
    let awaiting = Method::from_fn("awaiting", |_, (): ()| async move {
        if true {
            panic!("no such {}", "luck");
        }
        Ok::<_, Failure>(())
    });
    let early = Method::from_fn("early", |ctx, (): ()| {
        assert!(ctx.attempt() > 1, "before the first await");
        async move { Ok::<_, Failure>(()) }
    });
    let blocking = Method::from_blocking_fn("blocking", |_, (): ()| {
        if true {
            panic!("not today");
        }
        Ok::<_, Failure>(())
    });
    let worker = stage.worker([awaiting, early, blocking]).await;
    let words = [("awaiting", "no such luck"), ("early", "before the first await"), ("blocking", "not today")];
    for (method, message) in words {
        let id = stage.push(NewTask::new(method)).await;
        let task = stage.reaches(&id, State::Fail).await;
        assert_eq!((task.reason, task.content), (Some(Reason::Panic), Some(format!("panicked: {message}"))));
        assert_eq!(task.counts.failures, 1);
    }
    worker.stop().await;
}

async fn a_failed_task_runs_again_until_its_retries_are_used_up(db: Database) {
    let stage = Stage::set(db).await;
    let runs = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&runs);
    let flaky = Method::from_fn("flaky", move |_, (): ()| {
        let run = counted.fetch_add(1, Ordering::Relaxed) + 1;
        async move { Err::<(), _>(Failure::new(format!("run {run}"))) }
    });
    let worker = stage.worker([flaky.retries(2)]).await;
    let id = stage.push(NewTask::new("flaky")).await;
    for run in 1..=2 {
        stage.failures_reach(&id, run).await;
        let task = stage.task(&id).await;
        assert_eq!((task.state, task.reason), (State::Init, Some(Reason::Error)));
        let wait = task.run_at.since(task.modified_date).as_millis();
        assert!((run as u128 * 500..=run as u128 * 1000).contains(&wait), "after failure {run} it waits {wait} ms");
        stage.make_due().await;
    }
    let task = stage.reaches(&id, State::Fail).await;
    assert_eq!((task.counts.attempt, task.counts.failures, runs.load(Ordering::Relaxed)), (3, 3, 3));
    assert_eq!((task.reason, task.content), (Some(Reason::Error), Some("run 3".to_owned())));
    worker.stop().await;
}

async fn a_fatal_failure_is_not_retried(db: Database) {
    let stage = Stage::set(db).await;
    let hopeless = Method::from_fn("hopeless", |_, (): ()| async { Err::<(), _>(Failure::new("gone").fatal()) });
    let worker = stage.worker([hopeless.retries(5)]).await;
    let id = stage.push(NewTask::new("hopeless")).await;
    assert_eq!(stage.reaches(&id, State::Fail).await.counts.attempt, 1);
    worker.stop().await;
}

async fn params_that_do_not_fit_are_tried_once_more_later(db: Database) {
    let stage = Stage::set(db).await;
    let diary = Diary::default();
    let worker = stage.worker([diary.method("note")]).await;
    let id = stage.push(NewTask::new("note").params(&7)).await;
    stage.reason_becomes(&id, Reason::BadParams).await;
    let task = stage.task(&id).await;
    assert_eq!((task.state, task.counts.failures), (State::Init, 0));
    let wait = task.run_at.since(task.modified_date).as_secs_f64();
    assert!((29.0..31.0).contains(&wait), "{wait} s");
    stage.make_due().await;
    let task = stage.reaches(&id, State::Fail).await;
    assert_eq!(task.reason, Some(Reason::BadParams));
    assert!(task.content.unwrap().contains("note"));
    assert!(diary.read().is_empty());
    worker.stop().await;
}

async fn the_last_progress_stands_in_the_record(db: Database) {
    let stage = Stage::set(db).await;
    let export = Method::from_fn("export", |ctx, (): ()| async move {
        for done in 0..=1000_u64 {
            ctx.progress((done, 1000, "writing")).await?;
        }
        Ok::<_, Failure>(())
    });
    let worker = stage.worker([export]).await;
    let id = stage.push(NewTask::new("export")).await;
    let progress = stage.reaches(&id, State::Success).await.progress.unwrap();
    assert_eq!((progress.done, progress.total, progress.message.as_deref()), (1000, Some(1000), Some("writing")));
    worker.stop().await;
}

async fn a_task_whose_row_is_gone_is_stopped(db: Database) {
    let stage = Stage::set(db).await;
    let worker = stage.worker([crate::methods::doze()]).await;
    let id = stage.push(NewTask::new("doze")).await;
    stage.reaches(&id, State::Executing).await;
    stage.db.sql("delete from mission_tasks;").await.unwrap();
    stage.worker_is_idle(&worker).await;
    worker.stop().await;
}
