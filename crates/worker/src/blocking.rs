//! What a blocking method knows about its task: the verbs of [`crate::Context`] without `await`.

use std::sync::Arc;
use std::time::Duration;

use mission_core::Progress;

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
        let ctx = Context::new(Arc::new(Shared::new(task)));
        ctx.progress((1, 2)).unwrap();
        ctx.sleep(Duration::ZERO).unwrap();
        assert!(ctx.check().is_ok() && !ctx.is_stopping());
        ctx.shared.stop(Stop::TimedOut);
        assert!(ctx.progress(2).is_err() && ctx.sleep(Duration::from_secs(600)).is_err());
        assert!(ctx.check().is_err() && ctx.is_stopping());
    }
}
