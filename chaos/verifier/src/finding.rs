//! What can be wrong with a run, each with its own word, so that a test can ask for exactly that.

use std::fmt;

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// Accepted, and there is no row.
    Lost,
    /// A row that nobody meant to push.
    Unintended,
    /// One order, two rows.
    PushedTwice,
    /// More than one success, or more than one effect in a transaction.
    AcceptedTwice,
    /// A final state or its content changed.
    FinalChanged,
    /// A content of a token that was not the row's.
    StaleSettle,
    /// A progress of a token that was not the row's.
    StaleProgress,
    /// A checkpoint of a token that was not the row's.
    StaleCheckpoint,
    /// A checkpoint lies before the one it replaced.
    WentBack,
    /// The lease token fell, or grew otherwise than by one at a claim.
    TokenBroken,
    /// Claimed while it ran.
    ClaimedWhileRunning,
    /// Begun twice under one token.
    RanTwice,
    /// A success whose effect is not in the ledger, or not in the table of effects.
    SuccessWithoutEffect,
    /// Ended as `fail` or `cancelled` where nothing asked for it.
    WronglyFailed,
    /// `crashed`, with fewer deaths of its own than the rule asks for.
    CrashedInnocent,
    /// A crash counted where no process died.
    CrashCounted,
    /// An attempt counted where tasks were only handed over or interrupted by an outage.
    AttemptCounted,
    /// Still waiting at the end.
    Unstarted,
    /// Still executing at the end.
    LeftExecuting,
    /// Went on too late after its worker's exit.
    StartedLate,
    /// An error that Mission should have dealt with reached a producer.
    Surfaced,
    /// The database's own check complains.
    Corrupt,
    /// A file that no row speaks of.
    FileWithoutRow,
    /// A row whose file is not there.
    RowWithoutFile,
    /// A file that is not what its row or its task says.
    FileDiffers,
    /// A paper that makes no sense: the run proves nothing.
    Unreadable,
}

/// One thing that went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind it is.
    pub fault: Fault,
    /// The task, file or paper.
    pub about: String,
    /// What was seen.
    pub seen: String,
}

impl Finding {
    pub(crate) fn new(fault: Fault, about: impl Into<String>, seen: impl Into<String>) -> Self {
        Self { fault, about: about.into(), seen: seen.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}: {}", self.fault, self.about, self.seen)
    }
}
