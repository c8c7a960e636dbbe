//! What a blocking method knows about its task: the verbs of [`crate::Context`] without `await`.

use std::sync::Arc;
use std::time::Duration;

use mission_core::{Error, NewTask, Progress};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::artifact::ArtifactWriter;
use crate::checkpoint::{BadCursor, CheckpointError, Insist, Step};
use crate::shared::Shared;
use crate::stop::Interrupted;

/// The running task, as a method that is a plain `fn` on its own thread sees it.
#[derive(Clone)]
pub struct Context {
    shared: Arc<Shared>,
}

impl Context {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The task's public id.
    pub fn unique_id(&self) -> &str {
        self.shared.task().unique_id.as_str()
    }

    /// The name under which the method was called.
    pub fn method(&self) -> &str {
        &self.shared.task().method
    }

    /// The task's category.
    pub fn task_type(&self) -> &str {
        &self.shared.task().task_type
    }

    /// Who submitted it.
    pub fn creator(&self) -> Option<&str> {
        self.shared.task().creator.as_deref()
    }

    /// Which attempt this is; 1 is the first.
    pub fn attempt(&self) -> i64 {
        self.shared.task().counts.attempt
    }

    /// A number that grows with each claim of the task: hand it to other systems, so that they can refuse a worker
    /// that lost the task.
    pub fn fence(&self) -> i64 {
        self.shared.task().lease_token.0
    }

    /// The params as JSON text, if there are any.
    pub fn params_json(&self) -> Option<&str> {
        self.shared.task().params_json()
    }

    /// Reports how far the task has come, as [`crate::Context::progress`] does.
    pub fn progress(&self, progress: impl Into<Progress>) -> Result<(), Interrupted> {
        self.shared.report(progress.into()).map(drop)
    }

    /// Keeps where the method is, as [`crate::Context::checkpoint`] does.
    ///
    /// # Errors
    /// As there.
    pub fn checkpoint<C: Serialize>(&self, cursor: &C, progress: impl Into<Progress>) -> Result<(), CheckpointError> {
        self.take(self.shared.step(cursor, progress.into(), Insist::WhenDue)?)
    }

    /// The same, made at once and stored when it returns.
    ///
    /// # Errors
    /// As [`crate::Context::checkpoint_now`].
    pub fn checkpoint_now<C: Serialize>(
        &self,
        cursor: &C,
        progress: impl Into<Progress>,
    ) -> Result<(), CheckpointError> {
        self.take(self.shared.step(cursor, progress.into(), Insist::Now)?)
    }

    fn take(&self, step: Step) -> Result<(), CheckpointError> {
        match step {
            Step::Pass(_) => Ok(()),
            Step::Make(making) => self.shared.make_blocking(making),
        }
    }

    /// The cursor of the last checkpoint, to go on from; `None` where the task begins.
    ///
    /// # Errors
    /// As [`crate::Context::resume_at`].
    pub fn resume_at<T: DeserializeOwned>(&self) -> Result<Option<T>, BadCursor> {
        self.shared.resume_at()
    }

    /// Drops the last checkpoint with its progress and its files: the task begins anew.
    ///
    /// # Errors
    /// The task is to end.
    pub fn start_over(&self) -> Result<(), CheckpointError> {
        self.shared.start_over_blocking()
    }

    /// A result file of this name, to be written, as [`crate::Context::artifact`] gives it.
    ///
    /// # Errors
    /// As there.
    pub fn artifact(&self, name: &str) -> Result<ArtifactWriter, Error> {
        let held = self.shared.open_file(name)?;
        Ok(ArtifactWriter::new(Arc::clone(&self.shared), held))
    }

    /// Has a task pushed with the success of this one, as [`crate::Context::push_after`] does.
    ///
    /// # Errors
    /// As there.
    pub fn push_after(&self, task: NewTask) -> Result<(), Error> {
        self.shared.push_after(task)
    }

    /// How many attempts went on from a checkpoint, this one included once it has asked where.
    pub fn resumed(&self) -> i64 {
        self.shared.reported().resumed()
    }

    /// Sleeps, less long if the task is to end.
    pub fn sleep(&self, span: Duration) -> Result<(), Interrupted> {
        self.shared.sleep_blocking(span)
    }

    /// Adds a line to the task's log, as [`crate::Context::log`] does.
    pub fn log(&self, message: impl std::fmt::Display) {
        self.shared.log(message);
    }

    /// Whether the task is to end: look at it in long loops.
    pub fn is_stopping(&self) -> bool {
        self.shared.cause().is_some()
    }

    /// Fails once the task is to end.
    pub fn check(&self) -> Result<(), Interrupted> {
        self.shared.check()
    }
}

#[cfg(test)]
mod tests {
    use mission_core::{State, Task, UniqueId};

    use super::*;
    use crate::stop::Stop;

    #[test]
    fn its_verbs_fail_once_the_task_is_to_end() {
        let task = Task::with(1, UniqueId::random(), "export".into(), State::Executing);
        let ctx = Context::new(Arc::new(Shared::new(task, crate::surroundings::Surroundings::none())));
        ctx.progress((1, 2)).unwrap();
        ctx.sleep(Duration::ZERO).unwrap();
        assert!(ctx.check().is_ok() && !ctx.is_stopping());
        ctx.shared.stop(Stop::TimedOut);
        assert!(ctx.progress(2).is_err() && ctx.sleep(Duration::from_secs(600)).is_err());
        assert!(ctx.check().is_err() && ctx.is_stopping());
    }
}
