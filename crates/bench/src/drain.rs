//! Whether many waiting tasks are worked off at the same rate as few.

use std::time::{Duration, Instant};

use mission_core::{Result, State, Timestamp};
use mission_engine::Mission;
use mission_engine::bench::{FLOOR_ROWS, Rows};

use crate::crew::Crew;
use crate::methods::EMPTY;
use crate::plan::Plan;
use crate::report::{Figure, Unit};
use crate::scratches::Scratches;

/// Slices of the many that each round works off.
const SLICES: usize = 5;
/// The first task is due then, each other a microsecond later: where the head of the line is, so many have been claimed.
const DUE_US: i64 = 1_600_000_000_000_000;
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Fewer tasks may be gone between two looks.
const SLICE_MIN: usize = 10_000;
/// What is left out at both ends of the few, when a worker starts and when it runs out of tasks: one part in so many.
const EDGE_PART: usize = 10;

/// A database with tasks due one after another, all of one line.
struct Heap<'m> {
    mission: &'m Mission,
    made: usize,
    /// How many had been claimed at the last look, counted from the first on.
    claimed: usize,
}

/// Works off a few tasks in one database and as many, several times, of a heap of millions in another, by turns.
pub(crate) async fn drain(plan: &Plan, scratches: &Scratches<'_>) -> Result<Vec<Figure>> {
    let ((few, few_url), (many, many_url)) = (scratches.open_at().await?, scratches.open_at().await?);
    let slice = (plan.thousands * FLOOR_ROWS).max(SLICE_MIN);
    // What a worker holds when it is sent away waits again: a round needs a little more than its slices.
    let share = (slice * (SLICES + 1)).min(plan.many / (plan.rounds + 1));
    let step = slice.min(share / 2).max(1);
    let mut heap = Heap { mission: &many, made: 0, claimed: 0 };
    heap.grow(plan.many).await?;
    let mut small = Heap { mission: &few, made: 0, claimed: 0 };
    let mut pairs = Vec::new();
    for round in 0..=plan.rounds {
        small.grow(slice).await?;
        let crew = Crew::hire(plan, &few_url, 1).await?;
        let edge = slice / EDGE_PART;
        let of_few = small.rates(small.made - slice + edge, slice - 2 * edge, 1).await?;
        small.claimed_to(small.made).await?;
        crew.dismiss().await;
        let begin = heap.look().await?;
        let crew = Crew::hire(plan, &many_url, 1).await?;
        let of_many = heap.rates(begin + edge, step, share / step - 1).await?;
        crew.dismiss().await;
        // The first round fills caches.
        if let (Some(of_few), true) = (of_few.first(), round > 0) {
            pairs.extend(of_many.iter().map(|of_many| (*of_many, *of_few)));
        }
    }
    let name = format!("drain, each {step} of {} waiting tasks, against {slice} waiting", plan.many);
    Ok(vec![Figure::beside(name, Unit::TasksPerSecond, &pairs)])
}

impl Heap<'_> {
    async fn grow(&mut self, count: usize) -> Result<()> {
        let due_us = due_us(self.made);
        let rows = Rows { method: EMPTY, task_type: "system", priority: 0, state: State::Init, due_us, count };
        self.made += count;
        self.mission.fill(&rows).await
    }

    /// How many have been claimed. What came before the last look is passed over: it has left dead entries in the index.
    async fn look(&mut self) -> Result<usize> {
        let head = self.mission.head_from(EMPTY, Timestamp(due_us(self.claimed))).await?;
        self.claimed = head.map_or(self.made, |head| usize::try_from(head.0 - DUE_US).unwrap_or(0));
        Ok(self.claimed)
    }

    /// Waits until so many have been claimed; answers how many had been when it looked, and when that was.
    async fn claimed_to(&mut self, goal: usize) -> Result<(usize, Instant)> {
        loop {
            let claimed = self.look().await?;
            if claimed >= goal.min(self.made) {
                return Ok((claimed, Instant::now()));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Tasks claimed in a second, for each of some steps from a place on.
    async fn rates(&mut self, from: usize, step: usize, steps: usize) -> Result<Vec<f64>> {
        let (mut claimed, mut at) = self.claimed_to(from).await?;
        let mut rates = Vec::with_capacity(steps);
        for number in 1..=steps {
            let (claimed_then, then) = self.claimed_to(from + number * step).await?;
            rates.push((claimed_then - claimed) as f64 / (then - at).as_secs_f64());
            (claimed, at) = (claimed_then, then);
        }
        Ok(rates)
    }
}

/// When the task is due that was made after so many others.
fn due_us(made: usize) -> i64 {
    DUE_US + i64::try_from(made).unwrap_or(i64::MAX)
}
