//! Processes that die: their tasks run again elsewhere, and a task that kills them takes nobody with it.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mission_core::{Failure, NewTask, OnCrash, Reason, State};
use mission_testkit::{Database, conformance, eventually, eventually_within};
use mission_worker::{Method, OnLostLease, Registry, States, Wake, Worker, WorkerSettings, run_until_signalled};

use crate::methods::{Diary, count, sleep, stubborn};
use crate::stage::{Stage, open, settings};

conformance![
    tasks_of_a_killed_process_run_again_within_two_seconds,
    a_house_full_of_old_tasks_does_not_keep_a_worker_from_rescuing,
    a_poison_task_ends_as_crashed_and_takes_nobody_with_it,
    a_method_that_must_not_run_twice_fails_after_a_crash,
    a_signal_stops_a_process_in_order,
    a_terminated_process_hands_over_at_a_checkpoint_within_a_second,
    a_process_that_is_told_to_ends_with_its_lease,
    a_blocked_runtime_loses_no_lease,
    a_process_that_was_frozen_finds_its_tasks_gone,
];

/// Names the database to the process of its own that runs a worker.
const CHILD_URL: &str = "MISSION_TEST_CHILD_URL";

/// Set where that process is to end with a lost lease.
const CHILD_ABORTS: &str = "MISSION_TEST_CHILD_ABORTS";

/// A lease that runs out while a test waits.
fn short_lease() -> WorkerSettings {
    WorkerSettings { lease: Some(Duration::from_secs(2)), ..settings() }
}

/// A process of its own that runs a worker; it goes with the value.
struct Process(Child);

impl Process {
    fn start(url: &str) -> Self {
        Self::start_with(url, OnLostLease::GoOn)
    }

    fn start_with(url: &str, on_lost_lease: OnLostLease) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["crash::process_of_its_own", "--exact", "--nocapture"]).env(CHILD_URL, url);
        if on_lost_lease == OnLostLease::Abort {
            command.env(CHILD_ABORTS, "1");
        }
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap())
    }

    fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.0.id()).unwrap()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Not a test of anything: what [`Process`] starts.
#[test]
fn process_of_its_own() {
    let Ok(url) = std::env::var(CHILD_URL) else { return };
    let poison = Method::from_fn("poison", |_, (): ()| async {
        std::process::exit(1);
        #[allow(unreachable_code)]
        Ok::<_, Failure>(())
    });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let registry = Registry::of([poison, sleep(), stubborn(), count(&Diary::default())]).unwrap();
        let is_aborting = std::env::var_os(CHILD_ABORTS).is_some();
        let on_lost_lease = if is_aborting { OnLostLease::Abort } else { OnLostLease::GoOn };
        let settings = WorkerSettings { on_lost_lease, ..short_lease() };
        let worker = Worker::new(open(&url).await, registry, States::new(), Wake::new(), settings);
        run_until_signalled(worker).await.unwrap();
    });
}

async fn tasks_of_a_killed_process_run_again_within_two_seconds(db: Database) {
    let stage = Stage::set(db).await;
    let mut process = Process::start(stage.db.url());
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(stage.push(NewTask::new("sleep").params(&900_000)).await);
    }
    for id in &ids {
        stage.reaches(id, State::Executing).await;
    }
    let diary = Diary::default();
    let noting = || {
        let diary = diary.clone();
        Method::from_fn("sleep", move |_, ms: u64| {
            diary.write(ms);
            async move { Ok::<_, Failure>(()) }
        })
    };
    let (one, other) = (stage.worker([noting()]).await, stage.worker([noting()]).await);
    process.0.kill().unwrap();
    let killed = Instant::now();
    for id in &ids {
        let task = stage.reaches_within(Duration::from_secs(3), id, State::Success).await;
        assert_eq!((task.counts.attempt, task.counts.crashes, task.counts.failures), (2, 1, 0));
    }
    assert!(killed.elapsed() < Duration::from_secs(2), "{:?}", killed.elapsed());
    assert_eq!(diary.count("900000"), 3, "each ran once more");
    eventually("the dead one is off the list", async || stage.store.workers().await.unwrap().len() == 2).await;
    one.stop().await;
    other.stop().await;
}

