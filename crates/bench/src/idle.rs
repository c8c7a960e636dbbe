//! What a worker costs that has nothing to do, and what its memory is with a thousand running tasks.

use std::time::{Duration, Instant};

use mission_core::{Filter, NewTask, Result, State};
use mission_engine::Mission;

use crate::crew::Crew;
use crate::methods::WAIT;
use crate::process::{family, memory_mib, processor_seconds};

/// For so long it is watched.
const WATCHED: Duration = Duration::from_secs(10);
/// After its start, and after work, a worker comes to rest.
const REST: Duration = Duration::from_secs(3);
/// Tasks that run at once when memory is read.
const RUNNING: usize = 1000;

/// What was seen.
#[derive(Default)]
pub(crate) struct Idle {
    /// Statements per second, of all who are connected.
    pub(crate) queries: Option<f64>,
    /// Share of one processor, in percent.
    pub(crate) worker: Option<f64>,
    pub(crate) server: Option<f64>,
    /// MiB.
    pub(crate) memory: Option<f64>,
    pub(crate) memory_running: Option<f64>,
}

pub(crate) async fn idle(mission: &Mission, crew: &Crew, server_pid: Option<u32>) -> Result<Idle> {
    tokio::time::sleep(REST).await;
    let pids = crew.pids();
    let server = server_pid.map(family).unwrap_or_default();
    let queries = mission.statements_served().await?;
    let used = || (processor_seconds(&pids), processor_seconds(&server).filter(|_| !server.is_empty()));
    let (before, began) = (used(), Instant::now());
    tokio::time::sleep(WATCHED).await;
    let (after, took) = (used(), began.elapsed().as_secs_f64());
    let queries_after = mission.statements_served().await?;
    let percent = |before: Option<f64>, after: Option<f64>| Some((after? - before?) / took * 100.0);
    let mut seen = Idle {
        // The question itself is one.
        queries: queries.zip(queries_after).map(|(before, after)| (after.saturating_sub(before + 1)) as f64 / took),
        worker: percent(before.0, after.0),
        server: percent(before.1, after.1),
        memory: pids.first().and_then(|pid| memory_mib(*pid)),
        memory_running: None,
    };
    mission.push_all((0..RUNNING).map(|_| NewTask::new(WAIT))).await?;
    let running = Filter::all().state(State::Executing);
    while mission.records(&running, RUNNING).await?.len() < RUNNING {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(REST).await;
    seen.memory_running = pids.first().and_then(|pid| memory_mib(*pid));
    Ok(seen)
}
