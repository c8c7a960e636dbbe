//! Push inside the caller's own transaction: visible if and only if it commits.

use mission_core::{Error, NewTask};

use crate::Pushed;
use crate::db::Conn;
use crate::push::push_on;

mod sealed {
    pub trait Sealed {
        fn conn(&mut self) -> crate::db::Conn<'_>;
    }
}

/// A connection or transaction of sqlx that [`push_in`](crate::Store::push_in) takes; of SQLite, MySQL or PostgreSQL.
pub trait PushConnection: sealed::Sealed + Send {}

/// Each concrete type by itself: a generic implementation over sqlx's databases is not general enough (E0119).
macro_rules! push_connection {
    ($database:ident, $connection:ty, $variant:ident) => {
        impl sealed::Sealed for sqlx::Transaction<'_, sqlx::$database> {
            fn conn(&mut self) -> Conn<'_> {
                Conn::$variant(&mut *self)
            }
        }
        impl PushConnection for sqlx::Transaction<'_, sqlx::$database> {}
        impl sealed::Sealed for $connection {
            fn conn(&mut self) -> Conn<'_> {
                Conn::$variant(self)
            }
        }
        impl PushConnection for $connection {}
    };
}

#[cfg(feature = "sqlite")]
push_connection!(Sqlite, sqlx::SqliteConnection, Sqlite);
#[cfg(feature = "mysql")]
push_connection!(MySql, sqlx::MySqlConnection, MySql);
#[cfg(feature = "postgres")]
push_connection!(Postgres, sqlx::PgConnection, Postgres);

impl crate::Store {
    /// Stores tasks on the caller's connection. A duplicate never aborts the caller's transaction; a deadlock or a
    /// serialization failure does, and the error says [`is_retryable`](Error::is_retryable).
    pub async fn push_in(connection: &mut impl PushConnection, tasks: &[NewTask]) -> Result<Vec<Pushed>, Error> {
        let checked = tasks.iter().map(NewTask::check).collect::<Result<Vec<_>, _>>()?;
        if checked.is_empty() {
            return Ok(Vec::new());
        }
        push_on(&mut connection.conn(), &checked).await
    }
}
