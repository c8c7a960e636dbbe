//! The worker on demand: started by a push where no live worker serves the method, at most one for a host, a database and
//! a set of methods.
//!
//! No task is left waiting between a push and a worker that leaves:
//!
//! * A push commits first and then looks ([`ensure`]). A live worker that has not said that it leaves is enough: before it
//!   goes it says so, commits that, and looks once more, so it finds the task. Else a worker is started.
//! * The started one needs the lock of its place, which a worker that leaves may still hold. It gives up only once it has
//!   seen a live worker with its methods on the list that is not leaving, which is enough by the first point; else it
//!   waits for the lock, which is free as soon as the other has gone.
//!
//! The process that is started only keeps the worker, its child: it holds the lock and starts the worker anew where that
//! died, so that a task whose method kills its process, or whose worker was killed, runs again although nobody else is there.

mod attend;
mod keeper;
mod place;
mod start;

pub(crate) use attend::attended;
pub(crate) use keeper::keep;
pub(crate) use place::judge;
pub(crate) use start::ensure;

use std::time::Duration;

/// How long it stays without work: a few pushes one after another share one worker.
const LINGER: Duration = Duration::from_secs(5);
/// Sets [`LINGER`] in milliseconds, for tests of the moment of leaving.
const LINGER_VARIABLE: &str = "MISSION_LINGER_MS";

/// How long the worker stays without work.
pub(crate) fn linger() -> Duration {
    let set = std::env::var(LINGER_VARIABLE).ok().and_then(|ms| ms.parse().ok());
    set.map_or(LINGER, Duration::from_millis)
}
