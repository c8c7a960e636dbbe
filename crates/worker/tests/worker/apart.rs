//! Success in the method's own transaction: committed together or not at all, and nobody else waits for it.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mission_core::{Failure, NewTask, Progress, Reason, State, UniqueId};
use mission_testkit::{Database, Kind, Proxy, conformance, eventually, eventually_within, folder};
use mission_worker::{Context, FilesSettings, Method, WorkerSettings};
use tokio::sync::Notify;

use crate::stage::{Stage, settings};

conformance![
    what_the_method_wrote_and_its_success_are_committed_together,
    a_transaction_that_is_not_committed_is_a_failed_attempt,
    a_method_that_rolls_back_says_itself_why,
    a_transaction_held_for_two_leases_costs_no_other_task_anything,
    follow_ups_are_pushed_with_the_success_and_only_then,
    a_commit_that_lands_when_the_time_is_over_keeps_its_file,
    a_success_that_its_worker_cannot_see_any_more_keeps_its_file,
    what_a_method_said_is_written_before_its_success,
];

fn short_lease() -> WorkerSettings {
    WorkerSettings { lease: Some(Duration::from_secs(2)), ..settings() }
}

/// How a method's transaction ends.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Commit,
    Rollback,
    /// The first attempt rolls back, the second commits.
    Second,
}

/// The same lines for the pools of each database.
macro_rules! within {
    ($pool:ty, $url:expr, $ctx:expr, $is_committed:expr, $held:expr) => {{
        let pool = <$pool>::connect($url).await?;
        let mut tx = pool.begin().await?;
        sqlx::query("insert into shop_orders (item) values ('lamp')").execute(&mut *tx).await?;
        $ctx.succeed_in(&mut tx, "ordered").await?;
        if let Some(held) = $held {
            tokio::time::timeout(Duration::from_secs(600), held).await.ok();
        }
        if $is_committed { tx.commit().await? } else { tx.rollback().await? }
    }};
}

async fn order(
    kind: Kind,
    url: &str,
    ctx: &Context,
    is_committed: bool,
    held: Option<impl Future<Output = ()>>,
) -> Result<(), Failure> {
    match kind {
        Kind::Sqlite => within!(sqlx::SqlitePool, url, ctx, is_committed, held),
        Kind::Postgres => within!(sqlx::PgPool, url, ctx, is_committed, held),
        Kind::Mariadb | Kind::Mysql => within!(sqlx::MySqlPool, url, ctx, is_committed, held),
    }
    Ok(())
}

fn ordering(stage: &Stage, end: End) -> Method {
    let (kind, url) = (stage.db.kind(), stage.db.url().to_owned());
    let attempts = Arc::new(AtomicU64::new(0));
    Method::from_fn("order", move |ctx, (): ()| {
        let (url, attempts) = (url.clone(), Arc::clone(&attempts));
        async move {
            ctx.progress((3, 4)).await?;
            write!(ctx.artifact("receipt.txt").await?, "1 lamp")?;
            ctx.push_after(NewTask::new("mail").params(&"a lamp"))?;
            let is_first = attempts.fetch_add(1, Ordering::Relaxed) == 0;
            let is_committed = end == End::Commit || end == End::Second && !is_first;
            order(kind, &url, &ctx, is_committed, None::<std::future::Ready<()>>).await?;
            Ok::<_, Failure>("this answer is of no account")
        }
    })
}

async fn set(db: Database) -> Stage {
    let stage = Stage::set(db).await;
    stage.db.sql("create table shop_orders (item varchar(50));").await.unwrap();
    stage
}

async fn orders(stage: &Stage) -> String {
    stage.db.sql("select count(*) from shop_orders;").await.unwrap().trim().to_owned()
}

fn settings_in(folder: &std::path::Path) -> WorkerSettings {
    let files = FilesSettings { folder: Some(folder.to_owned()), ..FilesSettings::default() };
    WorkerSettings { files, ..settings() }
}

async fn what_the_method_wrote_and_its_success_are_committed_together(db: Database) {
    let (stage, place) = (set(db).await, folder());
    let worker = stage.worker_with(settings_in(place.path()), [ordering(&stage, End::Commit)]).await;
    let id = stage.push(NewTask::new("order")).await;
    let task = stage.reaches(&id, State::Success).await;
    assert_eq!((task.content.as_deref(), task.progress), (Some("ordered"), Some(Progress::of(3, 4))));
    assert_eq!(orders(&stage).await, "1");
    let artifact = stage.store.artifact(&id, "receipt.txt").await.unwrap().unwrap();
    assert_eq!(std::fs::read(place.path().join(artifact.location)).unwrap(), b"1 lamp");
    let pushed = stage.db.sql("select params from mission_tasks where method = 'mail';").await.unwrap();
    assert_eq!(pushed.trim(), "\"a lamp\"");
    stage.worker_is_idle(&worker).await;
    worker.stop().await;
    assert_eq!(stage.store.attempts(&id).await.unwrap(), [], "a success is told by the task itself");
}

