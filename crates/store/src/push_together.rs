//! Pushes that meet: those that arrive while a statement is under way share the next one, and its commit.

use std::fmt;
use std::mem::take;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mission_core::{CheckedTask, Error, NewTask, limits};
use tokio::sync::oneshot;

use crate::db::{Held, Kind};
use crate::push_begun::{Offers, there_already};
use crate::push_rows::{batches, insert_whole};
use crate::{Pushed, Store};

/// How long a push waits behind a statement that does not come back; then another connection is tried.
const BEHIND_MAX: Duration = Duration::from_millis(100);

/// Turns of the runtime until those who have been answered have pushed again: a caller may be some tasks behind its push, each roused by the
/// one before.
const TURNS_OF_PUSH: usize = 4;

/// Called once a task can be seen by workers: on SQLite a moment before it is on the disk and its push returns.
pub type WhenSeen = Arc<dyn Fn() + Send + Sync>;

/// Where the pushes of one process on one database meet.
#[derive(Debug, Default)]
pub(crate) struct Meeting {
    state: Mutex<State>,
    /// What workers at rest would begin.
    pub(crate) offers: Arc<Offers>,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<Waiting>,
    /// Whether somebody takes what waits as soon as the statement under way has come back.
    is_led: bool,
}

/// A push and the one who waits for it. An answer that is not given means: push it by yourself.
struct Waiting {
    task: Arc<NewTask>,
    when_seen: WhenSeen,
    answer: oneshot::Sender<Pushed>,
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.task.fmt(f)
    }
}

impl Meeting {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    /// Stores a task together with others that are pushed at this moment: one statement and one commit for all of them, at once
    /// where there are no others. `None`: it is not known to be stored, and [`push`](Store::push) has the last word. So a
    /// task with a guard, one that breaks a rule and one whose company met with an error are pushed by themselves, each with
    /// an answer of its own.
    pub async fn push_together(&self, task: &Arc<NewTask>, when_seen: &WhenSeen) -> Option<Pushed> {
        if task.is_guarded() || task.check().is_err() {
            return None;
        }
        let (answer, mut heard) = oneshot::channel();
        let is_first = {
            let mut state = self.meeting.state();
            state.waiting.push(Waiting { task: task.clone(), when_seen: when_seen.clone(), answer });
            !std::mem::replace(&mut state.is_led, true)
        };
        if is_first {
            Leader::begin(self);
        }
        match tokio::time::timeout(BEHIND_MAX, &mut heard).await {
            Ok(answer) => answer.ok(),
            Err(_) => {
                Leader::begin(self);
                heard.await.ok()
            }
        }
    }
}

/// Takes all that wait, again and again until nobody does.
struct Leader {
    store: Store,
    /// The connection is kept from group to group where it may be.
    held: Option<Held>,
    is_done: bool,
}

impl Leader {
    fn begin(store: &Store) {
        let mut leader = Self { store: store.clone(), held: None, is_done: false };
        tokio::spawn(async move {
            while let Some(group) = leader.next() {
                let answered = group.len();
                leader.store_all(group).await;
                // Those who have just been answered push again: one statement for all of them instead of one for the first.
                for _ in 0..TURNS_OF_PUSH {
                    tokio::task::yield_now().await;
                    if !leader.store.db.may_go_on() {
                        leader.held = None;
                    }
                    if leader.store.meeting.state().waiting.len() >= answered {
                        break;
                    }
                }
            }
        });
    }

    /// Those that wait, as many as a statement takes.
    fn next(&mut self) -> Option<Vec<Waiting>> {
        let mut state = self.store.meeting.state();
        if state.waiting.is_empty() {
            state.is_led = false;
            self.is_done = true;
            return None;
        }
        if state.waiting.len() <= limits::PUSH_ROWS_MAX {
            return Some(take(&mut state.waiting));
        }
        let later = state.waiting.split_off(limits::PUSH_ROWS_MAX);
        Some(std::mem::replace(&mut state.waiting, later))
    }

