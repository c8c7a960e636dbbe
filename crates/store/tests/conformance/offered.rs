//! A push that is alone beside a worker's offer: the same as a push and then a claim, or a push alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mission_core::{NewTask, State};
use mission_store::{Claimed, Line, Offered, Store, WhenSeen};
use mission_testkit::{Database, conformance};

use crate::stage::{WORKER, claim, get, only_line, open, push, push_many, race, succeed, task};

conformance![
    a_lone_push_is_begun_by_the_worker_that_offered_it,
    what_waits_in_front_of_a_push_is_not_overtaken,
    an_offer_is_for_its_line_and_for_what_is_due_now,
    nothing_is_begun_of_a_type_that_was_paused_or_limited_or_made_fair_meanwhile,
    a_task_that_is_there_already_is_known_again_and_not_begun,
    a_worker_that_may_not_take_a_task_now_keeps_its_offer,
    of_many_pushes_at_once_each_task_is_begun_once,
];

/// A line that was worked off, as a worker at rest knows it.
async fn emptied(store: &Store) -> Line {
    push(store, task()).await;
    let line = only_line(store).await;
    succeed(store, &claim(store, 1).await[0]).await;
    line
}

fn offer(store: &Store, line: &Line) -> Offered {
    store.offer(line.clone(), WORKER, || true)
}

/// Pushes as a handle does; answers how often workers were called for it.
async fn calls_of(store: &Store, task: NewTask) -> usize {
    let calls = Arc::new(AtomicUsize::new(0));
    let when_seen: WhenSeen = {
        let calls = Arc::clone(&calls);
        Arc::new(move || _ = calls.fetch_add(1, Ordering::Relaxed))
    };
    let task = Arc::new(task);
    if store.push_together(&task, &when_seen).await.is_none() {
        store.push(&task).await.unwrap();
    }
    calls.load(Ordering::Relaxed)
}

/// What an offer has brought, at once.
async fn brought(mut offered: Offered) -> Option<Claimed> {
    let ended = tokio::time::timeout(Duration::from_secs(20), offered.end()).await.expect("it ends");
    ended.and_then(|answer| answer.unwrap())
}

async fn a_lone_push_is_begun_by_the_worker_that_offered_it(db: Database) {
    let store = open(&db).await;
    let line = emptied(&store).await;
    // With all that a task can have: it is read whole.
    let seconds = Duration::from_secs;
    let full = task().params(&[1, 2]).creator("ann").retries(3).timeout(seconds(9)).stall_timeout(seconds(8));
    let full = full.keep_files(seconds(7));
    let large = task().params(&"x".repeat(900_000));
    for task in [task(), full, large] {
        let offered = offer(&store, &line);
        let id = task.unique_id().clone();
        assert_eq!(calls_of(&store, task).await, 0, "nobody need look for it");
        let claimed = brought(offered).await.expect("it was taken along");
        assert_eq!(
            (&claimed.task.unique_id, claimed.running.counts.attempt, claimed.running.lease.token.0),
            (&id, 1, 1)
        );
        assert_eq!(store.executing(WORKER).await.unwrap(), std::slice::from_ref(&claimed));
        succeed(&store, &claimed).await;
        assert_eq!(get(&store, &id).await.state, State::Success);
    }
    let mut offered = offer(&store, &line);
    assert!(offered.end().await.is_none(), "nobody took it");
    drop(offer(&store, &line));
    assert_eq!(calls_of(&store, task()).await, 1, "it was taken back");
}

async fn what_waits_in_front_of_a_push_is_not_overtaken(db: Database) {
    let store = open(&db).await;
    let line = emptied(&store).await;
    let first = push_many(&store, 2).await;
    let offered = offer(&store, &line);
    let pushed = task();
    let id = pushed.unique_id().clone();
    assert_eq!(calls_of(&store, pushed).await, 1, "workers look for it");
    assert_eq!(brought(offered).await, None);
    let claimed: Vec<_> = claim(&store, 9).await.into_iter().map(|claimed| claimed.task.unique_id).collect();
    assert_eq!(claimed, [&first[..], &[id]].concat());
}

