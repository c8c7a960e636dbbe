//! Checkpoints: what a task has done before its worker went is not done again, and who lost a task keeps nothing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mission_core::{Failure, NewTask, Progress, Reason, State};
use mission_testkit::{Database, conformance, eventually};
use mission_worker::{Context, Method, WorkerSettings};
use tokio::sync::Notify;

use crate::methods::{Diary, Enough, count, count_until};
use crate::stage::{Stage, settings};

conformance![
    ten_deaths_of_a_task_with_checkpoints_end_as_one_success,
    a_blocking_method_goes_on_from_its_checkpoint,
    a_checkpoint_after_the_lease_was_lost_is_refused_and_says_so,
    a_cursor_that_does_not_decode_fails_clearly_or_starts_over,
    a_retry_goes_on_from_the_checkpoint,
    a_cursor_that_is_too_long_is_refused_with_its_bound,
    what_outlives_its_method_keeps_nothing_and_waits_for_nothing,
    a_stop_hands_a_task_over_at_its_next_checkpoint,
    a_stop_waits_for_the_first_checkpoint_of_a_method,
];

/// A lease whose loss is noticed while a test waits, and which a busy machine does not lose by itself. While the one slot is
/// taken a worker that was taken for dead claims nothing under its old number.
fn short_lease() -> WorkerSettings {
    WorkerSettings { lease: Some(Duration::from_secs(3)), concurrency: 1, ..settings() }
}

async fn ten_deaths_of_a_task_with_checkpoints_end_as_one_success(db: Database) {
    let stage = Stage::set(db).await;
    let diary = Diary::default();
    let enough = Enough::default();
    let workers = [
        stage.worker_with(short_lease(), [count_until(&enough, &diary)]).await,
        stage.worker_with(short_lease(), [count_until(&enough, &diary)]).await,
    ];
    let id = stage.push(NewTask::new("count")).await;
    let mut kept = 0;
    for death in 1..=10 {
        eventually("it keeps a checkpoint", async || stage.task(&id).await.checkpoint_done.unwrap_or(0) > kept).await;
        let task = stage.task(&id).await;
        assert_eq!((task.state, task.counts.crashes), (State::Executing, 0), "death {death}: {task:?}");
        let worker = workers.iter().find(|worker| Some(worker.id()) == task.worker_id).unwrap();
        stage.dies(worker).await;
        // What it kept until it noticed is no sign of the next attempt.
        kept = stage.task(&id).await.checkpoint_done.unwrap();
    }
    // Only what is kept forgets the last death.
    eventually("it keeps a checkpoint", async || stage.task(&id).await.checkpoint_done.unwrap() > kept).await;
    enough.say();
    let task = stage.reaches(&id, State::Success).await;
    let content = task.content.as_deref().unwrap();
    let words: Vec<&str> = content.split([' ', ',']).collect();
    let ["counted", "to", to, "", "resumed", resumed, "times"] = words[..] else { panic!("{content}") };
    let (to, resumed): (u64, i64) = (to.parse().unwrap(), resumed.parse().unwrap());
    assert_eq!((task.counts.crashes, task.counts.failures, task.resumed), (0, 0, resumed));
    // One that was taken for dead may claim it once more before it notices.
    assert!(resumed >= 10 && task.counts.attempt > resumed, "{task:?}");
    let steps = diary.read();
    let steps: Vec<u64> = steps.iter().map(|step| step.parse().unwrap()).collect();
    assert!((0..to).all(|n| steps.contains(&n)), "no step is left out");
    // Each death costs what came after the last checkpoint, and what the dead one did until it noticed.
    let again = i64::try_from(steps.len()).unwrap() - i64::try_from(to).unwrap();
    assert!((1..=again).contains(&task.redone), "{} of {again}", task.redone);
    for worker in workers {
        worker.stop().await;
    }
}

