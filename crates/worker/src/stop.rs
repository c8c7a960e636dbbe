//! Why an attempt ends before its method does, and the error by which the method learns it.

use std::fmt;

/// Why the worker ends an attempt before the method does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Someone cancelled the task.
    Cancelled,
    /// It ran longer than its timeout.
    TimedOut,
    /// It made no progress for longer than its stall timeout.
    Stalled,
    /// The worker stops and gives the task to another.
    HandOver,
    /// The lease could not be renewed in time: before it ends, the task must.
    OutOfReach,
    /// The task is another's already, or gone.
    LostLease,
    /// The method has ended, and what became of it is written: what it left running is nobody's.
    Ended,
}

impl Stop {
    /// Whether the lease is over, or about to be.
    pub(crate) fn is_loss(self) -> bool {
        matches!(self, Stop::OutOfReach | Stop::LostLease)
    }
}

/// The task is to end now: hand this on with `?`.
///
/// The worker knows why it ended the attempt and records that, whatever the method makes of this error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interrupted {
    pub(crate) cause: Stop,
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.cause {
            Stop::Cancelled => "interrupted: the task was cancelled",
            Stop::TimedOut => "interrupted: the task ran longer than its timeout",
            Stop::Stalled => "interrupted: the task made no progress for longer than its stall timeout",
            Stop::HandOver => "interrupted: the worker stops, another one goes on with the task",
            Stop::OutOfReach => "interrupted: the worker could not renew its lease, another one goes on with the task",
            Stop::LostLease => "interrupted: the task is not this worker's any more",
            Stop::Ended => "interrupted: the attempt has ended",
        })
    }
}

impl std::error::Error for Interrupted {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_is_a_sentence_that_a_failure_can_carry() {
        let all = [
            Stop::Cancelled,
            Stop::TimedOut,
            Stop::Stalled,
            Stop::HandOver,
            Stop::OutOfReach,
            Stop::LostLease,
            Stop::Ended,
        ];
        for cause in all {
            let failure = mission_core::Failure::from(Interrupted { cause });
            assert!(failure.message().starts_with("interrupted: the "), "{failure}");
        }
    }
}
