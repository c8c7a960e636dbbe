//! The database goes away and comes back: nobody is needed, nothing is lost, nothing is counted against a task.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mission_core::{Failure, NewTask, State};
use mission_testkit::{Database, Kind, Proxy, conformance, eventually, eventually_within, on};
use mission_worker::{Method, WorkerHandle, WorkerSettings};

use crate::methods::{Diary, count, sleep};
use crate::stage::{Stage, settings};

/// As `conformance!`, for what can only happen to a server: SQLite is never away.
macro_rules! servers {
    ($($sentence:ident),+ $(,)?) => {$(
        mod $sentence {
            use super::*;

            #[test]
            fn mariadb() {
                on(Kind::Mariadb, super::$sentence);
            }
            #[test]
            fn mysql() {
                on(Kind::Mysql, super::$sentence);
            }
            #[test]
            fn postgres() {
                on(Kind::Postgres, super::$sentence);
            }
        }
    )+};
}

servers![
    killed_connections_change_nothing,
    an_outage_longer_than_the_lease_costs_no_attempt,
    an_outage_of_three_leases_loses_what_came_after_the_last_checkpoint_and_counts_nothing,
    a_network_that_swallows_is_an_outage_too,
    a_result_that_is_ready_in_an_outage_is_kept,
    a_worker_that_is_cut_off_stops_before_another_goes_on,
    workers_do_not_take_each_other_for_dead_after_an_outage,
    a_worker_that_begins_right_after_an_outage_takes_nobody_for_dead,
    what_runs_has_ended_before_the_shortest_lease_is_over,
];
conformance![
    a_worker_that_was_taken_for_dead_registers_anew,
    a_claim_whose_answer_was_lost_is_taken_on,
    tasks_of_a_worker_that_is_on_no_list_are_rescued,
    a_new_worker_watches_a_silent_one_for_a_lease_before_it_rescues,
    what_a_condemned_worker_left_is_rescued_by_a_new_one_at_once,
];

/// A lease short enough to run out while a test waits.
fn short_lease() -> WorkerSettings {
    WorkerSettings { lease: Some(Duration::from_secs(2)), ..settings() }
}

/// Ends every connection to the database but the one that says so.
async fn kill_connections(db: &Database) -> usize {
    if db.kind() == Kind::Postgres {
        let others = "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
        return db.sql(&format!("select pg_terminate_backend(pid) {others};")).await.unwrap().lines().count();
    }
    let others = "from information_schema.processlist where db = database() and id <> connection_id()";
    let ids = db.sql(&format!("select id {others};")).await.unwrap();
    for id in ids.lines() {
        // It may be gone already.
        let _ = db.sql(&format!("kill {id};")).await;
    }
    ids.lines().count()
}

