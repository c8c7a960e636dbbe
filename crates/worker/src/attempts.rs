//! The attempts this worker knows of, from the claim until their outcome is written, and what it gives back unbegun.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mission_core::{Lease, Running, WorkerId};
use mission_store::{Claimed, Report};
use tokio::sync::{OwnedSemaphorePermit, watch};

use crate::limits;
use crate::shared::Shared;
use crate::stop::Stop;
use crate::surroundings::Surroundings;
use crate::wake::Wake;

/// One attempt, from its claim until its outcome is written.
pub(crate) struct Attempt {
    pub(crate) shared: Arc<Shared>,
    pub(crate) running: Running,
    began: Instant,
    has_ended: AtomicBool,
    /// Whether somebody else held its row when it was last written about.
    is_held: AtomicBool,
    /// Held until the outcome is written: the next suspect's death must not count against one that merely is not settled yet.
    _suspect: Option<Arc<SuspectPermit>>,
}

/// The right to run a suspect, shared by its body and its attempt: the later end gives it back, and calls for the next.
pub(crate) struct SuspectPermit {
    permit: Option<OwnedSemaphorePermit>,
    wake: Wake,
}

impl SuspectPermit {
    pub(crate) fn new(permit: OwnedSemaphorePermit, wake: Wake) -> Arc<Self> {
        Arc::new(Self { permit: Some(permit), wake })
    }
}

impl Drop for SuspectPermit {
    fn drop(&mut self) {
        drop(self.permit.take());
        self.wake.wake();
    }
}

impl Attempt {
    /// Whether somebody else held its row when it was last written about.
    pub(crate) fn is_held(&self) -> bool {
        self.is_held.load(Ordering::Relaxed)
    }

    /// Somebody else holds its row, or does no more.
    pub(crate) fn set_held(&self, is_held: bool) {
        self.is_held.store(is_held, Ordering::Relaxed);
    }

    /// How long it has run.
    pub(crate) fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// What is still to be written about it, with its version.
    pub(crate) fn unwritten(&self) -> Option<(u64, Report)> {
        self.shared.unwritten()
    }

    /// The task as the rules see it now.
    pub(crate) fn running(&self) -> Running {
        let mut running = self.running.clone();
        if self.shared.is_safe() {
            running.checkpointed();
        }
        running
    }
}

/// How many attempts there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Load {
    /// Those whose outcome is not known yet.
    pub(crate) running: usize,
    /// Those whose outcome waits to be written.
    pub(crate) unsettled: usize,
}

impl Load {
    pub(crate) fn is_idle(&self) -> bool {
        *self == Self::default()
    }

    /// Whether so few outcomes wait to be written that more tasks may begin.
    pub(crate) fn has_room(&self) -> bool {
        self.unsettled < limits::SETTLE_BACKLOG_MAX
    }
}

/// All attempts this worker knows of.
#[derive(Default)]
pub(crate) struct Attempts {
    /// Nothing of a task that never began here and whose way back is still to be written.
    known: Mutex<HashMap<Lease, Option<Arc<Attempt>>>>,
    load: watch::Sender<Load>,
}

impl Attempts {
    /// A claimed task begins to run.
    pub(crate) fn begin(
        &self,
        claimed: Claimed,
        suspect: Option<Arc<SuspectPermit>>,
        around: Surroundings,
    ) -> Arc<Attempt> {
        let attempt = Arc::new(Attempt {
            shared: Arc::new(Shared::new(claimed.task, around)),
            running: claimed.running,
            began: Instant::now(),
            has_ended: AtomicBool::new(false),
            is_held: AtomicBool::new(false),
            _suspect: suspect,
        });
        let mut known = self.known();
        known.insert(attempt.running.lease, Some(Arc::clone(&attempt)));
        self.load.send_modify(|load| load.running += 1);
        attempt
    }

    /// Its outcome is known, and waits to be written.
    pub(crate) fn end(&self, attempt: &Attempt) {
        let _known = self.known();
        if !attempt.has_ended.swap(true, Ordering::Relaxed) {
            self.load.send_modify(|load| {
                load.running -= 1;
                load.unsettled += 1;
            });
        }
    }

    /// It did not begin, and its way back is in the settler's hands: until that is written it must not begin after all, nor its worker leave.
    pub(crate) fn goes_back(&self, lease: Lease) {
        self.known().entry(lease).or_insert_with(|| {
            self.load.send_modify(|load| load.unsettled += 1);
            None
        });
    }

