//! The part of a producer: notes what it means to push, pushes, notes what was accepted. After an unknown outcome it pushes
//! the same tasks again, as the documents of `Mission::push` say.

use std::time::Duration;

use mission::{Mission, NewTask};
use mission_verifier::{Outcome, Papers};

use crate::chance::Chance;
use crate::load::Order;
use crate::process::die_with_parent;

const BATCH_MAX: u64 = 50;
const AGAIN: Duration = Duration::from_millis(100);
/// No outage of a run lasts so long.
const TRIES_MAX: u32 = 600;

/// Pushes `COUNT` orders: `URL FOLDER FROM COUNT MS_MAX METHODS SEED`.
///
/// # Errors
/// The words make no sense, or the database stays away.
pub fn play(words: &[&str]) -> Outcome<()> {
    let [url, folder, from, count, ms_max, methods, seed] = words else {
        return Err("producer needs URL FOLDER FROM COUNT MS_MAX METHODS SEED".into());
    };
    die_with_parent()?;
    let (from, count, ms_max): (i64, i64, u64) = (from.parse()?, count.parse()?, ms_max.parse()?);
    let mut chance = Chance::of(seed.parse::<u64>()?.wrapping_add(from.unsigned_abs()));
    let papers = Papers::in_folder(*folder);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mission = Mission::open(url).await?;
        let mut next = from;
        while next < from + count {
            let size = i64::try_from(1 + chance.below(BATCH_MAX))?.min(from + count - next);
            let orders = (next..next + size).map(|n| Order { n, ms: span(&mut chance, ms_max) }).collect();
            push(&mission, &papers, methods, orders).await?;
            next += size;
        }
        Ok(())
    })
}

/// Most tasks are short, one in twenty takes up to the longest.
fn span(chance: &mut Chance, ms_max: u64) -> u64 {
    let end = if chance.below(20) == 0 { ms_max } else { ms_max / 10 };
    chance.below(end + 1)
}

async fn push(mission: &Mission, papers: &Papers, methods: &str, orders: Vec<Order>) -> Outcome<()> {
    let methods: Vec<&str> = methods.split(',').collect();
    let task = |order: &Order| {
        let place = usize::try_from(order.n).unwrap_or(0) % methods.len();
        (order.n, NewTask::new(methods[place]).params(order))
    };
    let tasks: Vec<(i64, NewTask)> = orders.iter().map(task).collect();
    papers.intend(tasks.iter().map(|(number, task)| (*number, task.unique_id().as_str(), task.method())))?;
    let mut tries = 0;
    while let Err(error) = mission.push_all(tasks.iter().map(|(_, task)| task.clone())).await {
        tries += 1;
        eprintln!("try {tries}: {error:?}");
        if !error.is_unreachable() {
            papers.surface(&format!("{error}"))?;
        }
        if tries == TRIES_MAX {
            return Err(error.into());
        }
        tokio::time::sleep(AGAIN).await;
    }
    papers.accept(tasks.iter().map(|(number, task)| (*number, task.unique_id().as_str())))
}