    /// One try for all of them. Whatever the error, each has the patience and the answer of a push of its own then: what
    /// was stored all the same is known again by its `unique_id`.
    async fn store_all(&mut self, group: Vec<Waiting>) {
        match self.try_all(&group).await {
            Ok(pushed) => {
                for (waiting, pushed) in group.into_iter().zip(pushed) {
                    // Nobody there: the caller went away.
                    let _ = waiting.answer.send(pushed);
                }
            }
            Err(error) => tracing::debug!(pushes = group.len(), %error, "pushes that met go on one by one"),
        }
    }

    /// Each statement is a transaction of its own: the pushes know nothing of each other.
    async fn try_all(&mut self, group: &[Waiting]) -> Result<Vec<Pushed>, Error> {
        let tasks = group.iter().map(|waiting| waiting.task.check()).collect::<Result<Vec<CheckedTask<'_>>, _>>()?;
        if let [task] = &tasks[..]
            && let Some(offer) = self.store.meeting.offers.take_for(task)
        {
            self.held = None;
            if let Some(pushed) = self.store.push_begun(task, offer).await? {
                return Ok(vec![pushed]);
            }
        }
        // One that is alone is mostly waited for by an idle worker: on SQLite it does not wait for the disk while the file is locked.
        let is_before_disk = self.store.kind() == Kind::Sqlite && group.len() == 1;
        let mut held = match self.held.take() {
            Some(held) => held,
            None if is_before_disk => self.store.db.writer_before_disk().await?,
            None => self.store.db.writer().await?,
        };
        for part in batches(&tasks)?.parts {
            if !insert_whole(&mut held.conn(), &part).await? {
                return Err(there_already());
            }
        }
        let pushed =
            tasks.iter().map(|task| Pushed { unique_id: task.unique_id.clone(), is_existing: false }).collect();
        // One call rouses for all of them.
        if let Some(first) = group.first() {
            (first.when_seen)();
        }
        if self.store.db.may_go_on() {
            self.held = Some(held);
        } else if is_before_disk {
            drop(held);
            self.store.db.keep().await?;
        }
        Ok(pushed)
    }
}

/// Where the runtime of a leader ends, its group is told by the answers that were dropped; the next push leads those that came later.
impl Drop for Leader {
    fn drop(&mut self) {
        if !self.is_done {
            self.store.meeting.state().is_led = false;
        }
    }
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use super::*;
    use crate::db::{OnMissing, Statement};

    static LEVELS: Statement = Statement::new("levels", "select level from levels order by id");
    const NORMAL: i64 = 1;
    const FULL: i64 = 2;

    #[tokio::test]
    async fn a_push_does_not_wait_for_a_leader_that_does_not_come_back() {
        let folder = mission_testkit::folder();
        let url = format!("sqlite://{}/mission.db", folder.path().display());
        let store = Store::open(&url, OnMissing::Create).await.unwrap();
        store.meeting.state().is_led = true;
        let task = Arc::new(NewTask::new("export"));
        let pushed =
            tokio::time::timeout(Duration::from_secs(20), store.push_together(&task, &(Arc::new(|| {}) as WhenSeen)))
                .await;
        assert_eq!(pushed.expect("it waits for ever").unwrap().unique_id, *task.unique_id());
    }

    #[tokio::test]
    async fn pushes_of_a_runtime_that_stands_still_keep_nobody_from_writing() {
        let folder = mission_testkit::folder();
        let store = store_of(&format!("sqlite://{}/mission.db", folder.path().display())).await;
        let there = store.clone();
        let still = tokio::task::spawn_blocking(move || {
            let still = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let push =
                async || there.push_together(&Arc::new(NewTask::new("export")), &(Arc::new(|| {}) as WhenSeen)).await;
            let pushed = still.block_on(async { tokio::join!(push(), push(), push()) });
            assert!(pushed.0.is_some() && pushed.1.is_some() && pushed.2.is_some());
            still
        });
        let still = still.await.unwrap();
        let task = NewTask::new("export");
        let pushed = tokio::time::timeout(Duration::from_secs(20), store.push(&task)).await;
        assert!(pushed.expect("the writer is kept").is_ok());
        tokio::task::spawn_blocking(move || drop(still)).await.unwrap();
    }

