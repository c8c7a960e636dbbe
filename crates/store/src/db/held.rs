//! What is taken from a pool: a connection, or one in a transaction.

use std::sync::Arc;

use mission_core::Error;
#[cfg(any(feature = "mysql", feature = "postgres"))]
use sqlx::Connection as _;

#[cfg(feature = "sqlite")]
use super::level::Level;
use super::trust::Trust;
#[cfg(feature = "sqlite")]
use super::turn::Turns;
#[cfg(feature = "sqlite")]
use super::writer::Writing;
use super::{Conn, translate};

/// A connection taken from a pool.
pub(crate) struct Held {
    pub(super) link: Link,
    #[cfg_attr(not(any(feature = "mysql", feature = "postgres")), allow(dead_code))] // A file needs none.
    pub(super) trust: Arc<Trust>,
}

pub(super) enum Link {
    #[cfg(feature = "sqlite")]
    SqliteReader(sqlx::pool::PoolConnection<sqlx::Sqlite>, Turns),
    /// The one that writes, of a database in memory the only one; and how its commits are kept.
    #[cfg(feature = "sqlite")]
    SqliteWriter(Writing, Turns, Level),
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
    Sqlite(Writing),
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
            Link::SqliteReader(link, turns) => Conn::from(&mut **link).waiting(turns),
            #[cfg(feature = "sqlite")]
            Link::SqliteWriter(writing, turns, level) => writing.conn_keeping(*level).waiting(turns),
            #[cfg(feature = "mysql")]
            Link::MySql(link) => Conn::from(&mut **link).trusted(&self.trust),
            #[cfg(feature = "postgres")]
            Link::Postgres(link) => Conn::from(&mut **link).trusted(&self.trust),
        }
    }

    /// Says before a text that begins a transaction of an SQLite file that there may be one, and behind it that there is none.
    #[cfg(feature = "sqlite")]
    pub(super) fn may_be_open(&mut self, may_be: bool) {
        if let Link::SqliteWriter(writing, ..) = &mut self.link {
            writing.may_be_open(may_be);
        }
    }

    /// Returns once the database has let go of the locks of a statement that failed: PostgreSQL tells of the fault before.
    pub(crate) async fn let_go(mut self) {
        // Where it is away, it lets go by itself.
        let _: Result<(), sqlx::Error> = match &mut self.link {
            #[cfg(feature = "sqlite")]
            Link::SqliteReader(..) | Link::SqliteWriter(..) => Ok(()),
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
            Open::Sqlite(writing) => writing.conn(),
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
