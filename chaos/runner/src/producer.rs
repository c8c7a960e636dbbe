//! The part of a producer: notes what it means to push, pushes, notes what was accepted. After an unknown outcome it pushes
//! the same tasks again, as the documents of `Mission::push` say.

use std::time::Duration;

use mission::{Error, Mission, NewTask};
use mission_verifier::{Outcome, Papers};

use crate::chance::Chance;
use crate::load::Order;
use crate::process::die_with_parent;

const BATCH_MAX: u64 = 50;
const AGAIN: Duration = Duration::from_millis(100);
/// No outage of a run lasts so long.
const TRIES_MAX: u32 = 600;
/// Between two pushes of a process that works, too.
const REST: Duration = Duration::from_millis(20);

/// Pushes `COUNT` orders: `URL FOLDER FROM COUNT MS_MAX METHODS SEED`.
///
/// # Errors
/// The words make no sense, or the database stays away.
pub fn play(words: &[&str]) -> Outcome<()> {
    let [url, folder, wave @ ..] = words else {
        return Err(format!("producer needs URL FOLDER {}", Wave::WORDS).into());
    };
    die_with_parent()?;
    let Wave { from, count, ms_max, methods, mut chance } = Wave::parse(wave)?;
    let papers = Papers::in_folder(*folder);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mission = Mission::open(url).await?;
        let mut next = from;
        while next < from + count {
            let size = i64::try_from(1 + chance.below(BATCH_MAX))?.min(from + count - next);
            let orders = (next..next + size).map(|n| Order { n, ms: span(&mut chance, ms_max) }).collect();
            push(&mission, &papers, &methods, orders).await?;
            next += size;
        }
        Ok(())
    })
}

/// The orders that one process pushes.
pub(crate) struct Wave {
    from: i64,
    count: i64,
    ms_max: u64,
    methods: String,
    chance: Chance,
}

impl Wave {
    const WORDS: &str = "FROM COUNT MS_MAX METHODS SEED";

    pub(crate) fn parse(words: &[&str]) -> Outcome<Self> {
        let [from, count, ms_max, methods, seed] = words else { return Err(format!("needs {}", Self::WORDS).into()) };
        let from: i64 = from.parse()?;
        let chance = Chance::of(seed.parse::<u64>()?.wrapping_add(from.unsigned_abs()));
        Ok(Self { from, count: count.parse()?, ms_max: ms_max.parse()?, methods: (*methods).to_owned(), chance })
    }

    /// Pushes them one by one, with a rest after each, so that the worker of its process is at rest, too.
    pub(crate) async fn push_one_by_one(mut self, mission: &Mission, papers: &Papers) -> Outcome<()> {
        for n in self.from..self.from + self.count {
            let order = Order { n, ms: span(&mut self.chance, self.ms_max) };
            let task = task(&order, &self.methods.split(',').collect::<Vec<_>>());
            let unique_id = task.unique_id().clone();
            papers.intend([(n, unique_id.as_str(), task.method())])?;
            with_patience(papers, async || mission.push(task.clone()).await).await?;
            papers.accept([(n, unique_id.as_str())])?;
            tokio::time::sleep(self.chance.about(REST)).await;
        }
        Ok(())
    }
}

/// Most tasks are short, one in twenty takes up to the longest.
fn span(chance: &mut Chance, ms_max: u64) -> u64 {
    let end = if chance.below(20) == 0 { ms_max } else { ms_max / 10 };
    chance.below(end + 1)
}

fn task(order: &Order, methods: &[&str]) -> NewTask {
    let place = usize::try_from(order.n).unwrap_or(0) % methods.len();
    NewTask::new(methods[place]).params(order)
}

async fn push(mission: &Mission, papers: &Papers, methods: &str, orders: Vec<Order>) -> Outcome<()> {
    let methods: Vec<&str> = methods.split(',').collect();
    let tasks: Vec<(i64, NewTask)> = orders.iter().map(|order| (order.n, task(order, &methods))).collect();
    papers.intend(tasks.iter().map(|(number, task)| (*number, task.unique_id().as_str(), task.method())))?;
    with_patience(papers, async || mission.push_all(tasks.iter().map(|(_, task)| task.clone())).await.map(drop))
        .await?;
    papers.accept(tasks.iter().map(|(number, task)| (*number, task.unique_id().as_str())))
}

/// Pushes again until it is known that it is done.
async fn with_patience<T>(papers: &Papers, push: impl AsyncFn() -> Result<T, Error>) -> Outcome<()> {
    let mut tries = 0;
    while let Err(error) = push().await {
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
    Ok(())
}
