//! Checkpoints: what a method must not do again after its worker is gone, stored with its progress in one fenced write.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mission_core::{Checkpoint, CommittedFile, Error, ErrorKind, Progress};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::coarse_ms;
use crate::limits;
use crate::reported::Pace;
use crate::shared::Shared;
use crate::stop::{Interrupted, Stop};

/// Why a checkpoint was not made.
#[derive(Debug)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The task is to end now.
    Interrupted(Interrupted),
    /// The cursor cannot be written as JSON, or it or the list of files is too long.
    Refused(Error),
    /// The files of the task cannot be brought to the disk.
    Files(Error),
}

/// The cursor of the last checkpoint is not of the type that the method asks for: after a deploy that changed it, most likely.
#[derive(Debug)]
pub struct BadCursor {
    cursor: String,
    source: serde_json::Error,
}

/// How much a checkpoint insists on being stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Insist {
    /// Made when it is due; while the database is slow the method goes on after a moment.
    WhenDue,
    /// Made and stored before the method goes on.
    Now,
}

/// What a call of `checkpoint` comes to.
pub(crate) enum Step {
    /// It is not due.
    Pass(Pace),
    /// It is to be made of this.
    Make(Making),
}

/// A checkpoint that is made.
pub(crate) struct Making {
    checkpoint: Checkpoint,
    insist: Insist,
    patience: Option<Duration>,
    began: Instant,
}

impl Shared {
    /// Takes the report; where a checkpoint is due, or somebody insists, the cursor is written down.
    pub(crate) fn step<C: Serialize>(
        &self,
        cursor: &C,
        progress: Progress,
        insist: Insist,
    ) -> Result<Step, CheckpointError> {
        if self.pen().is_taken() {
            return Err(CheckpointError::Refused(Error::new(
                ErrorKind::WrongState,
                "the task has succeeded in a transaction: there is nothing to go on with after that",
            )));
        }
        let done = progress.done;
        let (pace, is_due) = self.report_at(progress)?;
        if !is_due && insist == Insist::WhenDue {
            return Ok(Step::Pass(pace));
        }
        let is_patient = insist == Insist::Now || self.is_leaving();
        let patience = (!is_patient).then_some(limits::CHECKPOINT_PATIENCE);
        let checkpoint = Checkpoint::at(cursor, done, Vec::new()).map_err(CheckpointError::Refused)?;
        Ok(Step::Make(Making { checkpoint, insist, patience, began: Instant::now() }))
    }

    /// Makes it, awaiting.
    pub(crate) async fn make(self: &Arc<Self>, making: Making) -> Result<(), CheckpointError> {
        let Making { mut checkpoint, insist, patience, began } = making;
        if !self.files().is_empty() {
            // The disk may take its time, and the runtime has none.
            match self.committed(self.on_disk(|shared| shared.files().commit()).await, insist)? {
                Some(files) => checkpoint.files = files,
                None => return self.made(began),
            }
        }
        let version = self.submit(checkpoint)?;
        self.kept(version, patience).await?;
        self.made(began)
    }

    /// Makes it on this thread.
    pub(crate) fn make_blocking(&self, making: Making) -> Result<(), CheckpointError> {
        let Making { mut checkpoint, insist, patience, began } = making;
        match self.committed(self.files().commit(), insist)? {
            Some(files) => checkpoint.files = files,
            None => return self.made(began),
        }
        let version = self.submit(checkpoint)?;
        self.kept_blocking(version, patience)?;
        self.made(began)
    }

    /// While the bucket is away a checkpoint that nobody insists on is left out, for a while: `None`.
    fn committed(
        &self,
        files: Result<Vec<CommittedFile>, Error>,
        insist: Insist,
    ) -> Result<Option<Vec<CommittedFile>>, CheckpointError> {
        match files {
            Ok(files) => {
                self.files().set_back();
                Ok(Some(files))
            }
            Err(fault) if fault.is_unreachable() && insist == Insist::WhenDue => {
                if self.files().set_away(&fault) > limits::FILES_AWAY_MAX {
                    return Err(CheckpointError::Files(fault));
                }
                Ok(None)
            }
            Err(fault) => Err(CheckpointError::Files(fault)),
        }
    }

    /// Where the worker stops, this is where the method ends: another one goes on from here.
    fn made(&self, began: Instant) -> Result<(), CheckpointError> {
        self.reported().postpone(began.elapsed(), coarse_ms());
        if self.is_leaving() {
            self.stop(Stop::HandOver);
        }
        Ok(self.check()?)
    }

    /// Begins from nothing; the old files go once the record names them no more.
    pub(crate) async fn start_over(self: &Arc<Self>) -> Result<(), CheckpointError> {
        let version = self.submit_start_over()?;
        self.kept(version, None).await?;
        let discard = |shared: &Self| {
            shared.files().discard_dropped(shared.task());
            Ok(())
        };
        self.on_disk(discard).await.map_err(CheckpointError::Files)
    }

    /// The same on this thread.
    pub(crate) fn start_over_blocking(&self) -> Result<(), CheckpointError> {
        let version = self.submit_start_over()?;
        self.kept_blocking(version, None)?;
        self.files().discard_dropped(self.task());
        Ok(())
    }

    fn submit_start_over(&self) -> Result<u64, CheckpointError> {
        self.files().start_over();
        self.reported().start_over(coarse_ms());
        Ok(self.submit(Checkpoint::start_over())?)
    }

    /// Does what waits for the disk beside the runtime.
    pub(crate) async fn on_disk<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let shared = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || work(&shared)).await;
        done.unwrap_or_else(|fault| {
            Err(Error::new(ErrorKind::Storage, "the work on files was broken off").with_source(fault))
        })
    }

    /// Where the last checkpoint of the task left it; `None` where there is nothing to go on from.
    pub(crate) fn resume_at<T: DeserializeOwned>(&self) -> Result<Option<T>, BadCursor> {
        let Some(cursor) = self.task().checkpoint.as_deref().filter(|_| !self.reported().has_started_over()) else {
            return Ok(None);
        };
        let at = serde_json::from_str(cursor).map_err(|source| BadCursor { cursor: cursor.to_owned(), source })?;
        self.reported().resume();
        Ok(Some(at))
    }
}

impl From<Interrupted> for CheckpointError {
    fn from(interrupted: Interrupted) -> Self {
        Self::Interrupted(interrupted)
    }
}

impl fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interrupted(interrupted) => interrupted.fmt(f),
            Self::Refused(why) => why.fmt(f),
            Self::Files(_) => f.write_str("the files of the task cannot be brought to the disk"),
        }
    }
}

impl std::error::Error for CheckpointError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Files(fault) => Some(fault),
            Self::Refused(why) => why.source(),
            Self::Interrupted(_) => None,
        }
    }
}

impl fmt::Display for BadCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cursor = &self.cursor[..self.cursor.floor_char_boundary(200)];
        write!(
            f,
            "the cursor of the last checkpoint, {cursor}, is not what this method takes: read an older form too, or call start_over; `mission retry` begins anew"
        )
    }
}

impl std::error::Error for BadCursor {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}