async fn an_offer_is_for_its_line_and_for_what_is_due_now(db: Database) {
    let store = open(&db).await;
    let line = emptied(&store).await;
    let mut offered = offer(&store, &line);
    let others = [
        NewTask::new("import"),
        task().task_type("slow"),
        task().priority(3),
        task().after(Duration::from_secs(3600)),
        task().key("nightly"),
    ];
    for other in others {
        calls_of(&store, other).await;
    }
    assert_eq!(store.executing(WORKER).await.unwrap(), []);
    assert!(offered.end().await.is_none());
    // A creator's turn in a fair type is not taken by a push.
    let mut offered = offer(&store, &Line { lane: 3, ..line });
    assert_eq!(calls_of(&store, task()).await, 1);
    assert!(offered.end().await.is_none());
}

async fn nothing_is_begun_of_a_type_that_was_paused_or_limited_or_made_fair_meanwhile(db: Database) {
    let store = open(&db).await;
    let line = emptied(&store).await;
    let rule = &line.task_type;
    for round in 0..3 {
        match round {
            0 => store.pause(rule).await.unwrap(),
            1 => store.set_running_limit(rule, Some(1)).await.unwrap(),
            _ => store.set_fair(rule, true).await.unwrap(),
        }
        let offered = offer(&store, &line);
        assert_eq!(calls_of(&store, task().creator("ann")).await, 1);
        assert_eq!(brought(offered).await, None);
        store.resume(rule).await.unwrap();
        store.set_running_limit(rule, None).await.unwrap();
        // Else it would stand in front.
        succeed(&store, &claim(&store, 1).await[0]).await;
    }
    store.set_fair(rule, false).await.unwrap();
    let offered = offer(&store, &line);
    assert_eq!(calls_of(&store, task()).await, 0, "without a rule it is");
    assert!(brought(offered).await.is_some());
}

async fn a_task_that_is_there_already_is_known_again_and_not_begun(db: Database) {
    let store = open(&db).await;
    let line = emptied(&store).await;
    let again = Arc::new(task());
    store.push(&again).await.unwrap();
    let mut offered = offer(&store, &line);
    let when_seen: WhenSeen = Arc::new(|| {});
    assert_eq!(store.push_together(&again, &when_seen).await, None);
    let answer = offered.end().await.expect("it was taken");
    assert!(!matches!(&answer, Err(fault) if !fault.is_retryable()), "it is known that nothing was begun: {answer:?}");
    assert_eq!(store.executing(WORKER).await.unwrap(), []);
    assert_eq!(store.push(&again).await.unwrap().unique_id, *again.unique_id());
    succeed(&store, &claim(&store, 1).await[0]).await;
    let mut offered = offer(&store, &line);
    assert_eq!(store.push_together(&again, &when_seen).await, None, "nor once it has ended");
    assert!(offered.end().await.expect("it was taken").is_err_and(|fault| fault.is_retryable()));
    // The connection is as before.
    let offered = offer(&store, &line);
    assert_eq!(calls_of(&store, task()).await, 0);
    assert!(brought(offered).await.is_some());
}

async fn a_worker_that_may_not_take_a_task_now_keeps_its_offer(db: Database) {
    let store = open(&db).await;
    let line = emptied(&store).await;
    let mut offered = store.offer(line, WORKER, || false);
    assert_eq!(calls_of(&store, task()).await, 1);
    assert!(offered.end().await.is_none());
    assert_eq!(only_line(&store).await.method, "export", "it waits");
}

async fn of_many_pushes_at_once_each_task_is_begun_once(db: Database) {
    let store = open(&db).await;
    let line = emptied(&store).await;
    let offered = offer(&store, &line);
    let calls = race(std::slice::from_ref(&store), 40, |store, _| async move { calls_of(&store, task()).await }).await;
    let taken_along = usize::from(brought(offered).await.is_some());
    assert!(calls.iter().sum::<usize>() >= 1, "one offer is for one task");
    let claimed = claim(&store, 100).await.len();
    assert_eq!(taken_along + claimed, 40);
}
