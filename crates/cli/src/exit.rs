//! How a command ends: the exit codes of the contract, and which of several is the gravest.

use std::process::ExitCode;

use mission_core::{Error, ErrorKind, State, Task};

/// How a command ended, from the least to the gravest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// All is well.
    Ok,
    /// A push was refused: the task is there already.
    Duplicate,
    /// A wait ended before the task did.
    TimedOut,
    /// A task that was waited for was cancelled.
    Cancelled,
    /// A task that was waited for failed, or `execute` or `test` did.
    Failed,
    /// There is no such thing.
    NotFound,
    /// Something went wrong.
    Error,
    /// It must be typed, or set, in another way.
    Usage,
    /// Ctrl-C.
    Interrupted,
    /// SIGTERM.
    Terminated,
}

impl Exit {
    /// The number that a shell sees.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Exit::Ok => 0,
            Exit::Error => 1,
            Exit::Usage => 2,
            Exit::NotFound => 3,
            Exit::Failed => 4,
            Exit::Cancelled => 5,
            Exit::Duplicate => 6,
            Exit::TimedOut => 124,
            Exit::Interrupted => 130,
            Exit::Terminated => 143,
        }
    }

    /// How a command ends that waited for this task.
    pub(crate) const fn of_task(task: &Task) -> Self {
        match task.state {
            State::Fail => Exit::Failed,
            State::Cancelled => Exit::Cancelled,
            State::Success | State::Init | State::Executing => Exit::Ok,
        }
    }

    /// How a command ends with this error.
    pub(crate) fn of_error(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::Invalid | ErrorKind::Ambiguous => Exit::Usage,
            ErrorKind::NotFound => Exit::NotFound,
            ErrorKind::Duplicate => Exit::Duplicate,
            ErrorKind::TimedOut => Exit::TimedOut,
            _ => Exit::Error,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_of_several_wins() {
        let gravest = |exits: &[Exit]| exits.iter().copied().max().unwrap().code();
        assert_eq!(gravest(&[Exit::Ok, Exit::Cancelled, Exit::Failed, Exit::TimedOut]), 4);
        assert_eq!(gravest(&[Exit::TimedOut, Exit::Cancelled]), 5);
        assert_eq!(gravest(&[Exit::Ok, Exit::TimedOut]), 124);
        assert_eq!(gravest(&[Exit::Failed, Exit::NotFound]), 3);
    }
}
