//! What is counted about a task: attempts, failures and deaths, and who is a suspect.

use serde::{Deserialize, Serialize};

use crate::limits;

/// The counters of a task. Only the rules in [`crate::settle`] and the claim move them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Attempts begun, the running one included; a handed-over attempt is taken back.
    pub attempt: i64,
    /// Attempts that failed since the task was pushed or retried by a person.
    pub failures: i64,
    /// Process deaths under the task since it was pushed, retried by a person, or last made a checkpoint.
    pub crashes: i64,
}

impl Counts {
    /// Whether a process died under this task: a process runs one such task at a time, so that the next death names the culprit.
    ///
    /// ```
    /// # use mission_core::Counts;
    /// assert!(!Counts::default().is_suspect());
    /// assert!(Counts { crashes: 1, ..Counts::default() }.is_suspect());
    /// ```
    pub fn is_suspect(&self) -> bool {
        self.crashes > 0
    }

    /// Whether the task has proved to be poison: the first death may have been a neighbour's,
    /// each later one struck while it was the only suspect in its process.
    pub fn is_poison(&self) -> bool {
        self.crashes > limits::SUSPECT_DEATHS_MAX
    }
}
