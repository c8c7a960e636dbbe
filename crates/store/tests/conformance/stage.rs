//! What every sentence starts from: an open, migrated store, tasks to push, a worker to claim for, and plain outcomes.

use std::sync::Arc;
use std::time::Duration;

use mission_core::{Content, Effects, Lease, NewTask, Progress, Reason, Settlement, State, Task, UniqueId, WorkerId};
use mission_store::{Claimed, Line, NewWorker, OnMissing, Pushed, Report, Store, Verdict};
use mission_testkit::Database;
use tokio::sync::Barrier;

/// The worker that single-worker tests claim for; it needs no row of its own.
pub(crate) const WORKER: WorkerId = WorkerId(7);

/// The store of a database with its tables.
pub(crate) async fn open(db: &Database) -> Store {
    let store = Store::open(db.url(), OnMissing::Create).await.unwrap();
    store.migrate().await.unwrap();
    store
}

/// Stores on one database that share nothing, as those of several processes.
pub(crate) async fn open_several(db: &Database, count: usize) -> Vec<Store> {
    let mut stores = vec![open(db).await];
    while stores.len() < count {
        stores.push(open(db).await);
    }
    stores
}

/// Starts so many racers at once, spread over the stores, and answers what each came back with, in their order.
pub(crate) async fn race<T, F, Fut>(stores: &[Store], racers: usize, run: F) -> Vec<T>
where
    T: Send + 'static,
    F: Fn(Store, usize) -> Fut,
    Fut: Future<Output = T> + Send + 'static,
{
    race_alone(racers, |number| run(stores[number % stores.len()].clone(), number)).await
}

/// The same for racers that open the database themselves.
pub(crate) async fn race_alone<T, F, Fut>(racers: usize, run: F) -> Vec<T>
where
    T: Send + 'static,
    F: Fn(usize) -> Fut,
    Fut: Future<Output = T> + Send + 'static,
{
    let barrier = Arc::new(Barrier::new(racers));
    let start = |number| {
        let (barrier, racer) = (Arc::clone(&barrier), run(number));
        tokio::spawn(async move {
            barrier.wait().await;
            racer.await
        })
    };
    let started: Vec<_> = (0..racers).map(start).collect();
    let mut results = Vec::with_capacity(racers);
    for racer in started {
        results.push(racer.await.expect("no racer panics"));
    }
    results
}

/// The number a query of one field answers, asked by another client.
pub(crate) async fn number(db: &Database, query: &str) -> i64 {
    db.sql(query).await.unwrap().trim().parse().unwrap()
}

/// A task of the method most tests use.
pub(crate) fn task() -> NewTask {
    NewTask::new("export")
}

/// Pushes one task and answers its id.
pub(crate) async fn push(store: &Store, task: NewTask) -> UniqueId {
    let Pushed { unique_id, is_existing } = store.push(&task).await.unwrap();
    assert!(!is_existing);
    unique_id
}

/// Pushes so many tasks that are alike.
pub(crate) async fn push_many(store: &Store, count: usize) -> Vec<UniqueId> {
    let tasks: Vec<NewTask> = (0..count).map(|_| task()).collect();
    store.push_all(&tasks).await.unwrap().into_iter().map(|pushed| pushed.unique_id).collect()
}

/// The task as it stands now.
pub(crate) async fn get(store: &Store, unique_id: &UniqueId) -> Task {
    store.get(unique_id).await.unwrap().expect("the task is there")
}

/// The only line there is.
pub(crate) async fn only_line(store: &Store) -> Line {
    let (mut lines, _) = store.lines().await.unwrap();
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.remove(0)
}

/// Claims up to `limit` tasks of the only line.
pub(crate) async fn claim(store: &Store, limit: usize) -> Vec<Claimed> {
    store.claim(&only_line(store).await, WORKER, limit).await.unwrap()
}

/// Pushes one task and claims it.
pub(crate) async fn running(store: &Store, task: NewTask) -> Claimed {
    let unique_id = push(store, task).await;
    store.claim_one(&unique_id, WORKER).await.unwrap().expect("the task waits")
}

/// The end of a running task.
pub(crate) fn ending(claimed: &Claimed, state: State, content: &str) -> Settlement {
    Settlement {
        lease: claimed.running.lease,
        state,
        reason: (state == State::Fail).then_some(Reason::Error),
        content: Some(Content::new(content)),
        counts: claimed.running.counts,
        wait: None,
        effects: Effects::NONE,
    }
}

/// A running task that goes back to wait.
pub(crate) fn waiting_again(claimed: &Claimed, wait: Option<Duration>) -> Settlement {
    Settlement { wait, reason: Some(Reason::HandedOver), ..ending(claimed, State::Init, "handed over") }
}

/// A report of progress and nothing else.
pub(crate) fn progress_report(lease: Lease, progress: Progress) -> Report {
    Report { lease, progress: Some(progress), checkpoint: None, resumed: 0, redone: 0, active_ms: 0 }
}

/// Settles one task as a success.
pub(crate) async fn succeed(store: &Store, claimed: &Claimed) {
    let verdicts = store.settle(&[ending(claimed, State::Success, "done")]).await.unwrap();
    assert_eq!(verdicts, [Verdict::Settled]);
}

/// A worker as the list takes it.
pub(crate) fn new_worker(methods: &[&str]) -> NewWorker {
    NewWorker {
        name: "host-1".to_owned(),
        host: "host".to_owned(),
        process: "machine boot namespace".to_owned(),
        pid: 1,
        pid_started: 2,
        concurrency: 4,
        types: None,
        methods: methods.iter().map(|method| (*method).to_owned()).collect(),
        lease: Duration::from_secs(60),
        hint_address: None,
    }
}
