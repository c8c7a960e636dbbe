//! The one connection that writes an SQLite file. It goes from hand to hand without a question to the file's thread in between; what somebody
//! left in the middle is put in order first.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, Executor as _, SqliteConnection};
use tokio::sync::{Mutex, OwnedMappedMutexGuard, OwnedMutexGuard};

use super::Conn;
use super::level::Level;
use super::turn::{Turns, in_turn};

/// How long one waits for those of this process who write.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// Who has the connection, and who waits for it. Clones are one.
#[derive(Debug, Clone)]
pub(crate) struct Writer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: SqliteConnectOptions,
    place: Arc<Mutex<Option<Kept>>>,
    is_closed: AtomicBool,
}

/// The connection, and what is to be put in order before another one takes it.
#[derive(Debug)]
struct Kept {
    link: SqliteConnection,
    /// Whether it may be in a transaction.
    is_open: bool,
    /// What was said last of how commits are kept, if it is known to have been heard.
    said: Option<Level>,
}

/// One who writes. Nobody else of this process does until this is dropped.
#[derive(Debug)]
pub(super) struct Writing {
    kept: OwnedMappedMutexGuard<Option<Kept>, Kept>,
    writer: Writer,
}

impl Writer {
    pub(super) fn new(options: SqliteConnectOptions) -> Self {
        Self(Arc::new(Inner { options, place: Arc::default(), is_closed: AtomicBool::new(false) }))
    }

    pub(super) fn options(&self) -> &SqliteConnectOptions {
        &self.0.options
    }

    /// Its turn comes in the order of asking.
    pub(super) async fn take(&self) -> Result<Writing, sqlx::Error> {
        let place = tokio::time::timeout(WAIT_MAX, Arc::clone(&self.0.place).lock_owned());
        let mut place = place.await.map_err(|_| sqlx::Error::PoolTimedOut)?;
        if self.is_closed() {
            return Err(sqlx::Error::PoolClosed);
        }
        if let Some(kept) = place.as_mut()
            && !kept.is_put_in_order().await
        {
            *place = None;
        }
        if place.is_none() {
            let link = SqliteConnection::connect_with(&self.0.options).await?;
            *place = Some(Kept { link, is_open: false, said: Some(Level::Full) });
        }
        let kept = OwnedMutexGuard::try_map(place, Option::as_mut).map_err(|_| sqlx::Error::PoolClosed)?;
        Ok(Writing { kept, writer: self.clone() })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.0.is_closed.load(Ordering::Acquire)
    }

    /// What is written now ends first; who waits is refused.
    pub(super) async fn close(&self) {
        self.0.is_closed.store(true, Ordering::Release);
        if let Some(kept) = self.0.place.lock().await.take() {
            // A fault of closing leaves nothing to be done: the thread ends in any case.
            let _ = kept.link.close().await;
        }
    }
}

impl Kept {
    /// False of a connection that does not obey: it is not used any more.
    async fn is_put_in_order(&mut self) -> bool {
        if self.is_open
            && let Err(fault) = self.link.execute("rollback").await
            // It never began, or SQLite has ended it by itself, as where the disk is full.
            && !fault.to_string().contains("no transaction is active")
        {
            return false;
        }
        self.is_open = false;
        true
    }
}

impl Writing {
    /// Within a transaction, which keeps its level.
    pub(super) fn conn(&mut self) -> Conn<'_> {
        Conn::from(&mut self.kept.link)
    }

    /// For statements whose commits are kept in this way.
    pub(super) fn conn_keeping(&mut self, level: Level) -> Conn<'_> {
        let kept = &mut *self.kept;
        Conn::from(&mut kept.link).keeping(level, &mut kept.said)
    }

    /// Whether writes go to a write-ahead log.
    pub(super) async fn has_log(mut self) -> Result<bool, sqlx::Error> {
        let journal: String = sqlx::query_scalar("pragma journal_mode").fetch_one(&mut self.kept.link).await?;
        Ok(journal == "wal")
    }

    /// Says before a text that begins a transaction that there may be one, and behind it that there is none.
    pub(super) fn may_be_open(&mut self, may_be: bool) {
        self.kept.is_open = may_be;
    }

    /// Immediate: a deferred one fails when it first writes.
    pub(super) async fn begin(&mut self, turns: &Turns) -> Result<(), sqlx::Error> {
        self.conn_keeping(Level::Full).say_level().await?;
        self.may_be_open(true);
        in_turn!(Some(turns), self.kept.link.execute("begin immediate")).map(|_| ())
    }

    pub(super) async fn commit(mut self) -> Result<(), sqlx::Error> {
        self.kept.link.execute("commit").await?;
        self.may_be_open(false);
        Ok(())
    }

    pub(super) async fn rollback(mut self) -> Result<(), sqlx::Error> {
        self.kept.link.execute("rollback").await?;
        self.may_be_open(false);
        Ok(())
    }
}

