//! The heartbeat: renews the lease on a thread and a connection of its own, and stops everything before the lease ends.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mission_core::{Error, ErrorKind, WorkerId};
use mission_store::{Heart, Renewal};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::attempts::Attempt;
use crate::base::{Base, Phase, pause};
use crate::clock::waking_ms;
use crate::settings::OnLostLease;
use crate::stop::Stop;
use crate::tenure::Standing;
use crate::{limits, log};

/// Begins to beat. The thread ends by itself once the worker is over.
///
/// # Errors
/// No thread, or no runtime for it, could be had.
pub(crate) fn begin(base: Arc<Base>) -> Result<(), Error> {
    let refuse = |fault: std::io::Error| Error::new(ErrorKind::Setup, "the heartbeat cannot start").with_source(fault);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(refuse)?;
    let beat = move || runtime.block_on(Beating::new(base).run());
    std::thread::Builder::new().name("mission-heart".to_owned()).spawn(beat).map_err(refuse)?;
    Ok(())
}

struct Beating {
    base: Arc<Base>,
    phase: watch::Receiver<Phase>,
    worker: WorkerId,
    heart: Heart,
    is_failing: bool,
    /// When what was told to stop must have ended.
    over_at_ms: Option<u64>,
}

impl Beating {
    fn new(base: Arc<Base>) -> Self {
        let worker = base.tenure.worker();
        let heart = base.store.heart(worker, base.tenure.lease());
        Self { phase: base.phase(), worker, heart, is_failing: false, over_at_ms: None, base }
    }

    async fn run(mut self) {
        let every = self.base.tenure.lease() / limits::BEATS_PER_LEASE;
        loop {
            self.abort_if_told();
            let is_ending = self.over_at_ms.is_some();
            let span = if self.is_failing || is_ending { limits::BEAT_AGAIN.min(every) } else { every };
            if !self.rest(span).await {
                return;
            }
            self.beat(every).await;
        }
    }

    /// Waits for the next beat, with a look at the clock after each step; false once the worker is over.
    async fn rest(&mut self, span: Duration) -> bool {
        let began_at_ms = waking_ms();
        loop {
            let rested = Duration::from_millis(waking_ms().saturating_sub(began_at_ms));
            let holds = *self.base.tenure.standing().borrow() == Standing::Holds;
            let left = holds.then(|| self.base.tenure.left());
            let Some(step) = next_step(span.saturating_sub(rested), left) else { return true };
            if !pause(step, &mut self.phase, Phase::Over).await {
                return false;
            }
            self.look_at_the_clock();
        }
    }

    async fn beat(&mut self, every: Duration) {
        self.follow();
        let asked_at_ms = waking_ms();
        let is_lapsed = *self.base.tenure.standing().borrow() != Standing::Holds;
        // A beat that hangs must neither outlast the lease nor keep the next one from trying another connection.
        let patience = if is_lapsed { every } else { every.min(self.base.tenure.left()) };
        match timeout(patience, self.heart.beat()).await {
            Ok(Ok(Renewal::Renewed)) => self.renewed(asked_at_ms),
            Ok(Ok(Renewal::Lost)) => self.removed(),
            Ok(Err(fault)) => self.failed(&fault.to_string()),
            Err(_) => {
                // Its connection is in the middle of something: away with both.
                self.heart = self.base.store.heart(self.worker, self.base.tenure.lease());
                self.failed("no answer in time");
            }
        }
    }

    /// Beats for the number the worker has now.
    fn follow(&mut self) {
        let worker = self.base.tenure.worker();
        if worker != self.worker {
            self.worker = worker;
            self.heart = self.base.store.heart(worker, self.base.tenure.lease());
        }
    }

    fn renewed(&mut self, asked_at_ms: u64) {
        if self.base.tenure.worker() != self.worker {
            return;
        }
        let was_lapsed = *self.base.tenure.standing().borrow() == Standing::Lapsed;
        self.base.tenure.renew(asked_at_ms);
        if std::mem::take(&mut self.is_failing) || was_lapsed {
            log::recovered();
        }
    }

    fn failed(&mut self, fault: &str) {
        self.base.tenure.trouble();
        if !std::mem::replace(&mut self.is_failing, true) {
            log::beat_failed(fault, self.base.tenure.left());
        }
        self.look_at_the_clock();
    }

    /// Before the lease ends every task must.
    fn look_at_the_clock(&mut self) {
        let is_over = self.base.tenure.left().is_zero();
        let holds = *self.base.tenure.standing().borrow() == Standing::Holds;
        if is_over && holds && self.base.tenure.lose(Standing::Lapsed) {
            log::lapsed(self.base.attempts.load().borrow().running);
            self.base.attempts.stop(Stop::OutOfReach);
            self.over_at_ms = Some(waking_ms() + self.margin_ms());
        }
    }

    fn margin_ms(&self) -> u64 {
        u64::try_from(self.base.tenure.margin().as_millis()).unwrap_or(u64::MAX)
    }

    /// Where a body still runs at the end of the lease and the owner wants nothing to run beside the next attempt, the
    /// process ends. On this thread, because the body may hold all those of the runtime.
    fn abort_if_told(&mut self) {
        if self.over_at_ms.is_none_or(|at_ms| waking_ms() < at_ms) {
            return;
        }
        self.over_at_ms = None;
        let is_lost = |attempt: &Arc<Attempt>| attempt.shared.cause().is_some_and(Stop::is_loss);
        let running = self.base.attempts.running().iter().filter(|attempt| is_lost(attempt)).count()
            + self.base.lingering.load(Ordering::Relaxed);
        if self.base.settings.on_lost_lease == OnLostLease::Abort && running > 0 {
            log::aborts(running);
            std::process::exit(limits::ABORT_EXIT_CODE);
        }
    }

    fn removed(&mut self) {
        if self.base.tenure.worker() == self.worker && self.base.tenure.lose(Standing::Removed) {
            log::removed(self.worker, self.base.attempts.load().borrow().running);
            // By now it may have another number, under which others have begun.
            self.base.attempts.stop_of(self.worker, Stop::LostLease);
            // Its tasks may begin elsewhere already: what is told to stop has the moment it takes to.
            self.over_at_ms = Some(waking_ms() + self.margin_ms());
        }
    }
}

/// How long to rest before the next look at the clock, not past the end of the lease; `None` once the rest is over.
///
/// In steps, because timers stand still while the machine sleeps and the lease does not.
fn next_step(rest: Duration, left: Option<Duration>) -> Option<Duration> {
    (!rest.is_zero()).then(|| rest.min(limits::REST_STEP).min(left.unwrap_or(Duration::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rest_looks_at_the_clock_each_second_and_at_the_end_of_the_lease() {
        let seconds = Duration::from_secs;
        assert_eq!(next_step(seconds(15), Some(seconds(50))), Some(seconds(1)), "the machine may have slept meanwhile");
        assert_eq!(next_step(seconds(15), None), Some(seconds(1)));
        assert_eq!(next_step(Duration::from_millis(300), Some(seconds(50))), Some(Duration::from_millis(300)));
        assert_eq!(next_step(seconds(15), Some(Duration::from_millis(20))), Some(Duration::from_millis(20)));
        assert_eq!(next_step(seconds(15), Some(Duration::ZERO)), Some(Duration::ZERO), "the lease is over");
        assert_eq!(next_step(Duration::ZERO, Some(seconds(50))), None, "a sleep was longer than the rest");
    }
}
