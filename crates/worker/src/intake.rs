//! The intake: lets claimed tasks begin where there is room for them, and sends back what cannot run here.

use std::sync::{Arc, LazyLock};

use mission_core::{Chance, Error, Outcome, Policy, Settlement, UniqueId, settle};
use mission_store::{Claimed, Suspects, Verdict};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::attempts::SuspectPermit;
use crate::base::Base;
use crate::log;
use crate::runner::{self, Slot};

/// Where claimed tasks come in.
pub(crate) struct Intake {
    base: Arc<Base>,
    /// How many tasks may still begin, and which did, where somebody asks.
    quota: Option<usize>,
    ledger: Option<Vec<UniqueId>>,
}

impl Intake {
    pub(crate) fn new(base: Arc<Base>) -> Self {
        Self { base, quota: None, ledger: None }
    }

    /// One that lets so many begin at the most, and keeps a list of them.
    pub(crate) fn counting(base: Arc<Base>, quota: Option<usize>) -> Self {
        Self { base, quota, ledger: Some(Vec::new()) }
    }

    /// How many more there is room for.
    pub(crate) fn room(&self) -> usize {
        self.base.slots.available_permits().min(self.quota.unwrap_or(usize::MAX))
    }

    /// Whether it will ever take more.
    pub(crate) fn is_closed(&self) -> bool {
        self.quota == Some(0)
    }

    /// Whether it is to take so many, and no more.
    pub(crate) fn has_quota(&self) -> bool {
        self.quota.is_some()
    }

    /// While a suspect runs in this process no other is touched: its death must not count against what merely was in hand.
    pub(crate) fn suspects() -> Suspects {
        if suspect_slot().available_permits() > 0 { Suspects::Take } else { Suspects::Leave }
    }

    /// Which tasks began, if it keeps a list.
    pub(crate) fn into_ledger(self) -> Vec<UniqueId> {
        self.ledger.unwrap_or_default()
    }

    /// Lets claimed tasks run; what cannot run here goes back.
    pub(crate) async fn take(&mut self, claimed: Vec<Claimed>) {
        let mut back: Vec<Settlement> = Vec::new();
        let mut ready: Vec<(Claimed, Slot)> = Vec::new();
        for claimed in claimed {
            match self.slot_for(&claimed) {
                Ok(slot) => ready.push((claimed, slot)),
                Err(settlement) => back.push(*settlement),
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

    /// Takes on what this worker holds without knowing it: a claim was committed whose answer was lost.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub(crate) async fn adopt(&mut self) -> Result<(), Error> {
        // Read before the query: what is settled while it runs was known then.
        let known = self.base.attempts.leases();
        let held = self.base.store.executing(self.base.tenure.worker()).await?;
        let unknown: Vec<Claimed> = held.into_iter().filter(|held| !known.contains(&held.running.lease)).collect();
        unknown.iter().for_each(|claimed| log::adopted(&claimed.task));
        self.take(unknown).await;
        Ok(())
    }

    /// A slot for a claimed task, or its way back.
    fn slot_for(&self, claimed: &Claimed) -> Result<Slot, Box<Settlement>> {
        // Under a number that the worker has no more, it would be taken for a dead worker's task.
        let is_own = claimed.task.worker_id == Some(self.base.tenure.worker());
        if !is_own || !self.base.may_begin() {
            return Err(Box::new(handed_over(claimed)));
        }
        let place = permit(&self.base.slots).ok_or_else(|| Box::new(handed_over(claimed)))?;
        if !claimed.running.counts.is_suspect() {
            return Ok(Slot { _place: place, suspect: None });
        }
        match permit(suspect_slot()) {
            Some(suspect) => {
                let suspect = SuspectPermit::new(suspect, self.base.wake.clone());
                Ok(Slot { _place: place, suspect: Some(suspect) })
            }
            None => {
                let why = "waits: its worker's process died, and such tasks run one at a time in a process";
                Err(Box::new(runner::put_back(&claimed.running, why, None)))
            }
        }
    }

    /// Writes it before anything of the same claim begins: a death of this process must not count against what never ran.
    async fn give_back(&self, back: Vec<Settlement>) {
        let unwritten: Vec<Settlement> = match self.base.desk.settle(&back).await {
            Ok(verdicts) => {
                let held = back.into_iter().zip(verdicts).filter(|(_, verdict)| *verdict == Verdict::Held);
                held.map(|(settlement, _)| settlement).collect()
            }
            Err(fault) => {
                log::settle_failed(back.len(), &fault);
                back
            }
        };
        for settlement in unwritten {
            self.base.attempts.goes_back(settlement.lease);
            // The settler goes only when the worker is over.
            let _ = self.base.outcomes.send(settlement);
        }
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

fn permit(slots: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    Arc::clone(slots).try_acquire_owned().ok()
}

#[cfg(test)]
mod tests {
    use mission_core::NewTask;
    use mission_store::{OnMissing, Store};
    use mission_testkit::{Database, Kind, eventually, on};
    use sqlx::{Connection, Executor, PgConnection};

    use super::*;
    use crate::attempts::Load;
    use crate::base::Phase;
    use crate::{Method, Registry, States, Wake, Worker, WorkerSettings, shift};

    #[test]
    fn what_is_on_its_way_back_does_not_begin() {
        on(Kind::Postgres, async |db: Database| {
            let store = Store::open(db.url(), OnMissing::Create).await.unwrap();
            store.migrate().await.unwrap();
            let method = Method::from_fn("export", |_, (): ()| async { Ok::<_, String>(String::new()) });
            let registry = Registry::of([method]).unwrap();
            let worker = Worker::new(store.clone(), registry, States::new(), Wake::new(), WorkerSettings::default());
            store.push(&NewTask::new("export")).await.unwrap();
            let (base, bell) = shift::begin(worker, async |_| std::future::pending().await).await.unwrap();
            let (mut intake, worker) = (Intake::new(Arc::clone(&base)), base.tenure.worker());

            let no_slot = base.slots.clone().acquire_many_owned(base.slots.available_permits() as u32).await.unwrap();
            let line = store.lines().await.unwrap().0.remove(0);
            let claimed = store.claim(&line, worker, 1).await.unwrap();
            let mut stranger = PgConnection::connect(db.url()).await.unwrap();
            stranger.execute("begin; select id from mission_tasks for update").await.unwrap();
            intake.take(claimed).await;
            drop(no_slot);
            intake.adopt().await.unwrap();
            assert_eq!(*base.attempts.load().borrow(), Load { running: 0, unsettled: 1 }, "it began, or is forgotten");

            stranger.execute("rollback").await.unwrap();
            let is_back = async || store.executing(worker).await.unwrap().is_empty();
            eventually("the task waits again, and nobody keeps it in mind", async || {
                is_back().await && base.attempts.leases().is_empty()
            })
            .await;
            base.go_to(Phase::Leaving);
            shift::rung(bell).await;
        });
    }
}