async fn a_transaction_that_is_not_committed_is_a_failed_attempt(db: Database) {
    let (stage, place) = (set(db).await, folder());
    let worker = stage.worker_with(settings_in(place.path()), [ordering(&stage, End::Rollback)]).await;
    let id = stage.push(NewTask::new("order")).await;
    let task = stage.reaches(&id, State::Fail).await;
    assert_eq!(task.content.as_deref(), Some("the transaction in which the task succeeded was not committed"));
    assert_eq!((task.reason, orders(&stage).await.as_str()), (Some(Reason::Error), "0"));
    assert_eq!(stage.store.artifacts(&id).await.unwrap(), []);
    worker.stop().await;

    let worker = stage.worker_with(settings_in(place.path()), [ordering(&stage, End::Second)]).await;
    let id = stage.push(NewTask::new("order").retries(1)).await;
    stage.failures_reach(&id, 1).await;
    stage.make_due().await;
    let task = stage.reaches(&id, State::Success).await;
    assert_eq!((task.counts.attempt, orders(&stage).await.as_str()), (2, "1"));
    let attempts = stage.store.attempts(&id).await.unwrap();
    assert_eq!((attempts.len(), attempts[0].outcome.as_str(), attempts[0].attempt), (1, "error", 1));
    worker.stop().await;
}

async fn a_method_that_rolls_back_says_itself_why(db: Database) {
    let stage = set(db).await;
    let (kind, url) = (stage.db.kind(), stage.db.url().to_owned());
    let method = Method::from_fn("order", move |ctx: Context, (): ()| {
        let url = url.clone();
        async move {
            order(kind, &url, &ctx, false, None::<std::future::Ready<()>>).await?;
            Err::<(), _>(Failure::new("the card was refused").fatal())
        }
    });
    let worker = stage.worker_with(settings(), [method]).await;
    let id = stage.push(NewTask::new("order").retries(2)).await;
    let task = stage.reaches(&id, State::Fail).await;
    assert_eq!((task.content.as_deref(), task.counts.attempt), (Some("the card was refused"), 1), "it is fatal");
    worker.stop().await;
}

