//! The handle for users' own tests: what is pushed has ended when the push returns, retries included.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mission_core::{Failure, NewTask, Reason, State};
use mission_engine::testing;
use mission_worker::Method;

/// A method that fails so many times before it succeeds.
fn fails(times: usize) -> Method {
    let calls = Arc::new(AtomicUsize::new(0));
    Method::from_fn("flaky", move |_ctx, (): ()| {
        let call = calls.fetch_add(1, Ordering::SeqCst);
        async move { if call < times { Err(Failure::new("not yet")) } else { Ok("at last") } }
    })
    .retries(2)
}

#[tokio::test]
async fn a_retry_runs_at_once() {
    let mission = testing::methods([fails(2)]).open().await.unwrap();
    let task = mission.push(NewTask::new("flaky")).await.unwrap().wait().await.unwrap();
    assert_eq!((task.state, task.counts.attempt), (State::Success, 3));
}

#[tokio::test]
async fn a_task_that_fails_for_good_has_ended() {
    let mission = testing::methods([fails(9)]).open().await.unwrap();
    let task = mission.push(NewTask::new("flaky")).await.unwrap().get().await.unwrap();
    assert_eq!((task.state, task.reason, task.counts.attempt), (State::Fail, Some(Reason::Error), 3));
}

#[tokio::test]
async fn params_that_do_not_fit_end_the_task_at_once() {
    let mission = testing::methods([fails(0)]).open().await.unwrap();
    let task = mission.push(NewTask::new("flaky").params(&7)).await.unwrap().get().await.unwrap();
    assert_eq!((task.state, task.reason), (State::Fail, Some(Reason::BadParams)));
}
