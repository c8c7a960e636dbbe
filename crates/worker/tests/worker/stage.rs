//! The stage: a fresh database with the tables in it, workers with methods made for the test, and questions about tasks.

use std::panic::Location;
use std::time::{Duration, Instant};

use mission_core::{
    Chance, NewTask, Outcome, Policy, Reason, Settlement, State as TaskState, Task, UniqueId, WorkerId, settle,
};
use mission_store::{Claimed, NewWorker, OnMissing, Store, Verdict};
use mission_testkit::{Database, eventually};
use mission_worker::{Method, Registry, States, Wake, Worker, WorkerHandle, WorkerSettings};

/// A fresh database with the tables in it.
pub(crate) struct Stage {
    pub(crate) db: Database,
    pub(crate) store: Store,
    pub(crate) wake: Wake,
}

/// Settings for tests: no grace to wait for, where the test does not say otherwise.
pub(crate) fn settings() -> WorkerSettings {
    WorkerSettings { concurrency: 4, grace: Duration::from_secs(5), ..WorkerSettings::default() }
}

impl Stage {
    pub(crate) async fn set(db: Database) -> Self {
        let store = open(db.url()).await;
        store.migrate().await.unwrap();
        Self { db, store, wake: Wake::new() }
    }

    /// Another process's view: connections of its own.
    pub(crate) async fn another_store(&self) -> Store {
        open(self.db.url()).await
    }

    pub(crate) async fn worker(&self, methods: impl IntoIterator<Item = Method>) -> WorkerHandle {
        self.worker_with(settings(), methods).await
    }

    /// A worker with connections of its own, as in a process of its own; only the wake-up is shared.
    pub(crate) async fn worker_with(
        &self,
        settings: WorkerSettings,
        methods: impl IntoIterator<Item = Method>,
    ) -> WorkerHandle {
        self.worker_at(self.db.url(), settings, methods).await
    }

    /// The same by another way to the database.
    pub(crate) async fn worker_at(
        &self,
        url: &str,
        settings: WorkerSettings,
        methods: impl IntoIterator<Item = Method>,
    ) -> WorkerHandle {
        let registry = Registry::of(methods).unwrap();
        let worker = Worker::new(open(url).await, registry, States::new(), self.wake.clone(), settings);
        worker.start().await.unwrap()
    }

    /// As an application's push does, which wakes the workers of its process.
    pub(crate) async fn push(&self, task: NewTask) -> UniqueId {
        let pushed = self.store.push(&task).await.unwrap();
        self.wake.wake();
        pushed.unique_id
    }

    pub(crate) async fn task(&self, unique_id: &UniqueId) -> Task {
        self.store.get(unique_id).await.unwrap().expect("the task is there")
    }

    /// A worker with these methods that has not started.
    pub(crate) fn once(&self, registry: Registry) -> Worker {
        Worker::new(self.store.clone(), registry, States::new(), Wake::new(), WorkerSettings::default())
    }

    /// Waits until a task has this state.
    #[track_caller]
    pub(crate) fn reaches(&self, unique_id: &UniqueId, state: TaskState) -> impl Future<Output = Task> {
        self.reaches_within(Duration::from_secs(20), unique_id, state)
    }

    /// A worker is taken for dead, notices it, and its tasks wait again.
    pub(crate) async fn dies(&self, worker: &WorkerHandle) {
        let dead = worker.id();
        assert!(self.store.condemn_gone(dead).await.unwrap());
        eventually("it registers anew", async || worker.id() != dead).await;
        self.take_over(dead).await;
    }

    /// The same to a worker that does not notice it yet.
    pub(crate) async fn rescue(&self, worker: WorkerId) {
        assert!(self.store.condemn_gone(worker).await.unwrap());
        self.take_over(worker).await;
    }

