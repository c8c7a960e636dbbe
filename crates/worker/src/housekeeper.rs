//! The housekeeper: looks for dead workers, and rescues their tasks.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use mission_core::{Chance, Error, Outcome, Policy, Settlement, WorkerId, settle};
use mission_store::{Claimed, RollCall, Verdict, Worker};

use crate::base::{Base, Phase, pause};
use crate::record::{self, Ran};
use crate::settings::WhenEmpty;
use crate::{identity, limits, log};

/// Looks after the house until the worker is over.
pub(crate) async fn run(base: Arc<Base>) {
    let mut phase = base.phase();
    let mut house = House::of(&base);
    loop {
        if let Err(fault) = house.look().await {
            log::housekeeping_failed(&fault);
            house.base.tenure.trouble();
        }
        let looked = Instant::now();
        // Between two looks at the list, neighbours that are known are looked at without it.
        loop {
            if !pause(limits::NEIGHBOURS_EVERY, &mut phase, Phase::Draining).await {
                return;
            }
            if looked.elapsed() >= limits::HOUSE_EVERY || house.misses_a_neighbour() {
                break;
            }
        }
    }
}

/// Rescues what can be rescued now.
pub(crate) async fn rescue_once(base: &Arc<Base>) {
    if let Err(fault) = House::of(base).rescue_all().await {
        log::housekeeping_failed(&fault);
    }
}

struct House {
    base: Arc<Base>,
    place: Option<String>,
    /// Other workers in the same place, by process number and start, as of the last look.
    neighbours: Vec<(i64, i64)>,
    orphans_at: Option<Instant>,
}

/// Why a worker is taken for dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Death {
    ProcessGone,
    LeaseExpired,
    /// Another rescuer took its lease and has not come to an end with it.
    Condemned,
}

impl House {
    fn of(base: &Arc<Base>) -> Self {
        Self { place: identity::place(), neighbours: Vec::new(), orphans_at: None, base: Arc::clone(base) }
    }

    async fn look(&mut self) -> Result<(), Error> {
        self.rescue_all().await?;
        if self.orphans_at.is_none_or(|at| at.elapsed() >= limits::ORPHANS_EVERY) {
            self.orphans_at = Some(Instant::now());
            for holder in self.base.store.orphan_holders().await? {
                self.take_over(holder, "").await?;
            }
        }
        Ok(())
    }

    async fn rescue_all(&mut self) -> Result<(), Error> {
        let asked = Instant::now();
        let known = self.base.glance.known();
        let RollCall { workers, has_news } = match known.is_empty() {
            true => self.base.store.roll_call().await?,
            false => {
                let called = self.base.store.roll_call_beside(&known, self.base.tenure.worker()).await;
                // The next look is the plain one: the dead are found by it.
                called.inspect_err(|_| self.base.glance.compare_nothing())?
            }
        };
        self.base.glance.saw(asked, known, has_news);
        if asked.elapsed() > limits::SLOW_LOOK {
            // The database was away, and for the others, too: they need time to renew.
            self.base.tenure.trouble();
        }
        self.neighbours.clear();
        let mut may_leave_work = false;
        for worker in workers {
            if let Some(death) = self.death_of(&worker) {
                self.rescue(&worker, death).await?;
                continue;
            }
            may_leave_work |= self.may_leave_work(&worker).await?;
            if self.is_here(&worker) {
                self.neighbours.push((worker.pid, worker.pid_started));
            }
        }
        self.base.work_may_come.store(may_leave_work, Ordering::Release);
        Ok(())
    }

    /// Whether a worker that is watched, because it may be dead, holds what this one could run. Asked only for a worker
    /// that leaves some time: one that stays gets it in any case.
    async fn may_leave_work(&self, worker: &Worker) -> Result<bool, Error> {
        let is_watched = !worker.is_live && worker.id != self.base.tenure.worker();
        if !is_watched || self.base.settings.when_empty == WhenEmpty::Stay {
            return Ok(false);
        }
        let held = self.base.store.executing(worker.id).await?;
        Ok(held.iter().any(|one| self.base.serves(&one.task.method, &one.task.task_type)))
    }

