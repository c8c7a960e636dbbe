//! Standing by while another worker goes on with a file: it has one writer, and workers that change at each small claim do less together
//! than one alone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mission_core::{Error, UniqueId};
use mission_store::Line;

use super::Fetcher;
use crate::base::{Phase, pause};
use crate::limits;

impl Fetcher {
    /// Whether another is to go on with the file, after a claim for so many free slots that took so long, and whose tasks have had so long
    /// to begin.
    pub(super) fn is_crowded(&mut self, room: usize, took: Duration, begun_in: Duration) -> bool {
        let (base, concurrency) = (&self.base, self.base.settings.concurrency);
        // Who has many slots needs few turns; who is to run so many, and no more, is waited for.
        if concurrency > limits::TOGETHER_MAX || self.intake.has_quota() {
            return false;
        }
        // Where there is one thread they have computed before this one comes to it again: it is not the file that they wait for.
        let have_ended = base.slots.available_permits() >= room && 2 * begun_in < took;
        let end_at_once = have_ended && 2 * room > concurrency;
        let is_thick = self.crowd.is_thick(base.store.turns_refused(), end_at_once, Instant::now());
        is_thick && !self.calls.has_changed().unwrap_or(false) && !self.crowd.takes_lead(&base.store)
    }

    /// Claims nothing while another leads and others get on with this line.
    pub(super) async fn stand_by(&mut self, line: &Line) {
        while self.stand_by_a_moment(line).await {}
    }

    /// Claims nothing for a moment, unless somebody calls or the lead comes free; answers whether others have got on meanwhile. Where
    /// they have not come to a place that they should have, it does not stand by for a while.
    async fn stand_by_a_moment(&mut self, line: &Line) -> bool {
        let (base, now) = (Arc::clone(&self.base), Instant::now());
        let fresh = self.lines.age(now).map_or(Duration::ZERO, |age| limits::LINES_AGE_MAX.saturating_sub(age));
        let span = limits::CROWD_PAUSE.min(fresh);
        if span < limits::CROWD_ASK_EVERY {
            return false;
        }
        let marks = within_a_moment(self.marks(line, span)).await.unwrap_or_default();
        if marks.is_empty() {
            self.crowd.stay(limits::CROWD_PAUSE);
            return false;
        }
        base.together.expect_claim(false);
        base.pass_hint_on();
        loop {
            let left = span.saturating_sub(now.elapsed());
            if left.is_zero() {
                break;
            }
            tokio::select! {
                goes_on = pause(left.min(limits::CROWD_ASK_EVERY), &mut self.phase, Phase::Draining) => {
                    if !goes_on {
                        return false;
                    }
                }
                _ = self.calls.changed() => {
                    self.calls.mark_changed();
                    return false;
                }
            }
            if self.crowd.takes_lead(&base.store) {
                return false;
            }
        }
        match within_a_moment(base.store.any_waits(&marks)).await {
            Some(false) => self.crowd.others_got_on(),
            Some(true) => self.crowd.stay(limits::CROWD_STAYS),
            None => self.crowd.stay(limits::CROWD_PAUSE),
        }
        !self.crowd.stays(Instant::now())
    }

    /// The tasks that others are to claim in a pause: the one at the place of this line to which they are to come, and the first of
    /// each other line whose turn it is as well. None where this one is not as long, or one of a higher priority is due.
    async fn marks(&self, line: &Line, pause: Duration) -> Result<Vec<UniqueId>, Error> {
        let store = &self.base.store;
        let Some(beside) = self.lines.beside(line, Instant::now() + pause) else { return Ok(Vec::new()) };
        if beside.len() >= limits::CROWD_LINES_MAX {
            return Ok(Vec::new());
        }
        let claims = pause.as_millis() / limits::CROWD_CLAIM_EVERY.as_millis();
        let tasks = self.base.settings.concurrency * usize::try_from(claims).unwrap_or(usize::MAX);
        let Some(place) = store.waiting_at(line, tasks / (1 + beside.len())).await? else { return Ok(Vec::new()) };
        let mut marks = vec![place];
        for line in &beside {
            marks.extend(store.waiting_at(line, 0).await?);
        }
        Ok(marks)
    }
}

