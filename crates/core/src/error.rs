//! The one error of the handle: opaque, with predicates, the cause kept as its source.

use std::borrow::Cow;
use std::fmt;

/// What a call on Mission returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call on Mission failed. Ask with the predicates; print for the sentence and the way out.
///
/// ```
/// # use mission_core::NewTask;
/// let refused = NewTask::new("export").priority(70).check().unwrap_err();
/// assert!(refused.is_invalid());
/// ```
pub struct Error {
    kind: ErrorKind,
    message: Cow<'static, str>,
    source: Option<Box<dyn std::error::Error + Send + Sync + 'static>>,
}

/// The kinds of [`Error`], one per predicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The input breaks a rule; the same call fails again.
    Invalid,
    /// No such task, method, worker or database.
    NotFound,
    /// A prefix of a `unique_id` fits more than one task.
    Ambiguous,
    /// The task's state does not allow this.
    WrongState,
    /// A task with the same key, or of the same method, is waiting or running.
    Duplicate,
    /// The tables are missing, older or newer than this program.
    Schema,
    /// The database cannot be reached now.
    Unreachable,
    /// A deadlock, a busy database or a serialization failure inside the caller's own transaction: run it again.
    Retryable,
    /// The database refused: rights, read-only, disk full or a defect.
    Database,
    /// The storage folder refused: rights, read-only, disk full, a quota reached or a file damaged.
    Storage,
    /// The program is set up wrongly: no method, two of one name, missing state.
    Setup,
    /// A wait ended before the task did.
    TimedOut,
}

impl Error {
    /// An error of a kind with its sentence: lower case, naming the thing and the way out.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// Input that breaks a rule.
    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// The same error with its cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The kind, for a `match`.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The input breaks a rule.
    pub fn is_invalid(&self) -> bool {
        self.kind == ErrorKind::Invalid
    }

    /// There is no such thing.
    pub fn is_not_found(&self) -> bool {
        self.kind == ErrorKind::NotFound
    }

    /// A prefix fits more than one task.
    pub fn is_ambiguous(&self) -> bool {
        self.kind == ErrorKind::Ambiguous
    }

    /// The task's state does not allow this.
    pub fn is_wrong_state(&self) -> bool {
        self.kind == ErrorKind::WrongState
    }

    /// A task with the same key, or of the same method, is waiting or running.
    pub fn is_duplicate(&self) -> bool {
        self.kind == ErrorKind::Duplicate
    }

    /// The tables are missing, older or newer than this program.
    pub fn is_schema(&self) -> bool {
        self.kind == ErrorKind::Schema
    }

    /// The database cannot be reached now.
    pub fn is_unreachable(&self) -> bool {
        self.kind == ErrorKind::Unreachable
    }

    /// Running the caller's own transaction again may succeed.
    pub fn is_retryable(&self) -> bool {
        self.kind == ErrorKind::Retryable
    }

    /// The storage folder refused: rights, read-only, disk full, a quota reached or a file damaged.
    pub fn is_storage(&self) -> bool {
        self.kind == ErrorKind::Storage
    }

    /// A wait ended before the task did.
    pub fn is_timed_out(&self) -> bool {
        self.kind == ErrorKind::TimedOut
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.message)?;
        match &self.source {
            Some(source) => write!(f, " ({source})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}
