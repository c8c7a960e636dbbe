//! Whether a worker that finds nothing leaves for good: only once nothing can come that it would be needed for.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Fetcher;
use crate::settings::WhenEmpty;
use crate::{limits, log};

impl Fetcher {
    /// For how long an idle worker on demand stays; nothing if that is over and something keeps it.
    pub(super) fn linger_left(&self) -> Option<Duration> {
        let WhenEmpty::Linger(span) = self.base.settings.when_empty else { return None };
        let left = span.saturating_sub(self.idle_since?.elapsed());
        (!left.is_zero()).then_some(left)
    }

    /// Whether a worker on demand has something that runs or is to be written.
    pub(super) fn lingers_busy(&self) -> bool {
        let lingers = matches!(self.base.settings.when_empty, WhenEmpty::Linger(_));
        lingers && !self.base.attempts.load().borrow().is_idle()
    }

    /// Whether a worker that found nothing leaves for good.
    pub(super) async fn leaves(&mut self) -> bool {
        // Asked before the last look: what a dead worker held waits again before this is false.
        let is_idle = self.base.attempts.load().borrow().is_idle() && !self.base.work_may_come.load(Ordering::Acquire);
        match self.base.settings.when_empty {
            WhenEmpty::Stay => false,
            WhenEmpty::Stop => is_idle && self.is_empty().await,
            WhenEmpty::Linger(span) => {
                let since = *self.idle_since.get_or_insert_with(Instant::now);
                if !is_idle {
                    self.idle_since = None;
                    return false;
                }
                since.elapsed() >= span && self.is_not_needed() && self.takes_leave().await
            }
        }
    }

    /// Looks once more: what ran last may have pushed.
    async fn is_empty(&mut self) -> bool {
        self.lines.expire();
        self.look().await.is_ok() && self.lines.next_due(Instant::now()).is_none_or(|due| !due.is_zero())
    }

    fn is_not_needed(&self) -> bool {
        self.lines.next_due(Instant::now()).is_none_or(|due| due > limits::LINGER_HORIZON)
    }

    /// Says that it leaves, and looks once more: who pushes before that sees it leave, who pushes after is seen.
    async fn takes_leave(&mut self) -> bool {
        let worker = self.base.tenure.worker();
        let said = self.base.store.set_leaving(worker, true).await;
        self.lines.expire();
        if said.is_ok() && self.look().await.is_ok() && self.is_not_needed() {
            return true;
        }
        if let Err(fault) = self.base.store.set_leaving(worker, false).await {
            log::handle_failed("stay", &fault);
        }
        false
    }
}