    async fn store_of(url: &str) -> Store {
        Store::open(url, OnMissing::Create).await.unwrap()
    }

    /// Eight who push one after another until they are refused.
    fn pushers(store: &Store) -> Vec<tokio::task::JoinHandle<()>> {
        let push = async |store: &Store| {
            store.push_together(&Arc::new(NewTask::new("export")), &(Arc::new(|| {}) as WhenSeen)).await
        };
        let one = |_| {
            let store = store.clone();
            tokio::spawn(async move { while push(&store).await.is_some() {} })
        };
        (0..8).map(one).collect()
    }

    async fn in_time<T>(work: impl Future<Output = T>) -> T {
        tokio::time::timeout(Duration::from_secs(20), work).await.expect("the pushes keep the connection")
    }

    #[tokio::test]
    async fn pushes_that_never_end_let_others_at_the_database_and_at_one_in_memory_readers_too() {
        let folder = mission_testkit::folder();
        for url in [format!("sqlite://{}/mission.db", folder.path().display()), "sqlite::memory:".to_owned()] {
            let store = store_of(&url).await;
            let pushers = pushers(&store);
            let mut stored = 0;
            for _ in 0..10 {
                let counted = in_time(async {
                    store.db.begin().await.unwrap().commit().await.unwrap();
                    drop(store.db.writer().await.unwrap());
                    store.counts().await.unwrap().iter().map(|(_, bounded)| bounded.count).sum::<i64>()
                });
                stored = counted.await.max(stored);
            }
            assert!(stored > 8 && pushers.iter().all(|pusher| !pusher.is_finished()), "{stored} are pushed meanwhile");
            pushers.iter().for_each(|pusher| pusher.abort());
        }
    }

    #[tokio::test]
    async fn a_store_can_be_closed_while_others_push_and_refuses_what_comes_later() {
        let folder = mission_testkit::folder();
        let store = store_of(&format!("sqlite://{}/mission.db", folder.path().display())).await;
        let pushers = pushers(&store);
        in_time(store.counts()).await.unwrap();
        in_time(store.close()).await;
        for pusher in pushers {
            in_time(pusher).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_push_that_is_alone_is_not_synced_while_the_file_is_locked_also_after_others_that_met() {
        let folder = mission_testkit::folder();
        let store = store_of(&format!("sqlite://{}/mission.db", folder.path().display())).await;
        for text in [
            "create temp table levels (id integer primary key, level integer)",
            "create temp trigger note_level after insert on mission_tasks
             begin insert into levels (level) select synchronous from pragma_synchronous; end",
        ] {
            store.db.writer().await.unwrap().conn().script(text).await.unwrap();
        }
        let waiting = || {
            let when_seen: WhenSeen = Arc::new(|| {});
            Waiting { task: Arc::new(NewTask::new("export")), when_seen, answer: oneshot::channel().0 }
        };
        let mut leader = Leader { store: store.clone(), held: None, is_done: true };
        for group in [2, 1, 1, 2] {
            let group: Vec<Waiting> = (0..group).map(|_| waiting()).collect();
            leader.try_all(&group).await.unwrap();
        }
        drop(leader);
        let rows = store.db.writer().await.unwrap().conn().rows(&LEVELS, &[]).await.unwrap();
        let levels: Vec<i64> = rows.iter().map(|row| row.int("level").unwrap()).collect();
        assert_eq!(levels, [FULL, FULL, NORMAL, NORMAL, FULL, FULL]);
    }
}
