//! For measuring: a database of its own beside a given one, and the floor under what Mission can reach on it.

use std::time::Duration;

use mission_core::{Filter, Result, State};
pub use mission_store::bench::{FLOOR_ROWS, Floor, Scratch};

use crate::Mission;
use crate::detached::detached;

impl Mission {
    /// Makes, claims and settles so many thousands of tasks in plain SQL, a thousand to a commit. Only for a [`Scratch`].
    pub async fn floor(&self, thousands: usize) -> Result<Floor> {
        let store = self.store();
        detached(async move { store.floor(thousands).await }).await
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
}