/// A transaction that was given up would keep everybody from writing: it is ended even if nobody of this process comes next.
impl Drop for Writing {
    fn drop(&mut self) {
        if !self.kept.is_open {
            return;
        }
        // The file's thread needs no runtime, and this one may be ending: what is asked of it is under way once it was polled.
        let mut ends = std::pin::pin!(self.kept.link.execute("rollback"));
        let _ = ends.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        // Whether it obeyed is seen by whoever comes next, for whom nobody need wait.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let writer = self.writer.clone();
            runtime.spawn(async move { drop(writer.take().await) });
        }
    }
}

#[cfg(test)]
mod tests {
    use mission_testkit::eventually;
    use sqlx::{Connection as _, Executor as _};

    use crate::db::{Db, OnMissing, Statement};

    static WRITE: Statement = Statement::new("write", "insert into t values (1)");

    async fn opened(url: &str) -> Db {
        let db = Db::open(url, OnMissing::Create).await.unwrap();
        db.writer().await.unwrap().conn().script("create table t (a integer)").await.unwrap();
        db
    }

    #[tokio::test]
    async fn a_transaction_that_is_given_up_keeps_nobody_from_the_file_though_nobody_of_this_process_comes_next() {
        let folder = mission_testkit::folder();
        let url = format!("sqlite://{}/mission.db", folder.path().display());
        let db = opened(&url).await;
        let mut stranger = sqlx::SqliteConnection::connect(&url).await.unwrap();
        stranger.execute("pragma busy_timeout = 0").await.unwrap();
        let mut tx = db.begin().await.unwrap();
        tx.conn().run(&WRITE, &[]).await.unwrap();
        assert!(stranger.execute("begin immediate").await.is_err(), "it is locked");
        drop(tx);
        let stranger = tokio::sync::Mutex::new(stranger);
        eventually("it is free", async || stranger.lock().await.execute("begin immediate").await.is_ok()).await;
        let mut stranger = stranger.into_inner();
        let count: i64 = sqlx::query_scalar("select count(*) from t").fetch_one(&mut stranger).await.unwrap();
        assert_eq!(count, 0);
    }

    #[test]
    fn a_transaction_of_a_runtime_that_ends_keeps_nobody_from_the_file() {
        let folder = mission_testkit::folder();
        let url = format!("sqlite://{}/mission.db", folder.path().display());
        let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (here, ends) = (runtime(), runtime());
        let db = here.block_on(opened(&url));
        let (begun, is_begun) = std::sync::mpsc::channel();
        let tx = {
            let db = db.clone();
            async move {
                let tx = db.begin().await.unwrap();
                begun.send(()).unwrap();
                std::future::pending::<()>().await;
                drop(tx);
            }
        };
        ends.spawn(tx);
        is_begun.recv().unwrap();
        drop(ends);
        here.block_on(async {
            let stranger = tokio::sync::Mutex::new(sqlx::SqliteConnection::connect(&url).await.unwrap());
            eventually("it is free", async || stranger.lock().await.execute("begin immediate").await.is_ok()).await;
        });
        drop(db);
    }

    #[tokio::test]
    async fn who_waits_for_the_writer_when_it_is_closed_is_refused_and_what_is_written_ends_first() {
        let folder = mission_testkit::folder();
        for url in [format!("sqlite://{}/mission.db", folder.path().display()), "sqlite::memory:".to_owned()] {
            let db = opened(&url).await;
            let mut tx = db.begin().await.unwrap();
            let mut waits = Box::pin(db.begin());
            mission_testkit::give_up_after(3, &mut waits).await;
            let mut closes = Box::pin(db.close());
            mission_testkit::give_up_after(3, &mut closes).await;
            tx.conn().run(&WRITE, &[]).await.unwrap();
            tx.commit().await.unwrap();
            let refusal = waits.await.map(drop).unwrap_err();
            assert!(refusal.to_string().contains("open a new one"), "{refusal}");
            closes.await;
            assert!(db.writer().await.is_err() && db.reader().await.is_err());
        }
    }
}
