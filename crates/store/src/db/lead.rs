//! Who goes on with an SQLite file that several write to: one of them, by a lock on its log. It keeps nobody from writing; it only
//! tells the others that there is somebody to stand by for.

use std::fs::File;
#[cfg(feature = "sqlite")]
use std::path::Path;

/// Who has the lead of a file.
#[derive(Debug)]
pub enum Lead {
    /// We have, until this is dropped or the process ends.
    Ours(Leading),
    /// Another worker has, of this process or another; or a program that locks the log for reasons of its own.
    Others,
}

/// The lead of a file. The system takes it back where a process ends, however it ends.
#[derive(Debug)]
pub struct Leading(File);

impl Drop for Leading {
    fn drop(&mut self) {
        // A process that was forked off meanwhile may have the file open, too.
        let _ = self.0.unlock();
    }
}

/// Takes the lead of the file with this log if it is free; `None` where nobody can know.
///
/// SQLite itself locks parts of the file and of the log's index, never the log. Where the locks of a system are more than advice, none
/// is taken; on shares of a network, where they may be, SQLite can have no such log.
#[cfg(all(unix, feature = "sqlite"))]
pub(super) fn take(log: &Path) -> Option<Lead> {
    let log = File::open(log).ok()?;
    match log.try_lock() {
        Ok(()) => Some(Lead::Ours(Leading(log))),
        Err(std::fs::TryLockError::WouldBlock) => Some(Lead::Others),
        Err(std::fs::TryLockError::Error(_)) => None,
    }
}

#[cfg(all(not(unix), feature = "sqlite"))]
pub(super) fn take(_: &Path) -> Option<Lead> {
    None
}

#[cfg(test)]
#[cfg(all(unix, feature = "sqlite"))]
mod tests {
    use super::*;
    use crate::db::{Db, OnMissing, Statement};

    static WRITE: Statement = Statement::new("write", "create table if not exists t (a integer)");

    async fn open(url: &str) -> Db {
        let db = Db::open(url, OnMissing::Create).await.unwrap();
        db.writer().await.unwrap().conn().run(&WRITE, &[]).await.unwrap();
        db
    }

    fn lead(db: &Db) -> Option<Lead> {
        db.sqlite().expect("it is one").take_lead()
    }

    #[tokio::test]
    async fn one_leads_until_it_gives_the_lead_back_and_whoever_wants_to_writes() {
        let folder = mission_testkit::folder();
        let url = format!("sqlite://{}/mission.db", folder.path().display());
        let (one, other) = (open(&url).await, open(&url).await);
        let first = lead(&one);
        assert!(matches!(first, Some(Lead::Ours(_))), "it is free");
        assert!(matches!(lead(&other), Some(Lead::Others)));
        assert!(matches!(lead(&one), Some(Lead::Others)), "workers of one process, too, are others to each other");
        other.writer().await.unwrap().conn().run(&WRITE, &[]).await.unwrap();
        drop(first);
        assert!(matches!(lead(&other), Some(Lead::Ours(_))));
    }

    #[tokio::test]
    async fn the_lead_is_given_back_though_another_process_has_the_log_open_with_it() {
        let folder = mission_testkit::folder();
        let db = open(&format!("sqlite://{}/mission.db", folder.path().display())).await;
        let Some(Lead::Ours(first)) = lead(&db) else { panic!("it is free") };
        // As a process that is forked off has it.
        let _same = first.0.try_clone().unwrap();
        drop(first);
        assert!(matches!(lead(&db), Some(Lead::Ours(_))));
    }

    #[tokio::test]
    async fn in_memory_nobody_leads() {
        assert!(lead(&open("sqlite::memory:").await).is_none());
    }
}
