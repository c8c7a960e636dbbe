//! What a claim costs beside tasks that have ended, and behind waiting ones that it may not take.

use std::time::Duration;

use mission_core::{Result, State};
use mission_engine::Mission;
use mission_engine::bench::Rows;

use crate::methods::EMPTY;
use crate::pick_up::percentile;
use crate::plan::Plan;
use crate::report::{Figure, Unit};
use crate::scratches::Scratches;

/// Claims of each round, for each of the databases.
const CLAIMS: usize = 100;
/// Tasks each claim takes.
const CLAIMED: usize = 10;
/// The type that is served, that is paused, and that nobody serves.
const SERVED: &str = "system";
const PAUSED: &str = "bench-paused";
const OTHER: &str = "bench-other";
/// Rows of each kind in front of what is claimed.
const IN_FRONT: usize = 100_000;
/// Due long ago, and far ahead, in microseconds since 1970.
const LONG_AGO_US: i64 = 1_600_000_000_000_000;
const FAR_US: i64 = 9_000_000_000_000_000;

/// Claims in three databases in turn: one with nothing else in it, one with ended tasks, one with waiting tasks in front.
pub(crate) async fn history(plan: &Plan, scratches: &Scratches<'_>) -> Result<Vec<Figure>> {
    let (ended, in_front) = (plan.many, plan.many.min(IN_FRONT));
    let mut missions = Vec::new();
    for _ in 0..3 {
        missions.push(scratches.open().await?);
    }
    if let [_, beside, behind] = missions.as_slice() {
        beside.fill(&rows(State::Success, SERVED, 0, LONG_AGO_US, ended)).await?;
        put_in_front(behind, in_front).await?;
    }
    for mission in &missions {
        let count = (plan.rounds + 1) * CLAIMS * CLAIMED;
        mission.fill(&rows(State::Init, SERVED, 0, LONG_AGO_US, count)).await?;
    }
    let (mut beside, mut behind) = (Vec::new(), Vec::new());
    for round in 0..=plan.rounds {
        let middles = in_turn(&missions).await?;
        // The first round fills caches.
        if let ([bare, with_ended, with_front], true) = (middles.as_slice(), round > 0) {
            beside.push((*with_ended, *bare));
            behind.push((*with_front, *bare));
        }
    }
    let behind_what =
        format!("claim of {CLAIMED} behind {in_front} each of future, paused, unserved tasks, against none");
    Ok(vec![
        Figure::beside(
            format!("claim of {CLAIMED} beside {ended} ended tasks, against none"),
            Unit::Milliseconds,
            &beside,
        ),
        Figure::beside(behind_what, Unit::Milliseconds, &behind),
    ])
}

/// Waiting tasks that come before all others in the index or in the order: none of them may be taken.
async fn put_in_front(mission: &Mission, count: usize) -> Result<()> {
    mission.pause(PAUSED).await?;
    mission.fill(&rows(State::Init, SERVED, 9, FAR_US, count)).await?;
    mission.fill(&rows(State::Init, PAUSED, 9, LONG_AGO_US - 1_000_000_000, count)).await?;
    mission.fill(&rows(State::Init, OTHER, 9, LONG_AGO_US - 1_000_000_000, count)).await
}

/// A round of claims, each database in turn, and another one first each time: the p50 of each, in milliseconds.
async fn in_turn(missions: &[Mission]) -> Result<Vec<f64>> {
    let mut took = vec![Vec::with_capacity(CLAIMS); missions.len()];
    for claim in 0..CLAIMS {
        for turn in 0..missions.len() {
            let place = (claim + turn) % missions.len();
            let span: Duration = missions[place].claim_and_settle(EMPTY, SERVED, CLAIMED).await?;
            took[place].push(span.as_secs_f64() * 1000.0);
        }
    }
    took.iter_mut().for_each(|spans| spans.sort_by(f64::total_cmp));
    Ok(took.iter().map(|spans| percentile(spans, 0.5)).collect())
}

fn rows(state: State, task_type: &'static str, priority: i64, due_us: i64, count: usize) -> Rows {
    Rows { method: EMPTY, task_type, priority, state, due_us, count }
}
