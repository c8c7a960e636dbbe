//! What a running method and the worker share: the task, what the method reports, and whether it must stop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use mission_core::{Checkpoint, Error, Lease, NewTask, Progress, Task, limits as rules};
use mission_store::{Kind, Report};
use tokio::sync::Notify;

use crate::apart::Pen;
use crate::checkpoint::CheckpointError;
use crate::clock::{coarse_ms, coarse_since};
use crate::limits;
use crate::reported::{Pace, Reported, Unwritten};
use crate::stop::{Interrupted, Stop};
use crate::surroundings::Surroundings;
use crate::task_files::TaskFiles;
use crate::task_lines::{self, TaskLines};

/// One running attempt, shared between the method and the worker.
///
/// The method writes memory, the worker takes it to the database; only a checkpoint that is due is waited for.
pub(crate) struct Shared {
    task: Task,
    reported: Mutex<Reported>,
    lines: Arc<TaskLines>,
    stop: OnceLock<Stop>,
    /// The worker stops: the method is to end at its next checkpoint.
    is_leaving: AtomicBool,
    /// How many threads sleep until something changes. What changes is in `stop` and `reported`.
    sleepers: Mutex<usize>,
    changed_blocking: Condvar,
    changed: Notify,
    around: Surroundings,
    files: TaskFiles,
    follow_ups: Mutex<Vec<NewTask>>,
    pen: Pen,
}

impl Shared {
    /// An attempt that begins now.
    pub(crate) fn new(task: Task, around: Surroundings) -> Self {
        Self {
            files: TaskFiles::of(&task, Arc::clone(&around.storage)),
            reported: Mutex::new(Reported::begin(&task, coarse_ms())),
            task,
            lines: Arc::default(),
            stop: OnceLock::new(),
            is_leaving: AtomicBool::new(false),
            sleepers: Mutex::new(0),
            changed_blocking: Condvar::new(),
            changed: Notify::new(),
            around,
            follow_ups: Mutex::default(),
            pen: Pen::default(),
        }
    }

    /// The task as it was claimed.
    pub(crate) fn task(&self) -> &Task {
        &self.task
    }

    /// The files that the method makes.
    pub(crate) fn files(&self) -> &TaskFiles {
        &self.files
    }

    /// Which database the task is in.
    pub(crate) fn kind(&self) -> Kind {
        self.around.kind
    }

    /// How long those are kept that say nothing themselves.
    pub(crate) fn keep_files(&self) -> Option<Duration> {
        self.around.storage.keep(&self.task, self.around.keep_files)
    }

    /// Has a task pushed with the success.
    pub(crate) fn push_after(&self, task: NewTask) -> Result<(), Error> {
        task.check()?;
        let mut follow_ups = self.follow_ups.lock().unwrap_or_else(PoisonError::into_inner);
        if follow_ups.len() >= rules::FOLLOW_UPS_MAX {
            return Err(Error::invalid(format!(
                "a success pushes {} tasks at the most: let one of them push the others",
                rules::FOLLOW_UPS_MAX
            )));
        }
        follow_ups.push(task);
        Ok(())
    }

