//! Leaving a file to others for a moment: it has one writer, and workers that change at each small claim do less together than one that goes on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mission_core::{Error, State};
use mission_store::Line;

use super::Fetcher;
use crate::base::Phase;
use crate::limits;

/// What a worker knows of others that write to its file.
#[derive(Default)]
pub(super) struct Crowd {
    /// Turns that had been refused by the last claim since a rest.
    refused: Option<u64>,
    /// The claims of late, less what the refused turns weigh: who goes on has many in hand, and stays when others try.
    credit: i64,
    /// How long the last moment was.
    pause: Duration,
    /// Until when nothing is left to others, since none of them went on.
    stays_until: Option<Instant>,
}

impl Crowd {
    /// Counts a claim; answers whether turns were refused so often that the file is to be left to others. A single worker keeps it busy
    /// where tasks end at once; where they take their time several are of use, however often they meet.
    fn is_thick(&mut self, refused: u64, have_ended: bool, now: Instant) -> bool {
        let asked_in_vain = self.refused.replace(refused).map_or(0, |before| refused.saturating_sub(before));
        let weight = if have_ended { limits::CROWD_WEIGHT } else { 0 };
        let credit = self
            .credit
            .saturating_add(1)
            .saturating_sub_unsigned(weight * asked_in_vain.min(limits::CROWD_REFUSED_MAX));
        self.credit = credit.clamp(-1, limits::CROWD_CREDIT_MAX);
        if self.credit > limits::CROWD_CREDIT_MAX / 4 {
            self.pause = Duration::ZERO;
        }
        self.credit < 0 && self.stays_until.is_none_or(|until| until <= now)
    }

    /// Twice as long as the last time.
    fn longer(&self) -> Duration {
        (self.pause * 2).clamp(limits::CROWD_PAUSE_FIRST, limits::CROWD_PAUSE_MAX)
    }

    /// How long a worker of this number leaves the next time: not as long as others.
    fn pause(&self, worker: i64) -> Duration {
        let pause = self.longer();
        pause + pause * u32::try_from(worker.rem_euclid(8)).unwrap_or(0) / 16
    }

    /// It has left, and others have gone on: the next time is longer.
    fn has_left(&mut self) {
        self.credit = 0;
        self.pause = self.longer();
    }

    /// After a rest nothing is known of the file but that it was not to be left.
    pub(super) fn forget(&mut self) {
        *self = Self { stays_until: self.stays_until, ..Self::default() };
    }

    /// Others have not gone on, or nothing can be left to them.
    fn stay(&mut self, now: Instant) {
        self.pause = Duration::ZERO;
        self.stays_until = Some(now + limits::CROWD_STAYS);
    }
}

impl Fetcher {
    /// Whether others are to go on with what has just given a claim for so many free slots, whose tasks have had time to begin.
    pub(super) fn is_crowded(&mut self, room: usize) -> bool {
        let store = &self.base.store;
        // Who has many slots needs few turns.
        if self.base.settings.concurrency > limits::TOGETHER_MAX || !store.has_one_writer() {
            return false;
        }
        let have_ended = self.base.slots.available_permits() >= room;
        let is_thick = self.crowd.is_thick(store.turns_refused(), have_ended, Instant::now());
        is_thick && !self.intake.is_closed() && !self.calls.has_changed().unwrap_or(false)
    }

    /// Claims nothing from this line for a moment, unless somebody calls. Where the others have not come to a place that they should
    /// have, nothing is left to them for a while.
    pub(super) async fn leave_to_others(&mut self, line: &Line) {
        let (base, now) = (Arc::clone(&self.base), Instant::now());
        let fresh = self.lines.age(now).map_or(Duration::ZERO, |age| limits::LINES_AGE_MAX.saturating_sub(age));
        let pause = self.crowd.pause(base.tenure.worker().0).min(fresh);
        // Another line has its turn by then.
        if self.lines.choose(now + pause).is_none_or(|next| !next.is_same(line)) {
            return self.crowd.stay(now);
        }
        let claims = pause.as_millis() / limits::CROWD_CLAIM_EVERY.as_millis();
        let place = base.settings.concurrency * usize::try_from(claims).unwrap_or(usize::MAX);
        let Some(mark) = at_once(base.store.waiting_at(line, place)).await.flatten() else {
            return self.crowd.stay(now);
        };
        base.together.expect_claim(false);
        base.pass_hint_on();
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = self.calls.changed() => return self.calls.mark_changed(),
            _ = self.phase.wait_for(|phase| *phase >= Phase::Draining) => return,
        }
        match at_once(base.store.get(&mark)).await {
            Some(marked) if marked.as_ref().is_none_or(|task| task.state != State::Init) => self.crowd.has_left(),
            _ => self.crowd.stay(Instant::now()),
        }
    }
}

