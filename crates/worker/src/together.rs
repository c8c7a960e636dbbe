//! Where the fetcher and the settler meet: a small claim goes to the database together with the outcomes that made room for it.

use mission_core::{Error, ErrorKind, WorkerId};
use mission_store::{Claimed, Line, Terms};
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use crate::limits;

/// A claim that is to go together with outcomes.
pub(crate) struct Wish {
    pub(crate) line: Line,
    pub(crate) worker: WorkerId,
    pub(crate) terms: Terms,
    answer: oneshot::Sender<Answer>,
}

/// What became of it; `None` where it did not go, because there was nothing to go with or both were refused.
type Answer = Result<Option<Vec<Claimed>>, Error>;

impl Wish {
    pub(crate) fn answer(self, answer: Answer) {
        // The fetcher waits for it, or has ended with its runtime.
        let _ = self.answer.send(answer);
    }
}

/// What each side has left for the other.
#[derive(Default)]
pub(crate) struct Together(watch::Sender<Left>);

#[derive(Default)]
struct Left {
    /// Whether the fetcher claims again as soon as methods have ended.
    is_claim_near: bool,
    wish: Option<Wish>,
}

impl Together {
    /// The fetcher is about to claim, or is not any more: outcomes wait a moment for it.
    pub(crate) fn expect_claim(&self, is_near: bool) {
        self.0.send_if_modified(|left| std::mem::replace(&mut left.is_claim_near, is_near) != is_near);
    }

    /// Claims together with outcomes that wait to be written.
    ///
    /// # Errors
    /// The database cannot be reached; both may have been committed.
    pub(crate) async fn claim(&self, line: &Line, worker: WorkerId, terms: Terms) -> Answer {
        let (answer, mut answered) = oneshot::channel();
        self.0.send_modify(|left| left.wish = Some(Wish { line: line.clone(), worker, terms, answer }));
        let gone = |_| Err(Error::new(ErrorKind::Unreachable, "the settler has gone with a claim"));
        match timeout(limits::TOGETHER_PAUSE, &mut answered).await {
            Ok(answer) => answer.unwrap_or_else(gone),
            // The settler is at something else, which may take long: the claim goes alone.
            Err(_) if self.take().is_some() => Ok(None),
            Err(_) => answered.await.unwrap_or_else(gone),
        }
    }

    /// Waits for a wish.
    pub(crate) async fn wished(&self) -> Wish {
        let mut left = self.0.subscribe();
        loop {
            // The sender is here.
            let _ = left.wait_for(|left| left.wish.is_some()).await;
            if let Some(wish) = self.take() {
                return wish;
            }
        }
    }

    /// The wish that outcomes are to go with, where one is there or comes at once.
    pub(crate) async fn wish_at_hand(&self) -> Option<Wish> {
        let mut left = self.0.subscribe();
        let is_decided = |left: &Left| left.wish.is_some() || !left.is_claim_near;
        if timeout(limits::TOGETHER_PAUSE, left.wait_for(is_decided)).await.is_err() {
            // The fetcher is kept by something else: the next outcomes need not wait for it, too.
            self.expect_claim(false);
        }
        self.take()
    }

