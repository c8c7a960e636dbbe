//! A worker at rest offers to begin what its own process pushes next: it is stored as begun then, without a claim.

use std::sync::Arc;
use std::time::Instant;

use mission_store::{Claimed, Line, Offered};

use super::Fetcher;
use crate::limits;
use crate::settings::WhenEmpty;

impl Fetcher {
    /// Offers to begin a task of the line from which a call would have it claim: see [`claim_ahead`](Self::claim_ahead).
    pub(super) async fn offer(&mut self) -> Option<Offered> {
        self.look_for_late();
        let stays = self.base.settings.when_empty == WhenEmpty::Stay && !self.intake.has_quota();
        if !stays || self.is_unsure || self.owes_look {
            return None;
        }
        let line = self.lines.foreseen(Instant::now())?;
        // On a cluster a refusal of the claim when it commits would be one of the push.
        if self.base.store.is_cluster().await.unwrap_or(true) {
            return None;
        }
        let (base, worker) = (Arc::clone(&self.base), self.base.tenure.worker());
        let may_take = move || {
            let has_room = base.slots.available_permits() > 0 && base.attempts.load().borrow().has_room();
            let is_same = base.tenure.worker() == worker;
            is_same && base.may_begin() && has_room
        };
        Some(self.base.store.offer(line, worker, may_take))
    }

