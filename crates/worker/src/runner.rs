//! The runner: one claimed task from its method to the settlement, a pipe of small steps on one `Run`.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use mission_core::{Chance, Outcome, Policy, Running, Settlement, settle};
use mission_store::Claimed;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::sleep;

use crate::attempts::{Attempt, SuspectPermit};
use crate::base::{Base, Phase};
use crate::body::{Ended, RunningBody};
use crate::call::{Call, Fault};
use crate::method::Method;
use crate::stop::Stop;
use crate::{limits, log, task_log};

/// The room a running body takes, given back when it has really ended.
pub(crate) struct Slot {
    pub(crate) _place: OwnedSemaphorePermit,
    /// Held by the one suspect of the process.
    pub(crate) suspect: Option<Arc<SuspectPermit>>,
}

/// One attempt on its way.
struct Run {
    base: Arc<Base>,
    attempt: Arc<Attempt>,
    slot: Slot,
}

/// Begins to run a claimed task.
pub(crate) fn begin(base: &Arc<Base>, claimed: Claimed, slot: Slot) {
    let attempt = base.attempts.begin(claimed, slot.suspect.clone());
    if !base.tenure.holds() {
        // The lease may have been lost between the claim and here, after everything that ran was stopped.
        attempt.shared.stop(Stop::OutOfReach);
    }
    if base.has_reached(Phase::Draining) {
        // Those that were known then are told already.
        attempt.shared.leave();
    }
    tokio::spawn(Run { base: Arc::clone(base), attempt, slot }.run());
}

/// The way back to the waiting tasks for one that this worker claimed and cannot run: nothing is counted.
pub(crate) fn put_back(running: &Running, why: &str, wait: Option<Duration>) -> Settlement {
    let handed_over = settle(running, &Policy::default(), Outcome::HandedOver, Chance::fixed(0.0));
    let content = Some(mission_core::Content::new(why));
    Settlement { reason: running.last_reason, content, wait, ..handed_over }
}

impl Run {
    async fn run(self) {
        log::began(self.attempt.shared.task());
        let Some(method) = self.base.registry.get(&self.attempt.shared.task().method).cloned() else {
            let settlement = put_back(&self.attempt.running, "this worker has no such method", Some(limits::POLL_MAX));
            return self.hand_in(settlement);
        };
        match self.attempt.running.refused_after_crash(&method.policy) {
            Some(settlement) => self.hand_in(settlement),
            None => self.call(&method).await,
        }
    }

    /// Runs the body until it ends or is to end.
    async fn call(self, method: &Method) {
        if self.attempt.shared.cause().is_some() {
            return self.settle(method, Ended::Dropped);
        }
        let task = self.attempt.shared.task();
        let call = Call::new(Arc::clone(&self.attempt.shared), Arc::clone(&self.base.states));
        let span = task_log::opening(self.attempt.shared.lines(), || log::span(task));
        let mut body = RunningBody::begin(&method.body, call, &method.name, span);
        let stopped = tokio::select! {
            ended = body.ended() => Err(ended),
            cause = self.stop_or_limit(method) => Ok(cause),
        };
        match stopped {
            Err(ended) => self.settle(method, ended),
            Ok(cause) => {
                log::stopping(self.attempt.shared.task(), cause);
                match body.end().await {
                    Some(ended) => self.settle(method, ended),
                    None => self.leave(method, body),
                }
            }
        }
    }

    /// Waits until somebody stops the attempt, or it has used up its time.
    async fn stop_or_limit(&self, method: &Method) -> Stop {
        let shared = &self.attempt.shared;
        let own = tokio::select! {
            cause = shared.stopped() => return cause,
            () = self.out_of_time(method) => Stop::TimedOut,
            () = self.stalled(method) => Stop::Stalled,
        };
        shared.stop(own);
        shared.cause().unwrap_or(own)
    }

    async fn out_of_time(&self, method: &Method) {
        match self.timeout(method) {
            Some(limit) => sleep(limit.saturating_sub(self.attempt.age())).await,
            None => pending().await,
        }
    }

