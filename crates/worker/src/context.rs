//! What an awaiting method knows about its task, and how it reports back.

use std::path::PathBuf;
use std::sync::Arc;

use mission_core::{Error, NewTask, Progress};

use mission_store::PushConnection;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::answer;
use crate::artifact::ArtifactWriter;
use crate::checkpoint::{BadCursor, CheckpointError, Insist, Step};
use crate::reported::Pace;
use crate::shared::Shared;
use crate::stop::Interrupted;

/// The running task, as the method sees it: who pushed it, which attempt this is, how to report progress.
///
/// Cheap to clone and to send to other futures and threads.
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

    /// Reports how far the task has come: `done`, `(done, total)` or `(done, total, "what")`.
    ///
    /// Cheap enough for every row: it writes memory, and gives the runtime a turn about every ten milliseconds; the
    /// worker writes the latest report to the database. Within an attempt `done` never falls; a total or message
    /// left out stays as it was, an empty message clears the last one. Fails once the task is to end, so that `?`
    /// ends the method.
    pub async fn progress(&self, progress: impl Into<Progress>) -> Result<(), Interrupted> {
        match self.shared.report(progress.into())? {
            Pace::GoOn => Ok(()),
            Pace::Yield => {
                tokio::task::yield_now().await;
                self.check()
            }
        }
    }

    /// Adds a line to the task's log, with or without `tracing`: `mission logs ID` shows it. Cheap: the worker writes it soon
    /// after. Lines are cut at 4 KiB, and counted instead of kept where they come faster than they can be written.
    pub fn log(&self, message: impl std::fmt::Display) {
        self.shared.log(message);
    }

    /// Keeps where the method is: after the death or the stop of its worker another one goes on from here. `cursor` is
    /// whatever says where (at most 64 KiB as JSON), `progress` as for [`progress`](Self::progress). JSON writes `NaN` and
    /// infinite numbers as `null`, which comes back as `None` of an `Option<f64>` and is no `f64`.
    ///
    /// Cursor, progress and the length of each result file are stored in one write that a worker which lost the task
    /// cannot make; what the files hold is on the disk before. Cheap enough for every row: one is made 50 ms after the
    /// attempt began, then every 500 ms, less often where that would take more than a tenth of the time, at least every
    /// ten seconds. One that is made is waited for, at most 250 ms: while the database is slow it is stored later.
    ///
    /// # Errors
    /// The task is to end: hand the error on with `?`. Where the worker stops, the method ends here, once the checkpoint is
    /// stored. Also a cursor that is no JSON or too long, and files that cannot be written.
    pub async fn checkpoint<C: Serialize>(
        &self,
        cursor: &C,
        progress: impl Into<Progress>,
    ) -> Result<(), CheckpointError> {
        let step = self.shared.step(cursor, progress.into(), Insist::WhenDue)?;
        self.take(step).await
    }

    /// The same, made at once and stored when it returns: before something that must not happen twice.
    ///
    /// # Errors
    /// As [`checkpoint`](Self::checkpoint). While the database is away it waits.
    pub async fn checkpoint_now<C: Serialize>(
        &self,
        cursor: &C,
        progress: impl Into<Progress>,
    ) -> Result<(), CheckpointError> {
        let step = self.shared.step(cursor, progress.into(), Insist::Now)?;
        self.take(step).await
    }

    async fn take(&self, step: Step) -> Result<(), CheckpointError> {
        match step {
            Step::Pass(Pace::GoOn) => Ok(()),
            Step::Pass(Pace::Yield) => {
                tokio::task::yield_now().await;
                Ok(self.check()?)
            }
            Step::Make(making) => self.shared.make(making).await,
        }
    }

    /// The cursor of the last checkpoint, to go on from; `None` where the task begins.
    ///
    /// # Errors
    /// It does not decode: a deploy changed its type, or a number in it was not finite. `?` fails the attempt, and each retry
    /// fails alike until the code reads the old form (`Option<f64>` for such a number); `mission retry ID` begins anew. Or
    /// call [`start_over`](Self::start_over) here and begin again.
    pub fn resume_at<T: DeserializeOwned>(&self) -> Result<Option<T>, BadCursor> {
        self.shared.resume_at()
    }

    /// Drops the last checkpoint with its progress and its files: the task begins anew.
    ///
    /// # Errors
    /// The task is to end.
    pub async fn start_over(&self) -> Result<(), CheckpointError> {
        self.shared.start_over().await
    }

    /// A result file of this name, to be written: where the last checkpoint left it, or new. It becomes visible with the
    /// success of the task, and `mission download` or a web page hands it out.
    ///
    /// # Errors
    /// The name is none (no path, no control characters, at most 255 bytes), the storage folder refuses, or the file that
    /// the checkpoint names is gone.
    pub async fn artifact(&self, name: impl Into<String>) -> Result<ArtifactWriter, Error> {
        let name = name.into();
        let held = self.shared.on_disk(move |shared| shared.open_file(&name)).await?;
        Ok(ArtifactWriter::new(Arc::clone(&self.shared), held))
    }

    /// Makes a file whole and answers the path it is published under, as [`ArtifactWriter::finish`] does, beside the runtime.
    ///
    /// # Errors
    /// As there.
    pub async fn finish(&self, file: ArtifactWriter) -> Result<PathBuf, Error> {
        self.shared.on_disk(move |_| file.finish()).await
    }

    /// Has a task pushed with the success of this one, in the same write: both are there, or neither. What an attempt that
    /// did not succeed asked for is forgotten, so ask where every attempt comes by, such as at the end.
    ///
    /// # Errors
    /// The task breaks a rule, or they are too many.
    pub fn push_after(&self, task: NewTask) -> Result<(), Error> {
        self.shared.push_after(task)
    }

    /// Succeeds within a transaction of your own: what you wrote there, the success, the result files and the tasks of
    /// [`push_after`](Self::push_after) are committed together, or not at all.
    ///
    /// `content` is what the method would have returned, by value; the transaction is one of sqlx 0.9. Commit right after it
    /// and return: what the method returns is of no account then. Where the transaction was not committed, the attempt has
    /// failed. No checkpoint can be made any more.
    ///
    /// # Errors
    /// A deadlock, a busy database or a serialization failure says [`is_retryable`](Error::is_retryable): roll back, and run
    /// the whole transaction again, with this call. Any other error, too, is a reason to roll back: the task is another's
    /// already, or its files cannot be finished.
    pub async fn succeed_in<T: Serialize + 'static>(
        &self,
        connection: &mut impl PushConnection,
        content: T,
    ) -> Result<(), Error> {
        let content = answer::content(&content).map_err(|failure| Error::invalid(failure.message().to_owned()))?;
        self.shared.succeed_in(connection, content).await
    }

    /// How many attempts went on from a checkpoint, this one included once it has asked where.
    pub fn resumed(&self) -> i64 {
        self.shared.reported().resumed()
    }

    /// Whether the task is to end: it was cancelled, ran out of time, or the worker stops.
    pub fn is_stopping(&self) -> bool {
        self.shared.cause().is_some()
    }

    /// Fails once the task is to end.
    pub fn check(&self) -> Result<(), Interrupted> {
        self.shared.check()
    }

    /// Waits until the task is to end: for a `select!` beside work that can be ended in order.
    pub async fn stopped(&self) -> Interrupted {
        Interrupted { cause: self.shared.stopped().await }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};

    use mission_core::{LeaseToken, State, Task, UniqueId};

    use super::*;
    use crate::stop::Stop;

    fn context() -> Context {
        let mut task = Task::with(1, UniqueId::from_row("nauaxnrfnuflwcqn".into()), "export".into(), State::Executing);
        task.task_type = "report".into();
        task.creator = Some("alice".into());
        task.params = Some(" [ ] ".into());
        task.counts.attempt = 2;
        task.lease_token = LeaseToken(7);
        Context::new(Arc::new(Shared::new(task, crate::surroundings::Surroundings::none())))
    }

    #[test]
    fn it_tells_what_the_row_says() {
        let ctx = context();
        assert_eq!((ctx.unique_id(), ctx.method(), ctx.task_type()), ("nauaxnrfnuflwcqn", "export", "report"));
        assert_eq!((ctx.creator(), ctx.attempt(), ctx.fence(), ctx.params_json()), (Some("alice"), 2, 7, None));
    }

    #[tokio::test]
    async fn reporting_gives_the_runtime_a_turn() {
        let ctx = context();
        let had_a_turn = Arc::new(AtomicBool::new(false));
        tokio::spawn({
            let had_a_turn = Arc::clone(&had_a_turn);
            async move { had_a_turn.store(true, Ordering::Relaxed) }
        });
        let began = Instant::now();
        let mut done = 0;
        while !had_a_turn.load(Ordering::Relaxed) {
            done += 1;
            ctx.progress(done).await.unwrap();
            assert!(began.elapsed() < Duration::from_secs(10), "no turn in {done} reports");
        }
    }

    #[tokio::test]
    async fn reporting_ends_the_method_once_the_task_is_to_end() {
        let ctx = context();
        assert!(!ctx.is_stopping());
        ctx.progress((1, 2, "half")).await.unwrap();
        ctx.shared.stop(Stop::Cancelled);
        assert!(ctx.is_stopping() && ctx.check().is_err());
        let error = ctx.progress((2, 2)).await.unwrap_err();
        assert_eq!(error.to_string(), "interrupted: the task was cancelled");
        assert_eq!(ctx.stopped().await, error);
    }
}