/// What is read at once; `None` where it cannot be, or takes longer than a pause would.
async fn at_once<T>(read: impl Future<Output = Result<T, Error>>) -> Option<T> {
    tokio::time::timeout(limits::CROWD_PAUSE_FIRST, read).await.ok()?.ok()
}

#[cfg(test)]
mod tests {
    use mission_core::NewTask;
    use mission_store::{OnMissing, Store};
    use mission_testkit::{Database, Kind, on};

    use super::*;
    use crate::base::Base;
    use crate::settings::WhenEmpty;
    use crate::{Method, Registry, States, Wake, Worker, WorkerSettings, shift};

    /// What others do with the line that is left to them.
    #[derive(Clone, Copy)]
    enum Others {
        GoOn,
        /// Claim once.
        AreSlow,
        DoNothing,
        /// As who pushes does.
        Call,
    }

    /// What came of leaving it.
    #[derive(Debug, PartialEq)]
    enum Left {
        ToOthers,
        /// It is not left for the next while.
        Kept,
        ForACall,
    }

    /// Leaves a line of so many tasks to others, where tasks of another method may wait, too.
    async fn left(db: Database, tasks: usize, also: Option<NewTask>, others: Others) -> Left {
        let store = Store::open(db.url(), OnMissing::Create).await.unwrap();
        let tasks: Vec<NewTask> = (0..tasks).map(|_| NewTask::new("export")).chain(also).collect();
        store.push_all(&tasks).await.unwrap();
        let serves = |name| Method::from_fn(name, |_, (): ()| async { Ok::<_, String>(()) });
        let registry = Registry::of(["export", "mail"].map(serves)).unwrap();
        let settings = WorkerSettings { concurrency: 4, when_empty: WhenEmpty::Stop, ..WorkerSettings::default() };
        let (wake, other) = (Wake::new(), store.clone());
        let worker = Worker::new(store.clone(), registry, States::new(), wake.clone(), settings);
        let leaving = async move |base: Arc<Base>| {
            let line = other.lines().await.unwrap().0.into_iter().find(|line| line.method == "export").unwrap();
            let mut fetcher = Fetcher::new(Arc::clone(&base));
            fetcher.look().await.unwrap();
            fetcher.lines.advance(&line, line.head);
            fetcher.crowd.pause = limits::CROWD_PAUSE_MAX;
            let do_their_part = async {
                let (claims, per_claim) = match others {
                    Others::GoOn => (usize::MAX, 500),
                    Others::AreSlow => (1, 9),
                    Others::DoNothing | Others::Call => (0, 0),
                };
                for _ in 0..claims {
                    other.claim(&line, base.tenure.worker(), per_claim).await.unwrap();
                }
                if matches!(others, Others::Call) {
                    // By then the pause has mostly begun.
                    other.lines().await.unwrap();
                    wake.wake();
                }
                std::future::pending().await
            };
            tokio::select! {
                biased;
                () = fetcher.leave_to_others(&line) => {}
                () = do_their_part => {}
            }
            match (fetcher.crowd.stays_until, fetcher.calls.has_changed().unwrap()) {
                (Some(_), _) => Left::Kept,
                (None, true) => Left::ForACall,
                (None, false) => Left::ToOthers,
            }
        };
        shift::answer_of(worker, leaving).await
    }

    #[test]
    fn a_line_is_left_to_others_who_go_on_with_it() {
        on(Kind::Sqlite, async |db| assert_eq!(left(db, 1000, None, Others::GoOn).await, Left::ToOthers));
    }

    #[test]
    fn a_line_is_left_no_more_where_others_do_less_than_they_should() {
        on(Kind::Sqlite, async |db| assert_eq!(left(db, 1000, None, Others::DoNothing).await, Left::Kept));
        on(Kind::Sqlite, async |db| assert_eq!(left(db, 1000, None, Others::AreSlow).await, Left::Kept));
    }

    #[test]
    fn a_line_with_little_in_it_is_not_left() {
        on(Kind::Sqlite, async |db| assert_eq!(left(db, 8, None, Others::GoOn).await, Left::Kept));
    }