    /// The tasks to be pushed with the success.
    pub(crate) fn follow_ups(&self) -> Vec<NewTask> {
        self.follow_ups.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends the attempt. The first cause stays; whether this one was it.
    pub(crate) fn stop(&self, cause: Stop) -> bool {
        let is_first = self.stop.set(cause).is_ok();
        self.tell();
        is_first
    }

    /// Why the attempt is to end, if it is.
    pub(crate) fn cause(&self) -> Option<Stop> {
        self.stop.get().copied()
    }

    /// The worker stops: a method that makes checkpoints ends at the next one, any other may finish within the grace.
    pub(crate) fn leave(&self) {
        self.is_leaving.store(true, Ordering::Relaxed);
    }

    /// Whether the worker stops.
    pub(crate) fn is_leaving(&self) -> bool {
        self.is_leaving.load(Ordering::Relaxed)
    }

    /// Waits until the attempt is to end.
    pub(crate) async fn stopped(&self) -> Stop {
        self.until(|| self.cause()).await
    }

    /// An error once the attempt is to end.
    pub(crate) fn check(&self) -> Result<(), Interrupted> {
        match self.cause() {
            Some(cause) => Err(Interrupted { cause }),
            None => Ok(()),
        }
    }

    /// Sleeps on this thread, less long if the attempt is to end.
    pub(crate) fn sleep_blocking(&self, span: Duration) -> Result<(), Interrupted> {
        self.until_blocking(Some(span), || self.cause().map(drop));
        self.check()
    }

    /// Takes a report: within an attempt `done` never falls, and what a report leaves out stays as it was;
    /// an empty message clears the last one.
    pub(crate) fn report(&self, progress: Progress) -> Result<Pace, Interrupted> {
        self.check()?;
        Ok(self.reported().report(progress, coarse_ms()))
    }

    /// The same for a report that comes with a cursor: whether the checkpoint is to be made now.
    pub(crate) fn report_at(&self, progress: Progress) -> Result<(Pace, bool), Interrupted> {
        self.check()?;
        let now_ms = coarse_ms();
        let mut reported = self.reported();
        let pace = reported.report(progress, now_ms);
        Ok((pace, reported.is_due(now_ms) || self.is_leaving()))
    }

    /// Hands a checkpoint to the settler; answers its version.
    pub(crate) fn submit(&self, checkpoint: Checkpoint) -> Result<u64, Interrupted> {
        self.check()?;
        let version = self.reported().submit(checkpoint);
        self.around.bell.notify_one();
        Ok(version)
    }

    /// Waits until the checkpoint of this version is written, so long at the most; fails if the attempt is to end before.
    pub(crate) async fn kept(&self, version: u64, patience: Option<Duration>) -> Result<(), CheckpointError> {
        let kept = self.until(|| self.kept_or_stopped(version));
        match patience {
            None => kept.await,
            // What is not written yet is written later.
            Some(patience) => tokio::time::timeout(patience, kept).await.unwrap_or(Ok(())),
        }
    }

    /// The same on this thread.
    pub(crate) fn kept_blocking(&self, version: u64, patience: Option<Duration>) -> Result<(), CheckpointError> {
        self.until_blocking(patience, || self.kept_or_stopped(version)).unwrap_or(Ok(()))
    }

    /// What of the attempt is newer than what is written, with its version.
    pub(crate) fn unwritten(&self) -> Option<(u64, Report)> {
        let Unwritten { version, progress, checkpoint, resumed, redone, active_ms } =
            self.reported().unwritten(coarse_ms())?;
        let report = Report { lease: self.lease(), progress: Some(progress), checkpoint, resumed, redone, active_ms };
        Some((version, report))
    }

    /// The right to write about the task.
    pub(crate) fn lease(&self) -> Lease {
        Lease { id: self.task.id, token: self.task.lease_token }
    }

    /// What was unwritten at this version is written.
    pub(crate) fn mark_written(&self, version: u64) {
        self.reported().mark_written(version);
        self.tell();
    }

    /// What was unwritten at this version is refused, and would be again.
    pub(crate) fn mark_refused(&self, version: u64) {
        self.reported().mark_refused(version);
        self.tell();
    }

    /// What was unwritten at this version is about a task that is another's: it ends the attempt, and waits for nothing any more.
    pub(crate) fn mark_lost(&self, version: u64) {
        self.stop(Stop::LostLease);
        self.reported().drop_unwritten(version);
    }

    /// Whether a checkpoint waits to be written.
    pub(crate) fn has_checkpoint_waiting(&self) -> bool {
        self.reported().has_checkpoint_waiting()
    }

    /// Who may write about the task.
    pub(crate) fn pen(&self) -> &Pen {
        &self.pen
    }

    /// Whether a checkpoint of this attempt is written.
    pub(crate) fn is_safe(&self) -> bool {
        self.reported().is_safe()
    }

    /// The lines of its log that wait to be written.
    pub(crate) fn lines(&self) -> &Arc<TaskLines> {
        &self.lines
    }

    /// Those of them up to this number are written.
    pub(crate) fn mark_lines_written(&self, number: i64) {
        self.lines.mark_written(number);
        self.tell();
    }

    /// Has the settler write them, and waits for it a moment.
    pub(crate) async fn write_lines(&self) {
        if !self.lines.is_empty() {
            self.around.bell.notify_one();
            let written = self.until(|| self.lines.is_empty().then_some(()));
            // What is not written yet is written later.
            let _ = tokio::time::timeout(limits::LINES_PATIENCE, written).await;
        }
    }

    /// Adds a line to its log.
    pub(crate) fn log(&self, message: impl std::fmt::Display) {
        self.lines.add("info", &task_lines::message(message));
    }

    /// How long ago the last report came, or the attempt began: exact to about ten milliseconds.
    pub(crate) fn idle_for(&self) -> Duration {
        let at_ms = self.reported().at_ms();
        coarse_since(at_ms)
    }

    pub(crate) fn reported(&self) -> MutexGuard<'_, Reported> {
        self.reported.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept_or_stopped(&self, version: u64) -> Option<Result<(), CheckpointError>> {
        let answer = self.reported().answer_to(version);
        answer.or_else(|| self.check().err().map(|interrupted| Err(interrupted.into())))
    }

    /// Wakes whoever waits for a change.
    fn tell(&self) {
        // Locked once, so that this comes behind any sleeper that has looked but does not wait yet. Where none does it is no call of the system.
        if *self.sleepers() > 0 {
            self.changed_blocking.notify_all();
        }
        self.changed.notify_waiters();
    }

    /// Waits until this answers something.
    async fn until<T>(&self, answer: impl Fn() -> Option<T>) -> T {
        loop {
            // Made before the look, so that a change between the two still wakes it.
            let changed = self.changed.notified();
            if let Some(answer) = answer() {
                return answer;
            }
            changed.await;
        }
    }

    fn until_blocking<T>(&self, patience: Option<Duration>, answer: impl Fn() -> Option<T>) -> Option<T> {
        let began = Instant::now();
        let mut sleepers = self.sleepers();
        loop {
            if let Some(answer) = answer() {
                return Some(answer);
            }
            // Without patience to lose, a look now and then costs nothing.
            let left = patience.map_or(Duration::from_secs(60), |patience| patience.saturating_sub(began.elapsed()));
            if left.is_zero() {
                return None;
            }
            *sleepers += 1;
            sleepers = self.changed_blocking.wait_timeout(sleepers, left).unwrap_or_else(PoisonError::into_inner).0;
            *sleepers -= 1;
        }
    }

    fn sleepers(&self) -> MutexGuard<'_, usize> {
        self.sleepers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use mission_core::{State, UniqueId};

    use super::*;

    fn attempt() -> Shared {
        Shared::new(Task::with(1, UniqueId::random(), "export".into(), State::Executing), Surroundings::none())
    }

    #[test]
    fn the_first_cause_stays() {
        let shared = attempt();
        assert_eq!((shared.cause(), shared.check()), (None, Ok(())));
        assert!(shared.stop(Stop::Stalled));
        assert!(!shared.stop(Stop::LostLease));
        assert_eq!(shared.cause(), Some(Stop::Stalled));
        assert!(shared.report(Progress::from(1)).is_err());
        assert_eq!(shared.unwritten(), None, "a report after the stop is not taken");
    }

    #[test]
    fn each_report_is_seen_until_its_version_is_written() {
        let shared = attempt();
        assert_eq!(shared.unwritten(), None);
        shared.report(Progress::from((3, 10))).unwrap();
        shared.report(Progress::from((4, 10))).unwrap();
        let (version, report) = shared.unwritten().unwrap();
        assert_eq!(report.progress, Some(Progress::of(4, 10)));
        shared.mark_written(version);
        assert_eq!(shared.unwritten(), None);
        shared.report(Progress::from((4, 10))).unwrap();
        assert!(shared.unwritten().is_some(), "the same progress again is a sign of life");
    }

    #[test]
    fn progress_never_falls_and_keeps_what_a_report_leaves_out() {
        let shared = attempt();
        for report in [Progress::from((5, 10, "reading")), Progress::from(2), Progress::from((12, 11))] {
            shared.report(report).unwrap();
        }
        let progress = |shared: &Shared| shared.unwritten().unwrap().1.progress.unwrap();
        assert_eq!(progress(&shared), Progress::of(12, 11).message("reading"));
        shared.report(Progress::from((12, 11, ""))).unwrap();
        assert_eq!(progress(&shared), Progress::of(12, 11));
    }

    #[test]
    fn a_report_ends_the_idle_time() {
        let shared = attempt();
        while shared.idle_for() < Duration::from_millis(60) {
            std::hint::spin_loop();
        }
        shared.report(Progress::from(1)).unwrap();
        assert!(shared.idle_for() < Duration::from_millis(50));
    }

    #[test]
    fn a_blocking_sleep_ends_with_the_attempt() {
        let shared = Arc::new(attempt());
        assert!(shared.sleep_blocking(Duration::from_millis(1)).is_ok());
        let sleeper = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.sleep_blocking(Duration::from_secs(600))
        });
        let began = Instant::now();
        shared.stop(Stop::Cancelled);
        assert!(sleeper.join().unwrap().is_err());
        assert!(began.elapsed() < Duration::from_secs(60));
    }

    #[tokio::test]
    async fn everyone_who_waits_for_the_end_wakes() {
        let shared = Arc::new(attempt());
        let waiters = (0..3).map(|_| {
            tokio::spawn({
                let shared = Arc::clone(&shared);
                async move { shared.stopped().await }
            })
        });
        let waiters: Vec<_> = waiters.collect();
        tokio::task::yield_now().await;
        shared.stop(Stop::HandOver);
        for waiter in waiters {
            assert_eq!(waiter.await.unwrap(), Stop::HandOver);
        }
        assert_eq!(shared.stopped().await, Stop::HandOver, "also one who asks later");
    }
}
