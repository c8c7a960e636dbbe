//! Rows of running tasks that somebody else holds by a lock: their tasks wait, and nobody else does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mission_core::{Failure, NewTask, State, UniqueId};
use mission_testkit::{Database, Kind, conformance, eventually};
use mission_worker::{Method, WhenEmpty, WorkerSettings};
use tokio::sync::Notify;

use crate::methods::Diary;
use crate::stage::{Stage, settings};

conformance![
    an_outcome_whose_row_is_held_keeps_no_other_waiting,
    a_checkpoint_whose_row_is_held_keeps_no_other_waiting,
    an_outcome_that_was_held_is_written_although_others_keep_coming,
    a_checkpoint_that_waits_goes_before_a_failure,
    a_checkpoint_that_can_never_be_written_holds_up_nothing,
    a_lock_on_the_log_holds_up_no_outcome,
];

/// Somebody else's transaction that holds one row; `None` on SQLite, which has no locks on rows.
enum Stranger {
    MySql(sqlx::Transaction<'static, sqlx::MySql>),
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>),
}

impl Stranger {
    async fn hold(stage: &Stage, id: &UniqueId) -> Option<Self> {
        // By its number, so that no other row and no gap is locked.
        let lock = format!("select id from mission_tasks where id = {} for update", stage.task(id).await.id);
        Self::says(stage, lock).await
    }

    async fn says(stage: &Stage, lock: String) -> Option<Self> {
        let (url, lock) = (stage.db.url(), sqlx::AssertSqlSafe(lock));
        match stage.db.kind() {
            Kind::Sqlite => None,
            Kind::Postgres => {
                let mut tx = sqlx::PgPool::connect(url).await.unwrap().begin().await.unwrap();
                sqlx::raw_sql(lock).execute(&mut *tx).await.unwrap();
                Some(Self::Postgres(tx))
            }
            Kind::Mariadb | Kind::Mysql => {
                let mut tx = sqlx::MySqlPool::connect(url).await.unwrap().begin().await.unwrap();
                sqlx::raw_sql(lock).execute(&mut *tx).await.unwrap();
                Some(Self::MySql(tx))
            }
        }
    }

    async fn commit(self) {
        match self {
            Self::MySql(tx) => tx.commit().await.unwrap(),
            Self::Postgres(tx) => tx.commit().await.unwrap(),
        }
    }

    async fn let_go(self) {
        match self {
            Self::MySql(tx) => tx.rollback().await.unwrap(),
            Self::Postgres(tx) => tx.rollback().await.unwrap(),
        }
    }
}

/// Makes a checkpoint each time it is asked to, and ends when it is told to.
fn walker(step: &Arc<Notify>, end: &Arc<Notify>) -> Method {
    let (step, end) = (Arc::clone(step), Arc::clone(end));
    Method::from_fn("walker", move |ctx, _: u64| {
        let (step, end) = (Arc::clone(&step), Arc::clone(&end));
        async move {
            ctx.progress((0, 9)).await?;
            for n in 1.. {
                tokio::select! {
                    () = step.notified() => ctx.checkpoint_now(&n, (n, 9)).await?,
                    () = end.notified() => break,
                }
            }
            Ok::<_, Failure>("walked")
        }
    })
}

async fn two(stage: &Stage) -> [UniqueId; 2] {
    let ids =
        [stage.push(NewTask::new("walker").params(&1)).await, stage.push(NewTask::new("walker").params(&2)).await];
    for id in &ids {
        stage.begins(id).await;
    }
    ids
}

async fn an_outcome_whose_row_is_held_keeps_no_other_waiting(db: Database) {
    let stage = Stage::set(db).await;
    let (step, end) = (Arc::default(), Arc::new(Notify::new()));
    let worker = stage.worker_with(settings(), [walker(&step, &end)]).await;
    let [held, free] = two(&stage).await;
    let Some(stranger) = Stranger::hold(&stage, &held).await else { return worker.stop().await };
    end.notify_waiters();
    stage.reaches(&free, State::Success).await;
    assert_eq!(stage.task(&held).await.state, State::Executing);
    let later = stage.push(NewTask::new("walker").params(&3)).await;
    stage.begins(&later).await;
    end.notify_waiters();
    stage.reaches(&later, State::Success).await;
    assert_eq!(stage.task(&held).await.state, State::Executing);
    stranger.let_go().await;
    let task = stage.reaches(&held, State::Success).await;
    assert_eq!((task.counts.attempt, task.counts.crashes), (1, 0));
    worker.stop().await;
}

async fn a_checkpoint_whose_row_is_held_keeps_no_other_waiting(db: Database) {
    let stage = Stage::set(db).await;
    let (step, end) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let worker = stage.worker_with(settings(), [walker(&step, &end)]).await;
    let [held, free] = two(&stage).await;
    let Some(stranger) = Stranger::hold(&stage, &held).await else { return worker.stop().await };
    step.notify_waiters();
    eventually("the other keeps its checkpoint", async || stage.task(&free).await.checkpoint.is_some()).await;
    assert_eq!(stage.task(&held).await.checkpoint, None);
    stranger.let_go().await;
    eventually("so does this one", async || stage.task(&held).await.checkpoint.is_some()).await;
    for id in [&held, &free] {
        eventually("it ends", async || {
            // Its method may not be waiting for this word yet.
            end.notify_waiters();
            stage.task(id).await.state == State::Success
        })
        .await;
    }
    worker.stop().await;
}

