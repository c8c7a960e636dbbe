//! Tasks that are to end before their method does: cancelled, out of time, without progress, or handed over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mission_core::{Failure, NewTask, Reason, State};
use mission_store::Cancelled;
use mission_testkit::{Database, conformance, eventually, eventually_within};
use mission_worker::{Method, Registry, States, Worker, WorkerSettings};
use tokio::sync::Notify;

use crate::methods::{Diary, doze, sleep, stubborn};
use crate::stage::{Stage, open, settings};

conformance![
    a_waiting_task_is_cancelled_at_once,
    running_tasks_are_cancelled_from_another_process,
    a_cancel_that_comes_too_late_changes_nothing,
    a_cancel_that_meets_a_failing_attempt_ends_the_task,
    a_cancel_that_meets_a_hand_over_ends_the_task,
    a_method_may_clean_up_when_it_is_cancelled,
    a_timeout_ends_the_attempt_to_the_second,
    a_method_without_progress_is_stalled,
    a_stop_lets_tasks_end_within_the_grace,
    a_stop_hands_over_what_does_not_end,
    a_method_that_never_looks_does_not_hold_up_the_exit,
    dropping_the_handle_asks_for_a_stop,
    a_runtime_that_is_taken_away_takes_the_lease_along,
];

async fn a_waiting_task_is_cancelled_at_once(db: Database) {
    let stage = Stage::set(db).await;
    let diary = Diary::default();
    let id = stage.push(NewTask::new("note").params(&"x")).await;
    assert_eq!(stage.store.cancel(&id).await.unwrap(), Cancelled::Now);
    let worker = stage.worker([diary.method("note")]).await;
    let last = stage.push(NewTask::new("note").params(&"y")).await;
    stage.reaches(&last, State::Success).await;
    assert_eq!(diary.read(), ["y"]);
    worker.stop().await;
}

async fn running_tasks_are_cancelled_from_another_process(db: Database) {
    let stage = Stage::set(db).await;
    let worker = stage.worker([sleep(), doze(), stubborn()]).await;
    let elsewhere = stage.another_store().await;
    let awaiting = stage.push(NewTask::new("sleep").params(&900_000)).await;
    let blocking = stage.push(NewTask::new("doze")).await;
    let deaf = stage.push(NewTask::new("stubborn").params(&8_000)).await;
    for id in [&awaiting, &blocking, &deaf] {
        stage.reaches(id, State::Executing).await;
    }
    for id in [&awaiting, &blocking, &deaf] {
        assert_eq!(elsewhere.cancel(id).await.unwrap(), Cancelled::Requested);
    }
    for id in [&awaiting, &blocking, &deaf] {
        let task = stage.reaches_within(Duration::from_secs(3), id, State::Cancelled).await;
        assert_eq!(task.reason, Some(Reason::Cancelled));
    }
    worker.stop().await;
}

async fn a_cancel_that_comes_too_late_changes_nothing(db: Database) {
    let stage = Stage::set(db).await;
    let finishing = Method::from_fn("finishing", |ctx, (): ()| async move {
        ctx.stopped().await;
        Ok::<_, Failure>("done all the same")
    });
    let worker = stage.worker([finishing]).await;
    let id = stage.push(NewTask::new("finishing")).await;
    stage.reaches(&id, State::Executing).await;
    stage.store.cancel(&id).await.unwrap();
    let task = stage.reaches(&id, State::Success).await;
    assert_eq!(task.content.as_deref(), Some("done all the same"));
    worker.stop().await;
}