/// What is read in time; `None` where it cannot be, or takes as long as the pause itself.
async fn within_a_moment<T>(read: impl Future<Output = Result<T, Error>>) -> Option<T> {
    tokio::time::timeout(limits::CROWD_PAUSE, read).await.ok()?.ok()
}

#[cfg(test)]
mod tests {
    use mission_core::NewTask;
    use mission_store::{Lead, OnMissing, Store};
    use mission_testkit::{Database, Kind, on};
    use sqlx::{Connection as _, Executor as _};

    use super::*;
    use crate::base::Base;
    use crate::ear::Hint;
    use crate::intake::Intake;
    use crate::settings::WhenEmpty;
    use crate::{Method, Registry, States, Wake, Worker, WorkerSettings, shift};

    /// What others do meanwhile.
    #[derive(Clone, Copy)]
    enum Others {
        GoOn,
        /// They go on with the other line, too.
        GoOnWithBoth,
        DoNothing,
        /// As who pushes does.
        Call,
        /// Who had the lead gives it back.
        GiveBack,
        /// Tell the worker to.
        Stop,
    }

    /// What came of standing by.
    #[derive(Debug, PartialEq)]
    enum Stood {
        /// As long as it could, again and again.
        By,
        /// A moment, in vain; not again for a while.
        InVain,
        /// There was nothing to stand by for, for a moment.
        NotAtAll,
        UntilCalled,
        UntilItLed,
        UntilStopped,
    }

    fn of_four_slots(store: Store, wake: Wake) -> Worker {
        let serves = |name| Method::from_fn(name, |_, (): ()| async { Ok::<_, String>(()) });
        let registry = Registry::of(["export", "mail"].map(serves)).unwrap();
        let settings = WorkerSettings { concurrency: 4, when_empty: WhenEmpty::Stop, ..WorkerSettings::default() };
        Worker::new(store, registry, States::new(), wake, settings)
    }

    /// Stands by at a line of so many tasks, where tasks of another method may wait, too, and another worker leads.
    async fn stood(db: Database, tasks: usize, also: Option<NewTask>, others: Others) -> Stood {
        let store = Store::open(db.url(), OnMissing::Create).await.unwrap();
        let all: Vec<NewTask> = also.into_iter().chain((0..tasks).map(|_| NewTask::new("export"))).collect();
        store.push_all(&all).await.unwrap();
        let (wake, other) = (Wake::new(), store.clone());
        let worker = of_four_slots(store, wake.clone());
        let standing_by = async move |base: Arc<Base>| {
            let mut lead = other.take_lead();
            let lines = other.lines().await.unwrap().0;
            let line = lines.iter().find(|line| line.method == "export").unwrap();
            let mut fetcher = Fetcher::new(Arc::clone(&base));
            base.take_hint(Hint { at: Instant::now(), hops: 0 });
            fetcher.look().await.unwrap();
            let began = Instant::now();
            let do_their_part = async {
                if matches!(others, Others::GoOnWithBoth) {
                    let beside = lines.iter().find(|line| line.method == "mail").unwrap();
                    other.claim(beside, base.tenure.worker(), 1).await.unwrap();
                }
                // Four times as many as they are to, and there are some for a second.
                let mut every = tokio::time::interval(Duration::from_millis(10));
                if matches!(others, Others::GoOn | Others::GoOnWithBoth) {
                    loop {
                        every.tick().await;
                        other.claim(line, base.tenure.worker(), 16).await.unwrap();
                    }
                }
                // By then the pause has mostly begun.
                other.lines().await.unwrap();
                match others {
                    Others::Call => wake.wake(),
                    Others::GiveBack => lead = None,
                    Others::Stop => base.go_to(Phase::Draining),
                    _ => {}
                }
                std::future::pending().await
            };
            tokio::select! {
                biased;
                () = fetcher.stand_by(line) => {}
                () = do_their_part => {}
            }
            if fetcher.crowd.stays(Instant::now() + 2 * limits::CROWD_PAUSE) {
                Stood::InVain
            } else if fetcher.crowd.leads() {
                Stood::UntilItLed
            } else if fetcher.calls.has_changed().unwrap() {
                Stood::UntilCalled
            } else if base.has_reached(Phase::Draining) {
                Stood::UntilStopped
            } else if began.elapsed() >= 2 * limits::CROWD_PAUSE {
                assert!(!base.has_hint(), "it is for others");
                assert!(!fetcher.crowd.stays(Instant::now()), "its lines are old; tasks there are enough");
                Stood::By
            } else {
                Stood::NotAtAll
            }
        };
        shift::answer_of(worker, standing_by).await
    }

