//! What a worker picks, and when: by method, type, priority and due time.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mission_core::{Chance, NewTask, Outcome, Policy, State, settle};
use mission_testkit::{Database, conformance, eventually};
use mission_worker::{Method, WorkerSettings};

use crate::methods::{Diary, sleep};
use crate::stage::{Stage, settings};

conformance![
    a_plain_insert_is_picked_up_within_a_second,
    what_is_changed_beside_tasks_that_nobody_takes_is_seen_within_a_second,
    a_wake_up_in_the_same_process_is_immediate,
    a_task_starts_when_it_is_due,
    a_method_that_nobody_has_stays,
    higher_priority_goes_first_then_first_in_first_out,
    a_paused_type_waits_until_it_is_resumed,
    a_pause_holds_a_type_whose_tasks_came_one_after_another_until_then,
    a_running_limit_holds_over_two_workers,
    a_full_type_goes_on_within_a_second_when_its_task_ends_elsewhere,
    a_worker_serves_only_its_types,
    a_method_that_keeps_a_thread_of_the_runtime_keeps_no_other_waiting,
];

fn one_at_a_time() -> WorkerSettings {
    WorkerSettings { concurrency: 1, ..settings() }
}

async fn a_plain_insert_is_picked_up_within_a_second(db: Database) {
    let stage = Stage::set(db).await;
    let diary = Diary::default();
    let worker = stage.worker([diary.method("note")]).await;
    stage.worker_rests().await;
    let insert = "insert into mission_tasks (method, params) values ('note', '\"hello\"');";
    stage.db.sql(insert).await.unwrap();
    let inserted = Instant::now();
    eventually("it runs", async || diary.count("hello") == 1).await;
    assert!(inserted.elapsed() < Duration::from_secs(1), "{:?}", inserted.elapsed());
    worker.stop().await;
}

/// A worker at rest beside what is for later, paused or no work of its own does not look at it again and again.
async fn what_is_changed_beside_tasks_that_nobody_takes_is_seen_within_a_second(db: Database) {
    let stage = Stage::set(db).await;
    let diary = Diary::default();
    stage.store.pause("paused").await.unwrap();
    let later = |name: &str| NewTask::new("note").params(&name).after(Duration::from_secs(3600));
    stage.push(later("later")).await;
    stage.push(NewTask::new("note").params(&"paused").task_type("paused")).await;
    stage.push(NewTask::new("elsewhere")).await;
    let worker = stage.worker([diary.method("note")]).await;
    for (change, name) in [
        ("insert into mission_tasks (method, params) values ('note', '\"line\"');", "line"),
        ("insert into mission_tasks (method, type, params) values ('note', 'a new one', '\"new\"');", "new"),
        ("update mission_types set paused = 0;", "paused"),
        ("update mission_tasks set run_at = 1 where state = 'init' and method = 'note';", "later"),
    ] {
        stage.worker_rests().await;
        stage.db.sql(change).await.unwrap();
        let changed = Instant::now();
        eventually("it runs", async || diary.count(name) == 1).await;
        assert!(changed.elapsed() < Duration::from_secs(1), "{name}: {:?}", changed.elapsed());
    }
    worker.stop().await;
}

async fn a_wake_up_in_the_same_process_is_immediate(db: Database) {
    let stage = Stage::set(db).await;
    let diary = Diary::default();
    let worker = stage.worker([diary.method("note")]).await;
    let mut waits = Vec::new();
    for n in 0..5 {
        stage.worker_rests().await;
        stage.push(NewTask::new("note").params(&n.to_string())).await;
        let pushed = Instant::now();
        stage.wake.wake();
        eventually("it runs", async || diary.count(&n.to_string()) == 1).await;
        waits.push(pushed.elapsed());
    }
    waits.sort();
    // Resting, a worker notices within 0.8 s: without the wake-up the median would lie at half of that.
    assert!(waits[2] < Duration::from_millis(150), "{waits:?}");
    worker.stop().await;
}

async fn a_task_starts_when_it_is_due(db: Database) {
    let stage = Stage::set(db).await;
    let diary = Diary::default();
    let worker = stage.worker([diary.method("note")]).await;
    let pushed = Instant::now();
    stage.push(NewTask::new("note").params(&"late").after(Duration::from_millis(3500))).await;
    stage.push(NewTask::new("note").params(&"never").after(Duration::from_secs(3600))).await;
    // By then it has compared what waits, and looks for nothing else.
    stage.worker_rests().await;
    eventually("it runs", async || diary.count("late") == 1).await;
    let waited = pushed.elapsed();
    assert!(waited >= Duration::from_millis(3490) && waited < Duration::from_millis(4500), "{waited:?}");
    assert_eq!(diary.read(), ["late"]);
    worker.stop().await;
}

async fn a_method_that_nobody_has_stays(db: Database) {
    let stage = Stage::set(db).await;
    let diary = Diary::default();
    let worker = stage.worker([diary.method("note")]).await;
    let unknown = stage.push(NewTask::new("elsewhere").priority(9)).await;
    let known = stage.push(NewTask::new("note").params(&"here")).await;
    stage.reaches(&known, State::Success).await;
    let task = stage.task(&unknown).await;
    assert_eq!((task.state, task.counts.attempt, task.reason), (State::Init, 0, None));
    worker.stop().await;
}

async fn higher_priority_goes_first_then_first_in_first_out(db: Database) {
    let stage = Stage::set(db).await;
    let diary = Diary::default();
    for (name, priority) in [("c", 0), ("d", 0), ("e", -3), ("a", 9), ("b", 9), ("f", -9)] {
        stage.push(NewTask::new("note").params(&name).priority(priority)).await;
    }
    let worker = stage.worker_with(one_at_a_time(), [diary.method("note")]).await;
    stage.all_ended().await;
    assert_eq!(diary.read().concat(), "abcdef");
    worker.stop().await;
}

