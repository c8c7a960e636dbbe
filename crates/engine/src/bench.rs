//! For measuring: a database of its own beside a given one, and the floor under what Mission can reach on it.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use mission_core::{Chance, Error, ErrorKind, Filter, Outcome, Policy, Result, State, Timestamp, WorkerId, settle};
pub use mission_store::bench::{FLOOR_ROWS, Floor, Rows, Scratch};
use mission_store::{Line, Store};

use crate::Mission;
use crate::detached::detached;

#[doc(hidden)]
impl Mission {
    /// Makes, claims and settles so many thousands of tasks in plain SQL, a thousand to a commit. Only for a [`Scratch`].
    pub async fn floor(&self, thousands: usize) -> Result<Floor> {
        let store = self.store();
        detached(async move { store.floor(thousands).await }).await
    }

    /// Stores one task and makes it somebody's in plain SQL, each in a commit of its own: how long the two took. Only for a [`Scratch`].
    pub async fn floor_of_pick_up(&self) -> Result<Duration> {
        let store = self.store();
        detached(async move { store.floor_of_pick_up().await }).await
    }

    /// Whether a task is due or runs, by one dive into an index for each line of waiting ones.
    pub async fn has_work(&self) -> Result<bool> {
        let store = self.store();
        let is_due = async move {
            let (lines, now) = store.lines().await?;
            Ok(lines.iter().any(|line| line.head <= now))
        };
        let waits = detached(is_due).await?;
        Ok(waits || !self.records(&Filter::all().state(State::Executing), 1).await?.is_empty())
    }

    /// Stores so many thousands of tasks by plain inserts of a thousand rows each. Only for a [`Scratch`].
    pub async fn floor_of_inserts(&self, thousands: usize) -> Result<Duration> {
        let store = self.store();
        detached(async move { store.floor_of_inserts(thousands).await }).await
    }

    /// How many statements the server has answered, of all clients, where it counts them.
    pub async fn statements_served(&self) -> Result<Option<u64>> {
        let store = self.store();
        detached(async move { store.statements_served().await }).await
    }

    /// How many deadlocks the server has met, of all clients, where it counts them and this user may see it.
    pub async fn deadlocks(&self) -> Result<Option<u64>> {
        let store = self.store();
        detached(async move { store.deadlocks().await }).await
    }

    /// Makes tasks inside the database by plain SQL, many to a commit. Only for a [`Scratch`].
    pub async fn fill(&self, rows: &Rows) -> Result<()> {
        let mut made = 0;
        while made < rows.count {
            let (store, rows) = (self.store(), rows.clone());
            made += detached(async move { store.fill(&rows, made).await }).await?;
        }
        Ok(())
    }

    /// When the first waiting task of a method's usual line is due, from a time on.
    pub async fn head_from(&self, method: &'static str, from: Timestamp) -> Result<Option<Timestamp>> {
        let store = self.store();
        detached(async move { store.head_from(method, from).await }).await
    }

    /// Looks at the lines and claims so many tasks, as a worker does that knows one method and serves one type: how long each took. Then it
    /// puts them away, each as a success.
    pub async fn claim_and_settle(&self, method: &'static str, task_type: &'static str, count: usize) -> Result<Took> {
        let store = self.store();
        detached(async move { claim_and_settle(&store, method, task_type, count).await }).await
    }
}

/// What a worker does before its tasks run: it claims again and again, and looks at the lines once a second and where it is called.
#[derive(Debug, Clone, Copy)]
pub struct Took {
    /// Reading which lines have waiting tasks.
    pub look: Duration,
    /// Claiming tasks of one of them.
    pub claim: Duration,
}

/// No worker of this number is on the list of a scratch database, and none there would rescue its tasks.
const NOBODY: WorkerId = WorkerId(i64::MAX);

async fn claim_and_settle(store: &Store, method: &str, task_type: &str, count: usize) -> Result<Took> {
    let began = Instant::now();
    let (lines, now) = store.lines().await?;
    let look = began.elapsed();
    let may_be_taken =
        |line: &&Line| line.method == method && line.task_type == task_type && line.head <= now && !line.is_paused;
    let chosen = lines.iter().filter(may_be_taken).max_by_key(|line| (line.priority, Reverse(line.head)));
    let line = chosen.ok_or_else(|| Error::new(ErrorKind::Database, "no task is left to be claimed"))?;
    let claimed = store.claim(line, NOBODY, count).await?;
    let took = Took { look, claim: began.elapsed() - look };
    if claimed.len() != count {
        return Err(Error::new(ErrorKind::Database, format!("a claim of {count} tasks took {}", claimed.len())));
    }
    let settlements: Vec<_> = claimed
        .iter()
        .map(|task| {
            let outcome = Outcome::Success("as many bytes as the answer of a usual method has: about sixty".to_owned());
            settle(&task.running, &Policy::default(), outcome, Chance::random())
        })
        .collect();
    store.settle(&settlements).await?;
    Ok(took)
}
