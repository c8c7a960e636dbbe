//! The ways a worker claims: before a look, together with outcomes, or alone; and how a claim comes to be worth its way.

use std::sync::Arc;
use std::time::Instant;

use mission_core::Error;
use mission_store::{Claimed, Line, Terms};

use super::{Fetcher, is_refusal};
use crate::intake::Intake;
use crate::limits;

/// Claims that go alone because others could not go together: where outcomes need more than their row, each try is a wait of both sides.
#[derive(Default)]
pub(super) struct Apart {
    /// So many claims go alone from now on.
    left: u32,
    /// So many did the last time; twice as many the next.
    span: u32,
}

impl Apart {
    fn tried(&mut self, went_together: bool) {
        self.span = if went_together { 0 } else { (2 * self.span).clamp(1, limits::APART_MAX) };
        // This one goes alone, too.
        self.left = self.span;
    }

    fn goes_alone(&mut self) {
        self.left = self.left.saturating_sub(1);
    }
}

impl Fetcher {
    /// A worker at rest that is called claims one task of the line that its last claims were from, and looks afterwards what else there
    /// is: a way to the database less until the method begins. Answers whether there was something.
    pub(super) async fn claim_ahead(&mut self) -> Result<bool, Error> {
        let now = Instant::now();
        if !std::mem::take(&mut self.is_roused) || self.owes_look || self.intake.room() == 0 {
            return Ok(false);
        }
        let Some(line) = self.lines.foreseen(now) else { return Ok(false) };
        // On a cluster those who begin at the same task are refused when they commit.
        if self.base.store.is_cluster().await? {
            return Ok(false);
        }
        let base = Arc::clone(&self.base);
        let claim = base.store.claim_ahead(&line, base.tenure.worker(), Intake::suspects());
        match self.known(claim).await {
            Err(fault) if !is_refusal(&fault) => Err(fault),
            Ok(Some(claimed)) => {
                self.took_ahead(&line, claimed).await;
                Ok(true)
            }
            // A refusal is met again, and borne, by the claim after the look.
            Err(_) | Ok(None) => {
                self.lines.foresee_nothing();
                Ok(false)
            }
        }
    }

    /// Where only few slots are free, more mostly follow at once: one claim for all of them costs as much as for the first.
    pub(super) async fn gather(&self) {
        if self.room() < self.base.settings.concurrency / limits::GATHER_PART {
            tokio::time::sleep(limits::GATHER_PAUSE).await;
        }
    }

    /// How many tasks can be claimed now; at least one, as `may_go_on` has seen to.
    pub(super) fn room(&self) -> usize {
        self.intake.room().clamp(1, limits::CLAIM_MAX)
    }

    pub(super) async fn claim(&mut self, chosen: &Line, room: usize) -> Result<Vec<Claimed>, Error> {
        let base = Arc::clone(&self.base);
        let terms = Terms { limit: room, running_limit: chosen.running_limit, suspects: Intake::suspects() };
        let worker = base.tenure.worker();
        let has_outcomes = base.attempts.load().borrow().unsettled > 0;
        if has_outcomes && self.may_go_together(chosen, room) {
            let claimed = self.known(base.together.claim(chosen, worker, terms)).await?;
            self.apart.tried(claimed.is_some());
            if let Some(claimed) = claimed {
                return Ok(claimed);
            }
        }
        self.apart.goes_alone();
        base.together.expect_claim(false);
        self.known(base.store.claim_by(chosen, worker, terms)).await
    }

    /// Whether a claim of so many tasks may go to the database together with outcomes.
    pub(super) fn may_go_together(&self, chosen: &Line, room: usize) -> bool {
        let is_small = room <= limits::TOGETHER_MAX && chosen.running_limit.is_none();
        is_small && self.apart.left == 0 && self.base.store.has_one_writer()
    }

    /// The outcome of a claim, which is unknown until its answer is here; so may be that of the claim before.
    async fn known<T>(&mut self, claim: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let was_unsure = std::mem::replace(&mut self.is_unsure, true);
        let claimed = claim.await;
        self.is_unsure = was_unsure || claimed.as_ref().is_err_and(|fault| !fault.is_retryable());
        claimed
    }
}

/// Lets what was claimed begin: methods that end at once have given their slots back then, and the next claim is as large as this one.
/// One that computes holds nobody up: a timer rouses whoever waits here, on any thread.
pub(super) async fn give_way() {
    let begun = async {
        for _ in 0..limits::TASKS_OF_ATTEMPT {
            tokio::task::yield_now().await;
        }
    };
    // That is the point of it: whichever comes first.
    let _ = tokio::time::timeout(limits::GATHER_PAUSE, begun).await;
}
