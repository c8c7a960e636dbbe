//! The run: a scratch database, the parts one after another, some in databases of their own, and away with all.

use std::pin::Pin;
use std::time::Duration;

use mission_core::Result;
use mission_engine::Mission;
use mission_engine::bench::FLOOR_ROWS;

use crate::crew::{CONCURRENCY, Crew, work};
use crate::cycle::{cycle, ended};
use crate::drain::drain;
use crate::history::history;
use crate::idle::idle;
use crate::pick_up::{percentile, pick_up};
use crate::plan::{Part, Plan};
use crate::report::{Figure, Report, Unit};
use crate::reports::reports;
use crate::scratches::Scratches;
use crate::singles::singles;

/// Worker processes of the crowd.
const CROWD: usize = 8;
/// Single pushes to an idle worker; a debug build's figures are of no use, however many there are.
const PICK_UPS: usize = if cfg!(debug_assertions) { 10 } else { 100 };

/// What came of a run.
#[derive(Debug)]
pub struct Measured {
    /// What was found until its end; `None` where that came before anything could be.
    pub report: Option<Report>,
    /// How it ended.
    pub ending: Result<Ending>,
}

/// How a run ends that no error ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All that was planned is measured.
    Whole,
    /// It was told to end before.
    Interrupted,
}

/// Measures everything that is planned; `say` hears what is under way, and `told` ends it. What it makes is removed at its end,
/// what it found before an error or an interruption is kept.
///
/// # Errors
/// The ending is one where the database cannot be reached or refuses a database beside it, and where a worker cannot be started.
pub async fn run(plan: &Plan, say: impl Fn(&str), told: impl Future<Output = ()>) -> Measured {
    let scratches = Scratches::beside(&plan.url, &say);
    let mut report = None;
    let ending = tokio::select! {
        measured = in_scratches(plan, &scratches, &say, &mut report) => measured.map(|()| Ending::Whole),
        () = told => Ok(Ending::Interrupted),
    };
    let removed = scratches.keep(0).await;
    Measured { report, ending: ending.and_then(|ending| removed.map(|()| ending)) }
}

async fn in_scratches(
    plan: &Plan,
    scratches: &Scratches<'_>,
    say: &impl Fn(&str),
    report: &mut Option<Report>,
) -> Result<()> {
    let (mission, url) = scratches.open_at().await?;
    let health = mission.health().await?;
    let durability = health.findings.iter().find(|finding| finding.about == "durability");
    let report = report.insert(Report {
        database: health.database,
        durability: durability.map(|finding| finding.sentence.clone()).unwrap_or_default(),
        processors: std::thread::available_parallelism().map_or(1, usize::from),
        is_release: !cfg!(debug_assertions),
        tasks: plan.thousands * FLOOR_ROWS,
        rounds: plan.rounds,
        concurrency: plan.concurrency,
        missing: plan.parts.iter().map(|part| part.name()).collect(),
        figures: Vec::new(),
    });
    for part in &plan.parts {
        say(part.name());
        let figures = match part {
            Part::History => history(plan, scratches).await?,
            Part::Drain => drain(plan, scratches).await?,
            // Its tasks wait for ever, in nobody's way.
            Part::Singles => pushes(plan, &scratches.open().await?).await?,
            part => boxed(measure(*part, plan, &mission, &url)).await?,
        };
        // SQLite has no server whose statements could be counted.
        if !figures.is_empty() {
            report.missing.retain(|missing| *missing != part.name());
        }
        report.figures.extend(figures);
        // What a part made for itself may be large.
        scratches.keep(1).await?;
    }
    Ok(())
}

/// Of a type of its own: the compiler follows futures in futures only so deep.
fn boxed<'f, T>(future: impl Future<Output = T> + 'f) -> Pin<Box<dyn Future<Output = T> + 'f>> {
    Box::pin(future)
}

/// A part that can do with what the others have left.
async fn measure(part: Part, plan: &Plan, mission: &Mission, url: &str) -> Result<Vec<Figure>> {
    match part {
        Part::Cycle => cycles(plan, mission, url).await,
        Part::Crowd => crowds(plan, mission, url).await,
        Part::PickUp => pick_ups(plan, mission, url).await,
        Part::Reports => reports(plan, mission, url).await,
        Part::Idle => rest(plan, mission, url).await,
        Part::History | Part::Drain | Part::Singles => Ok(Vec::new()),
    }
}

/// One worker process beside the floor.
async fn cycles(plan: &Plan, mission: &Mission, url: &str) -> Result<Vec<Figure>> {
    let mut pairs = Vec::with_capacity(plan.rounds);
    for round in 0..=plan.rounds {
        let floor = mission.floor(plan.thousands).await?.total();
        let took = worked(plan, mission, url, 1).await?.took;
        // The first round fills caches.
        if round > 0 {
            pairs.push((rate(plan, took), rate(plan, floor)));
        }
    }
    Ok(vec![Figure::beside("complete cycle, one worker process", Unit::TasksPerSecond, &pairs)])
}

