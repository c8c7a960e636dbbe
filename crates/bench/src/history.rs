//! What a claim and a look at the lines cost beside tasks that have ended, and behind waiting ones that may not be taken.

use std::time::Duration;

use mission_core::{Result, State};
use mission_engine::Mission;
use mission_engine::bench::{Rows, Took};

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
    let mut rounds = Vec::new();
    for round in 0..=plan.rounds {
        let middles = in_turn(&missions).await?;
        // The first round fills caches.
        if round > 0 {
            rounds.push(middles);
        }
    }
    let beside = format!("beside {ended} ended tasks, against none");
    let behind = format!("behind {in_front} each of future, paused, unserved tasks, against none");
    let figure = |what: &str, place: &str, of: fn(&Middle) -> f64, at: usize| {
        // proof: a round has a middle for each of the three databases.
        let pairs: Vec<_> = rounds.iter().map(|middles| (of(&middles[at]), of(&middles[0]))).collect();
        Figure::beside(format!("{what} {place}"), Unit::Milliseconds, &pairs)
    };
    let claim = format!("claim of {CLAIMED}");
    Ok(vec![
        figure(&claim, &beside, |middle| middle.claim, 1),
        figure(&claim, &behind, |middle| middle.claim, 2),
        figure("look at the lines", &beside, |middle| middle.look, 1),
        figure("look at the lines", &behind, |middle| middle.look, 2),
    ])
}

/// The p50 of a round's, in milliseconds.
struct Middle {
    claim: f64,
    look: f64,
}

/// Waiting tasks that come before all others in the index or in the order: none of them may be taken.
async fn put_in_front(mission: &Mission, count: usize) -> Result<()> {
    mission.pause(PAUSED).await?;
    mission.fill(&rows(State::Init, SERVED, 9, FAR_US, count)).await?;
    mission.fill(&rows(State::Init, PAUSED, 9, LONG_AGO_US - 1_000_000_000, count)).await?;
    mission.fill(&rows(State::Init, OTHER, 9, LONG_AGO_US - 1_000_000_000, count)).await
}

/// A round of looks and claims, each database in turn, and another one first each time.
async fn in_turn(missions: &[Mission]) -> Result<Vec<Middle>> {
    let mut took = vec![Vec::with_capacity(CLAIMS); missions.len()];
    for claim in 0..CLAIMS {
        for turn in 0..missions.len() {
            let place = (claim + turn) % missions.len();
            took[place].push(missions[place].claim_and_settle(EMPTY, SERVED, CLAIMED).await?);
        }
    }
    let middle = |took: &[Took], of: fn(&Took) -> Duration| {
        let mut spans: Vec<f64> = took.iter().map(|took| of(took).as_secs_f64() * 1000.0).collect();
        spans.sort_by(f64::total_cmp);
        percentile(&spans, 0.5)
    };
    let of_both =
        |took: &Vec<Took>| Middle { claim: middle(took, |took| took.claim), look: middle(took, |took| took.look) };
    Ok(took.iter().map(of_both).collect())
}

fn rows(state: State, task_type: &'static str, priority: i64, due_us: i64, count: usize) -> Rows {
    Rows { method: EMPTY, task_type, priority, state, due_us, count }
}