async fn a_house_full_of_old_tasks_does_not_keep_a_worker_from_rescuing(db: Database) {
    let stage = Stage::set(db).await;
    let columns = "method, state, created_date, modified_date";
    stage.db.sql(&format!("insert into mission_tasks ({columns}) values ('old', 'success', 1, 1);")).await.unwrap();
    // Each time as many more as there are.
    let double =
        format!("insert into mission_tasks ({columns}) select {columns} from mission_tasks where method = 'old';");
    stage.db.sql(&double.repeat(17)).await.unwrap();
    let left = async || {
        let counted = stage.db.sql("select count(*) from mission_tasks where method = 'old';").await.unwrap();
        counted.trim().parse::<usize>().unwrap()
    };
    let all = left().await;
    let mut process = Process::start(stage.db.url());
    let id = stage.push(NewTask::new("sleep").params(&900_000)).await;
    stage.reaches(&id, State::Executing).await;
    let quick = Method::from_fn("sleep", |_, _: u64| async { Ok::<_, Failure>(()) });
    let worker = stage.worker([quick]).await;
    eventually("it clears away", async || left().await < all).await;
    process.0.kill().unwrap();
    stage.reaches(&id, State::Success).await;
    assert_ne!(left().await, 0, "it rescued before it had cleared all away");
    worker.stop().await;
}

async fn a_poison_task_ends_as_crashed_and_takes_nobody_with_it(db: Database) {
    let stage = Stage::set(db).await;
    let innocents: Vec<NewTask> = (0..100).map(|_| NewTask::new("sleep").params(&30)).collect();
    let innocents = stage.store.push_all(&innocents).await.unwrap();
    let poison = stage.push(NewTask::new("poison")).await;
    let mut process = Process::start(stage.db.url());
    let mut deaths = 0;
    eventually_within(Duration::from_secs(60), "everything has ended", async || {
        if process.has_ended() {
            deaths += 1;
            process = Process::start(stage.db.url());
        }
        let counts = stage.store.counts().await.unwrap();
        counts.iter().all(|(state, count)| state.is_final() || count.count == 0)
    })
    .await;
    let task = stage.task(&poison).await;
    assert_eq!((task.state, task.reason, task.counts.crashes), (State::Fail, Some(Reason::Crashed), 4));
    assert_eq!(deaths, 4, "one death to suspect it, three to convict it");
    for innocent in innocents {
        let task = stage.task(&innocent.unique_id).await;
        assert_eq!(task.state, State::Success, "{task:?}");
        assert!(task.counts.crashes <= 1, "{task:?}");
    }
}

async fn a_method_that_must_not_run_twice_fails_after_a_crash(db: Database) {
    let stage = Stage::set(db).await;
    let mut process = Process::start(stage.db.url());
    let id = stage.push(NewTask::new("sleep").params(&900_000)).await;
    stage.reaches(&id, State::Executing).await;
    let worker = stage.worker([sleep().on_crash(OnCrash::Fail)]).await;
    process.0.kill().unwrap();
    let task = stage.reaches(&id, State::Fail).await;
    assert_eq!((task.reason, task.counts.crashes), (Some(Reason::Crashed), 1));
    worker.stop().await;
}

async fn a_signal_stops_a_process_in_order(db: Database) {
    let stage = Stage::set(db).await;
    let mut process = Process::start(stage.db.url());
    let short = stage.push(NewTask::new("sleep").params(&1000)).await;
    stage.begins(&short).await;
    process.signal(rustix::process::Signal::TERM);
    eventually("it ends", async || process.has_ended()).await;
    assert!(process.0.wait().unwrap().success());
    assert_eq!(stage.task(&short).await.state, State::Success);

    let mut process = Process::start(stage.db.url());
    let long = stage.push(NewTask::new("sleep").params(&900_000)).await;
    stage.reaches(&long, State::Executing).await;
    process.signal(rustix::process::Signal::INT);
    process.signal(rustix::process::Signal::TERM);
    eventually_within(Duration::from_secs(3), "the second one ends it at once", async || process.has_ended()).await;
    let task = stage.task(&long).await;
    assert_eq!((task.state, task.reason, task.counts.attempt), (State::Init, Some(Reason::HandedOver), 0));
}