async fn a_paused_type_waits_until_it_is_resumed(db: Database) {
    let stage = Stage::set(db).await;
    let diary = Diary::default();
    stage.store.pause("report").await.unwrap();
    let waiting = stage.push(NewTask::new("note").params(&"paused").task_type("report").priority(9)).await;
    let other = stage.push(NewTask::new("note").params(&"other")).await;
    let worker = stage.worker([diary.method("note")]).await;
    stage.reaches(&other, State::Success).await;
    assert_eq!(stage.task(&waiting).await.state, State::Init);
    stage.store.resume("report").await.unwrap();
    stage.reaches_within(Duration::from_secs(3), &waiting, State::Success).await;
    worker.stop().await;
}

/// A worker that has met one line again and again claims from it before it looks.
async fn a_pause_holds_a_type_whose_tasks_came_one_after_another_until_then(db: Database) {
    let stage = Stage::set(db).await;
    let diary = Diary::default();
    let worker = stage.worker([diary.method("note")]).await;
    let report = || NewTask::new("note").params(&"report").task_type("report");
    for _ in 0..4 {
        stage.worker_rests().await;
        let task = stage.push(report()).await;
        stage.wake.wake();
        stage.reaches(&task, State::Success).await;
    }
    stage.worker_rests().await;
    stage.store.pause("report").await.unwrap();
    let tasks = [report(), NewTask::new("note").params(&"other")];
    stage.store.push_all(&tasks).await.unwrap();
    stage.wake.wake();
    stage.reaches(tasks[1].unique_id(), State::Success).await;
    assert_eq!(stage.task(tasks[0].unique_id()).await.state, State::Init);
    stage.store.resume("report").await.unwrap();
    stage.reaches_within(Duration::from_secs(3), tasks[0].unique_id(), State::Success).await;
    worker.stop().await;
}

async fn a_running_limit_holds_over_two_workers(db: Database) {
    let stage = Stage::set(db).await;
    stage.store.set_running_limit("report", Some(2)).await.unwrap();
    for _ in 0..8 {
        stage.push(NewTask::new("sleep").params(&100).task_type("report")).await;
    }
    let (one, other) = (stage.worker([sleep()]).await, stage.worker([sleep()]).await);
    let mut most = 0;
    eventually("all have ended", async || {
        let counts = stage.store.counts().await.unwrap();
        let count = |state| counts.iter().find(|(known, _)| *known == state).map_or(0, |(_, count)| count.count);
        most = most.max(count(State::Executing));
        count(State::Success) == 8
    })
    .await;
    assert!((1..=2).contains(&most), "{most} ran at once");
    one.stop().await;
    other.stop().await;
}

async fn a_full_type_goes_on_within_a_second_when_its_task_ends_elsewhere(db: Database) {
    let stage = Stage::set(db).await;
    let diary = Diary::default();
    stage.store.set_running_limit("report", Some(1)).await.unwrap();
    let report = |name: &str| NewTask::new("note").params(&name).task_type("report");
    let first = stage.push(report("first")).await;
    let elsewhere = stage.elsewhere(Duration::from_secs(60)).await;
    let running = stage.store.claim_one(&first, elsewhere).await.unwrap().expect("it waits").running;
    stage.push(report("second")).await;
    let worker = stage.worker([diary.method("note")]).await;
    stage.worker_rests().await;
    let ended = settle(&running, &Policy::default(), Outcome::Success(String::new()), Chance::fixed(0.0));
    stage.store.settle(&[ended]).await.unwrap();
    let since = Instant::now();
    eventually("it runs", async || diary.count("second") == 1).await;
    assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
    worker.stop().await;
}

async fn a_worker_serves_only_its_types(db: Database) {
    let stage = Stage::set(db).await;
    let diary = Diary::default();
    let other = stage.push(NewTask::new("note").params(&"other").priority(9)).await;
    let own = stage.push(NewTask::new("note").params(&"own").task_type("report")).await;
    let served = WorkerSettings { types: Some(vec!["report".to_owned()]), ..settings() };
    let worker = stage.worker_with(served, [diary.method("note")]).await;
    stage.reaches(&own, State::Success).await;
    assert_eq!(stage.task(&other).await.state, State::Init);
    worker.stop().await;
}

async fn a_method_that_keeps_a_thread_of_the_runtime_keeps_no_other_waiting(db: Database) {
    let stage = Stage::set(db).await;
    let diary = Diary::default();
    let (tell, told) = std::sync::mpsc::channel();
    let told = Arc::new(Mutex::new(told));
    let rude = Method::from_fn("rude", move |_, (): ()| {
        let told = Arc::clone(&told);
        // An await would be in place here.
        async move { told.lock().unwrap().recv_timeout(Duration::from_secs(10)).map_err(|silence| silence.to_string()) }
    });
    let helper = Method::from_fn("tell", move |_, (): ()| {
        let sent = tell.send(());
        async move { sent.map_err(|gone| gone.to_string()) }
    });
    // One claim for all of the slots, whose last task is the first to begin.
    let tasks = [NewTask::new("note").params(&"a"), NewTask::new("note").params(&"b"), NewTask::new("rude")];
    let tasks = tasks.map(|task| task.retries(0));
    let pushed = stage.store.push_all(&tasks).await.unwrap();
    let settings = WorkerSettings { concurrency: 3, ..settings() };
    let worker = stage.worker_with(settings, [diary.method("note"), rude, helper]).await;
    stage.reaches(&pushed[2].unique_id, State::Executing).await;
    stage.push(NewTask::new("tell")).await;
    stage.reaches(&pushed[2].unique_id, State::Success).await;
    worker.stop().await;
}
