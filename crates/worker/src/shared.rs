//! What a running method and the worker share: the task, its progress, and whether it must stop.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use mission_core::{Progress, Task};
use tokio::sync::Notify;

use crate::clock::{coarse_ms, coarse_since};
use crate::stop::{Interrupted, Stop};
use crate::task_lines::{self, TaskLines};

/// How long a method may keep a thread of the runtime to itself before its reports of progress give it back.
const YIELD_EVERY_MS: u64 = 10;

/// Whether a report of progress finds that the runtime's thread has been held long enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Go on.
    GoOn,
    /// Give the runtime a turn.
    Yield,
}

/// One running attempt, shared between the method and the worker.
///
/// Neither side waits for the other: the method writes memory, the worker takes it to the database.
pub(crate) struct Shared {
    task: Task,
    reported: Mutex<Reported>,
    lines: Arc<TaskLines>,
    stop: OnceLock<Stop>,
    /// Guards nothing but the condition: the cause itself is in `stop`.
    gate: Mutex<()>,
    stopped_blocking: Condvar,
    stopped: Notify,
}

struct Reported {
    progress: Progress,
    /// Grows by one with each report; 0 means none yet.
    version: u64,
    /// When the last report came, or the attempt began.
    at_ms: u64,
    /// When the runtime last had a turn.
    yielded_at_ms: u64,
}

impl Shared {
    /// An attempt that begins now.
    pub(crate) fn new(task: Task) -> Self {
        let now_ms = coarse_ms();
        Self {
            task,
            reported: Mutex::new(Reported {
                progress: Progress::default(),
                version: 0,
                at_ms: now_ms,
                yielded_at_ms: now_ms,
            }),
            lines: Arc::default(),
            stop: OnceLock::new(),
            gate: Mutex::new(()),
            stopped_blocking: Condvar::new(),
            stopped: Notify::new(),
        }
    }

    /// The task as it was claimed.
    pub(crate) fn task(&self) -> &Task {
        &self.task
    }

    /// Ends the attempt. The first cause stays; whether this one was it.
    pub(crate) fn stop(&self, cause: Stop) -> bool {
        let is_first = self.stop.set(cause).is_ok();
        // Taking the gate once orders this behind any sleeper that has looked but does not wait yet.
        drop(self.gate.lock().unwrap_or_else(PoisonError::into_inner));
        self.stopped_blocking.notify_all();
        self.stopped.notify_waiters();
        is_first
    }

    /// Why the attempt is to end, if it is.
    pub(crate) fn cause(&self) -> Option<Stop> {
        self.stop.get().copied()
    }

    /// Waits until the attempt is to end.
    pub(crate) async fn stopped(&self) -> Stop {
        loop {
            // Made before the look, so that a stop between the two still wakes it.
            let stopped = self.stopped.notified();
            if let Some(cause) = self.cause() {
                return cause;
            }
            stopped.await;
        }
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
        let gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.stopped_blocking.wait_timeout_while(gate, span, |()| self.cause().is_none()));
        self.check()
    }

    /// Takes a report: within an attempt `done` never falls, and what a report leaves out stays as it was;
    /// an empty message clears the last one.
    pub(crate) fn report(&self, progress: Progress) -> Result<Pace, Interrupted> {
        self.check()?;
        let now_ms = coarse_ms();
        let mut reported = self.reported();
        let kept = &mut reported.progress;
        kept.done = kept.done.max(progress.done);
        kept.total = progress.total.or(kept.total);
        if progress.message.is_some() {
            kept.message = progress.message.filter(|message| !message.is_empty());
        }
        reported.version += 1;
        reported.at_ms = now_ms;
        if now_ms.saturating_sub(reported.yielded_at_ms) < YIELD_EVERY_MS {
            return Ok(Pace::GoOn);
        }
        reported.yielded_at_ms = now_ms;
        Ok(Pace::Yield)
    }

    /// The latest report and its version, if it is newer than this version; 0 stands for the beginning.
    pub(crate) fn progress_after(&self, version: u64) -> Option<(u64, Progress)> {
        let reported = self.reported();
        (reported.version > version).then(|| (reported.version, reported.progress.clone()))
    }

    /// The lines of its log that wait to be written.
    pub(crate) fn lines(&self) -> &Arc<TaskLines> {
        &self.lines
    }

    /// Adds a line to its log.
    pub(crate) fn log(&self, message: impl std::fmt::Display) {
        self.lines.add("info", task_lines::message(message));
    }

    /// How long ago the last report came, or the attempt began: exact to about ten milliseconds.
    pub(crate) fn idle_for(&self) -> Duration {
        let at_ms = self.reported().at_ms;
        coarse_since(at_ms)
    }

    fn reported(&self) -> MutexGuard<'_, Reported> {
        self.reported.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use mission_core::{State, UniqueId};

    use super::*;

    fn attempt() -> Shared {
        Shared::new(Task::with(1, UniqueId::random(), "export".into(), State::Executing))
    }

    #[test]
    fn the_first_cause_stays() {
        let shared = attempt();
        assert_eq!((shared.cause(), shared.check()), (None, Ok(())));
        assert!(shared.stop(Stop::Stalled));
        assert!(!shared.stop(Stop::LostLease));
        assert_eq!(shared.cause(), Some(Stop::Stalled));
        assert!(shared.report(Progress::from(1)).is_err());
        assert_eq!(shared.progress_after(0), None, "a report after the stop is not taken");
    }

    #[test]
    fn each_report_is_seen_until_its_version_is_written() {
        let shared = attempt();
        assert_eq!(shared.progress_after(0), None);
        shared.report(Progress::from((3, 10))).unwrap();
        shared.report(Progress::from((4, 10))).unwrap();
        let (version, progress) = shared.progress_after(0).unwrap();
        assert_eq!(progress, Progress::of(4, 10));
        assert_eq!(shared.progress_after(version), None);
        shared.report(Progress::from((4, 10))).unwrap();
        assert!(shared.progress_after(version).is_some(), "the same progress again is a sign of life");
    }

    #[test]
    fn progress_never_falls_and_keeps_what_a_report_leaves_out() {
        let shared = attempt();
        for report in [Progress::from((5, 10, "reading")), Progress::from(2), Progress::from((12, 11))] {
            shared.report(report).unwrap();
        }
        let (_, progress) = shared.progress_after(0).unwrap();
        assert_eq!(progress, Progress::of(12, 11).message("reading"));
        shared.report(Progress::from((12, 11, ""))).unwrap();
        assert_eq!(shared.progress_after(0).unwrap().1, Progress::of(12, 11));
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