/// Many worker processes beside the floor, and beside one of the same round: a database grows slower with what it has worked through.
async fn crowds(plan: &Plan, mission: &Mission, url: &str) -> Result<Vec<Figure>> {
    let (mut pairs, mut beside_one, mut deadlocks) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=plan.rounds {
        let floor = mission.floor(plan.thousands).await?.total();
        let (crowd, one) = if round % 2 == 0 {
            let crowd = worked(plan, mission, url, CROWD).await?;
            (crowd, worked(plan, mission, url, 1).await?)
        } else {
            let one = worked(plan, mission, url, 1).await?;
            (worked(plan, mission, url, CROWD).await?, one)
        };
        if round > 0 {
            pairs.push((rate(plan, crowd.took), rate(plan, floor)));
            beside_one.push((rate(plan, crowd.took), rate(plan, one.took)));
            deadlocks.extend(crowd.deadlocks.map(|met| met as f64 * 100.0 / plan.thousands as f64));
        }
    }
    let mut figures = vec![
        Figure::beside("complete cycle, eight worker processes", Unit::TasksPerSecond, &pairs),
        Figure::beside("eight worker processes beside one", Unit::TasksPerSecond, &beside_one),
    ];
    if !deadlocks.is_empty() {
        figures.push(Figure::plain("deadlocks, eight worker processes", Unit::PerHundredThousand, &deadlocks));
    }
    Ok(figures)
}

/// How long a round's tasks took these workers, and how many deadlocks the database met, if it tells.
struct Worked {
    took: Duration,
    deadlocks: Option<u64>,
}

async fn worked(plan: &Plan, mission: &Mission, url: &str, workers: usize) -> Result<Worked> {
    let crew = Crew::hire_for(plan, url, workers, plan.concurrency).await?;
    // Workers that have just come still open connections and have statements read; those that are not hinted come after a while.
    cycle(mission, plan.thousands).await?;
    let before = mission.deadlocks().await?;
    let took = cycle(mission, plan.thousands).await?;
    let deadlocks = before.zip(mission.deadlocks().await?).map(|(before, after)| after.saturating_sub(before));
    crew.dismiss().await;
    Ok(Worked { took, deadlocks })
}

async fn pushes(plan: &Plan, mission: &Mission) -> Result<Vec<Figure>> {
    let mut pairs = Vec::with_capacity(plan.rounds);
    for round in 0..=plan.rounds {
        let floor = mission.floor_of_inserts(plan.thousands).await?;
        let took = singles(mission, plan.thousands).await?;
        if round > 0 {
            pairs.push((rate(plan, took), rate(plan, floor)));
        }
    }
    Ok(vec![Figure::beside("pushed one by one by 32 callers", Unit::TasksPerSecond, &pairs)])
}

async fn pick_ups(plan: &Plan, mission: &Mission, url: &str) -> Result<Vec<Figure>> {
    let crew = Crew::hire(plan, url, 1).await?;
    // What another part left is none of this one's business.
    ended(mission).await?;
    let elsewhere = pick_up(mission, PICK_UPS).await?;
    crew.dismiss().await;
    let worker = work(mission, CONCURRENCY).await?;
    let here = pick_up(mission, PICK_UPS).await?;
    worker.stop().await;
    let mut figures = Vec::new();
    for (whose, seen) in [("another process", &elsewhere), ("same process", &here)] {
        for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
            let pair = (percentile(&seen.waits, share), percentile(&seen.floors, share));
            figures.push(Figure::beside(format!("pick-up, {whose}, {name}"), Unit::Milliseconds, &[pair]));
        }
    }
    Ok(figures)
}

async fn rest(plan: &Plan, mission: &Mission, url: &str) -> Result<Vec<Figure>> {
    let seen = idle(mission, plan, url).await?;
    let figures = [
        ("idle worker, statements", Unit::QueriesPerSecond, seen.queries),
        ("idle worker beside tasks for later, statements", Unit::QueriesPerSecond, seen.queries_beside),
        ("idle worker, its processor time", Unit::Percent, seen.worker),
        ("idle worker, the server's processor time for it", Unit::Percent, seen.server),
        ("idle worker, memory", Unit::Mebibytes, seen.memory),
        ("worker with 1,000 running tasks, memory", Unit::Mebibytes, seen.memory_running),
    ];
    let seen = figures.into_iter().filter_map(|(name, unit, value)| Some(Figure::plain(name, unit, &[value?])));
    Ok(seen.collect())
}

fn rate(plan: &Plan, took: Duration) -> f64 {
    (plan.thousands * FLOOR_ROWS) as f64 / took.as_secs_f64()
}