/// Young attempts are not looked up for a cancel.
async fn a_cancel_that_meets_a_failing_attempt_ends_the_task(db: Database) {
    let stage = Stage::set(db).await;
    let (gate, runs) = (Arc::new(Notify::new()), Arc::new(AtomicU64::new(0)));
    let (opened, counted) = (Arc::clone(&gate), Arc::clone(&runs));
    let flaky = Method::from_fn("flaky", move |ctx, (): ()| {
        let (gate, runs) = (Arc::clone(&opened), Arc::clone(&counted));
        async move {
            ctx.progress(1).await?;
            if runs.fetch_add(1, Ordering::Relaxed) > 0 {
                return Ok("done although it was cancelled");
            }
            gate.notified().await;
            Err(Failure::new("no answer").retry_after(Duration::ZERO))
        }
    });
    let worker = stage.worker([flaky]).await;
    let id = stage.push(NewTask::new("flaky").retries(3)).await;
    stage.begins(&id).await;
    assert_eq!(stage.store.cancel(&id).await.unwrap(), Cancelled::Requested);
    gate.notify_one();
    let task = stage.reaches(&id, State::Cancelled).await;
    assert_eq!((task.reason, task.counts.failures), (Some(Reason::Cancelled), 1));
    worker.stop().await;
    assert_eq!(runs.load(Ordering::Relaxed), 1);
}

async fn a_cancel_that_meets_a_hand_over_ends_the_task(db: Database) {
    let stage = Stage::set(db).await;
    let count = || {
        Method::from_fn("count", |ctx, to: u64| async move {
            for n in ctx.resume_at()?.unwrap_or(0)..to {
                ctx.checkpoint(&(n + 1), (n + 1, to)).await?;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Ok::<_, Failure>("done although it was cancelled")
        })
    };
    let worker = stage.worker([count()]).await;
    let id = stage.push(NewTask::new("count").params(&100_000)).await;
    stage.begins(&id).await;
    assert_eq!(stage.store.cancel(&id).await.unwrap(), Cancelled::Requested);
    worker.stop().await;
    assert_eq!(stage.task(&id).await.state, State::Cancelled);
}

async fn a_method_may_clean_up_when_it_is_cancelled(db: Database) {
    let stage = Stage::set(db).await;
    let is_clean = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&is_clean);
    let tidy = Method::from_fn("tidy", move |ctx, (): ()| {
        let is_clean = Arc::clone(&is_clean);
        async move {
            let interrupted = ctx.stopped().await;
            tokio::time::sleep(Duration::from_millis(50)).await;
            is_clean.store(true, Ordering::Relaxed);
            Err::<(), _>(Failure::from(interrupted))
        }
    });
    let worker = stage.worker([tidy]).await;
    let id = stage.push(NewTask::new("tidy").retries(3)).await;
    stage.reaches(&id, State::Executing).await;
    stage.store.cancel(&id).await.unwrap();
    stage.reaches(&id, State::Cancelled).await;
    assert!(seen.load(Ordering::Relaxed));
    worker.stop().await;
}

async fn a_timeout_ends_the_attempt_to_the_second(db: Database) {
    let stage = Stage::set(db).await;
    let methods = [sleep().timeout(Duration::from_secs(900)), doze().timeout(Duration::from_secs(1)), stubborn()];
    let worker = stage.worker(methods).await;
    let limit = Duration::from_secs(1);
    let ids = [
        stage.push(NewTask::new("sleep").params(&900_000).timeout(limit)).await,
        stage.push(NewTask::new("doze")).await,
        stage.push(NewTask::new("stubborn").params(&8_000).timeout(limit)).await,
    ];
    let pushed = Instant::now();
    for id in &ids {
        let task = stage.reaches(id, State::Fail).await;
        assert_eq!(task.reason, Some(Reason::Timeout));
        assert_eq!(task.content.as_deref(), Some("ran longer than its timeout of 1s"));
        assert!(pushed.elapsed() < limit * 2, "{} after {:?}", task.method, pushed.elapsed());
        assert!(task.modified_date.since(task.created_date) >= limit, "{}", task.method);
    }
    worker.stop().await;
}