async fn a_blocking_method_goes_on_from_its_checkpoint(db: Database) {
    let stage = Stage::set(db).await;
    let diary = Diary::default();
    let noted = diary.clone();
    let method = Method::from_blocking_fn("walk", move |ctx, to: u64| {
        for n in ctx.resume_at()?.unwrap_or(0)..to {
            noted.write(n);
            ctx.checkpoint_now(&(n + 1), (n + 1, to))?;
            if n + 1 == 3 {
                return Err(Failure::new("a stone in the way").retry_after(Duration::ZERO));
            }
        }
        Ok::<_, Failure>(ctx.resumed())
    });
    let worker = stage.worker([method]).await;
    let id = stage.push(NewTask::new("walk").params(&5).retries(1)).await;
    let task = stage.reaches(&id, State::Success).await;
    assert_eq!((task.content.as_deref(), task.counts.failures, task.resumed), (Some("1"), 1, 1));
    assert_eq!(diary.read(), ["0", "1", "2", "3", "4"], "no step twice");
    worker.stop().await;
}

async fn a_checkpoint_after_the_lease_was_lost_is_refused_and_says_so(db: Database) {
    let stage = Stage::set(db).await;
    let (gate, said) = (Arc::new(Notify::new()), Arc::new(Mutex::new(None)));
    let (opened, heard) = (Arc::clone(&gate), Arc::clone(&said));
    let zombie = Method::from_fn("work", move |ctx, (): ()| {
        let (gate, said) = (Arc::clone(&opened), Arc::clone(&heard));
        async move {
            ctx.checkpoint_now(&"mine", 1).await?;
            gate.notified().await;
            let began = Instant::now();
            let refused = ctx.checkpoint_now(&"stale", 2).await.unwrap_err();
            *said.lock().unwrap() = Some((refused.to_string(), began.elapsed()));
            Ok::<_, Failure>("stale")
        }
    });
    // Its one slot is taken, so it claims nothing more under its old number.
    let worker = stage.worker_with(WorkerSettings { concurrency: 1, ..settings() }, [zombie]).await;
    let id = stage.push(NewTask::new("work")).await;
    eventually("it keeps a checkpoint", async || stage.task(&id).await.checkpoint.is_some()).await;
    // Another worker has it, and has not begun yet.
    stage.rescue(worker.id()).await;
    let claimed = stage.store.claim_one(&id, mission_core::WorkerId(i64::MAX)).await.unwrap().unwrap();
    let before = stage.task(&id).await;
    gate.notify_one();
    eventually("it is refused", async || said.lock().unwrap().is_some()).await;
    let (words, took) = said.lock().unwrap().clone().unwrap();
    assert_eq!(words, "interrupted: the task is not this worker's any more");
    assert!(took < Duration::from_secs(2), "{took:?}");
    stage.worker_is_idle(&worker).await;
    let after = stage.task(&id).await;
    assert_eq!(after, before, "it changed nothing");
    assert_eq!((after.checkpoint.as_deref(), after.lease_token), (Some("\"mine\""), claimed.task.lease_token));
    worker.stop().await;
}

async fn a_cursor_that_does_not_decode_fails_clearly_or_starts_over(db: Database) {
    let stage = Stage::set(db).await;
    let strict = Method::from_fn("strict", |ctx, (): ()| async move {
        let at: Option<u64> = ctx.resume_at()?;
        Ok::<_, Failure>(at)
    });
    let lenient = Method::from_fn("lenient", |ctx, (): ()| async move {
        let at = match ctx.resume_at::<u64>() {
            Ok(at) => at,
            Err(_) => {
                ctx.start_over().await?;
                ctx.resume_at()?
            }
        };
        ctx.progress((1, 2)).await?;
        Ok::<_, Failure>(at)
    });
    let ids = [stage.push(NewTask::new("strict")).await, stage.push(NewTask::new("lenient")).await];
    // What a version left behind whose cursor was a page's name.
    let left = "checkpoint = '\"page three\"', checkpoint_done = 5, progress_done = 7, active_ms = 9";
    stage.db.sql(&format!("update mission_tasks set {left};")).await.unwrap();
    let worker = stage.worker([strict, lenient]).await;
    let failed = stage.reaches(&ids[0], State::Fail).await;
    let content = failed.content.unwrap();
    assert!(content.contains("\"page three\", is not what this method takes"), "{content}");
    assert!(content.contains("start_over") && content.contains("invalid type"), "{content}");
    assert_eq!(failed.checkpoint.as_deref(), Some("\"page three\""), "a person may deploy and retry");
    let task = stage.reaches(&ids[1], State::Success).await;
    assert_eq!((task.content.as_deref(), task.checkpoint), (Some("null"), None));
    assert_eq!((task.progress, task.resumed, task.redone), (Some(Progress::of(1, 2)), 0, 1));
    worker.stop().await;
}