async fn a_terminated_process_hands_over_at_a_checkpoint_within_a_second(db: Database) {
    let stage = Stage::set(db).await;
    let mut process = Process::start(stage.db.url());
    let id = stage.push(NewTask::new("count").params(&3_000)).await;
    eventually("it keeps a checkpoint", async || stage.task(&id).await.checkpoint_done.unwrap_or(0) > 100).await;
    let diary = Diary::default();
    let other = stage.worker([count(&diary)]).await;
    process.signal(rustix::process::Signal::TERM);
    let signalled = Instant::now();
    eventually("another worker goes on", async || !diary.read().is_empty()).await;
    let gap = signalled.elapsed();
    println!("{}: another worker went on {gap:?} after SIGTERM", stage.db.kind());
    assert!(gap < Duration::from_secs(1), "{gap:?}");
    eventually("the process ends, and waits for no grace", async || process.has_ended()).await;
    assert!(process.0.wait().unwrap().success());
    let task = stage.reaches(&id, State::Success).await;
    assert_eq!((task.counts.attempt, task.counts.crashes, task.resumed, task.redone), (1, 0, 1, 0), "{task:?}");
    other.stop().await;
}

async fn a_process_that_is_told_to_ends_with_its_lease(db: Database) {
    let stage = Stage::set(db).await;
    let mut process = Process::start_with(stage.db.url(), OnLostLease::Abort);
    let id = stage.push(NewTask::new("stubborn").params(&900_000)).await;
    let worker = stage.reaches(&id, State::Executing).await.worker_id.unwrap();
    stage.rescue(worker).await;
    eventually("it ends", async || process.has_ended()).await;
    assert_eq!(process.0.wait().unwrap().code(), Some(70));
}

async fn a_blocked_runtime_loses_no_lease(db: Database) {
    let stage = Stage::set(db).await;
    let diary = Diary::default();
    let written = diary.clone();
    let rude = Method::from_fn("rude", move |_, (): ()| {
        let diary = written.clone();
        async move {
            diary.write("begins");
            // An await would be in place here; this keeps a thread of the runtime.
            std::thread::sleep(Duration::from_secs(4));
            Ok::<_, Failure>(())
        }
    });
    let worker = stage.worker_with(short_lease(), [rude]).await;
    let rescuer = Process::start(stage.db.url());
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(stage.push(NewTask::new("rude")).await);
    }
    for id in &ids {
        let task = stage.reaches(id, State::Success).await;
        assert_eq!((task.counts.attempt, task.counts.crashes), (1, 0));
    }
    assert_eq!(diary.count("begins"), 3);
    drop(rescuer);
    worker.stop().await;
}

async fn a_process_that_was_frozen_finds_its_tasks_gone(db: Database) {
    let stage = Stage::set(db).await;
    let process = Process::start(stage.db.url());
    let id = stage.push(NewTask::new("sleep").params(&900_000)).await;
    stage.reaches(&id, State::Executing).await;
    let other = Method::from_fn("sleep", |_, _: u64| async { Ok::<_, Failure>("by the other") });
    let worker = stage.worker_with(short_lease(), [other]).await;
    let frozen = stage.store.roll_call().await.unwrap().workers[0].id;
    process.signal(rustix::process::Signal::STOP);
    let task = stage.reaches(&id, State::Success).await;
    assert_eq!((task.counts.attempt, task.content.as_deref()), (2, Some("by the other")));
    process.signal(rustix::process::Signal::CONT);
    eventually("it is on the list again, under another number", async || {
        let workers = stage.store.roll_call().await.unwrap().workers;
        workers.len() == 2 && workers.iter().all(|worker| worker.id != frozen)
    })
    .await;
    assert_eq!(stage.task(&id).await, task, "it changed nothing");
    worker.stop().await;
}
