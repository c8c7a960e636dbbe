//! The scene: workers on servers that die, methods that note what ran, and questions about all tasks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mission_core::{Failure, NewTask, State, Task};
use mission_store::{OnMissing, Pushed, Store};
use mission_worker::{Method, Registry, States, Wake, Worker, WorkerHandle, WorkerSettings};

/// How often each number was taken up.
#[derive(Clone, Default)]
pub(crate) struct Counts(Arc<Mutex<HashMap<u64, u64>>>);

impl Counts {
    /// Counts its number, then takes so long.
    pub(crate) fn method(&self, takes: Duration) -> Method {
        let counts = self.clone();
        Method::from_fn("count", move |_, n: u64| {
            counts.note(n);
            async move {
                tokio::time::sleep(takes).await;
                Ok::<_, Failure>(n)
            }
        })
    }

    /// Counts a number.
    pub(crate) fn note(&self, n: u64) {
        *self.0.lock().unwrap().entry(n).or_default() += 1;
    }

    /// How many numbers were taken up at all.
    pub(crate) fn distinct(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// How many runs there were beyond the first of each number.
    pub(crate) fn again(&self) -> u64 {
        self.0.lock().unwrap().values().map(|times| times - 1).sum()
    }
}

pub(crate) async fn open(url: &str) -> Store {
    Store::open(url, OnMissing::Create).await.unwrap()
}

/// A worker with connections of its own, as in a process of its own.
pub(crate) async fn worker_at(
    url: &str,
    settings: WorkerSettings,
    methods: impl IntoIterator<Item = Method>,
) -> WorkerHandle {
    let registry = Registry::of(methods).unwrap();
    let worker = Worker::new(open(url).await, registry, States::new(), Wake::new(), settings);
    worker.start().await.unwrap()
}

/// Settings for tests.
pub(crate) fn settings(concurrency: usize) -> WorkerSettings {
    WorkerSettings { concurrency, grace: Duration::from_secs(5), ..WorkerSettings::default() }
}

/// Pushes tasks with the numbers from 0 on.
pub(crate) async fn push_numbers(store: &Store, count: u64) -> Vec<Pushed> {
    let tasks: Vec<NewTask> = (0..count).map(|n| NewTask::new("count").params(&n)).collect();
    store.push_all(&tasks).await.unwrap()
}

/// How many tasks wait or run; `None` while the database does not answer.
pub(crate) async fn open_tasks(store: &Store) -> Option<i64> {
    let counts = store.counts().await.ok()?;
    Some(counts.iter().filter(|(state, _)| !state.is_final()).map(|(_, count)| count.count).sum())
}

/// The tasks that were pushed, as they stand now.
pub(crate) async fn tasks(store: &Store, pushed: &[Pushed]) -> Vec<Task> {
    let mut tasks = Vec::with_capacity(pushed.len());
    for one in pushed {
        tasks.push(store.get(&one.unique_id).await.unwrap().expect("an accepted task is there"));
    }
    tasks
}

/// Each task is there and ended well, with the content that its number gives.
#[track_caller]
pub(crate) fn assert_all_succeeded(tasks: &[Task]) {
    for (n, task) in tasks.iter().enumerate() {
        assert_eq!((task.state, task.content.as_deref()), (State::Success, Some(n.to_string().as_str())), "{task:?}");
        assert_eq!((task.counts.crashes, task.counts.failures), (0, 0), "{task:?}");
    }
}
