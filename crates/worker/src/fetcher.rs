//! The fetcher: looks for due tasks, claims as many as there are free slots, and lets them run.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use mission_core::{Chance, Error, ErrorKind, Outcome, Policy, Settlement, UniqueId, settle};
use mission_store::{Claimed, Suspects, Terms};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::base::{Base, Phase, pause};
use crate::lines::{Choice, Lines};
use crate::runner::{self, Slot};
use crate::settings::WhenEmpty;
use crate::{limits, log};

/// The loop that claims.
pub(crate) struct Fetcher {
    base: Arc<Base>,
    lines: Lines,
    calls: watch::Receiver<u64>,
    phase: watch::Receiver<Phase>,
    /// Until the next look, if nothing calls sooner.
    rest: Duration,
    /// Whether a claim may have been committed whose answer was lost.
    is_unsure: bool,
    is_failing: bool,
    idle_since: Option<Instant>,
    /// How many tasks may still be claimed, and which were, where somebody asks.
    quota: Option<usize>,
    ledger: Option<Vec<UniqueId>>,
}

/// What one step found.
enum Found {
    Tasks,
    Nothing,
}

impl Fetcher {
    /// A fetcher that goes on until the worker stops or, by its settings, is no longer needed.
    pub(crate) fn new(base: Arc<Base>) -> Self {
        Self {
            calls: base.wake.listen(),
            phase: base.phase(),
            base,
            lines: Lines::default(),
            rest: limits::POLL_FIRST,
            is_unsure: false,
            is_failing: false,
            idle_since: None,
            quota: None,
            ledger: None,
        }
    }

    /// The same, claiming so many at the most and keeping a list of them.
    pub(crate) fn counting(base: Arc<Base>, quota: Option<usize>) -> Self {
        Self { quota, ledger: Some(Vec::new()), ..Self::new(base) }
    }

    /// Claims until the worker is to stop; answers which tasks, if it keeps a list.
    pub(crate) async fn run(mut self) -> Vec<UniqueId> {
        while self.may_go_on().await {
            match self.step().await {
                Ok(found) => {
                    if std::mem::take(&mut self.is_failing) {
                        log::fetch_recovered();
                    }
                    match found {
                        Found::Tasks => {
                            self.rest = limits::POLL_FIRST;
                            self.idle_since = None;
                        }
                        Found::Nothing if self.leaves().await => break,
                        Found::Nothing => self.rest().await,
                    }
                }
                Err(fault) => self.bear(&fault).await,
            }
        }
        self.ledger.unwrap_or_default()
    }

    /// Claims one task, due or not, and lets it run.
    ///
    /// # Errors
    /// It does not wait, or the database cannot be reached.
    pub(crate) async fn run_one(&mut self, unique_id: &UniqueId) -> Result<(), Error> {
        let worker = self.base.tenure.worker();
        match self.base.store.claim_one(unique_id, worker).await? {
            Some(claimed) => {
                self.begin(vec![claimed]).await;
                Ok(())
            }
            None => {
                let message = format!("task {unique_id} does not wait: it runs already or has ended");
                Err(Error::new(ErrorKind::WrongState, message))
            }
        }
    }

    /// Waits for a free slot, room for outcomes and a lease that holds; false once nothing more is to be claimed.
    async fn may_go_on(&mut self) -> bool {
        let (mut load, mut standing) = (self.base.attempts.load(), self.base.tenure.standing());
        let slots = Arc::clone(&self.base.slots);
        loop {
            if self.base.has_reached(Phase::Draining) || self.quota == Some(0) {
                return false;
            }
            // None of these ends with an error: what they wait for lives in the base.
            let ready = async {
                drop(slots.acquire().await);
                let _ = load.wait_for(|load| load.unsettled < limits::SETTLE_BACKLOG_MAX).await;
                let _ = standing.wait_for(|standing| *standing == crate::tenure::Standing::Holds).await;
            };
            tokio::select! {
                () = ready => {}
                _ = self.phase.wait_for(|phase| *phase >= Phase::Draining) => return false,
            }
            if self.base.tenure.holds() {
                return true;
            }
            // The term is over and the heart is about to say so.
            pause(limits::POLL_FIRST, &mut self.phase, Phase::Draining).await;
        }
    }

    /// One look, and one claim where there is something to claim.
    async fn step(&mut self) -> Result<Found, Error> {
        if self.is_unsure {
            self.adopt().await?;
            self.is_unsure = false;
        }
        self.look().await?;
        let Some(choice) = self.lines.choose(Instant::now()) else { return Ok(Found::Nothing) };
        let room = self.room();
        let claimed = self.claim(&choice, room).await?;
        match claimed.last() {
            Some(last) if claimed.len() >= room => self.lines.advance(&choice, last.task.run_at),
            _ => self.lines.exhaust(&choice, Instant::now()),
        }
        let found = if claimed.is_empty() { Found::Nothing } else { Found::Tasks };
        self.begin(claimed).await;
        Ok(found)
    }

    /// Reads the lines where they are too old, or where somebody called.
    async fn look(&mut self) -> Result<(), Error> {
        let now = Instant::now();
        let is_called = self.calls.has_changed().unwrap_or(false);
        // Under a rain of pushes the lines stay good for a moment, as long as they have work.
        let is_fresh = self.lines.age(now).is_some_and(|age| age < limits::POLL_FIRST);
        let has_work = self.lines.choose(now).is_some();
        if self.lines.is_old(now) || is_called && !(is_fresh && has_work) {
            self.calls.mark_unchanged();
            let (mut lines, database_now) = self.base.store.lines().await?;
            lines.retain(|line| {
                self.base.registry.get(&line.method).is_some() && self.base.settings.serves(&line.task_type)
            });
            self.lines.learn(lines, database_now, Instant::now());
        }
        if self.lines.wants_rules(Instant::now()) {
            let rules = self.base.store.type_rules().await?;
            self.lines.learn_rules(rules, Instant::now());
        }
        Ok(())
    }