async fn a_retry_goes_on_from_the_checkpoint(db: Database) {
    let stage = Stage::set(db).await;
    let diary = Diary::default();
    let noted = diary.clone();
    let attempts = Arc::new(AtomicU64::new(0));
    let method = Method::from_fn("fragile", move |ctx, (): ()| {
        let (diary, attempts) = (noted.clone(), Arc::clone(&attempts));
        async move {
            let from: u64 = ctx.resume_at()?.unwrap_or(0);
            diary.write(format!("from {from}"));
            ctx.checkpoint_now(&(from + 10), (from + 10, 30)).await?;
            if attempts.fetch_add(1, Ordering::Relaxed) < 2 {
                return Err(Failure::new("once more").retry_after(Duration::ZERO));
            }
            Ok::<_, Failure>(())
        }
    });
    let worker = stage.worker([method]).await;
    let id = stage.push(NewTask::new("fragile").retries(2)).await;
    let task = stage.reaches(&id, State::Success).await;
    assert_eq!(diary.read(), ["from 0", "from 10", "from 20"]);
    assert_eq!((task.counts.failures, task.resumed, task.redone), (2, 2, 0));
    assert!(task.active_ms < 10_000, "{}", task.active_ms);
    worker.stop().await;
}

async fn a_cursor_that_is_too_long_is_refused_with_its_bound(db: Database) {
    let stage = Stage::set(db).await;
    let method = Method::from_fn("long", |ctx, (): ()| async move {
        ctx.checkpoint_now(&"x".repeat(70_000), 1).await?;
        Ok::<_, Failure>(())
    });
    let worker = stage.worker([method]).await;
    let id = stage.push(NewTask::new("long")).await;
    let task = stage.reaches(&id, State::Fail).await;
    assert!(task.content.unwrap().contains("65536"));
    assert_eq!((task.reason, task.checkpoint), (Some(Reason::Error), None));
    worker.stop().await;
}

async fn what_outlives_its_method_keeps_nothing_and_waits_for_nothing(db: Database) {
    let stage = Stage::set(db).await;
    let (gate, said) = (Arc::new(Notify::new()), Arc::new(Mutex::new(None)));
    let (opened, heard) = (Arc::clone(&gate), Arc::clone(&said));
    let method = Method::from_fn("leaves", move |ctx: Context, (): ()| {
        let (gate, said) = (Arc::clone(&opened), Arc::clone(&heard));
        async move {
            tokio::spawn(async move {
                gate.notified().await;
                let kept = ctx.checkpoint_now(&1, 1).await.unwrap_err().to_string();
                let opened = ctx.artifact("late.csv").await.err().map(|fault| fault.to_string());
                *said.lock().unwrap() = Some((kept, opened));
            });
            Ok::<_, Failure>(())
        }
    });
    let worker = stage.worker([method]).await;
    let id = stage.push(NewTask::new("leaves")).await;
    stage.reaches(&id, State::Success).await;
    stage.worker_is_idle(&worker).await;
    gate.notify_one();
    eventually("it is told", async || said.lock().unwrap().is_some()).await;
    let (kept, opened) = said.lock().unwrap().take().unwrap();
    assert!(kept.contains("the attempt has ended"), "{kept}");
    assert!(opened.as_ref().is_some_and(|fault| fault.contains("the attempt has ended")), "{opened:?}");
    assert_eq!(stage.task(&id).await.checkpoint, None);
    worker.stop().await;
}