    #[test]
    fn a_line_is_not_left_where_another_is_due_meanwhile() {
        let due = [NewTask::new("mail"), NewTask::new("mail").priority(1).after(limits::CROWD_PAUSE_MAX / 2)];
        for also in due {
            let also = Some(also);
            on(Kind::Sqlite, async move |db| assert_eq!(left(db, 1000, also, Others::GoOn).await, Left::Kept));
        }
        let later = Some(NewTask::new("mail").priority(1).after(Duration::from_secs(60)));
        on(Kind::Sqlite, async move |db| assert_eq!(left(db, 1000, later, Others::GoOn).await, Left::ToOthers));
    }

    #[test]
    fn a_call_ends_the_pause_and_is_heard() {
        on(Kind::Sqlite, async |db| assert_eq!(left(db, 1000, None, Others::Call).await, Left::ForACall));
    }

    /// Counts claims, each with so many turns refused to it, until the file is left to others; answers how many there were before.
    fn claims_until_thick(crowd: &mut Crowd, have_ended: bool, refused: &[u64]) -> Option<usize> {
        let mut all = crowd.refused.unwrap_or(0);
        refused.iter().position(|refused| {
            all += refused;
            crowd.is_thick(all, have_ended, Instant::now())
        })
    }

    const AT_ONCE: bool = true;
    const LATER: bool = false;

    /// One claim in so many is refused its turn once.
    fn one_in(count: usize) -> Vec<u64> {
        (0..1000).map(|place| u64::from(place % count == count - 1)).collect()
    }

    #[test]
    fn a_file_is_left_to_others_where_one_turn_for_some_claims_is_refused_and_tasks_end_at_once() {
        assert_eq!(claims_until_thick(&mut Crowd::default(), AT_ONCE, &one_in(8)), None);
        assert!(claims_until_thick(&mut Crowd::default(), AT_ONCE, &one_in(7)).is_some());
        assert_eq!(claims_until_thick(&mut Crowd::default(), LATER, &[9; 1000]), None, "they take their time");
    }

    #[test]
    fn who_comes_back_and_is_refused_leaves_at_once() {
        let mut crowd = Crowd::default();
        for _ in 0..3 {
            assert_eq!(claims_until_thick(&mut crowd, AT_ONCE, &[0, 1]), Some(1));
            crowd.has_left();
        }
    }

    #[test]
    fn one_long_write_of_a_stranger_takes_few_claims_off_who_goes_on() {
        let mut crowd = Crowd::default();
        assert_eq!(claims_until_thick(&mut crowd, AT_ONCE, &[0; 256]), None);
        assert_eq!(claims_until_thick(&mut crowd, AT_ONCE, &[1000; 8]), None);
        assert_eq!(claims_until_thick(&mut crowd, AT_ONCE, &[0; 256]), None);
    }

    #[test]
    fn who_goes_on_stays_when_others_try() {
        let mut crowd = Crowd::default();
        assert_eq!(claims_until_thick(&mut crowd, AT_ONCE, &[0; 1000]), None);
        assert_eq!(claims_until_thick(&mut crowd, AT_ONCE, &[4; 8]), None);
        assert!(claims_until_thick(&mut crowd, AT_ONCE, &[4; 2]).is_some(), "but not for ever");
    }

    #[test]
    fn who_is_refused_again_leaves_for_longer_and_workers_for_different_times() {
        let mut crowd = Crowd::default();
        let mut pauses = Vec::new();
        for _ in 0..6 {
            pauses.push(crowd.pause(8).as_millis());
            crowd.has_left();
        }
        assert_eq!(pauses, [20, 40, 80, 160, 200, 200]);
        assert_eq!((crowd.pause(7).as_millis(), crowd.pause(-1).as_millis()), (287, 287));
        claims_until_thick(&mut crowd, AT_ONCE, &[0; 100]);
        assert_eq!(crowd.pause(8).as_millis(), 20, "it had gone on");
    }

    #[test]
    fn nothing_is_left_to_others_for_a_while_where_nobody_went_on() {
        let (mut crowd, now) = (Crowd::default(), Instant::now());
        assert!(!crowd.is_thick(1000, true, now), "what was before the first claim does not count");
        crowd.stay(now);
        assert!(!crowd.is_thick(2000, true, now));
        crowd.forget();
        let later = now + limits::CROWD_STAYS;
        assert!(!crowd.is_thick(3000, true, later), "nor what was while it rested");
        assert!(crowd.is_thick(4000, true, later));
        crowd.forget();
        crowd.stay(now);
        crowd.forget();
        crowd.is_thick(5000, true, now);
        assert!(!crowd.is_thick(6000, true, now), "a rest does not end that");
    }
}