    /// How many tasks can be claimed now; at least one, as `may_go_on` has seen to.
    fn room(&self) -> usize {
        let free = self.base.slots.available_permits().max(1);
        free.min(limits::CLAIM_MAX).min(self.quota.unwrap_or(usize::MAX))
    }

    async fn claim(&mut self, choice: &Choice, room: usize) -> Result<Vec<Claimed>, Error> {
        let worker = self.base.tenure.worker();
        // Until the answer is here the outcome is unknown.
        self.is_unsure = true;
        // While a suspect runs, no other is touched: the next death must not count against what merely was in hand.
        let suspects = if suspect_slot().available_permits() > 0 { Suspects::Take } else { Suspects::Leave };
        let terms = Terms { limit: room, running_limit: choice.running_limit, suspects };
        let claimed = self.base.store.claim_by(&choice.line, worker, terms).await;
        self.is_unsure = claimed.as_ref().is_err_and(|fault| !fault.is_retryable());
        claimed
    }

    /// Takes on what a claim of unknown outcome made ours.
    async fn adopt(&mut self) -> Result<(), Error> {
        // Read before the query: what is settled while it runs was known then.
        let known = self.base.attempts.leases();
        let held = self.base.store.executing(self.base.tenure.worker()).await?;
        let unknown: Vec<Claimed> = held.into_iter().filter(|held| !known.contains(&held.running.lease)).collect();
        unknown.iter().for_each(|claimed| log::adopted(&claimed.task));
        self.begin(unknown).await;
        Ok(())
    }

    /// Lets claimed tasks run; what cannot run here goes back.
    async fn begin(&mut self, claimed: Vec<Claimed>) {
        let mut back: Vec<Settlement> = Vec::new();
        let mut ready: Vec<(Claimed, Slot)> = Vec::new();
        for claimed in claimed {
            match self.slot_for(&claimed) {
                Ok(slot) => ready.push((claimed, slot)),
                Err(settlement) => back.push(settlement),
            }
        }
        if !back.is_empty() {
            self.give_back(back).await;
        }
        for (claimed, slot) in ready {
            if let Some(quota) = &mut self.quota {
                *quota = quota.saturating_sub(1);
            }
            if let Some(ledger) = &mut self.ledger {
                ledger.push(claimed.task.unique_id.clone());
            }
            runner::begin(&self.base, claimed, slot);
        }
    }

    /// A slot for a claimed task, or its way back.
    fn slot_for(&self, claimed: &Claimed) -> Result<Slot, Settlement> {
        if !self.base.may_begin() {
            return Err(handed_over(claimed));
        }
        let place = take(&self.base.slots).ok_or_else(|| handed_over(claimed))?;
        if !claimed.running.counts.is_suspect() {
            return Ok(Slot { _place: place, _suspect: None });
        }
        match take(suspect_slot()) {
            Some(suspect) => Ok(Slot { _place: place, _suspect: Some(suspect) }),
            None => {
                let why = "waits: its worker's process died, and such tasks run one at a time in a process";
                Err(runner::put_back(&claimed.running, why, None))
            }
        }
    }

    /// Writes it before anything of the same claim begins: a death of this process must not count against what never ran.
    async fn give_back(&self, back: Vec<Settlement>) {
        if let Err(fault) = self.base.store.settle(&back).await {
            log::settle_failed(back.len(), &fault);
            for settlement in back {
                // The settler goes only when the worker is over.
                let _ = self.base.outcomes.send(settlement);
            }
        }
    }

    /// Waits for the next look: a call, the next due task, or the rest, which doubles.
    async fn rest(&mut self) {
        let due = self.lines.next_due(Instant::now()).filter(|due| !due.is_zero());
        let span = due.map_or(self.rest, |due| due.min(self.rest));
        tokio::select! {
            () = tokio::time::sleep(span) => {}
            _ = self.calls.changed() => {}
            _ = self.phase.wait_for(|phase| *phase >= Phase::Draining) => {}
        }
        self.rest = (self.rest * 2).min(limits::POLL_MAX);
        self.lines.expire();
    }

    /// An error of the database never ends a worker.
    async fn bear(&mut self, fault: &Error) {
        if !std::mem::replace(&mut self.is_failing, true) {
            log::fetch_failed(fault);
        }
        self.lines.expire();
        pause(limits::ERROR_PAUSE, &mut self.phase, Phase::Draining).await;
    }

    /// Whether a worker that found nothing leaves for good.
    async fn leaves(&mut self) -> bool {
        let is_idle = self.base.attempts.load().borrow().is_idle();
        match self.base.settings.when_empty {
            WhenEmpty::Stay => false,
            WhenEmpty::Stop => is_idle && self.lines.next_due(Instant::now()).is_none_or(|due| !due.is_zero()),
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

fn handed_over(claimed: &Claimed) -> Settlement {
    settle(&claimed.running, &Policy::default(), Outcome::HandedOver, Chance::fixed(0.0))
}

/// One task under which a process died runs at a time in a process, however many workers there are in it.
fn suspect_slot() -> &'static Arc<Semaphore> {
    static SLOT: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(1)));
    &SLOT
}

fn take(slots: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    Arc::clone(slots).try_acquire_owned().ok()
}
