//! Workers that leave when nothing is left, and runs that are not workers: execute.

use std::time::{Duration, Instant};

use mission_core::{NewTask, State};
use mission_testkit::{Database, Kind, conformance, eventually};
use mission_worker::{Registry, WhenEmpty, Which, WorkerSettings};

use crate::methods::{Diary, sleep};
use crate::stage::{Stage, settings};

conformance![
    a_worker_that_stops_when_empty_leaves_after_the_last_task,
    a_worker_that_stops_when_empty_waits_for_what_a_silent_one_holds,
    a_worker_that_stops_when_empty_waits_for_nothing_that_it_cannot_run,
    a_lingering_worker_leaves_when_nothing_is_due_soon,
    a_lingering_worker_waits_for_what_a_silent_one_holds,
    a_lingering_worker_runs_what_is_pushed_as_it_says_that_it_leaves,
    execute_runs_what_waits_and_answers_the_records,
    execute_runs_one_task_due_or_not,
];

async fn a_worker_that_stops_when_empty_leaves_after_the_last_task(db: Database) {
    let stage = Stage::set(db).await;
    for _ in 0..10 {
        stage.push(NewTask::new("sleep").params(&20)).await;
    }
    let later = stage.push(NewTask::new("sleep").params(&0).after(Duration::from_secs(3600))).await;
    let until_empty = WorkerSettings { when_empty: WhenEmpty::Stop, ..settings() };
    stage.worker_with(until_empty, [sleep()]).await.finished().await;
    let counts = stage.store.counts().await.unwrap();
    assert!(counts.iter().any(|(state, count)| *state == State::Success && count.count == 10), "{counts:?}");
    assert_eq!(stage.task(&later).await.state, State::Init);
}

/// How such a worker works: with a lease that is over soon.
fn leaves(when_empty: WhenEmpty) -> WorkerSettings {
    WorkerSettings { when_empty, lease: Some(Duration::from_secs(2)), ..settings() }
}

async fn a_worker_that_stops_when_empty_waits_for_what_a_silent_one_holds(db: Database) {
    let stage = Stage::set(db).await;
    let held = stage.push(NewTask::new("sleep").params(&0)).await;
    stage.falls_silent_with(&held).await;
    let free = stage.push(NewTask::new("sleep").params(&0)).await;
    let worker = stage.worker_with(leaves(WhenEmpty::Stop), [sleep()]).await;
    stage.reaches(&free, State::Success).await;
    assert_eq!(stage.task(&held).await.state, State::Executing, "what is free runs meanwhile");
    worker.finished().await;
    let task = stage.task(&held).await;
    assert_eq!((task.state, task.counts.attempt, task.counts.crashes), (State::Success, 2, 1));
}

async fn a_worker_that_stops_when_empty_waits_for_nothing_that_it_cannot_run(db: Database) {
    let stage = Stage::set(db).await;
    let held = stage.push(NewTask::new("elsewhere")).await;
    stage.falls_silent_with(&held).await;
    let began = Instant::now();
    stage.worker_with(leaves(WhenEmpty::Stop), [sleep()]).await.finished().await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(stage.task(&held).await.state, State::Executing);
}

async fn a_lingering_worker_waits_for_what_a_silent_one_holds(db: Database) {
    let stage = Stage::set(db).await;
    let held = stage.push(NewTask::new("sleep").params(&0)).await;
    stage.falls_silent_with(&held).await;
    stage.worker_with(leaves(WhenEmpty::Linger(Duration::ZERO)), [sleep()]).await.finished().await;
    assert_eq!(stage.task(&held).await.state, State::Success);
}

async fn a_lingering_worker_leaves_when_nothing_is_due_soon(db: Database) {
    let stage = Stage::set(db).await;
    let span = Duration::from_millis(400);
    let linger = WorkerSettings { when_empty: WhenEmpty::Linger(span), ..settings() };
    let soon = stage.push(NewTask::new("sleep").params(&0).after(Duration::from_millis(1500))).await;
    let worker = stage.worker_with(linger, [sleep()]).await;
    let began = Instant::now();
    worker.finished().await;
    assert_eq!(stage.task(&soon).await.state, State::Success, "it waited for what was due soon");
    assert!(began.elapsed() >= Duration::from_millis(1400) + span, "{:?}", began.elapsed());
    assert!(stage.store.workers().await.unwrap().is_empty());
}

/// Lets a task be put in with the very statement by which a worker says that it leaves, once.
async fn push_at_leaving(stage: &Stage) {
    let push = "insert into mission_tasks (method, params) select 'note', '\"late\"' from (select 1 as one) once \
        where old.leaving < new.leaving and not exists (select 1 from mission_tasks);";
    let after = "create trigger late after update on mission_workers for each row";
    let statement = match stage.db.kind() {
        Kind::Sqlite => format!("{after} begin {push} end;"),
        Kind::Postgres => {
            let function = format!(
                "create function late() returns trigger language plpgsql as $$ begin {push} return null; end $$;"
            );
            stage.db.sql(&function).await.unwrap();
            format!("{after} execute function late();")
        }
        Kind::Mariadb | Kind::Mysql => format!("{after} {push}"),
    };
    stage.db.sql(&statement).await.unwrap();
}

async fn a_lingering_worker_runs_what_is_pushed_as_it_says_that_it_leaves(db: Database) {
    let stage = Stage::set(db).await;
    let diary = Diary::default();
    push_at_leaving(&stage).await;
    let linger = WorkerSettings { when_empty: WhenEmpty::Linger(Duration::ZERO), ..settings() };
    stage.worker_with(linger, [diary.method("note")]).await.finished().await;
    assert_eq!(diary.count("late"), 1);
}

async fn execute_runs_what_waits_and_answers_the_records(db: Database) {
    let stage = Stage::set(db).await;
    let diary = Diary::default();
    for name in ["a", "b", "c"] {
        stage.push(NewTask::new("note").params(&name)).await;
    }
    let run = async |limit| {
        let registry = Registry::of([diary.method("note")]).unwrap();
        stage.once(registry).execute(Which::All { limit }).await.unwrap()
    };
    let first = run(Some(2)).await;
    assert_eq!(first.iter().map(|task| task.content.as_deref().unwrap()).collect::<String>(), "ab");
    assert!(first.iter().all(|task| task.state == State::Success));
    assert_eq!(run(None).await.len(), 1);
    assert_eq!(run(None).await.len(), 0);
    eventually("nobody is left on the list", async || stage.store.workers().await.unwrap().is_empty()).await;
}

async fn execute_runs_one_task_due_or_not(db: Database) {
    let stage = Stage::set(db).await;
    let diary = Diary::default();
    let later = stage.push(NewTask::new("note").params(&"later").after(Duration::from_secs(3600))).await;
    let other = stage.push(NewTask::new("note").params(&"other")).await;
    let strange = stage.push(NewTask::new("elsewhere")).await;
    let run = async |id: &mission_core::UniqueId| {
        let registry = Registry::of([diary.method("note")]).unwrap();
        stage.once(registry).execute(Which::One(id.clone())).await
    };
    let ran = run(&later).await.unwrap();
    assert_eq!((ran[0].state, ran[0].content.as_deref()), (State::Success, Some("later")));
    assert!(run(&later).await.unwrap_err().is_wrong_state());
    assert!(run(&strange).await.unwrap_err().is_not_found());
    assert!(run(&mission_core::UniqueId::random()).await.unwrap_err().is_not_found());
    assert_eq!(stage.task(&other).await.state, State::Init);
}
