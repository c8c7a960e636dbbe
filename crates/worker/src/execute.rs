//! Execute: running what waits now in this process, and handing back the records.

use mission_core::{Result, Task, UniqueId};
use mission_store::Store;

use crate::Registry;
use crate::state::States;

/// What to execute.
#[derive(Debug, Clone)]
pub enum Which {
    /// What is due now, in the order of a worker; at most so many.
    All {
        /// How many at the most; `None` for all.
        limit: Option<usize>,
    },
    /// This task, due or not.
    One(UniqueId),
}

/// Runs what waits now in this process and answers the records as they stand then.
///
/// # Errors
/// As [`Worker::start`](crate::Worker::start); also no such task, or it does not wait.
pub async fn execute(store: &Store, registry: Registry, states: States, which: Which) -> Result<Vec<Task>> {
    let _ = (store, registry, states, which);
    Err(mission_core::Error::new(mission_core::ErrorKind::Setup, "nothing can be executed yet"))
}