    async fn stalled(&self, method: &Method) {
        let Some(limit) = self.stall_timeout(method) else { return pending().await };
        loop {
            let left = limit.saturating_sub(self.attempt.shared.idle_for());
            if left.is_zero() {
                return;
            }
            sleep(left).await;
        }
    }

    fn timeout(&self, method: &Method) -> Option<Duration> {
        of_row(self.attempt.shared.task().timeout_ms).or(method.timeout)
    }

    fn stall_timeout(&self, method: &Method) -> Option<Duration> {
        of_row(self.attempt.shared.task().stall_timeout_ms).or(method.stall_timeout)
    }

    /// A body that does not end: its outcome is recorded without it, its slot stays taken.
    fn leave(self, method: &Method, mut body: RunningBody) {
        log::still_running(self.attempt.shared.task());
        let (base, attempt) = (Arc::clone(&self.base), Arc::clone(&self.attempt));
        let slot = self.settle_and_keep_slot(method, Ended::Dropped);
        let mut phase = base.phase();
        tokio::spawn(async move {
            tokio::select! {
                _ = body.ended() => log::returned_late(attempt.shared.task()),
                _ = phase.wait_for(|phase| *phase == Phase::Over) => {}
            }
            drop(slot);
        });
    }

    fn settle(self, method: &Method, ended: Ended) {
        drop(self.settle_and_keep_slot(method, ended));
    }

    fn settle_and_keep_slot(self, method: &Method, ended: Ended) -> Slot {
        if let Ended::NotStarted(fault) = &ended {
            let why = format!("no thread could be started for the method: {fault}");
            self.queue(put_back(&self.attempt.running(), &why, Some(limits::POLL_MAX)));
            return self.slot;
        }
        match self.outcome(method, ended) {
            Some(outcome) => {
                self.queue(settle(&self.attempt.running(), &method.policy, outcome, Chance::random()));
            }
            None => {
                log::dropped(self.attempt.shared.task());
                self.base.attempts.forget(self.attempt.running.lease);
            }
        }
        self.slot
    }

    /// Names the outcome. The worker's own word wins over the method's error, an answer wins over both.
    /// `None` if the task is another's already.
    fn outcome(&self, method: &Method, ended: Ended) -> Option<Outcome> {
        let ended = match ended {
            Ended::Returned(Ok(content)) => return Some(Outcome::Success(content)),
            other => other,
        };
        if let Some(cause) = self.attempt.shared.cause() {
            return match cause {
                Stop::Cancelled => Some(Outcome::Cancelled),
                Stop::TimedOut => Some(Outcome::TimedOut(self.timeout(method).unwrap_or_default())),
                Stop::Stalled => Some(Outcome::Stalled(self.stall_timeout(method).unwrap_or_default())),
                Stop::HandOver | Stop::OutOfReach => Some(Outcome::HandedOver),
                Stop::LostLease => None,
            };
        }
        Some(match ended {
            Ended::Returned(Ok(content)) => Outcome::Success(content),
            Ended::Returned(Err(Fault::BadParams(message))) => Outcome::BadParams(message),
            Ended::Returned(Err(Fault::Failed(failure))) => Outcome::Failed(failure),
            Ended::Panicked(message) => Outcome::Panicked(message),
            // Only a runtime that shuts down drops what nobody stopped.
            Ended::Dropped | Ended::NotStarted(_) => Outcome::HandedOver,
        })
    }

    fn hand_in(self, settlement: Settlement) {
        self.queue(settlement);
    }

    /// Gives the outcome to the settler.
    fn queue(&self, settlement: Settlement) {
        log::ended(self.attempt.shared.task(), &settlement, self.attempt.age());
        self.base.attempts.end(&self.attempt);
        // The settler goes only when the worker is over; then the lease decides about the task.
        let _ = self.base.outcomes.send(settlement);
    }
}

/// A limit written into the row by hand may be anything; less than a millisecond means none.
fn of_row(limit_ms: Option<i64>) -> Option<Duration> {
    limit_ms.and_then(|ms| u64::try_from(ms).ok()).filter(|ms| *ms > 0).map(Duration::from_millis)
}
