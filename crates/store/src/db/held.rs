//! What is taken from a pool: a connection, or one in a transaction.

use std::sync::Arc;

use mission_core::Error;
#[cfg(any(feature = "mysql", feature = "postgres"))]
use sqlx::Connection as _;

#[cfg(feature = "sqlite")]
use super::disk::Disk;
use super::trust::Trust;
#[cfg(feature = "sqlite")]
use super::turn::Turns;
use super::{Conn, translate};

/// A connection taken from a pool.
pub(crate) struct Held {
    pub(super) link: Link,
    #[cfg_attr(not(any(feature = "mysql", feature = "postgres")), allow(dead_code))] // A file needs none.
    pub(super) trust: Arc<Trust>,
}

pub(super) enum Link {
    #[cfg(feature = "sqlite")]
    /// With what is told of commits that do not wait for the disk.
    Sqlite(sqlx::pool::PoolConnection<sqlx::Sqlite>, Turns, Option<Disk>),
    #[cfg(feature = "mysql")]
    MySql(sqlx::pool::PoolConnection<sqlx::MySql>),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::pool::PoolConnection<sqlx::Postgres>),
}

/// An open transaction; dropped without a commit it rolls back.
pub(crate) struct Tx {
    pub(super) open: Open,
    #[cfg_attr(not(any(feature = "mysql", feature = "postgres")), allow(dead_code))] // A file needs none.
    pub(super) trust: Arc<Trust>,
}

pub(super) enum Open {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>),
    #[cfg(feature = "mysql")]
    MySql(sqlx::Transaction<'static, sqlx::MySql>),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>),
}

/// Ends a transaction this way, on whichever database.
macro_rules! ended {
    ($tx:expr, $it:ident => $end:expr) => {
        match $tx.open {
            #[cfg(feature = "sqlite")]
            Open::Sqlite($it) => $end.await,
            #[cfg(feature = "mysql")]
            Open::MySql($it) => $tx.trust.answer($end).await,
            #[cfg(feature = "postgres")]
            Open::Postgres($it) => $tx.trust.answer($end).await,
        }
    };
}

impl Held {
    pub(crate) fn conn(&mut self) -> Conn<'_> {
        match &mut self.link {
            #[cfg(feature = "sqlite")]
            Link::Sqlite(link, turns, early) => Conn::from(&mut **link).waiting(turns).early(early.as_ref()),
            #[cfg(feature = "mysql")]
            Link::MySql(link) => Conn::from(&mut **link).trusted(&self.trust),
            #[cfg(feature = "postgres")]
            Link::Postgres(link) => Conn::from(&mut **link).trusted(&self.trust),
        }
    }

    /// Gives a file's writer back, and lets that be done before what comes next: the pool does it in a task of its own, which would stand behind
    /// all that begins here, while others wait for the file.
    pub(crate) async fn give_back(self) {
        let is_only_writer = match &self.link {
            #[cfg(feature = "sqlite")]
            Link::Sqlite(..) => true,
            #[allow(unreachable_patterns)] // Reached where a server's feature is on.
            _ => false,
        };
        drop(self);
        if is_only_writer {
            tokio::task::yield_now().await;
        }
    }

    /// Returns once the database has let go of the locks of a statement that failed: PostgreSQL tells of the fault before.
    pub(crate) async fn let_go(mut self) {
        // Where it is away, it lets go by itself.
        let _: Result<(), sqlx::Error> = match &mut self.link {
            #[cfg(feature = "sqlite")]
            Link::Sqlite(..) => Ok(()),
            #[cfg(feature = "mysql")]
            Link::MySql(link) => self.trust.answer(link.ping()).await,
            #[cfg(feature = "postgres")]
            Link::Postgres(link) => self.trust.answer(link.ping()).await,
        };
    }
}

impl Tx {
    pub(crate) fn conn(&mut self) -> Conn<'_> {
        match &mut self.open {
            #[cfg(feature = "sqlite")]
            Open::Sqlite(tx) => Conn::from(&mut **tx),
            #[cfg(feature = "mysql")]
            Open::MySql(tx) => Conn::from(&mut **tx).trusted(&self.trust),
            #[cfg(feature = "postgres")]
            Open::Postgres(tx) => Conn::from(&mut **tx).trusted(&self.trust),
        }
    }

    /// Gives up what was done, and returns once the database has let go of its locks: dropped, it would do so some time later.
    pub(crate) async fn rollback(self) {
        // Where it is away, it rolls back by itself.
        let _ = ended!(self, tx => tx.rollback());
    }

    pub(crate) async fn commit(self) -> Result<(), Error> {
        ended!(self, tx => tx.commit()).map_err(translate)
    }
}
