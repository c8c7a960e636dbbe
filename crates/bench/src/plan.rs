//! What is to be measured, and how much of it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// One thing to be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Pushed in bulk, claimed, run and settled, by one worker process; beside the floor.
    Cycle,
    /// The same by eight worker processes.
    Crowd,
    /// Pushed one by one by 32 callers of one process; beside inserts of a thousand rows.
    Singles,
    /// From the begin of a push to the begin of the method, in another process and in the same.
    PickUp,
    /// A claim beside ended tasks, and behind waiting ones that it may not take; against one with nothing else in the database.
    History,
    /// Few tasks drained by one worker process, and as many of millions.
    Drain,
    /// What a thousand running tasks cost that report progress and make checkpoints.
    Reports,
    /// What a worker without work costs: queries, processor time, memory.
    Idle,
}

impl Part {
    /// All of them, in the order in which they run.
    pub const ALL: [Self; 8] =
        [Self::Cycle, Self::Crowd, Self::Singles, Self::PickUp, Self::History, Self::Drain, Self::Reports, Self::Idle];

    /// The word on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cycle => "cycle",
            Self::Crowd => "crowd",
            Self::Singles => "singles",
            Self::PickUp => "pick-up",
            Self::History => "history",
            Self::Drain => "drain",
            Self::Reports => "reports",
            Self::Idle => "idle",
        }
    }
}

/// What is to be measured, and how much of it.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The database beside which it is measured.
    pub url: String,
    /// The program that becomes a worker when it is called with these words; the URL stands in `MISSION_DATABASE`.
    pub worker: (PathBuf, Vec<OsString>),
    /// What.
    pub parts: Vec<Part>,
    /// Thousands of tasks in each round.
    pub thousands: usize,
    /// How many tasks a worker runs at once in cycles.
    pub concurrency: usize,
    /// Rounds, of which the median counts.
    pub rounds: usize,
    /// Ended tasks beside the claims of the history, and waiting ones of the drain.
    pub many: usize,
    /// The server's process, where its processor time is to be counted.
    pub server_pid: Option<u32>,
}

/// So many seconds in which something is watched: a tenth in a debug build, whose figures are of no use.
pub(crate) const fn watched(seconds: u64) -> Duration {
    if cfg!(debug_assertions) { Duration::from_millis(seconds * 100) } else { Duration::from_secs(seconds) }
}