    /// A worker on another machine that never renews its lease.
    pub(crate) async fn elsewhere(&self, lease: Duration) -> WorkerId {
        let elsewhere = NewWorker {
            name: "elsewhere".to_owned(),
            host: "elsewhere".to_owned(),
            process: "elsewhere".to_owned(),
            pid: 1,
            pid_started: 1,
            concurrency: 1,
            types: None,
            methods: Vec::new(),
            lease,
            hint_address: None,
        };
        self.store.register(&elsewhere).await.unwrap()
    }

    /// Such a worker claims this task and is heard of no more; answers once its lease is over.
    pub(crate) async fn falls_silent_with(&self, unique_id: &UniqueId) -> WorkerId {
        let worker = self.elsewhere(Duration::from_millis(100)).await;
        assert!(self.store.claim_one(unique_id, worker).await.unwrap().is_some());
        eventually("its lease is over", async || !self.store.roll_call().await.unwrap().workers[0].is_live).await;
        worker
    }

    async fn take_over(&self, dead: WorkerId) {
        let held = self.store.executing(dead).await.unwrap();
        let died = |held: &Claimed| settle(&held.running, &Policy::default(), Outcome::Died, Chance::fixed(0.0));
        let settlements: Vec<Settlement> = held.iter().map(died).collect();
        let verdicts = self.store.settle(&settlements).await.unwrap();
        // Whoever lives may have been quicker: then it is another's already.
        let is_settled = |verdict: &Verdict| matches!(verdict, Verdict::Settled | Verdict::Lost);
        assert!(verdicts.iter().all(is_settled), "{verdicts:?}");
        assert_eq!(self.store.executing(dead).await.unwrap().len(), 0, "nothing is left with it");
        self.store.remove_worker(dead).await.unwrap();
        self.wake.wake();
    }

    /// Waits until a method that reports progress at its beginning has begun: a task that was only claimed when its
    /// worker is told to stop goes back.
    pub(crate) async fn begins(&self, unique_id: &UniqueId) {
        eventually("it begins", async || self.task(unique_id).await.progress.is_some()).await;
    }

    #[track_caller]
    pub(crate) fn reaches_within(
        &self,
        limit: Duration,
        unique_id: &UniqueId,
        state: TaskState,
    ) -> impl Future<Output = Task> {
        let caller = Location::caller();
        async move {
            let began = Instant::now();
            loop {
                let task = self.task(unique_id).await;
                if task.state == state {
                    return task;
                }
                assert!(began.elapsed() < limit, "not {state} within {limit:?}, waited for at {caller}: {task:?}");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }

    /// Waits until so many attempts at a task have failed.
    pub(crate) async fn failures_reach(&self, unique_id: &UniqueId, failures: i64) {
        eventually("the attempt fails", async || self.task(unique_id).await.counts.failures >= failures).await;
    }

    /// Waits until a task waits again, or has ended, for this reason.
    pub(crate) async fn reason_becomes(&self, unique_id: &UniqueId, reason: Reason) {
        eventually("the reason is noted", async || self.task(unique_id).await.reason == Some(reason)).await;
    }

    /// Makes every waiting task due.
    pub(crate) async fn make_due(&self) {
        self.db.sql("update mission_tasks set run_at = 1 where state = 'init';").await.unwrap();
    }

    /// Lets so much time pass that a worker looks for tasks as rarely as it ever does: nothing tells when it does.
    pub(crate) async fn worker_rests(&self) {
        tokio::time::sleep(Duration::from_millis(1200)).await;
    }

    /// Waits until nothing runs in a worker.
    pub(crate) async fn worker_is_idle(&self, worker: &WorkerHandle) {
        eventually("nothing runs", async || worker.running() == 0).await;
    }

    /// Waits until no task waits or runs.
    #[track_caller]
    pub(crate) fn all_ended(&self) -> impl Future<Output = ()> {
        eventually("all tasks have ended", async || {
            let counts = self.store.counts().await.unwrap();
            counts.iter().all(|(state, count)| state.is_final() || count.count == 0)
        })
    }
}

pub(crate) async fn open(url: &str) -> Store {
    Store::open(url, OnMissing::Create).await.unwrap()
}
