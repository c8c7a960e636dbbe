//! The worker's lease as this process knows it: under which number, and until when by the clock of this machine.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mission_core::WorkerId;
use tokio::sync::watch;

use crate::clock::waking_ms;
use crate::limits;

/// How the worker's lease stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It holds.
    Holds,
    /// It could not be renewed in time; a later renewal may bring it back.
    Lapsed,
    /// Somebody took the worker for dead: only a new registration helps.
    Removed,
}

/// The worker's lease. Written by the heart, asked by everybody.
pub(crate) struct Tenure {
    lease: Duration,
    term: Mutex<Term>,
    standing: watch::Sender<Standing>,
}

struct Term {
    worker: WorkerId,
    /// Counted from before the renewal was sent, less a margin: the database cannot end the lease sooner.
    holds_until_ms: u64,
    /// When the database was last away, as far as this worker knows.
    troubled_at_ms: u64,
}

impl Term {
    /// Who has just registered cannot know whether the database was away until then, for the others, too.
    fn begin(worker: WorkerId, lease: Duration, asked_at_ms: u64) -> Self {
        Self { worker, holds_until_ms: holds_until_ms(lease, asked_at_ms), troubled_at_ms: waking_ms() }
    }
}

impl Tenure {
    /// A lease that was asked for at this moment of [`waking_ms`].
    pub(crate) fn new(worker: WorkerId, lease: Duration, asked_at_ms: u64) -> Self {
        let term = Term::begin(worker, lease, asked_at_ms);
        Self { lease, term: Mutex::new(term), standing: watch::Sender::new(Standing::Holds) }
    }

    /// The worker's number now.
    pub(crate) fn worker(&self) -> WorkerId {
        self.term().worker
    }

    /// How long the lease lasts without renewal.
    pub(crate) fn lease(&self) -> Duration {
        self.lease
    }

    /// The part of the lease that is kept back so that tasks can end within it.
    pub(crate) fn margin(&self) -> Duration {
        margin(self.lease)
    }

    /// Whether the lease holds: without it nothing is claimed and nothing begins.
    pub(crate) fn holds(&self) -> bool {
        *self.standing.borrow() == Standing::Holds && !self.left().is_zero()
    }

    /// How long it holds without another renewal.
    pub(crate) fn left(&self) -> Duration {
        Duration::from_millis(self.term().holds_until_ms.saturating_sub(waking_ms()))
    }

    /// To hear of changes.
    pub(crate) fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.subscribe()
    }

    /// A renewal that was asked for at this moment succeeded.
    pub(crate) fn renew(&self, asked_at_ms: u64) {
        self.term().holds_until_ms = holds_until_ms(self.lease, asked_at_ms);
        self.stand(Standing::Holds);
    }

    /// A renewal failed.
    pub(crate) fn trouble(&self) {
        self.term().troubled_at_ms = waking_ms();
    }

    /// Whether a renewal failed, or the worker registered, within so long.
    pub(crate) fn was_troubled_within(&self, span: Duration) -> bool {
        let span_ms = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        waking_ms().saturating_sub(self.term().troubled_at_ms) < span_ms
    }

    /// It could not be renewed in time, or not at all any more; whether that is news.
    pub(crate) fn lose(&self, standing: Standing) -> bool {
        self.stand(standing)
    }

    /// Begins anew under another number.
    pub(crate) fn begin(&self, worker: WorkerId, asked_at_ms: u64) {
        *self.term() = Term::begin(worker, self.lease, asked_at_ms);
        self.stand(Standing::Holds);
    }

    fn stand(&self, standing: Standing) -> bool {
        self.standing.send_if_modified(|known| std::mem::replace(known, standing) != standing)
    }

    fn term(&self) -> MutexGuard<'_, Term> {
        self.term.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn margin(lease: Duration) -> Duration {
    (lease / limits::LEASE_MARGIN_PART).max(limits::LEASE_MARGIN_MIN)
}

fn holds_until_ms(lease: Duration, asked_at_ms: u64) -> u64 {
    let span = lease.saturating_sub(margin(lease));
    asked_at_ms.saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_holds_from_before_it_was_asked_for_and_less_a_margin() {
        let tenure = Tenure::new(WorkerId(1), Duration::from_secs(8), waking_ms());
        assert!(tenure.holds() && tenure.left() <= Duration::from_secs(7));
        tenure.renew(waking_ms().saturating_sub(7_000));
        assert!(!tenure.holds(), "an answer that took seven seconds renews nothing");
        tenure.renew(waking_ms());
        assert!(tenure.holds());
    }

    #[test]
    fn every_lease_keeps_back_the_time_that_stopping_takes_and_leaves_room_for_beats() {
        for lease in [limits::LEASE_MIN, Duration::from_secs(4), limits::LEASE_SERVER, limits::LEASE_MAX] {
            let asked_at_ms = waking_ms();
            let tenure = Tenure::new(WorkerId(1), lease, asked_at_ms);
            let kept_back = lease.saturating_sub(Duration::from_millis(tenure.term().holds_until_ms - asked_at_ms));
            assert!(kept_back > limits::STOP_MOMENT + limits::ABORT_MAX, "of {lease:?} only {kept_back:?}");
            assert!(lease - kept_back > lease / limits::BEATS_PER_LEASE * 2, "of {lease:?} no less than {kept_back:?}");
        }
    }

    #[test]
    fn a_lost_lease_holds_again_after_a_renewal_or_under_a_new_number() {
        let tenure = Tenure::new(WorkerId(1), Duration::from_secs(8), waking_ms());
        assert!(tenure.lose(Standing::Lapsed) && !tenure.lose(Standing::Lapsed));
        assert!(!tenure.holds());
        tenure.renew(waking_ms());
        assert!(tenure.holds());
        tenure.lose(Standing::Removed);
        tenure.begin(WorkerId(2), waking_ms());
        assert!(tenure.holds() && tenure.worker() == WorkerId(2));
    }

    #[test]
    fn who_has_just_registered_counts_the_database_as_away_until_the_answer_came() {
        let lease = Duration::from_secs(8);
        let asked_at_ms = waking_ms().saturating_sub(5_000);
        let tenure = Tenure::new(WorkerId(1), lease, asked_at_ms);
        assert!(tenure.was_troubled_within(Duration::from_secs(1)), "the answer took five seconds");
        tenure.term().troubled_at_ms = waking_ms().saturating_sub(9_000);
        assert!(!tenure.was_troubled_within(lease), "a lease later it has seen enough");
        tenure.begin(WorkerId(2), asked_at_ms);
        assert!(tenure.was_troubled_within(Duration::from_secs(1)), "the same under a new number");
    }
}
