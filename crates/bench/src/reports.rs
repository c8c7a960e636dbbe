//! What a thousand running tasks cost that report progress and make checkpoints.

use std::time::{Duration, Instant};

use mission_core::{NewTask, Result};
use mission_engine::Mission;

use crate::crew::Crew;
use crate::cycle::ended;
use crate::methods::{REPORT, REPORT_EVERY_MS};
use crate::plan::{Plan, watched};
use crate::report::{Figure, Unit};

/// Tasks that report at once.
const RUNNING: usize = 1000;
/// For so long they run, and from then on they are watched, until then.
const RUN: Duration = watched(16);
const FROM: Duration = watched(4);
const UNTIL: Duration = watched(14);

/// Statements in a second while the tasks run, of all who are connected; nothing where they are not counted.
pub(crate) async fn reports(plan: &Plan, mission: &Mission, url: &str) -> Result<Vec<Figure>> {
    if mission.statements_served().await?.is_none() {
        return Ok(Vec::new());
    }
    let crew = Crew::hire(plan, url, 1).await?;
    ended(mission).await?;
    let for_ms = u64::try_from(RUN.as_millis()).unwrap_or(u64::MAX);
    let began = Instant::now();
    mission.push_all((0..RUNNING).map(|_| NewTask::new(REPORT).params(&for_ms))).await?;
    tokio::time::sleep(FROM.saturating_sub(began.elapsed())).await;
    let (before, at) = (mission.statements_served().await?, Instant::now());
    tokio::time::sleep(UNTIL.saturating_sub(began.elapsed())).await;
    let (after, took) = (mission.statements_served().await?, at.elapsed().as_secs_f64());
    ended(mission).await?;
    crew.dismiss().await;
    // The question itself is one.
    let served = before.zip(after).map(|(before, after)| after.saturating_sub(before + 1) as f64 / took);
    let name = format!("{RUNNING} tasks that report each {REPORT_EVERY_MS} ms, statements");
    Ok(served.map(|served| Figure::plain(name, Unit::QueriesPerSecond, &[served])).into_iter().collect())
}