    /// Whether a neighbour's process is gone since the last look.
    fn misses_a_neighbour(&self) -> bool {
        self.neighbours.iter().any(|(pid, pid_started)| identity::is_gone(*pid, *pid_started))
    }

    fn is_here(&self, worker: &Worker) -> bool {
        self.place.as_ref().is_some_and(|place| *place == worker.process)
    }

    fn death_of(&self, worker: &Worker) -> Option<Death> {
        if worker.id == self.base.tenure.worker() || !self.base.tenure.holds() {
            return None;
        }
        if self.is_here(worker) && identity::is_gone(worker.pid, worker.pid_started) {
            return Some(Death::ProcessGone);
        }
        if worker.is_condemned() {
            return Some(Death::Condemned);
        }
        let term = worker.lease_until.since(worker.seen_date).max(self.base.tenure.lease());
        (!worker.is_live && !self.base.tenure.was_troubled_within(term)).then_some(Death::LeaseExpired)
    }

    async fn rescue(&self, worker: &Worker, death: Death) -> Result<(), Error> {
        let (is_condemned, why) = match death {
            Death::ProcessGone => (self.base.store.condemn_gone(worker.id).await?, "its process is gone"),
            Death::LeaseExpired => (self.base.store.condemn_expired(worker.id).await?, "its lease has expired"),
            Death::Condemned => {
                (self.base.store.condemn_gone(worker.id).await?, "nobody has brought its rescue to an end")
            }
        };
        if is_condemned {
            log::rescuing(worker, why);
            self.take_over(worker.id, &worker.name).await?;
            self.base.store.remove_worker(worker.id).await?;
        }
        Ok(())
    }

    /// Settles what a dead worker held. Several may do it at once: each task's fence lets one of them.
    async fn take_over(&self, dead: WorkerId, name: &str) -> Result<(), Error> {
        let mut tasks = 0;
        loop {
            let held = self.base.store.executing(dead).await?;
            let now = self.base.store.now().await?;
            let ended = |one: &Claimed| {
                let of = Ran {
                    attempt: one.running.counts.attempt,
                    worker_id: dead,
                    worker: name,
                    ran: now.since(one.task.modified_date),
                };
                record::with_attempt(died(one, &held), of)
            };
            let settlements: Vec<Settlement> = held.iter().map(ended).collect();
            let verdicts = self.base.desk.settle(&settlements).await?;
            let settled = verdicts.iter().filter(|verdict| **verdict == Verdict::Settled).count();
            if settled == 0 {
                break;
            }
            tasks += settled;
        }
        log::rescued(dead, tasks);
        self.base.wake.wake();
        Ok(())
    }
}

/// What a method wants after a crash is decided at the next claim, where the method is known.
///
/// A process begins a suspect only when it holds no other: one that held several had begun none of them, and its death
/// says nothing about them.
fn died(held: &Claimed, all_held: &[Claimed]) -> Settlement {
    let suspects = all_held.iter().filter(|one| one.running.counts.is_suspect()).count();
    let had_begun = suspects < 2 || !held.running.counts.is_suspect();
    let outcome = if had_begun { Outcome::Died } else { Outcome::HandedOver };
    settle(&held.running, &Policy::default(), outcome, Chance::random())
}

#[cfg(test)]
mod tests {
    use mission_core::{Counts, Lease, LeaseToken, Running, State, Task, UniqueId};

    use super::*;

    fn held(id: i64, crashes: i64) -> Claimed {
        let task = Task::with(id, UniqueId::random(), "export".into(), State::Executing);
        let running = Running {
            lease: Lease { id, token: LeaseToken(1) },
            counts: Counts { attempt: 1, failures: 0, crashes },
            retries: None,
            last_reason: None,
            cancel_requested: false,
        };
        Claimed { task, running }
    }

    fn crashes_after(all: &[Claimed]) -> Vec<i64> {
        all.iter().map(|one| died(one, all).counts.crashes).collect()
    }

    #[test]
    fn of_several_suspects_none_had_begun() {
        assert_eq!(crashes_after(&[held(1, 1), held(2, 3), held(3, 0)]), [1, 3, 1]);
        assert_eq!(crashes_after(&[held(1, 1), held(2, 0)]), [2, 1]);
    }
}
