//! What a process pushes task by task while its own worker rests is claimed with the commit of the push, and runs once like all else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mission_core::{NewTask, State, UniqueId};
use mission_store::WhenSeen;
use mission_testkit::{Database, conformance, eventually};
use mission_worker::{Registry, States, Wake, Worker, WorkerHandle, WorkerSettings};

use crate::methods::Diary;
use crate::stage::{Stage, settings};

conformance![
    a_push_beside_a_worker_at_rest_is_claimed_with_its_commit_and_runs_once,
    a_push_beside_a_worker_that_stops_waits_or_is_handed_back,
];

/// A worker of the process that pushes: by the same store. Nothing wakes it, so what it begins at once was offered.
async fn own_worker(stage: &Stage, diary: &Diary) -> WorkerHandle {
    let registry = Registry::of([diary.method("note")]).unwrap();
    let settings = WorkerSettings { concurrency: 4, ..settings() };
    Worker::new(stage.store.clone(), registry, States::new(), Wake::new(), settings).start().await.unwrap()
}

/// Pushes as a handle does, and tells whether somebody was to look for the task.
async fn is_called_for(stage: &Stage, text: &str) -> (UniqueId, bool) {
    let calls = Arc::new(AtomicUsize::new(0));
    let when_seen: WhenSeen = {
        let calls = Arc::clone(&calls);
        Arc::new(move || _ = calls.fetch_add(1, Ordering::Relaxed))
    };
    let task = Arc::new(NewTask::new("note").params(&text));
    let pushed = stage.store.push_together(&task, &when_seen).await.expect("nothing stands in its way");
    (pushed.unique_id, calls.load(Ordering::Relaxed) > 0)
}

async fn a_push_beside_a_worker_at_rest_is_claimed_with_its_commit_and_runs_once(db: Database) {
    let stage = Stage::set(db).await;
    let diary = Diary::default();
    let worker = own_worker(&stage, &diary).await;
    let (mut pushed, mut taken_along) = (0, 0);
    while taken_along < 5 {
        let text = pushed.to_string();
        let is_taken_along = !is_called_for(&stage, &text).await.1;
        let stored = Instant::now();
        taken_along += usize::from(is_taken_along);
        pushed += 1;
        assert!(pushed < 200, "of {pushed} pushes {taken_along} were taken along");
        eventually("it has run", async || diary.count(&text) > 0).await;
        // By itself a worker finds what it holds without knowing of it, too, each ten seconds.
        assert!(!is_taken_along || stored.elapsed() < Duration::from_secs(3), "{:?}", stored.elapsed());
    }
    worker.stop().await;
    let mut ran: Vec<usize> = diary.read().iter().map(|text| text.parse().unwrap()).collect();
    ran.sort_unstable();
    assert_eq!(ran, (0..pushed).collect::<Vec<_>>(), "each runs once");
    let counts = stage.store.counts().await.unwrap();
    let ended = counts.iter().find(|(state, _)| *state == State::Success).expect("it is a state").1.count;
    assert_eq!(ended, pushed as i64);
}

async fn a_push_beside_a_worker_that_stops_waits_or_is_handed_back(db: Database) {
    let stage = Stage::set(db).await;
    let diary = Diary::default();
    for round in 0..10 {
        let worker = own_worker(&stage, &diary).await;
        // So that it foresees what comes next.
        for n in 0..3 {
            let text = format!("{round}/{n}");
            is_called_for(&stage, &text).await;
            eventually("it has run", async || diary.count(&text) > 0).await;
        }
        let last = format!("{round}/last");
        let (_, pushed) = tokio::join!(worker.stop(), is_called_for(&stage, &last));
        let task = stage.task(&pushed.0).await;
        assert_eq!(diary.count(&last), usize::from(task.state == State::Success), "{task:?}");
        assert!(matches!(task.state, State::Init | State::Success), "nobody has it any more: {task:?}");
        assert_eq!(task.counts.crashes, 0);
    }
    let worker = own_worker(&stage, &diary).await;
    tokio::time::timeout(Duration::from_secs(60), stage.all_ended()).await.unwrap();
    worker.stop().await;
    assert_eq!(diary.read().len(), 40, "each runs once");
}