    /// Its outcome is written, or is another's to write.
    pub(crate) fn forget(&self, lease: Lease) -> Option<Arc<Attempt>> {
        let mut known = self.known();
        let Some(attempt) = known.remove(&lease)? else {
            self.load.send_modify(|load| load.unsettled -= 1);
            return None;
        };
        // Whoever still waits for a write of this attempt would wait for ever.
        attempt.shared.stop(Stop::Ended);
        self.load.send_modify(|load| {
            if attempt.has_ended.load(Ordering::Relaxed) {
                load.unsettled -= 1;
            } else {
                load.running -= 1;
            }
        });
        Some(attempt)
    }

    /// Those whose outcome is not known yet.
    pub(crate) fn running(&self) -> Vec<Arc<Attempt>> {
        self.known().values().flatten().filter(|attempt| !attempt.has_ended.load(Ordering::Relaxed)).cloned().collect()
    }

    /// The attempt of a lease.
    pub(crate) fn get(&self, lease: Lease) -> Option<Arc<Attempt>> {
        self.known().get(&lease).cloned().flatten()
    }

    /// The leases of all, with those of tasks that go back.
    pub(crate) fn leases(&self) -> HashSet<Lease> {
        self.known().keys().copied().collect()
    }

    /// Tells all that run that the worker stops.
    pub(crate) fn leave(&self) {
        for attempt in self.running() {
            attempt.shared.leave();
        }
    }

    /// Ends all that run.
    pub(crate) fn stop(&self, cause: Stop) {
        for attempt in self.running() {
            attempt.shared.stop(cause);
        }
    }

    /// Ends all that run under this number of the worker.
    pub(crate) fn stop_of(&self, worker: WorkerId, cause: Stop) {
        for attempt in self.running().iter().filter(|attempt| attempt.shared.task().worker_id == Some(worker)) {
            attempt.shared.stop(cause);
        }
    }

    /// How many there are, and to hear of changes.
    pub(crate) fn load(&self) -> watch::Receiver<Load> {
        self.load.subscribe()
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Lease, Option<Arc<Attempt>>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use mission_core::{Counts, LeaseToken, State, Task, UniqueId};

    use super::*;

    fn claimed(id: i64) -> Claimed {
        let task = Task::with(id, UniqueId::random(), "export".into(), State::Executing);
        let running = Running {
            lease: Lease { id, token: LeaseToken(1) },
            counts: Counts::default(),
            retries: None,
            last_reason: None,
            cancel_requested: false,
        };
        Claimed { task, running }
    }

    #[test]
    fn an_attempt_is_known_until_its_outcome_is_written() {
        let attempts = Attempts::default();
        let (one, other) = (
            attempts.begin(claimed(1), None, Surroundings::none()),
            attempts.begin(claimed(2), None, Surroundings::none()),
        );
        assert_eq!(*attempts.load().borrow(), Load { running: 2, unsettled: 0 });
        attempts.end(&one);
        attempts.end(&one);
        assert_eq!(*attempts.load().borrow(), Load { running: 1, unsettled: 1 });
        assert!(attempts.leases().contains(&one.running.lease) && attempts.running().len() == 1);
        attempts.forget(one.running.lease);
        attempts.forget(other.running.lease);
        attempts.forget(other.running.lease);
        assert!(attempts.load().borrow().is_idle());
    }

    #[test]
    fn those_of_another_number_go_on() {
        let attempts = Attempts::default();
        let of = |id: i64, worker: i64| {
            let mut claimed = claimed(id);
            claimed.task.worker_id = Some(WorkerId(worker));
            attempts.begin(claimed, None, Surroundings::none())
        };
        let (lost, own) = (of(1, 7), of(2, 8));
        attempts.stop_of(WorkerId(7), Stop::LostLease);
        assert_eq!((lost.shared.cause(), own.shared.cause()), (Some(Stop::LostLease), None));
    }

    #[test]
    fn progress_waits_until_its_version_is_written() {
        let attempts = Attempts::default();
        let attempt = attempts.begin(claimed(1), None, Surroundings::none());
        assert!(attempt.unwritten().is_none());
        attempt.shared.report(7.into()).unwrap();
        let (version, report) = attempt.unwritten().unwrap();
        assert_eq!(report.progress.unwrap().done, 7);
        attempt.shared.mark_written(version);
        assert!(attempt.unwritten().is_none());
    }
}
