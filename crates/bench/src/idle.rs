//! What a worker costs that has nothing to do, and what its memory is with a thousand running tasks.

use std::time::{Duration, Instant, UNIX_EPOCH};

use mission_core::{Filter, NewTask, Result, State};
use mission_engine::Mission;

use crate::crew::Crew;
use crate::cycle::ended;
use crate::methods::{EMPTY, FAR, WAIT};
use crate::plan::{Plan, watched};
use crate::process::{family, memory_mib, processor_seconds};

/// For so long it is watched: what is done each ten seconds is done twice.
const WATCHED: Duration = watched(20);
/// After its start, and after work, a worker comes to rest.
const REST: Duration = watched(3);
/// Tasks whose time has not come: more than are seen at a glance.
const LATER: usize = 100;
/// Tasks that run at once when memory is read.
const RUNNING: usize = 1000;

/// What was seen.
#[derive(Default)]
pub(crate) struct Idle {
    /// Statements per second, those without a worker left out.
    pub(crate) queries: Option<f64>,
    /// The same where tasks wait whose time has not come, of two methods.
    pub(crate) queries_beside: Option<f64>,
    /// Share of one processor, in percent.
    pub(crate) worker: Option<f64>,
    /// What the server uses more than without a worker.
    pub(crate) server: Option<f64>,
    /// MiB.
    pub(crate) memory: Option<f64>,
    pub(crate) memory_running: Option<f64>,
}

pub(crate) async fn idle(mission: &Mission, plan: &Plan, url: &str) -> Result<Idle> {
    let server = plan.server_pid.map(family).unwrap_or_default();
    tokio::time::sleep(REST).await;
    let without = watch(mission, &server).await?;
    let crew = Crew::hire(plan, url, 1).await?;
    ended(mission).await?;
    tokio::time::sleep(REST).await;
    let pids = crew.pids();
    let used = (processor_seconds(&pids), Instant::now());
    let with = watch(mission, &server).await?;
    let worker = processor_seconds(&pids).zip(used.0).map(|(after, before)| after - before);
    let mut seen = Idle {
        queries: with.queries.zip(without.queries).map(|(with, without)| with - without),
        worker: worker.map(|seconds| seconds / used.1.elapsed().as_secs_f64() * 100.0),
        server: with.server.zip(without.server).map(|(with, without)| (with - without).max(0.0)),
        memory: pids.first().and_then(|pid| memory_mib(*pid)),
        queries_beside: None,
        memory_running: None,
    };
    let later = |n: usize| NewTask::new([EMPTY, WAIT][n % 2]).at(UNIX_EPOCH + FAR);
    let for_later = mission.push_all((0..LATER).map(later)).await?;
    tokio::time::sleep(REST).await;
    let beside = watch(mission, &server).await?;
    seen.queries_beside = beside.queries.zip(without.queries).map(|(with, without)| with - without);
    for task in for_later {
        mission.cancel(task.unique_id().as_str()).await?;
    }
    mission.push_all((0..RUNNING).map(|_| NewTask::new(WAIT))).await?;
    let running = Filter::all().state(State::Executing);
    while mission.records(&running, RUNNING).await?.len() < RUNNING {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(REST).await;
    seen.memory_running = pids.first().and_then(|pid| memory_mib(*pid));
    crew.dismiss().await;
    Ok(seen)
}

/// What a server does in a while.
struct Watched {
    /// Per second.
    queries: Option<f64>,
    /// Percent of one processor.
    server: Option<f64>,
}

async fn watch(mission: &Mission, server: &[u32]) -> Result<Watched> {
    let used = || processor_seconds(server).filter(|_| !server.is_empty());
    let (queries, before, began) = (mission.statements_served().await?, used(), Instant::now());
    tokio::time::sleep(WATCHED).await;
    let (after, took) = (used(), began.elapsed().as_secs_f64());
    let queries_after = mission.statements_served().await?;
    Ok(Watched {
        queries: queries.zip(queries_after).map(|(before, after)| after.saturating_sub(before) as f64 / took),
        server: before.zip(after).map(|(before, after)| (after - before) / took * 100.0),
    })
}
