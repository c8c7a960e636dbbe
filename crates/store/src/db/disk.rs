//! The disk under an SQLite file: brings to it what was committed without waiting for it.
//!
//! SQLite itself does so within each commit, while everybody else waits for the file. Where that is too long, the log of commits may
//! as well be synced afterwards: it is written in their order, so one sync brings all that were committed before it.

use std::ffi::OsString;
use std::fmt;
use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use mission_core::{Error, ErrorKind};
use tokio::sync::Mutex;

/// What brings commits to the disk. Clones are one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// The write-ahead log. Nothing where SQLite sees to each commit: without such a log, or without a file.
    log: OnceLock<PathBuf>,
    /// Commits that are to be kept, and how many of them are.
    wanted: AtomicU64,
    kept: Mutex<u64>,
    /// Whether a sync is under way that nobody waits for.
    is_coming: AtomicBool,
    /// Why nothing is written any more: after a failed sync the system takes for written what it could not write.
    lost: OnceLock<String>,
}

/// The cause where commits may have been lost: a trouble of the disk, no refusal of what was written.
#[derive(Debug)]
pub(crate) struct NotKept(String);

impl fmt::Display for NotKept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotKept {}

impl Disk {
    /// The log of this file is synced by us from now on, where a commit is left to us.
    pub(super) fn sync_log_of(&self, file: &Path) {
        // The log stands beside the file itself, not beside a link to it.
        let mut path: OsString = file.canonicalize().unwrap_or_else(|_| file.to_owned()).into();
        path.push("-wal");
        self.0.log.get_or_init(|| path.into());
    }

    /// The write-ahead log, where there is one.
    pub(super) fn log(&self) -> Option<&Path> {
        self.0.log.get().map(PathBuf::as_path)
    }

    /// Whether anything may be written.
    ///
    /// # Errors
    /// An earlier sync failed: this process has lost track of what the log's part on the disk is.
    pub(super) fn may_write(&self) -> Result<(), Error> {
        self.0.lost.get().map_or(Ok(()), |why| Err(not_kept(why)))
    }

    /// Returns once all that was committed before is on the disk.
    ///
    /// # Errors
    /// The disk failed, and then this process writes no more; or the log cannot be opened just now.
    pub(crate) async fn keep(&self) -> Result<(), Error> {
        if self.0.log.get().is_none() {
            return Ok(());
        }
        let own = self.0.wanted.fetch_add(1, Ordering::AcqRel) + 1;
        let mut kept = self.0.kept.lock().await;
        // Those that waited for one sync share the next.
        if *kept >= own {
            return Ok(());
        }
        self.may_write()?;
        let all = self.0.wanted.load(Ordering::Acquire);
        let disk = self.clone();
        match tokio::task::spawn_blocking(move || disk.sync()).await {
            Ok(synced) => synced?,
            Err(fault) => return Err(unreachable("the runtime ends", fault)),
        }
        *kept = all;
        Ok(())
    }

    /// Sees to it that all that was committed before is on the disk soon.
    pub(crate) fn keep_soon(&self) {
        if self.0.log.get().is_none() || self.0.is_coming.swap(true, Ordering::AcqRel) {
            return;
        }
        let disk = self.clone();
        tokio::spawn(async move {
            // Before the sync: a commit that comes later needs another one.
            disk.0.is_coming.store(false, Ordering::Release);
            if let Err(error) = disk.keep().await {
                tracing::warn!(%error, "claims are not on the disk");
            }
        });
    }

    fn sync(&self) -> Result<(), Error> {
        // Opened anew each time: the log goes with its last connection, and another one comes.
        let log = match OpenOptions::new().write(true).open(self.log().unwrap_or(Path::new(""))) {
            Ok(log) => log,
            // It went, and what stood in it was synced into the file.
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(fault) => return Err(unreachable("cannot open the log of the SQLite file", fault)),
        };
        log.sync_data().map_err(|fault| not_kept(self.0.lost.get_or_init(|| fault.to_string())))
    }
}

fn not_kept(why: &str) -> Error {
    let message = format!(
        "what was written may not be on the disk ({why}); this process writes no more: check the disk and start it again"
    );
    Error::new(ErrorKind::Database, message).with_source(NotKept(why.to_owned()))
}