async fn killed_connections_change_nothing(db: Database) {
    let stage = Stage::set(db).await;
    let runs: Arc<Mutex<HashMap<u64, u64>>> = Arc::default();
    let counted = Arc::clone(&runs);
    let count = Method::from_fn("count", move |ctx, n: u64| {
        *counted.lock().unwrap().entry(n).or_default() += 1;
        async move {
            for done in 0..4_u64 {
                ctx.progress((done, 4)).await?;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Ok::<_, Failure>(n)
        }
    });
    let tasks: Vec<NewTask> = (0..400_u64).map(|n| NewTask::new("count").params(&n)).collect();
    let pushed = stage.store.push_all(&tasks).await.unwrap();
    let worker = stage.worker_with(WorkerSettings { concurrency: 8, ..settings() }, [count]).await;
    let mut killed = 0;
    while killed < 12 {
        killed += kill_connections(&stage.db).await;
    }
    stage.all_ended().await;
    for pushed in pushed {
        let task = stage.task(&pushed.unique_id).await;
        assert_eq!((task.state, task.counts.attempt, task.counts.crashes), (State::Success, 1, 0), "{task:?}");
    }
    assert!(runs.lock().unwrap().values().all(|times| *times == 1));
    worker.stop().await;
}

/// What happens on the way to the database while a task runs, and how it ends.
async fn task_survives(db: Database, away: impl Fn(&Proxy)) {
    let stage = Stage::set(db).await;
    let proxy = Proxy::before(&stage.db).await.unwrap();
    let worker = stage.worker_at(proxy.url(), short_lease(), [sleep()]).await;
    let id = stage.push(NewTask::new("sleep").params(&3000)).await;
    stage.reaches(&id, State::Executing).await;
    away(&proxy);
    eventually("what runs is stopped", async || worker.running() == 0).await;
    assert_eq!(stage.task(&id).await.state, State::Executing, "nobody else may have it");
    let went = Instant::now();
    eventually("it stays away", async || went.elapsed() > Duration::from_secs(2)).await;
    proxy.restore();
    eventually_within(Duration::from_secs(5), "work goes on", async || worker.running() == 1).await;
    let task = stage.reaches(&id, State::Success).await;
    assert_eq!((task.counts.attempt, task.counts.crashes, task.counts.failures), (1, 0, 0));
    worker.stop().await;
}

async fn an_outage_longer_than_the_lease_costs_no_attempt(db: Database) {
    task_survives(db, Proxy::cut).await;
}

async fn an_outage_of_three_leases_loses_what_came_after_the_last_checkpoint_and_counts_nothing(db: Database) {
    let stage = Stage::set(db).await;
    let proxy = Proxy::before(&stage.db).await.unwrap();
    let diary = Diary::default();
    let worker = stage.worker_at(proxy.url(), short_lease(), [count(&diary)]).await;
    let id = stage.push(NewTask::new("count").params(&2_500)).await;
    eventually("it keeps a checkpoint", async || stage.task(&id).await.checkpoint_done.unwrap_or(0) > 100).await;
    proxy.cut();
    eventually("what runs is stopped", async || worker.running() == 0).await;
    let kept = stage.task(&id).await.checkpoint_done.unwrap();
    let went = Instant::now();
    eventually("three leases are over", async || went.elapsed() > Duration::from_secs(6)).await;
    let done = diary.read().len();
    proxy.restore();
    let task = stage.reaches(&id, State::Success).await;
    assert_eq!((task.counts.attempt, task.counts.crashes, task.counts.failures), (1, 0, 0));
    assert_eq!(task.resumed, 1);
    let again = diary.read()[done].parse::<u64>().unwrap();
    assert!(again >= kept, "it went on from {again}, and {kept} were kept");
    worker.stop().await;
}

async fn a_network_that_swallows_is_an_outage_too(db: Database) {
    task_survives(db, Proxy::freeze).await;
}

async fn a_result_that_is_ready_in_an_outage_is_kept(db: Database) {
    let stage = Stage::set(db).await;
    let proxy = Proxy::before(&stage.db).await.unwrap();
    let diary = Diary::default();
    let written = diary.clone();
    let work = Method::from_fn("work", move |_, (): ()| {
        let diary = written.clone();
        async move {
            diary.write("begins");
            tokio::time::sleep(Duration::from_millis(700)).await;
            diary.write("ends");
            Ok::<_, Failure>("the result")
        }
    });
    let worker = stage.worker_at(proxy.url(), short_lease(), [work]).await;
    let id = stage.push(NewTask::new("work")).await;
    eventually("it runs", async || diary.count("begins") == 1).await;
    proxy.cut();
    eventually("it has ended", async || diary.count("ends") == 1).await;
    let cut = Instant::now();
    eventually("the lease has run out", async || cut.elapsed() > Duration::from_secs(3)).await;
    assert_eq!(stage.task(&id).await.state, State::Executing);
    proxy.restore();
    let task = stage.reaches_within(Duration::from_secs(5), &id, State::Success).await;
    assert_eq!((task.content.as_deref(), task.counts.attempt), (Some("the result"), 1));
    assert_eq!(diary.read(), ["begins", "ends"]);
    worker.stop().await;
}

async fn a_worker_that_is_cut_off_stops_before_another_goes_on(db: Database) {
    let stage = Stage::set(db).await;
    let proxy = Proxy::before(&stage.db).await.unwrap();
    let ended: Arc<Mutex<Option<Instant>>> = Arc::default();
    let end = Arc::clone(&ended);
    let first = Method::from_fn("work", move |ctx, (): ()| {
        let end = Arc::clone(&end);
        async move {
            let interrupted = ctx.stopped().await;
            *end.lock().unwrap() = Some(Instant::now());
            Err::<(), _>(Failure::from(interrupted))
        }
    });
    let cut_off = stage.worker_at(proxy.url(), short_lease(), [first]).await;
    let id = stage.push(NewTask::new("work")).await;
    stage.reaches(&id, State::Executing).await;
    let began: Arc<Mutex<Option<Instant>>> = Arc::default();
    let begin = Arc::clone(&began);
    let second = Method::from_fn("work", move |_, (): ()| {
        *begin.lock().unwrap() = Some(Instant::now());
        async { Ok::<_, Failure>("by the other") }
    });
    let other = stage.worker_with(short_lease(), [second]).await;
    proxy.cut();
    let task = stage.reaches(&id, State::Success).await;
    assert_eq!((task.content.as_deref(), task.counts.attempt), (Some("by the other"), 2));
    let (ended, began) = (ended.lock().unwrap().unwrap(), began.lock().unwrap().unwrap());
    assert!(ended < began, "the first one ended {:?} after the second began", ended - began);
    proxy.restore();
    eventually("it registers anew", async || stage.store.workers().await.unwrap().len() == 2).await;
    assert_eq!(stage.task(&id).await.content.as_deref(), Some("by the other"));
    cut_off.stop().await;
    other.stop().await;
}

async fn what_runs_has_ended_before_the_shortest_lease_is_over(db: Database) {
    struct Ends(Arc<AtomicBool>);
    impl Drop for Ends {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let stage = Stage::set(db).await;
    let proxy = Proxy::before(&stage.db).await.unwrap();
    let has_ended = Arc::new(AtomicBool::new(false));
    let ends = Arc::clone(&has_ended);
    // It heeds no stop, and comes to an await but now and then.
    let slow = Method::from_fn("slow", move |ctx, (): ()| {
        let ends = Ends(Arc::clone(&ends));
        async move {
            let _ends = ends;
            ctx.progress(1).await?;
            loop {
                std::thread::sleep(Duration::from_millis(150));
                tokio::task::yield_now().await;
            }
            #[allow(unreachable_code)]
            Ok::<_, Failure>(())
        }
    });
    let shortest = WorkerSettings { lease: Some(Duration::from_secs(2)), ..settings() };
    let worker = stage.worker_at(proxy.url(), shortest, [slow]).await;
    let id = stage.push(NewTask::new("slow")).await;
    stage.begins(&id).await;
    proxy.cut();
    eventually("its lease is over", async || !stage.store.roll_call().await.unwrap().workers[0].is_live).await;
    assert!(has_ended.load(Ordering::SeqCst), "it still runs although others may begin the task");
    proxy.restore();
    worker.stop().await;
}

async fn workers_do_not_take_each_other_for_dead_after_an_outage(db: Database) {
    let stage = Stage::set(db).await;
    let proxy = Proxy::before(&stage.db).await.unwrap();
    let one_each = || WorkerSettings { concurrency: 1, ..short_lease() };
    let mut workers = Vec::new();
    for _ in 0..3 {
        workers.push(stage.worker_at(proxy.url(), one_each(), [sleep()]).await);
    }
    let ids: Vec<_> = workers.iter().map(WorkerHandle::id).collect();
    let mut tasks = Vec::new();
    for _ in &workers {
        tasks.push(stage.push(NewTask::new("sleep").params(&3000)).await);
    }
    for task in &tasks {
        stage.reaches(task, State::Executing).await;
    }
    proxy.cut();
    eventually("what runs is stopped", async || workers.iter().all(|worker| worker.running() == 0)).await;
    let cut = Instant::now();
    eventually("every lease has run out", async || cut.elapsed() > Duration::from_secs(2)).await;
    proxy.restore();
    for task in &tasks {
        let task = stage.reaches(task, State::Success).await;
        assert_eq!((task.counts.attempt, task.counts.crashes), (1, 0), "{task:?}");
    }
    assert_eq!(workers.iter().map(WorkerHandle::id).collect::<Vec<_>>(), ids, "nobody was taken off the list");
    for worker in workers {
        worker.stop().await;
    }
}

async fn a_worker_that_begins_right_after_an_outage_takes_nobody_for_dead(db: Database) {
    let stage = Stage::set(db).await;
    let proxy = Proxy::before(&stage.db).await.unwrap();
    let old = stage.worker_at(proxy.url(), short_lease(), [sleep()]).await;
    let number = old.id();
    let id = stage.push(NewTask::new("sleep").params(&3000)).await;
    stage.reaches(&id, State::Executing).await;
    proxy.cut();
    eventually("its lease is over", async || !stage.store.roll_call().await.unwrap().workers[0].is_live).await;
    // The database is back for the new worker a moment sooner than for the old one.
    let new = stage.worker_with(short_lease(), [sleep()]).await;
    let began = Instant::now();
    eventually("the new one has looked around", async || began.elapsed() > Duration::from_millis(700)).await;
    proxy.restore();
    let task = stage.reaches(&id, State::Success).await;
    assert_eq!((task.counts.attempt, task.counts.crashes), (1, 0), "{task:?}");
    assert_eq!(old.id(), number, "it was not taken off the list");
    old.stop().await;
    new.stop().await;
}

async fn a_new_worker_watches_a_silent_one_for_a_lease_before_it_rescues(db: Database) {
    let stage = Stage::set(db).await;
    let id = stage.push(NewTask::new("sleep").params(&0)).await;
    stage.falls_silent_with(&id).await;
    let began = Instant::now();
    let worker = stage.worker_with(short_lease(), [sleep()]).await;
    let task = stage.reaches(&id, State::Success).await;
    assert_eq!((task.counts.attempt, task.counts.crashes), (2, 1));
    assert!(began.elapsed() > Duration::from_secs(2), "only {:?}", began.elapsed());
    worker.stop().await;
}

async fn what_a_condemned_worker_left_is_rescued_by_a_new_one_at_once(db: Database) {
    let stage = Stage::set(db).await;
    let id = stage.push(NewTask::new("sleep").params(&0)).await;
    let silent = stage.falls_silent_with(&id).await;
    // What a rescuer does, that then dies itself.
    assert!(stage.store.condemn_expired(silent).await.unwrap());
    let worker = stage.worker([sleep()]).await;
    // Sooner than any worker's lease ends.
    let task = stage.reaches_within(Duration::from_secs(6), &id, State::Success).await;
    assert_eq!((task.counts.attempt, task.counts.crashes), (2, 1));
    worker.stop().await;
}

async fn a_worker_that_was_taken_for_dead_registers_anew(db: Database) {
    let stage = Stage::set(db).await;
    let diary = Diary::default();
    let worker = stage.worker_with(short_lease(), [sleep(), diary.method("note")]).await;
    let id = stage.push(NewTask::new("sleep").params(&900_000)).await;
    stage.reaches(&id, State::Executing).await;
    let first = worker.id();
    // What a rescuer does, that then dies itself.
    assert!(stage.store.condemn_gone(first).await.unwrap());
    eventually("it has another number", async || worker.id() != first).await;
    stage.push(NewTask::new("note").params(&"on it goes")).await;
    eventually("it goes on", async || diary.count("on it goes") == 1).await;
    eventually("its task runs again", async || stage.task(&id).await.counts.attempt == 2).await;
    worker.stop_now().await;
    assert!(stage.store.workers().await.unwrap().is_empty());
}

async fn a_claim_whose_answer_was_lost_is_taken_on(db: Database) {
    let stage = Stage::set(db).await;
    let worker = stage.worker([sleep()]).await;
    stage.store.pause("system").await.unwrap();
    stage.worker_rests().await;
    let id = stage.push(NewTask::new("sleep").params(&0)).await;
    // To the database it looks as if the worker had claimed it.
    assert!(stage.store.claim_one(&id, worker.id()).await.unwrap().is_some());
    let task = stage.reaches(&id, State::Success).await;
    assert_eq!((task.counts.attempt, task.counts.crashes), (1, 0));
    worker.stop().await;
}

async fn tasks_of_a_worker_that_is_on_no_list_are_rescued(db: Database) {
    let stage = Stage::set(db).await;
    let id = stage.push(NewTask::new("sleep").params(&0)).await;
    assert!(stage.store.claim_one(&id, mission_core::WorkerId(77)).await.unwrap().is_some());
    let worker = stage.worker([sleep()]).await;
    let task = stage.reaches(&id, State::Success).await;
    assert_eq!((task.counts.attempt, task.counts.crashes), (2, 1));
    worker.stop().await;
}
