//! What a running method and the worker share: the task, its progress, and whether it must stop.

use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use mission_core::{Progress, Task};
use tokio::sync::Notify;

use crate::clock::{coarse_ms, coarse_since};

/// How long a method may keep a thread of the runtime to itself before its reports of progress give it back.
const YIELD_EVERY_MS: u64 = 10;

/// Why the worker ends an attempt before the method does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Someone cancelled the task.
    Cancelled,
    /// It ran longer than its timeout.
    TimedOut,
    /// It made no progress for longer than its stall timeout.
    Stalled,
    /// The worker stops and gives the task to another.
    HandOver,
    /// The lease could not be renewed: another worker may run the task already.
    LostLease,
}

/// The task is to end now: hand this on with `?`.
///
/// The worker knows why it ended the attempt and records that, whatever the method makes of this error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interrupted {
    pub(crate) cause: Stop,
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.cause {
            Stop::Cancelled => "interrupted: the task was cancelled",
            Stop::TimedOut => "interrupted: the task ran longer than its timeout",
            Stop::Stalled => "interrupted: the task made no progress for longer than its stall timeout",
            Stop::HandOver => "interrupted: the worker stops, another one goes on with the task",
            Stop::LostLease => "interrupted: the worker could not renew its lease, another one goes on with the task",
        })
    }
}

impl std::error::Error for Interrupted {}

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

    /// Takes a report: within an attempt `done` never falls, and what a report leaves out stays as it was.
    pub(crate) fn report(&self, progress: Progress) -> Result<Pace, Interrupted> {
        self.check()?;
        let now_ms = coarse_ms();
        let mut reported = self.reported();
        let kept = &mut reported.progress;
        kept.done = kept.done.max(progress.done);
        kept.total = progress.total.or(kept.total);
        if progress.message.is_some() {
            kept.message = progress.message;
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

    /// How long ago the last report came, or the attempt began: exact to about ten milliseconds.
    pub(crate) fn idle_for(&self) -> Duration {
        let at_ms = self.reported().at_ms;
        coarse_since(at_ms)
    }

    fn reported(&self) -> MutexGuard<'_, Reported> {
        self.reported.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