fn unreachable(what: &str, fault: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Unreachable, format!("{what}, to bring it to the disk: {fault}")).with_source(fault)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::held::Link;
    use crate::db::{Db, OnMissing, Statement, is_in_trouble};

    static LEVEL: Statement = Statement::new("level", "select synchronous as level from pragma_synchronous");
    static WRONG: Statement = Statement::new("wrong", "delete from nowhere");
    const NORMAL: i64 = 1;
    const FULL: i64 = 2;

    async fn open(folder: &Path) -> Db {
        Db::open(&format!("sqlite://{}/mission.db", folder.display()), OnMissing::Create).await.unwrap()
    }

    async fn level(mut held: crate::db::Held) -> i64 {
        held.conn().row(&LEVEL, &[]).await.unwrap().unwrap().int("level").unwrap()
    }

    #[tokio::test]
    async fn who_takes_the_writer_waits_for_the_disk_unless_he_says_otherwise() {
        let folder = mission_testkit::folder();
        let db = open(folder.path()).await;
        for _ in 0..3 {
            assert_eq!(level(db.writer().await.unwrap()).await, FULL);
            assert_eq!(level(db.writer_before_disk().await.unwrap()).await, NORMAL);
            let mut tx = db.begin().await.unwrap();
            assert_eq!(tx.conn().row(&LEVEL, &[]).await.unwrap().unwrap().int("level").unwrap(), FULL);
        }
        assert_eq!(level(db.writer_before_disk().await.unwrap()).await, NORMAL);
        let mut held = db.writer().await.unwrap();
        held.conn().script("select 1").await.unwrap();
        let Link::SqliteWriter(writing, ..) = &mut held.link else { unreachable!("it writes") };
        let as_it_is = writing.conn().row(&LEVEL, &[]).await.unwrap().unwrap().int("level").unwrap();
        assert_eq!(as_it_is, FULL, "a text says it, too");
    }

    #[tokio::test]
    async fn after_a_statement_that_failed_or_was_given_up_commits_wait_for_the_disk_again() {
        let folder = mission_testkit::folder();
        let db = open(folder.path()).await;
        let mut early = db.writer_before_disk().await.unwrap();
        early.conn().run(&WRONG, &[]).await.unwrap_err();
        let Link::SqliteWriter(writing, ..) = &mut early.link else { unreachable!("it writes") };
        let as_it_is = writing.conn().row(&LEVEL, &[]).await.unwrap().unwrap().int("level").unwrap();
        assert_eq!(as_it_is, NORMAL, "it went no further");
        drop(early);
        assert_eq!(level(db.writer().await.unwrap()).await, FULL);
        for turns in (0..6).cycle().take(60) {
            let mut early = db.writer_before_disk().await.unwrap();
            mission_testkit::give_up_after(turns, early.conn().rows(&LEVEL, &[])).await;
            drop(early);
            assert_eq!(level(db.writer().await.unwrap()).await, FULL);
        }
    }

    #[tokio::test]
    async fn without_a_log_of_its_own_sqlite_sees_to_each_commit() {
        let db = Db::open("sqlite::memory:", OnMissing::Create).await.unwrap();
        assert_eq!(level(db.writer_before_disk().await.unwrap()).await, FULL);
        db.keep().await.unwrap();
    }

    #[tokio::test]
    async fn the_log_is_synced_where_it_is_and_is_in_the_file_where_it_is_not() {
        let folder = mission_testkit::folder();
        let disk = Disk::default();
        let file = folder.path().join("mission.db");
        disk.sync_log_of(&file);
        disk.keep().await.unwrap();
        let log = folder.path().join("mission.db-wal");
        std::fs::write(&log, "commits").unwrap();
        disk.keep().await.unwrap();
        assert_eq!(*disk.0.kept.lock().await, 2);
        // What cannot be opened may be opened later.
        std::fs::remove_file(&log).unwrap();
        std::fs::create_dir(&log).unwrap();
        let error = disk.keep().await.unwrap_err();
        assert!(error.is_unreachable() && disk.may_write().is_ok(), "{error}");
    }

    #[tokio::test]
    async fn what_waits_for_the_disk_at_once_is_kept_by_few_syncs() {
        let folder = mission_testkit::folder();
        let db = open(folder.path()).await;
        #[allow(irrefutable_let_patterns)] // Where SQLite is the only feature.
        let super::super::open::Pools::Sqlite(pools) = &db.pools else { unreachable!("it is one") };
        let disk = &pools.disk;
        let held = disk.0.kept.lock().await;
        let waiting: Vec<_> = (0..10)
            .map(|_| {
                tokio::spawn({
                    let disk = disk.clone();
                    async move { disk.keep().await }
                })
            })
            .collect();
        while disk.0.wanted.load(Ordering::Acquire) < 10 {
            tokio::task::yield_now().await;
        }
        drop(held);
        for waiting in waiting {
            waiting.await.unwrap().unwrap();
        }
        assert_eq!(*disk.0.kept.lock().await, 10, "the first sync was for all of them");
    }

    #[tokio::test]
    async fn after_a_failed_sync_nothing_is_written_any_more() {
        let folder = mission_testkit::folder();
        let db = open(folder.path()).await;
        #[allow(irrefutable_let_patterns)] // Where SQLite is the only feature.
        let super::super::open::Pools::Sqlite(pools) = &db.pools else { unreachable!("it is one") };
        pools.disk.0.lost.set("I/O error".to_owned()).unwrap();
        let refusals = [
            db.keep().await,
            db.writer().await.map(drop),
            db.writer_before_disk().await.map(drop),
            db.begin().await.map(drop),
        ];
        for refusal in refusals {
            let error = refusal.unwrap_err();
            assert!(is_in_trouble(&error) && !error.is_unreachable(), "{error}");
            assert!(
                error.to_string().contains("(I/O error)") && error.to_string().contains("check the disk"),
                "{error}"
            );
        }
        assert_eq!(level(db.reader().await.unwrap()).await, FULL, "what is there can be read");
    }
}
