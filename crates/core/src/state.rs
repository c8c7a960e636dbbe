//! The five states of a task and the lawful moves between them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::text::shown;

/// Where a task stands: `init` → `executing` → `success`, `fail` or `cancelled`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Stored and waiting for its due time or a worker.
    Init,
    /// Claimed by a worker.
    Executing,
    /// Its method answered.
    Success,
    /// Its method failed for good.
    Fail,
    /// Someone cancelled it.
    Cancelled,
}

impl State {
    /// All states in the order of a task's life.
    pub const ALL: [State; 5] = [State::Init, State::Executing, State::Success, State::Fail, State::Cancelled];

    /// The word in the tables, on the command line and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            State::Init => "init",
            State::Executing => "executing",
            State::Success => "success",
            State::Fail => "fail",
            State::Cancelled => "cancelled",
        }
    }

    /// Whether the task has ended: only a retry by a person leaves such a state.
    pub const fn is_final(self) -> bool {
        matches!(self, State::Success | State::Fail | State::Cancelled)
    }

    /// Whether the task waits or runs, so that its key is taken.
    pub const fn is_active(self) -> bool {
        !self.is_final()
    }

    /// Whether the rules allow this move.
    ///
    /// ```
    /// # use mission_core::State;
    /// assert!(State::Init.may_become(State::Executing));
    /// assert!(!State::Success.may_become(State::Executing));
    /// ```
    pub const fn may_become(self, next: State) -> bool {
        match (self, next) {
            // A claim, or a cancel before any claim.
            (State::Init, State::Executing | State::Cancelled) => true,
            // A settle: an end, or back to wait (retry, hand-over, crash).
            (State::Executing, State::Success | State::Fail | State::Cancelled | State::Init) => true,
            // A retry by a person.
            (State::Success | State::Fail | State::Cancelled, State::Init) => true,
            _ => false,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for State {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|state| state.as_str() == word).ok_or_else(|| {
            Error::invalid(format!(
                "no state is called {:?}: use init, executing, success, fail or cancelled",
                shown(word)
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back_as_its_state() {
        for state in State::ALL {
            assert_eq!(state.as_str().parse::<State>().unwrap(), state);
        }
        assert!("Success".parse::<State>().unwrap_err().to_string().contains("init, executing"));
    }

    #[test]
    fn an_ended_task_moves_only_by_a_retry_and_none_skips_executing() {
        for from in State::ALL {
            for to in State::ALL {
                let lawful = from.may_become(to);
                if from.is_final() {
                    assert_eq!(lawful, to == State::Init, "{from} -> {to}");
                }
                if from == State::Init && matches!(to, State::Success | State::Fail) {
                    assert!(!lawful, "{from} -> {to}");
                }
                assert!(!(from == to && lawful), "{from} -> {to}");
            }
        }
    }
}