    /// Ends the offer, and lets run what a push has stored as begun by it; whether one took it.
    pub(super) async fn accept(&mut self, offered: Option<Offered>) -> bool {
        let Some(mut offered) = offered else { return false };
        let line = offered.line().clone();
        // A push whose runtime stands still keeps no worker from its work: what is begun later is found by what the worker holds.
        let Ok(ended) = tokio::time::timeout(limits::OFFER_PATIENCE, offered.end()).await else {
            self.is_unsure = true;
            self.late.push(offered);
            return true;
        };
        let Some(answer) = ended else { return false };
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

    /// Looks whether pushes that it did not wait for have their answer by now: what they have begun is found by what the worker holds.
    fn look_for_late(&mut self) {
        let late = self.late.len();
        self.late.retain_mut(|offered| !offered.is_answered());
        self.is_unsure |= self.late.len() < late;
    }

    /// Waits for pushes that it did not wait for before: what they begin for a worker that is gone would count as a crash.
    pub(super) async fn wait_for_late(&mut self) {
        for mut offered in std::mem::take(&mut self.late) {
            offered.answered().await;
            self.is_unsure = true;
        }
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use mission_core::{NewTask, State, UniqueId};
    use mission_store::{OnMissing, Store, WhenSeen};
    use mission_testkit::{Database, Kind, eventually, on};
    use sqlx::{Connection as _, Executor as _, SqliteConnection};

    use super::*;
    use crate::base::{Base, Phase};
    use crate::{Method, Registry, States, Wake, Worker, WorkerSettings, shift};

    /// A worker whose fetcher is in the test's hands, and rests after two tasks of one line.
    struct Resting {
        store: Store,
        base: Arc<Base>,
        bell: shift::Bell,
        fetcher: Fetcher,
    }

    impl Resting {
        async fn on(db: &Database) -> Self {
            Self::with(db, WorkerSettings::default()).await
        }

        async fn with(db: &Database, settings: WorkerSettings) -> Self {
            let store = Store::open(db.url(), OnMissing::Create).await.unwrap();
            let method = Method::from_fn("export", |_, (): ()| async { Ok::<_, String>(String::new()) });
            let registry = Registry::of([method]).unwrap();
            let worker = Worker::new(store.clone(), registry, States::new(), Wake::new(), settings);
            let (base, bell) = shift::begin(worker, async |_| std::future::pending().await).await.unwrap();
            let mut fetcher = Fetcher::new(Arc::clone(&base));
            for _ in 0..limits::ALIKE_MIN {
                store.push(&NewTask::new("export")).await.unwrap();
                fetcher.lines.expire();
                fetcher.step().await.unwrap();
            }
            fetcher.lines.expire();
            fetcher.step().await.unwrap();
            eventually("it rests", async || base.attempts.leases().is_empty()).await;
            Self { store, base, bell, fetcher }
        }

        /// Pushes as a handle does; answers the task, and whether workers were called for it.
        async fn push(&self) -> (UniqueId, bool) {
            let is_called = Arc::new(AtomicBool::new(false));
            let when_seen: WhenSeen = {
                let is_called = Arc::clone(&is_called);
                Arc::new(move || is_called.store(true, Ordering::Relaxed))
            };
            let pushed = self.store.push_together(&Arc::new(NewTask::new("export")), &when_seen).await.unwrap();
            (pushed.unique_id, is_called.load(Ordering::Relaxed))
        }

        async fn state(&self, unique_id: &UniqueId) -> State {
            self.store.get(unique_id).await.unwrap().expect("it is there").state
        }

        async fn ends(self) {
            self.base.go_to(Phase::Leaving);
            shift::rung(self.bell).await;
        }
    }

    #[test]
    fn what_was_begun_for_a_worker_that_stops_meanwhile_waits_again_uncounted() {
        on(Kind::Sqlite, async |db: Database| {
            let mut resting = Resting::on(&db).await;
            let offered = resting.fetcher.offer().await.expect("it foresees a line");
            let (id, is_called) = resting.push().await;
            assert_eq!((resting.state(&id).await, is_called), (State::Executing, false));
            resting.base.go_to(Phase::Draining);
            assert!(resting.fetcher.accept(Some(offered)).await);
            let task = resting.store.get(&id).await.unwrap().unwrap();
            assert_eq!((task.state, task.counts.attempt, task.counts.crashes), (State::Init, 0, 0), "{task:?}");
            resting.ends().await;
        });
    }

    #[test]
    fn what_is_begun_late_for_a_worker_that_stops_waits_again_uncounted() {
        on(Kind::Sqlite, async |db: Database| {
            let mut resting = Resting::on(&db).await;
            let offered = resting.fetcher.offer().await;
            let mut stranger = SqliteConnection::connect(db.url()).await.unwrap();
            stranger.execute("begin immediate").await.unwrap();
            let (store, task) = (resting.store.clone(), Arc::new(NewTask::new("export")));
            let id = task.unique_id().clone();
            let when_seen: WhenSeen = Arc::new(|| {});
            let push = tokio::spawn(async move { store.push_together(&task, &when_seen).await });
            eventually("it is taken", async || !offered.as_ref().is_some_and(|offered| offered.stands())).await;
            resting.base.go_to(Phase::Draining);
            assert!(resting.fetcher.accept(offered).await, "its patience is over");
            let Resting { store, base, bell, fetcher } = resting;
            let leaves = tokio::spawn(fetcher.run());
            stranger.execute("rollback").await.unwrap();
            leaves.await.unwrap();
            assert!(push.await.unwrap().is_some());
            let task = store.get(&id).await.unwrap().unwrap();
            assert_eq!((task.state, task.counts.attempt, task.counts.crashes), (State::Init, 0, 0), "{task:?}");
            base.go_to(Phase::Leaving);
            shift::rung(bell).await;
        });
    }

    #[test]
    fn a_worker_without_a_slot_or_with_a_new_number_begins_nothing() {
        on(Kind::Sqlite, async |db: Database| {
            // It renews often, so it hears soon that it has lost its lease.
            let settings = WorkerSettings { lease: Some(Duration::from_secs(2)), ..WorkerSettings::default() };
            let mut resting = Resting::with(&db, settings).await;
            let base = Arc::clone(&resting.base);
            let offered = resting.fetcher.offer().await;
            assert!(offered.is_some());
            let all = base.slots.available_permits() as u32;
            let no_slot = base.slots.clone().acquire_many_owned(all).await.unwrap();
            assert!(resting.push().await.1, "it has no slot");
            drop(no_slot);
            let worker = base.tenure.worker();
            assert!(resting.store.condemn_gone(worker).await.unwrap());
            eventually("it registers anew", async || base.tenure.worker() != worker).await;
            eventually("it holds", async || base.may_begin()).await;
            assert!(resting.push().await.1, "it is another one now");
            assert!(!resting.fetcher.accept(offered).await, "nobody took it");
            resting.ends().await;
        });
    }

    #[test]
    fn a_worker_does_not_wait_for_ever_for_a_push_that_stands_still_and_finds_what_it_holds() {
        on(Kind::Sqlite, async |db: Database| {
            let mut resting = Resting::on(&db).await;
            let offered = resting.fetcher.offer().await;
            let mut stranger = SqliteConnection::connect(db.url()).await.unwrap();
            stranger.execute("begin immediate").await.unwrap();
            // A push on a runtime that nobody drives any more, once it has taken the offer and waits for the file.
            let still = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let (store, task) = (resting.store.clone(), Arc::new(NewTask::new("export")));
            let id = task.unique_id().clone();
            let still = tokio::task::spawn_blocking(move || {
                let when_seen: WhenSeen = Arc::new(|| {});
                still.block_on(mission_testkit::give_up_after(9, store.push_together(&task, &when_seen)));
                still
            });
            let still = still.await.unwrap();
            assert!(tokio::time::timeout(Duration::from_secs(20), resting.fetcher.accept(offered)).await.unwrap());
            assert!(resting.fetcher.is_unsure, "it is to look what it holds");
            stranger.execute("rollback").await.unwrap();
            // It goes on.
            let (store, stored) = (resting.store.clone(), id.clone());
            let goes_on = move || {
                still.block_on(eventually("it is stored", async || store.get(&stored).await.unwrap().is_some()));
            };
            tokio::task::spawn_blocking(goes_on).await.unwrap();
            resting.fetcher.compare().await.unwrap();
            eventually("it runs", async || resting.state(&id).await == State::Success).await;
            resting.ends().await;
        });
    }
}