    fn take(&self) -> Option<Wish> {
        let mut taken = None;
        self.0.send_if_modified(|left| {
            taken = left.wish.take();
            left.is_claim_near &= taken.is_none();
            false
        });
        taken
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;
    use std::task::Poll;

    use mission_core::{Filter, NewTask, Progress, State};
    use mission_store::{OnMissing, Store};
    use mission_testkit::{Database, Kind, on};

    use super::*;
    use crate::base::Base;
    use crate::intake::Intake;
    use crate::settings::WhenEmpty;
    use crate::{Context, Method, Registry, States, Wake, Worker, WorkerSettings, shift};

    /// How often the worker meets somebody else's turn on a machine that is busy: never so often.
    const TRIES: usize = 200;
    /// So many of twenty may have said all by the time that they end.
    const FEW: usize = 10;

    async fn lines(store: &Store) -> Vec<Line> {
        store.lines().await.unwrap().0
    }

    /// Claims one task after another, each with the outcome of the one before; answers how many went so.
    async fn claim_each(base: Arc<Base>) -> usize {
        let (mut together, mut intake) = (0, Intake::new(Arc::clone(&base)));
        let worker = base.tenure.worker();
        let mut load = base.attempts.load();
        let is_ours = |line: &Line| line.method == "export";
        while let Some(line) = lines(&base.store).await.into_iter().find(is_ours) {
            let claimed = match base.together.claim(&line, worker, Terms::up_to(1)).await.unwrap() {
                Some(claimed) => {
                    together += 1;
                    claimed
                }
                None => base.store.claim(&line, worker, 1).await.unwrap(),
            };
            base.together.expect_claim(true);
            intake.take(claimed).await;
            load.wait_for(|load| load.running == 0).await.unwrap();
        }
        base.together.expect_claim(false);
        base.until_idle().await;
        together
    }

    /// Has a worker run so many tasks of a method one after another; answers how many of them were claimed with an outcome.
    async fn run(store: &Store, tasks: usize, method: Method) -> usize {
        let settings = WorkerSettings { when_empty: WhenEmpty::Stop, ..WorkerSettings::default() };
        let registry = Registry::of([method]).unwrap();
        let worker = Worker::new(store.clone(), registry, States::new(), Wake::new(), settings);
        let tasks: Vec<NewTask> = (0..tasks).map(|_| NewTask::new("export")).collect();
        store.push_all(&tasks).await.unwrap();
        shift::answer_of(worker, claim_each).await
    }

    #[test]
    fn a_claim_goes_with_the_outcomes_that_made_room_for_it() {
        on(Kind::Sqlite, async |db: Database| {
            let store = Store::open(db.url(), OnMissing::Create).await.unwrap();
            let method = Method::from_fn("export", |_, (): ()| async { Ok::<_, String>(String::new()) });
            assert!(run(&store, TRIES, method).await > 0, "none of {TRIES} went together");
            let ended = Filter::all().state(State::Success);
            assert_eq!(store.list(&ended, TRIES + 1, None).await.unwrap().tasks.len(), TRIES);
        });
    }

    #[test]
    fn an_outcome_that_needs_more_than_its_row_takes_no_claim_along() {
        on(Kind::Sqlite, async |db: Database| {
            let store = Store::open(db.url(), OnMissing::Create).await.unwrap();
            let logs = Method::from_fn("export", |ctx: Context, (): ()| async move {
                ctx.log("done");
                Ok::<_, String>(String::new())
            });
            assert!(run(&store, 20, logs).await < FEW, "a line");
            let follows = Method::from_fn("export", |ctx: Context, (): ()| async move {
                ctx.push_after(NewTask::new("mail")).map(|()| String::new()).map_err(|error| error.to_string())
            });
            assert_eq!(run(&store, 20, follows).await, 0, "a follow-up");
            let reports = Method::from_fn("export", |ctx: Context, (): ()| async move {
                ctx.progress((3, 4)).await.map(|()| String::new())
            });
            assert!(run(&store, 20, reports).await < FEW, "progress");
            let tasks = store.list(&Filter::all().method("export"), 100, None).await.unwrap().tasks;
            assert_eq!(tasks.iter().filter(|task| task.progress == Some(Progress::of(3, 4))).count(), 20);
            let mut lines = 0;
            for task in tasks {
                lines += store.logs(&task.unique_id, 0, 9).await.unwrap().len();
            }
            assert_eq!(
                (lines, store.list(&Filter::all().method("mail"), 100, None).await.unwrap().tasks.len()),
                (20, 20)
            );
        });
    }

    #[tokio::test]
    async fn outcomes_wait_for_a_claim_only_where_one_is_near() {
        let together = Together::default();
        let mut wish = pin!(together.wish_at_hand());
        let at_once = std::future::poll_fn(|context| Poll::Ready(wish.as_mut().poll(context).is_ready())).await;
        assert!(at_once, "nobody claims");
        together.expect_claim(true);
        let mut wish = pin!(together.wish_at_hand());
        let waits = std::future::poll_fn(|context| Poll::Ready(wish.as_mut().poll(context).is_pending())).await;
        assert!(waits, "a claim is near");
        together.expect_claim(false);
        assert!(wish.await.is_none(), "it is no more");
    }

    #[tokio::test]
    async fn a_claim_that_nobody_takes_along_goes_alone() {
        let together = Together::default();
        let line = Line {
            method: "export".into(),
            task_type: "system".into(),
            priority: 0,
            lane: 0,
            head: mission_core::Timestamp(0),
            is_paused: false,
            running_limit: None,
        };
        let claimed = together.claim(&line, WorkerId(1), Terms::up_to(1)).await;
        assert!(claimed.unwrap().is_none());
        assert!(together.take().is_none(), "nobody may take it later");
        let (claimed, ()) = tokio::join!(together.claim(&line, WorkerId(1), Terms::up_to(1)), async {
            drop(together.wished().await);
        });
        assert!(claimed.unwrap_err().is_unreachable(), "it may have been committed");
    }
}