async fn a_transaction_held_for_two_leases_costs_no_other_task_anything(db: Database) {
    let stage = set(db).await;
    let (gate, is_held) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (kind, url) = (stage.db.kind(), stage.db.url().to_owned());
    let (opened, held) = (Arc::clone(&gate), Arc::clone(&is_held));
    let order = Method::from_fn("order", move |ctx, (): ()| {
        let (url, gate, is_held) = (url.clone(), Arc::clone(&opened), Arc::clone(&held));
        async move {
            let wait = async {
                // What it reports now waits until its row is free, and nobody waits with it.
                let _ = ctx.progress(1).await;
                is_held.notify_one();
                gate.notified().await;
            };
            order(kind, &url, &ctx, true, Some(wait)).await
        }
    });
    let count = Method::from_fn("count", |ctx, to: u64| async move {
        for n in ctx.resume_at()?.unwrap_or(0)..to {
            ctx.checkpoint(&(n + 1), (n + 1, to)).await?;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok::<_, Failure>(to)
    });
    let worker = stage.worker_with(short_lease(), [order, count]).await;
    let counting =
        [stage.push(NewTask::new("count").params(&100)).await, stage.push(NewTask::new("count").params(&900)).await];
    stage.begins(&counting[1]).await;
    let id = stage.push(NewTask::new("order")).await;
    is_held.notified().await;
    let began = std::time::Instant::now();
    if kind != Kind::Sqlite {
        // There the whole database waits, so nothing ends meanwhile.
        let task = stage.reaches(&counting[0], State::Success).await;
        assert_eq!(task.counts.attempt, 1);
        let before = stage.task(&counting[1]).await.checkpoint_done;
        eventually("checkpoints go on", async || stage.task(&counting[1]).await.checkpoint_done > before).await;
    }
    eventually("two leases are over", async || began.elapsed() > Duration::from_millis(4_200)).await;
    gate.notify_one();
    let within = Duration::from_secs(20);
    for counted in &counting {
        let task = stage.reaches_within(within, counted, State::Success).await;
        assert_eq!((task.counts.attempt, task.counts.crashes, task.counts.failures), (1, 0, 0), "{task:?}");
    }
    eventually_within(within, "the order is there", async || orders(&stage).await == "1").await;
    let task = stage.reaches(&id, State::Success).await;
    assert_eq!((task.counts.crashes, task.counts.failures), (0, 0));
    worker.stop().await;
}

/// What somebody may fetch, once the worker has nothing more to do with it.
async fn receipt(stage: &Stage, folder: &std::path::Path, id: &UniqueId) -> Vec<u8> {
    let artifact = stage.store.artifact(id, "receipt.txt").await.unwrap().expect("the file is a result");
    std::fs::read(folder.join(artifact.location)).unwrap()
}

async fn a_commit_that_lands_when_the_time_is_over_keeps_its_file(db: Database) {
    let (stage, place) = (set(db).await, folder());
    let (kind, url) = (stage.db.kind(), stage.db.url().to_owned());
    let method = Method::from_fn("order", move |ctx: Context, (): ()| {
        let url = url.clone();
        async move {
            write!(ctx.artifact("receipt.txt").await?, "1 lamp")?;
            // A commit on its way is not called back when the method is dropped.
            let slow = async { tokio::time::sleep(Duration::from_millis(2_500)).await };
            tokio::spawn(async move { order(kind, &url, &ctx, true, Some(slow)).await })
                .await
                .map_err(|fault| Failure::new(fault.to_string()))?
        }
    });
    let worker = stage.worker_with(settings_in(place.path()), [method]).await;
    let id = stage.push(NewTask::new("order").timeout(Duration::from_secs(1))).await;
    let task = stage.reaches(&id, State::Success).await;
    assert_eq!((task.content.as_deref(), orders(&stage).await.as_str()), (Some("ordered"), "1"));
    stage.worker_is_idle(&worker).await;
    worker.stop().await;
    assert_eq!(receipt(&stage, place.path(), &id).await, b"1 lamp");
}

async fn a_success_that_its_worker_cannot_see_any_more_keeps_its_file(db: Database) {
    let (stage, place) = (set(db).await, folder());
    let (kind, url) = (stage.db.kind(), stage.db.url().to_owned());
    let Some(proxy) = Proxy::before(&stage.db).await else { return };
    let proxy = Arc::new(proxy);
    let cut = Arc::clone(&proxy);
    let method = Method::from_fn("order", move |ctx: Context, (): ()| {
        let (url, cut) = (url.clone(), Arc::clone(&cut));
        async move {
            write!(ctx.artifact("receipt.txt").await?, "1 lamp")?;
            order(kind, &url, &ctx, true, None::<std::future::Ready<()>>).await?;
            cut.cut();
            Ok::<_, Failure>(())
        }
    });
    let brief = WorkerSettings { grace: Duration::from_secs(1), ..settings_in(place.path()) };
    let worker = stage.worker_at(proxy.url(), brief, [method]).await;
    let id = stage.push(NewTask::new("order")).await;
    stage.reaches(&id, State::Success).await;
    worker.stop().await;
    // Its last question to the database is given up after eight seconds: until then, and a moment more, nothing may go.
    let began = std::time::Instant::now();
    while began.elapsed() < Duration::from_secs(10) {
        assert_eq!(receipt(&stage, place.path(), &id).await, b"1 lamp");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn follow_ups_are_pushed_with_the_success_and_only_then(db: Database) {
    let stage = Stage::set(db).await;
    let first = Method::from_fn("first", |ctx, is_fine: bool| async move {
        ctx.push_after(NewTask::new("second").params(&is_fine))?;
        ctx.push_after(NewTask::new("second").key("only one"))?;
        assert!(ctx.push_after(NewTask::new("")).is_err());
        if is_fine { Ok(()) } else { Err(Failure::new("no")) }
    });
    let second = Method::from_fn("second", |_, _: serde_json::Value| async { Ok::<_, Failure>(()) });
    let worker = stage.worker([first, second]).await;
    let failing = stage.push(NewTask::new("first").params(&false)).await;
    stage.reaches(&failing, State::Fail).await;
    let fine = stage.push(NewTask::new("first").params(&true)).await;
    stage.reaches(&fine, State::Success).await;
    stage.all_ended().await;
    let pushed = stage.db.sql("select count(*) from mission_tasks where method = 'second';").await.unwrap();
    assert_eq!(pushed.trim(), "2", "those of the success");
    worker.stop().await;
}

async fn what_a_method_said_is_written_before_its_success(db: Database) {
    let stage = set(db).await;
    let (kind, url, elsewhere) = (stage.db.kind(), stage.db.url().to_owned(), stage.another_store().await);
    if kind == Kind::Sqlite {
        // There the method's transaction may hold the database, so the lines come after it.
        return;
    }
    let seen = Arc::new(Mutex::new(Vec::new()));
    let lines = Arc::clone(&seen);
    let method = Method::from_fn("order", move |ctx, (): ()| {
        let (url, elsewhere, lines) = (url.clone(), elsewhere.clone(), Arc::clone(&lines));
        async move {
            ctx.log("the last words");
            let look = async {
                let id = UniqueId::parse(ctx.unique_id()).unwrap();
                *lines.lock().unwrap() = elsewhere.logs(&id, 0, 10).await.unwrap();
            };
            order(kind, &url, &ctx, true, Some(look)).await
        }
    });
    let worker = stage.worker([method]).await;
    let id = stage.push(NewTask::new("order")).await;
    stage.reaches(&id, State::Success).await;
    let seen: Vec<String> = seen.lock().unwrap().iter().map(|line| line.message.clone()).collect();
    assert_eq!(seen, ["the last words"], "before the commit");
    worker.stop().await;
}