    fn stands(tasks: usize, also: Option<NewTask>, others: Others, expected: Stood) {
        on(Kind::Sqlite, async move |db| assert_eq!(stood(db, tasks, also, others).await, expected));
    }

    /// Whether a worker of so many slots finds its file crowded, one of its claims having been refused its turn, where another leads.
    async fn is_crowded(
        db: Database,
        concurrency: usize,
        change: impl FnOnce(&mut Fetcher) -> (usize, Duration) + Send + 'static,
    ) -> bool {
        let store = Store::open(db.url(), OnMissing::Create).await.unwrap();
        let mut stranger = sqlx::SqliteConnection::connect(db.url()).await.unwrap();
        let mut worker = of_four_slots(store.clone(), Wake::new());
        worker.settings.concurrency = concurrency;
        let counting = async move |base: Arc<Base>| {
            let mut fetcher = Fetcher::new(base);
            let _lead = store.take_lead();
            fetcher.is_crowded(concurrency, TOOK, Duration::ZERO);
            stranger.execute("begin immediate").await.unwrap();
            let before = store.turns_refused();
            let refusal = async {
                while store.turns_refused() == before {
                    tokio::task::yield_now().await;
                }
                stranger.execute("rollback").await.unwrap();
            };
            let task = NewTask::new("export");
            let (pushed, ()) = tokio::join!(store.push(&task), refusal);
            pushed.unwrap();
            let (room, begun_in) = change(&mut fetcher);
            fetcher.is_crowded(room, TOOK, begun_in)
        };
        shift::answer_of(worker, counting).await
    }

    const TOOK: Duration = Duration::from_millis(1);

    #[test]
    fn a_file_is_crowded_where_turns_are_refused_tasks_end_at_once_and_another_leads() {
        const AT_ONCE: Duration = Duration::from_micros(100);
        on(Kind::Sqlite, async |db| {
            assert!(is_crowded(db, 4, |_| (4, AT_ONCE)).await);
        });
        on(Kind::Sqlite, async |db| {
            assert!(!is_crowded(db, 4, |_| (4, TOOK / 2)).await, "they compute, on the one thread there is");
        });
        on(Kind::Sqlite, async |db| {
            assert!(!is_crowded(db, 4, |_| (2, AT_ONCE)).await, "others of its tasks take their time");
        });
        on(Kind::Sqlite, async |db| {
            let take_slot = |fetcher: &mut Fetcher| {
                fetcher.base.slots.try_acquire().unwrap().forget();
                (4, AT_ONCE)
            };
            assert!(!is_crowded(db, 4, take_slot).await, "they take their time");
        });
        on(Kind::Sqlite, async |db| {
            let many = limits::TOGETHER_MAX + 1;
            assert!(!is_crowded(db, many, move |_| (many, AT_ONCE)).await, "it has many slots");
        });
        on(Kind::Sqlite, async |db| {
            let call = |fetcher: &mut Fetcher| {
                fetcher.base.wake.wake();
                (4, AT_ONCE)
            };
            assert!(!is_crowded(db, 4, call).await, "somebody calls");
        });
        on(Kind::Sqlite, async |db| {
            let bound = |fetcher: &mut Fetcher| {
                fetcher.intake = Intake::counting(Arc::clone(&fetcher.base), Some(100));
                (4, AT_ONCE)
            };
            assert!(!is_crowded(db, 4, bound).await, "it is to run a hundred");
        });
    }

    #[test]
    fn a_worker_stands_by_while_another_leads_and_others_get_on() {
        stands(5000, None, Others::GoOn, Stood::By);
    }

