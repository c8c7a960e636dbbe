//! The complete cycle: pushed in bulk, claimed, run, settled, history kept.

use std::time::{Duration, Instant};

use mission_core::{NewTask, Result};
use mission_engine::Mission;

use crate::methods::EMPTY;

/// Tasks in one push.
const PUSHED_AT_ONCE: usize = 1000;
/// Whether they have ended is asked so often: looking is no work beside that which is measured, and comes late by a hundredth.
const LOOK_PART: u32 = 100;
const LOOK_MIN: Duration = Duration::from_millis(5);

/// Pushes so many thousands of tasks and waits until all have ended.
pub(crate) async fn cycle(mission: &Mission, thousands: usize) -> Result<Duration> {
    let began = Instant::now();
    let mut last = None;
    for _ in 0..thousands {
        let tasks: Vec<NewTask> = (0..PUSHED_AT_ONCE).map(empty).collect();
        last = mission.push_all(tasks).await?.pop();
    }
    // One row is read for less than the lines, whose dead entries PostgreSQL passes each time.
    while let Some(task) = &last
        && !task.get().await?.state.is_final()
    {
        moment_after(began).await;
    }
    ended_since(mission, began).await?;
    Ok(began.elapsed())
}

/// A task as the floor makes them.
pub(crate) fn empty(n: usize) -> NewTask {
    let note = "as many bytes as the params of a usual task have, a hundred or so";
    NewTask::new(EMPTY).params(&serde_json::json!({ "rows": 1000, "note": note, "n": n })).creator("bench")
}

/// Waits until nothing waits or runs.
pub(crate) async fn ended(mission: &Mission) -> Result<()> {
    ended_since(mission, Instant::now()).await
}

/// The same, looking as seldom as befits what began then.
async fn ended_since(mission: &Mission, began: Instant) -> Result<()> {
    while mission.has_work().await? {
        moment_after(began).await;
    }
    Ok(())
}

/// Until the next look at what began then.
async fn moment_after(began: Instant) {
    tokio::time::sleep((began.elapsed() / LOOK_PART).max(LOOK_MIN)).await;
}
