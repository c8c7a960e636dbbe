//! The database is killed and started again: workers live on, results are kept, nothing is counted against a task.

use std::time::{Duration, Instant};

use mission_core::{Failure, NewTask, State};
use mission_testkit::{Database, Kind, PrivateServer, eventually, eventually_within, on_private};
use mission_worker::{Method, WorkerSettings};

use crate::scene::{Counts, assert_all_succeeded, open, open_tasks, push_numbers, settings, tasks, worker_at};

/// PRODUCT.md's figure: work goes on this soon after the database is back.
const RESUME_MAX: Duration = Duration::from_secs(5);

/// As `conformance!`, each on a durable server of its own.
macro_rules! private_servers {
    ($($sentence:ident),+ $(,)?) => {$(
        mod $sentence {
            use super::*;

            #[test]
            fn mariadb() {
                on_private(Kind::Mariadb, |server| super::$sentence(Kind::Mariadb, server));
            }
            #[test]
            fn mysql() {
                on_private(Kind::Mysql, |server| super::$sentence(Kind::Mysql, server));
            }
            #[test]
            fn postgres() {
                on_private(Kind::Postgres, |server| super::$sentence(Kind::Postgres, server));
            }
        }
    )+};
}

private_servers![
    a_restart_within_the_lease_changes_nothing,
    a_restart_after_the_lease_costs_no_attempt,
    under_load_each_task_runs_once_through_three_kills,
];

async fn a_restart_within_the_lease_changes_nothing(kind: Kind, mut server: PrivateServer) {
    let db = Database::on_server(kind, server.url()).await;
    let store = open(db.url()).await;
    store.migrate().await.unwrap();
    let (begun, ended) = (Counts::default(), Counts::default());
    let (begins, ends) = (begun.clone(), ended.clone());
    let work = Method::from_fn("work", move |_, ms: u64| {
        begins.note(ms);
        let ends = ends.clone();
        async move {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            ends.note(ms);
            Ok::<_, Failure>(ms)
        }
    });
    let worker = worker_at(db.url(), settings(2), [work]).await;
    let id = worker.id();
    let mut pushed = Vec::new();
    // One ends while the database is away, one runs across, one waits for a slot.
    for ms in [400_u64, 6_000, 1] {
        pushed.push(store.push(&NewTask::new("work").params(&ms)).await.unwrap());
        eventually("it begins, if there is room", async || begun.distinct() >= pushed.len().min(2)).await;
    }
    server.kill();
    eventually("the first ends meanwhile", async || ended.distinct() == 1).await;
    let away = Instant::now();
    eventually("it stays away", async || away.elapsed() > Duration::from_secs(1)).await;
    server.start_again().unwrap();
    let back = Instant::now();
    eventually_within(RESUME_MAX, "the next one begins", async || begun.distinct() == 3).await;
    println!("{kind}: work went on {:?} after the database was back", back.elapsed());
    eventually("all have ended", async || open_tasks(&store).await == Some(0)).await;
    for (task, ms) in tasks(&store, &pushed).await.iter().zip(["400", "6000", "1"]) {
        assert_eq!((task.state, task.content.as_deref()), (State::Success, Some(ms)), "{task:?}");
        assert_eq!((task.counts.attempt, task.counts.crashes, task.counts.failures), (1, 0, 0), "{task:?}");
    }
    assert_eq!((begun.again(), worker.id()), (0, id), "nothing ran twice, and nobody was taken off the list");
    worker.stop().await;
}

async fn a_restart_after_the_lease_costs_no_attempt(kind: Kind, mut server: PrivateServer) {
    let db = Database::on_server(kind, server.url()).await;
    let store = open(db.url()).await;
    store.migrate().await.unwrap();
    let counts = Counts::default();
    let short_lease = WorkerSettings { lease: Some(Duration::from_secs(2)), ..settings(4) };
    let worker = worker_at(db.url(), short_lease, [counts.method(Duration::from_secs(3))]).await;
    let pushed = push_numbers(&store, 2).await;
    eventually("both run", async || counts.distinct() == 2).await;
    server.kill();
    eventually("what runs is stopped", async || worker.running() == 0).await;
    server.start_again().unwrap();
    eventually_within(RESUME_MAX, "work goes on", async || worker.running() == 2).await;
    eventually("all have ended", async || open_tasks(&store).await == Some(0)).await;
    let tasks = tasks(&store, &pushed).await;
    assert_all_succeeded(&tasks);
    assert!(tasks.iter().all(|task| task.counts.attempt == 1), "{tasks:?}");
    assert_eq!(counts.again(), 2, "each began a second time");
    worker.stop().await;
}

async fn under_load_each_task_runs_once_through_three_kills(kind: Kind, mut server: PrivateServer) {
    const TASKS: u64 = 600;
    let db = Database::on_server(kind, server.url()).await;
    let store = open(db.url()).await;
    store.migrate().await.unwrap();
    let pushed = push_numbers(&store, TASKS).await;
    let counts = Counts::default();
    // A lease that no restart outlasts: whoever runs a task keeps it.
    let patient = || WorkerSettings { lease: Some(Duration::from_secs(60)), ..settings(8) };
    let mut workers = Vec::new();
    for _ in 0..2 {
        workers.push(worker_at(db.url(), patient(), [counts.method(Duration::from_millis(40))]).await);
    }
    for part in 1..=3 {
        let reached = usize::try_from(TASKS).unwrap() * part / 4;
        eventually("a part has begun", async || counts.distinct() >= reached).await;
        server.kill();
        server.start_again().unwrap();
    }
    eventually("all have ended", async || open_tasks(&store).await == Some(0)).await;
    let tasks = tasks(&store, &pushed).await;
    assert_all_succeeded(&tasks);
    assert!(tasks.iter().all(|task| task.counts.attempt == 1), "an outage counts nothing");
    assert_eq!((counts.distinct() as u64, counts.again()), (TASKS, 0));
    for worker in workers {
        worker.stop().await;
    }
}