    #[test]
    fn others_are_to_claim_all_slots_each_10_ms_from_all_lines() {
        on(Kind::Sqlite, async |db| {
            let store = Store::open(db.url(), OnMissing::Create).await.unwrap();
            let tasks: Vec<NewTask> = (0..200).map(|_| NewTask::new("export")).collect();
            let pushed = store.push_all(&tasks).await.unwrap();
            let other = store.clone();
            let marks = async move |base: Arc<Base>| {
                let line = other.lines().await.unwrap().0.remove(0);
                let mut fetcher = Fetcher::new(base);
                fetcher.look().await.unwrap();
                let alone = fetcher.marks(&line, Duration::from_millis(100)).await.unwrap();
                let mut beside = Vec::new();
                for task_type in ["a", "b", "c", "d"] {
                    other.push(&NewTask::new("mail").task_type(task_type)).await.unwrap();
                    fetcher.lines.expire();
                    fetcher.look().await.unwrap();
                    beside.push(fetcher.marks(&line, Duration::from_millis(100)).await.unwrap());
                }
                (alone, beside)
            };
            let (alone, beside) = shift::answer_of(of_four_slots(store, Wake::new()), marks).await;
            let id = |place: usize| pushed[place].unique_id.clone();
            assert_eq!((alone, &beside[0][0], &beside[2][0]), (vec![id(40)], &id(20), &id(10)));
            assert_eq!(beside.iter().map(Vec::len).collect::<Vec<_>>(), [2, 3, 4, 0], "not with more than four");
        });
    }

    #[test]
    fn it_stands_by_no_more_where_others_do_nothing() {
        stands(1000, None, Others::DoNothing, Stood::InVain);
    }

    #[test]
    fn it_does_not_stand_by_where_there_is_little_to_do() {
        stands(8, None, Others::GoOn, Stood::NotAtAll);
    }

    #[test]
    fn it_does_not_stand_by_where_a_higher_priority_is_due_meanwhile() {
        let due = [NewTask::new("mail"), NewTask::new("mail").after(limits::CROWD_PAUSE / 2)];
        for also in due {
            let also = Some(also.priority(1));
            stands(5000, also, Others::GoOn, Stood::NotAtAll);
        }
        let later = Some(NewTask::new("mail").priority(1).after(Duration::from_secs(60)));
        stands(5000, later, Others::GoOn, Stood::By);
    }

    #[test]
    fn it_stands_by_at_all_lines_of_a_priority_where_others_get_on_with_all() {
        let also = || Some(NewTask::new("mail"));
        stands(5000, also(), Others::GoOnWithBoth, Stood::By);
        stands(5000, also(), Others::GoOn, Stood::InVain);
    }

    #[test]
    fn a_call_ends_the_pause_and_is_heard() {
        stands(1000, None, Others::Call, Stood::UntilCalled);
    }

    #[test]
    fn a_lead_that_comes_free_ends_it() {
        stands(1000, None, Others::GiveBack, Stood::UntilItLed);
    }

    #[test]
    fn a_stop_ends_it() {
        stands(1000, None, Others::Stop, Stood::UntilStopped);
    }

    #[test]
    fn who_leads_gives_the_lead_back_at_rest_at_an_error_and_without_a_free_slot() {
        on(Kind::Sqlite, async |db| {
            let store = Store::open(db.url(), OnMissing::Create).await.unwrap();
            let (other, wake) = (store.clone(), Wake::new());
            let worker = of_four_slots(store.clone(), wake.clone());
            let fetching = async move |base: Arc<Base>| {
                let mut fetcher = Fetcher::new(Arc::clone(&base));
                let is_free = || matches!(other.take_lead(), Some(Lead::Ours(_)));
                assert!(fetcher.crowd.takes_lead(&store) && !is_free());
                wake.wake();
                fetcher.rest().await;
                assert!(is_free(), "at rest");
                assert!(fetcher.crowd.takes_lead(&store) && !is_free());
                fetcher.bear(&Error::invalid("no")).await;
                assert!(is_free(), "at an error");
                assert!(fetcher.crowd.takes_lead(&store) && !is_free());
                let slots = base.slots.acquire_many(4).await.unwrap();
                let waiting = tokio::time::timeout(2 * limits::CROWD_LEAD_MAX, fetcher.may_go_on());
                assert!(waiting.await.is_err() && is_free(), "without a free slot");
                drop(slots);
                assert!(fetcher.may_go_on().await);
            };
            shift::answer_of(worker, fetching).await;
        });
    }
}
