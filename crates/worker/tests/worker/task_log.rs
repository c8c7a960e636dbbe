//! What methods say is kept with their tasks.

use std::time::Duration;

use mission_core::{Failure, LogLine, NewTask, State as TaskState, UniqueId, limits};
use mission_testkit::{Database, conformance, eventually};
use mission_worker::{Method, task_log};
use tracing::Instrument as _;
use tracing_subscriber::prelude::*;

use crate::stage::Stage;

conformance![
    what_methods_say_is_kept_in_order_over_all_attempts,
    what_a_running_method_says_can_be_read_at_once,
    a_flood_of_lines_is_bounded_and_counted,
];

/// All tests of this process share the one subscriber that a process has.
fn listen() {
    let _ = tracing_subscriber::registry().with(task_log()).try_init();
}

async fn logged(stage: &Stage, id: &UniqueId) -> Vec<LogLine> {
    stage.store.logs(id, 0, 10_000).await.unwrap()
}

async fn said(stage: &Stage, id: &UniqueId) -> Vec<String> {
    logged(stage, id).await.into_iter().map(|line| format!("{} {}", line.level, line.message)).collect()
}

async fn what_methods_say_is_kept_in_order_over_all_attempts(db: Database) {
    listen();
    let stage = Stage::set(db).await;
    let talker = Method::from_fn("talk", |ctx, (): ()| async move {
        tracing::info!(rows = 7, "begins");
        let spawned = async { tracing::warn!("from a future of its own") }.in_current_span();
        tokio::spawn(spawned).await?;
        ctx.log(format_args!("attempt {} \u{1b}[31mred\u{1b}[0m\0", ctx.attempt()));
        if ctx.attempt() == 1 { Err(Failure::new("once more")) } else { Ok(()) }
    });
    let blocking = Method::from_blocking_fn("shout", |ctx, (): ()| {
        tracing::error!("aloud");
        ctx.log("and plainly");
        Ok::<_, Failure>(())
    });
    let _worker = stage.worker([talker, blocking]).await;
    let (talk, shout) = (stage.push(NewTask::new("talk").retries(1)).await, stage.push(NewTask::new("shout")).await);
    stage.failures_reach(&talk, 1).await;
    stage.make_due().await;
    stage.reaches(&talk, TaskState::Success).await;
    stage.reaches(&shout, TaskState::Success).await;
    let attempt =
        |n| ["info begins rows=7".to_owned(), "warn from a future of its own".into(), format!("info attempt {n} red")];
    assert_eq!(said(&stage, &talk).await, [attempt(1), attempt(2)].concat());
    assert_eq!(said(&stage, &shout).await, ["error aloud", "info and plainly"]);
    let lines = logged(&stage, &talk).await;
    assert!(lines.is_sorted_by(|one, next| one.line_no < next.line_no));
}

async fn what_a_running_method_says_can_be_read_at_once(db: Database) {
    let stage = Stage::set(db).await;
    let waiter = Method::from_fn("wait", |ctx, (): ()| async move {
        ctx.log("here");
        Err::<(), _>(Failure::from(ctx.stopped().await))
    });
    let worker = stage.worker([waiter]).await;
    let id = stage.push(NewTask::new("wait")).await;
    eventually("its line is there", async || said(&stage, &id).await == ["info here"]).await;
    worker.stop_now().await;
}

async fn a_flood_of_lines_is_bounded_and_counted(db: Database) {
    let stage = Stage::set(db).await;
    let flood = Method::from_blocking_fn("flood", |ctx, (): ()| {
        for n in 0..limits::LOG_LINES_MAX + 500 {
            ctx.log(n);
        }
        Ok::<_, Failure>(())
    });
    let _worker = stage.worker([flood]).await;
    let id = stage.push(NewTask::new("flood")).await;
    stage.reaches_within(Duration::from_secs(60), &id, TaskState::Success).await;
    let said = said(&stage, &id).await;
    assert_eq!(i64::try_from(said.len()).unwrap(), limits::LOG_LINES_MAX + 1, "{:?}", said.last());
    assert_eq!(said[0], "info 0");
    assert_eq!(said.last().unwrap(), "warn 501 lines of this attempt were left out");
}
