//! A worker at rest offers to begin what its own process pushes next: it is stored as begun then, without a claim.

use std::sync::Arc;
use std::time::Instant;

use mission_store::{Claimed, Line, Offered};

use super::Fetcher;
use crate::limits;
use crate::settings::WhenEmpty;

impl Fetcher {
    /// Offers to begin a task of the line from which a call would have it claim: see [`claim_ahead`](Self::claim_ahead).
    pub(super) async fn offer(&self) -> Option<Offered> {
        let stays = self.base.settings.when_empty == WhenEmpty::Stay && !self.intake.has_quota();
        if !stays || self.is_unsure || self.owes_look {
            return None;
        }
        let line = self.lines.foreseen(Instant::now())?;
        // On a cluster a refusal of the claim when it commits would be one of the push.
        if self.base.store.is_cluster().await.unwrap_or(true) {
            return None;
        }
        let base = Arc::clone(&self.base);
        let may_take = move || {
            let has_room = base.slots.available_permits() > 0;
            let load = *base.attempts.load().borrow();
            base.may_begin() && has_room && load.unsettled < limits::SETTLE_BACKLOG_MAX
        };
        Some(self.base.store.offer(line, self.base.tenure.worker(), may_take))
    }

    /// Ends the offer, and lets run what a push has claimed by it; whether one took it.
    pub(super) async fn accept(&mut self, offered: Option<Offered>) -> bool {
        let Some(offered) = offered else { return false };
        let line = offered.line().clone();
        let Some(answer) = offered.end().await else { return false };
        match answer {
            Ok(Some(claimed)) => {
                self.took_ahead(&line, claimed).await;
                self.found_tasks();
            }
            Ok(None) => self.lines.foresee_nothing(),
            Err(fault) => self.is_unsure |= !fault.is_retryable(),
        }
        true
    }

    /// A task was claimed before anybody has looked what else waits.
    pub(super) async fn took_ahead(&mut self, line: &Line, claimed: Claimed) {
        self.owes_look = true;
        self.lines.gave(line, claimed.task.run_at);
        self.lines.exhaust(line);
        self.intake.take(vec![claimed]).await;
    }
}

/// Waits until a push has taken it and knows what was begun; for ever where nothing is offered.
pub(super) async fn answered(offered: &mut Option<Offered>) {
    match offered {
        Some(offered) => offered.answered().await,
        None => std::future::pending().await,
    }
}