async fn a_stop_hands_a_task_over_at_its_next_checkpoint(db: Database) {
    let stage = Stage::set(db).await;
    let diary = Diary::default();
    let one = stage.worker([count(&diary)]).await;
    let id = stage.push(NewTask::new("count").params(&2_000)).await;
    stage.begins(&id).await;
    let began = Instant::now();
    one.stop().await;
    assert!(began.elapsed() < Duration::from_secs(1), "nobody waits for the grace: {:?}", began.elapsed());
    let task = stage.task(&id).await;
    assert_eq!((task.state, task.reason), (State::Init, Some(Reason::HandedOver)));
    assert_eq!((task.counts.attempt, task.counts.crashes), (0, 0), "nothing is counted");
    let other = stage.worker([count(&diary)]).await;
    let task = stage.reaches(&id, State::Success).await;
    assert_eq!((task.counts.attempt, task.resumed, task.redone), (1, 1, 0));
    let steps: Vec<String> = (0..2_000).map(|n: u64| n.to_string()).collect();
    assert_eq!(diary.read(), steps, "every step once");
    other.stop().await;
}

async fn a_stop_waits_for_the_first_checkpoint_of_a_method(db: Database) {
    let stage = Stage::set(db).await;
    let gate = Arc::new(Notify::new());
    let opened = Arc::clone(&gate);
    let slow = Method::from_fn("slow", move |ctx, (): ()| {
        let gate = Arc::clone(&opened);
        async move {
            ctx.progress(0).await?;
            gate.notified().await;
            ctx.checkpoint(&"first", 1).await?;
            Ok::<_, Failure>("went past its checkpoint")
        }
    });
    let finishing = Method::from_fn("finishing", |ctx, (): ()| async move {
        ctx.progress(0).await?;
        tokio::time::sleep(Duration::from_millis(700)).await;
        ctx.progress(1).await?;
        Ok::<_, Failure>("finished")
    });
    let worker = stage.worker([slow, finishing]).await;
    let slow = stage.push(NewTask::new("slow")).await;
    let finishing = stage.push(NewTask::new("finishing")).await;
    stage.begins(&slow).await;
    stage.begins(&finishing).await;
    worker.ask_to_stop();
    eventually("it stops", async || worker.is_draining()).await;
    assert_eq!(worker.running(), 2, "neither is interrupted yet");
    gate.notify_one();
    worker.finished().await;
    let task = stage.task(&slow).await;
    assert_eq!((task.state, task.reason), (State::Init, Some(Reason::HandedOver)));
    assert_eq!((task.checkpoint.as_deref(), task.checkpoint_done), (Some("\"first\""), Some(1)));
    assert_eq!(stage.task(&finishing).await.state, State::Success, "without checkpoints it may finish");
}

/// `cargo test -p mission-worker --release --test worker -- --ignored cost_of_a_call --nocapture`
#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures; asserts nothing but that it runs"]
async fn cost_of_a_call() {
    const CALLS: u64 = 3_000_000;
    let stage = Stage::set(Database::fresh(mission_testkit::Kind::Sqlite).await).await;
    let measure = Method::from_fn("measure", |ctx, (): ()| async move {
        let began = Instant::now();
        for n in 0..CALLS {
            ctx.progress((n, CALLS)).await?;
        }
        let progress = began.elapsed();
        let began = Instant::now();
        for n in 0..CALLS {
            ctx.checkpoint(&n, (n, CALLS)).await?;
        }
        let per_call = |took: Duration| took.as_nanos() as f64 / CALLS as f64;
        Ok::<_, Failure>(format!(
            "progress {:.0} ns, checkpoint {:.0} ns a call, those that were made included",
            per_call(progress),
            per_call(began.elapsed())
        ))
    });
    let worker = stage.worker([measure]).await;
    let id = stage.push(NewTask::new("measure")).await;
    let task = stage.reaches_within(Duration::from_secs(120), &id, State::Success).await;
    println!("{}", task.content.unwrap());
    worker.stop().await;
}
