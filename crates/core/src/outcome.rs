//! How an attempt ended, named once, and the word the record keeps for it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::text::shown;
use crate::{Error, Failure};

/// How an attempt ended. The runner names it; [`crate::settle`] says what follows.
#[derive(Debug)]
pub enum Outcome {
    /// The method answered.
    Success(String),
    /// The method returned an error.
    Failed(Failure),
    /// The method panicked.
    Panicked(String),
    /// The attempt ran longer than its timeout.
    TimedOut(Duration),
    /// No progress for longer than the stall timeout.
    Stalled(Duration),
    /// Someone cancelled the task while it ran.
    Cancelled,
    /// The params are not what the method takes.
    BadParams(String),
    /// The worker stopped, or lost its database, before the method ended: nothing is counted.
    HandedOver,
    /// The worker's process died.
    Died,
}

/// Why a task failed or waits again, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The method returned an error.
    Error,
    /// The method panicked.
    Panic,
    /// The attempt ran longer than its timeout.
    Timeout,
    /// No progress for longer than the stall timeout.
    Stalled,
    /// The params are not JSON, or not what the method takes.
    BadParams,
    /// The process died under the task again and again.
    Crashed,
    /// Someone cancelled it.
    Cancelled,
    /// The worker stopped before the method ended.
    HandedOver,
    /// It was executing in another system when it was imported.
    Imported,
}

impl Reason {
    const ALL: [Reason; 9] = [
        Reason::Error,
        Reason::Panic,
        Reason::Timeout,
        Reason::Stalled,
        Reason::BadParams,
        Reason::Crashed,
        Reason::Cancelled,
        Reason::HandedOver,
        Reason::Imported,
    ];

    /// The word in the tables and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::Error => "error",
            Reason::Panic => "panic",
            Reason::Timeout => "timeout",
            Reason::Stalled => "stalled",
            Reason::BadParams => "bad_params",
            Reason::Crashed => "crashed",
            Reason::Cancelled => "cancelled",
            Reason::HandedOver => "handed_over",
            Reason::Imported => "imported",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Reason {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word).ok_or_else(|| {
            let words = Self::ALL.map(Reason::as_str).join(", ");
            Error::invalid(format!("no reason is called {:?}: use one of {words}", shown(word)))
        })
    }
}