async fn a_method_without_progress_is_stalled(db: Database) {
    let stage = Stage::set(db).await;
    let halting = Method::from_fn("halting", |ctx, (): ()| async move {
        for done in 0..8_u64 {
            ctx.progress(done).await?;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        std::future::pending::<()>().await;
        Ok::<_, Failure>(())
    });
    let worker = stage.worker([halting]).await;
    let id = stage.push(NewTask::new("halting").stall_timeout(Duration::from_millis(500))).await;
    let task = stage.reaches(&id, State::Fail).await;
    assert_eq!((task.reason, task.content.as_deref()), (Some(Reason::Stalled), Some("made no progress for 500ms")));
    assert_eq!(task.progress.unwrap().done, 7, "its signs of life kept it going");
    worker.stop().await;
}

async fn a_stop_lets_tasks_end_within_the_grace(db: Database) {
    let stage = Stage::set(db).await;
    let worker = stage.worker([sleep()]).await;
    let id = stage.push(NewTask::new("sleep").params(&700)).await;
    let waiting = stage.push(NewTask::new("sleep").params(&0).after(Duration::from_millis(300))).await;
    stage.begins(&id).await;
    worker.stop().await;
    let task = stage.task(&id).await;
    assert_eq!((task.state, task.counts.attempt), (State::Success, 1));
    assert_eq!(stage.task(&waiting).await.state, State::Init, "nothing more is claimed");
    assert!(worker.is_draining());
}

async fn a_stop_hands_over_what_does_not_end(db: Database) {
    let stage = Stage::set(db).await;
    let short = WorkerSettings { grace: Duration::from_millis(200), ..settings() };
    let worker = stage.worker_with(short, [sleep(), doze()]).await;
    let ids =
        [stage.push(NewTask::new("sleep").params(&900_000)).await, stage.push(NewTask::new("doze").priority(1)).await];
    for id in &ids {
        stage.reaches(id, State::Executing).await;
    }
    let diary = Diary::default();
    worker.stop().await;
    let stopped = Instant::now();
    let next = stage.worker([diary.method("sleep"), diary.method("doze")]).await;
    for id in &ids {
        // Its params do not fit the method made for the test; that it was claimed is all that matters.
        eventually_within(Duration::from_secs(1), "another worker goes on", async || {
            stage.task(id).await.counts.attempt == 1 && stage.task(id).await.lease_token.0 == 2
        })
        .await;
        assert!(stopped.elapsed() < Duration::from_secs(1), "{:?}", stopped.elapsed());
        assert_eq!(stage.task(id).await.counts.crashes, 0);
    }
    next.stop().await;
}

async fn a_method_that_never_looks_does_not_hold_up_the_exit(db: Database) {
    let stage = Stage::set(db).await;
    let short = WorkerSettings { grace: Duration::from_millis(200), ..settings() };
    let worker = stage.worker_with(short, [stubborn()]).await;
    let id = stage.push(NewTask::new("stubborn").params(&8_000)).await;
    stage.reaches(&id, State::Executing).await;
    let asked = Instant::now();
    worker.stop().await;
    assert!(asked.elapsed() < Duration::from_millis(2200), "{:?}", asked.elapsed());
    let task = stage.task(&id).await;
    assert_eq!((task.state, task.reason, task.counts.attempt), (State::Init, Some(Reason::HandedOver), 0));
    assert!(stage.store.workers().await.unwrap().is_empty());
}

async fn dropping_the_handle_asks_for_a_stop(db: Database) {
    let stage = Stage::set(db).await;
    drop(stage.worker([sleep()]).await);
    eventually_within(Duration::from_secs(3), "it leaves the list", async || {
        stage.store.workers().await.unwrap().is_empty()
    })
    .await;
}

async fn a_runtime_that_is_taken_away_takes_the_lease_along(db: Database) {
    let stage = Stage::set(db).await;
    let (url, wake) = (stage.db.url().to_owned(), stage.wake.clone());
    let brief = WorkerSettings { lease: Some(Duration::from_secs(2)), ..settings() };
    let owner = move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let registry = Registry::of([sleep()]).unwrap();
            let worker = Worker::new(open(&url).await, registry, States::new(), wake, brief);
            // Nobody stops it.
            std::mem::forget(worker.start().await.unwrap());
        });
        runtime.shutdown_background();
    };
    tokio::task::spawn_blocking(owner).await.unwrap();
    let is_over = async || stage.store.workers().await.unwrap().iter().all(|worker| !worker.is_live);
    eventually("its lease ends", is_over).await;
}
