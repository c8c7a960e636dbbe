//! A task's life in a worker: it runs, once, and its record says what came of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use mission_core::{Failure, NewTask, State};
use mission_testkit::{Database, conformance};
use mission_worker::Method;

use crate::stage::Stage;

conformance![several_workers_run_everything_exactly_once];

/// Counts how often it ran for each number.
fn count(runs: &Arc<Mutex<HashMap<u64, u64>>>) -> Method {
    let runs = Arc::clone(runs);
    Method::from_fn("count", move |_, n: u64| {
        *runs.lock().unwrap().entry(n).or_default() += 1;
        async move { Ok::<_, Failure>(n) }
    })
}

async fn several_workers_run_everything_exactly_once(db: Database) {
    let stage = Stage::set(db).await;
    let runs = Arc::default();
    let (one, other) = (stage.worker([count(&runs)]).await, stage.worker([count(&runs)]).await);
    let tasks: Vec<NewTask> = (0..200_u64).map(|n| NewTask::new("count").params(&n)).collect();
    let pushed = stage.store.push_all(&tasks).await.unwrap();
    stage.all_ended().await;
    for (n, pushed) in pushed.iter().enumerate() {
        let task = stage.task(&pushed.unique_id).await;
        assert_eq!((task.state, task.content), (State::Success, Some(n.to_string())));
        assert_eq!((task.counts.attempt, task.worker_id), (1, None));
    }
    assert!(runs.lock().unwrap().values().all(|times| *times == 1));
    one.stop().await;
    other.stop().await;
    assert!(stage.store.workers().await.unwrap().is_empty());
}