async fn an_outcome_that_was_held_is_written_although_others_keep_coming(db: Database) {
    let stage = Stage::set(db).await;
    let (step, end) = (Arc::default(), Arc::new(Notify::new()));
    let worker = stage.worker_with(settings(), [walker(&step, &end), Diary::default().method("note")]).await;
    let held = stage.push(NewTask::new("walker").params(&1)).await;
    stage.begins(&held).await;
    let Some(stranger) = Stranger::hold(&stage, &held).await else { return worker.stop().await };
    end.notify_waiters();
    // Written by the same settler, so that it has met the lock before.
    let next = stage.push(NewTask::new("note").params(&"next")).await;
    stage.reaches(&next, State::Success).await;
    stranger.let_go().await;
    let let_go = Instant::now();
    while stage.task(&held).await.state == State::Executing {
        assert!(let_go.elapsed() < Duration::from_secs(10), "others came and it was never looked at again");
        let other = stage.push(NewTask::new("note").params(&"other")).await;
        stage.reaches(&other, State::Success).await;
    }
    worker.stop().await;
}

async fn a_checkpoint_that_waits_goes_before_a_failure(db: Database) {
    let stage = Stage::set(db).await;
    let gate = Arc::new(Notify::new());
    let opened = Arc::clone(&gate);
    let fragile = Method::from_fn("fragile", move |ctx, (): ()| {
        let gate = Arc::clone(&opened);
        async move {
            ctx.progress(1).await?;
            gate.notified().await;
            // Its row is held: it goes on after a moment, as `checkpoint` does.
            let _ = tokio::time::timeout(Duration::from_millis(300), ctx.checkpoint_now(&7, 7)).await;
            Err::<(), _>(Failure::new("a stone in the way"))
        }
    });
    let id = stage.push(NewTask::new("fragile").retries(5)).await;
    stage.db.sql("update mission_tasks set crashes = 3;").await.unwrap();
    let worker = stage.worker([fragile]).await;
    stage.begins(&id).await;
    let Some(stranger) = Stranger::hold(&stage, &id).await else { return worker.stop().await };
    gate.notify_one();
    // A worker counts what it has not settled, too: the method has ended, and nothing of it can be written.
    let next = stage.push(NewTask::new("fragile")).await;
    stage.begins(&next).await;
    stranger.let_go().await;
    stage.failures_reach(&id, 1).await;
    let task = stage.task(&id).await;
    assert_eq!((task.checkpoint.as_deref(), task.counts.crashes), (Some("7"), 0), "{task:?}");
    gate.notify_waiters();
    worker.stop().await;
}

async fn a_checkpoint_that_can_never_be_written_holds_up_nothing(db: Database) {
    let stage = Stage::set(db).await;
    let gate = Arc::new(Notify::new());
    let opened = Arc::clone(&gate);
    let late = Method::from_fn("late", move |ctx, (): ()| {
        let gate = Arc::clone(&opened);
        async move {
            ctx.progress(1).await?;
            gate.notified().await;
            ctx.checkpoint_now(&7, 7).await?;
            Ok::<_, Failure>("not told to end")
        }
    });
    let id = stage.push(NewTask::new("late").retries(5).timeout(Duration::from_millis(1500))).await;
    let until_empty = WorkerSettings { when_empty: WhenEmpty::Stop, ..settings() };
    let worker = stage.worker_with(until_empty, [late]).await;
    stage.begins(&id).await;
    let taken = "update mission_tasks set lease_token = lease_token + 1, state = 'cancelled', worker_id = 0";
    let taking = format!("{taken} where id = {}", stage.task(&id).await.id);
    let Some(thief) = Stranger::says(&stage, taking).await else { return worker.stop_now().await };
    gate.notify_one();
    // Its time is over before anybody can tell that it is another's: it would wait again, with its checkpoint.
    eventually("it is told to end", async || worker.running() == 0).await;
    thief.commit().await;
    let over = tokio::time::timeout(Duration::from_secs(20), worker.finished()).await;
    assert!(over.is_ok(), "nothing is left to write");
}

async fn a_lock_on_the_log_holds_up_no_outcome(db: Database) {
    let stage = Stage::set(db).await;
    let talker = Method::from_fn("talker", |ctx: mission_worker::Context, (): ()| async move {
        ctx.log("a line");
        ctx.checkpoint_now(&1, 1).await?;
        Ok::<_, Failure>("said")
    });
    let worker = stage.worker([talker]).await;
    let lock = match stage.db.kind() {
        Kind::Sqlite => return worker.stop().await,
        Kind::Postgres => "lock table mission_logs in share mode",
        Kind::Mariadb | Kind::Mysql => "lock tables mission_logs write",
    };
    let stranger = Stranger::says(&stage, lock.to_owned()).await.unwrap();
    for _ in 0..3 {
        let id = stage.push(NewTask::new("talker")).await;
        stage.reaches_within(Duration::from_secs(5), &id, State::Success).await;
    }
    let last = stage.push(NewTask::new("talker")).await;
    stage.reaches_within(Duration::from_secs(5), &last, State::Success).await;
    stranger.let_go().await;
    eventually("the line is kept all the same", async || {
        stage.store.logs(&last, 0, 9).await.unwrap().iter().any(|line| line.message == "a line")
    })
    .await;
    worker.stop().await;
}
