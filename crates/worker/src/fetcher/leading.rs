//! Whether claims follow each other without end, and what other workers are told of it.

use std::collections::HashMap;
use std::time::Instant;

use mission_store::Line;

use super::Fetcher;
use crate::lead::{Word, Work};
use crate::limits;
use crate::settings::WhenEmpty;

/// How this worker's claims follow each other.
#[derive(Default)]
pub(super) struct Leading {
    /// Claims whose tasks had all ended before the next one: counted up to a bound, and halved by one whose tasks had not.
    at_once: usize,
    /// Of what others were told, and when last.
    told: HashMap<Work, Instant>,
}

impl Fetcher {
    /// After a claim that was filled: whether this worker goes on with the line, or leaves it to another that does.
    pub(super) async fn goes_on(&mut self, line: &Line) -> bool {
        if !self.base.store.has_one_writer() || self.base.settings.when_empty != WhenEmpty::Stay {
            return true;
        }
        let have_ended = self.base.slots.available_permits() == self.base.settings.concurrency;
        let at_once = self.leading.at_once;
        self.leading.at_once = if have_ended { (at_once + 1).min(2 * limits::LEAD_MIN) } else { at_once / 2 };
        if self.leading.at_once < limits::LEAD_MIN {
            self.leads_no_more().await;
            return true;
        }
        let (now, worker, work) = (Instant::now(), self.base.tenure.worker(), Work::of(line));
        if self.base.lead.is_anothers(work, worker, now) {
            return false;
        }
        if self.leading.told.get(&work).is_none_or(|at| at.elapsed() >= limits::LEAD_EVERY) {
            self.leading.told.insert(work, now);
            self.base.tell_all(Word { work, worker, is_over: false }).await;
        }
        true
    }

    /// Its tasks take longer now, or it stops: others are to go on at once.
    pub(super) async fn leads_no_more(&mut self) {
        let still_heard = |(_, at): &(Work, Instant)| at.elapsed() < limits::LEAD_HEARD_FOR;
        for (work, _) in std::mem::take(&mut self.leading.told).into_iter().filter(still_heard) {
            let worker = self.base.tenure.worker();
            self.base.tell_all(Word { work, worker, is_over: true }).await;
        }
    }
}
