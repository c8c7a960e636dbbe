//! Push inside the caller's own transaction: visible if and only if it commits.

use mission_core::{CheckedTask, Error, NewTask};

use crate::Pushed;
use crate::db::{Conn, Dialect, is_outside_transaction, is_within_transaction};
use crate::push::{each_is_another, push_on};
use crate::push_guarded::Whose;

mod sealed {
    pub trait Sealed {
        /// Whether the type says that a transaction is open; a connection may or may not be in one.
        const IS_TRANSACTION: bool;
        fn conn(&mut self) -> crate::db::Conn<'_>;
    }
}

/// A connection or transaction of sqlx that a push in a caller's own transaction takes; of SQLite, MySQL or PostgreSQL.
pub trait PushConnection: sealed::Sealed + Send {}

/// Each concrete type by itself: a generic implementation over sqlx's databases is not general enough (E0119).
macro_rules! push_connection {
    ($database:ident, $connection:ty) => {
        impl sealed::Sealed for sqlx::Transaction<'_, sqlx::$database> {
            const IS_TRANSACTION: bool = true;
            fn conn(&mut self) -> Conn<'_> {
                Conn::from(&mut **self)
            }
        }
        impl PushConnection for sqlx::Transaction<'_, sqlx::$database> {}
        impl sealed::Sealed for $connection {
            const IS_TRANSACTION: bool = false;
            fn conn(&mut self) -> Conn<'_> {
                Conn::from(self)
            }
        }
        impl PushConnection for $connection {}
    };
}

#[cfg(feature = "sqlite")]
push_connection!(Sqlite, sqlx::SqliteConnection);
#[cfg(feature = "mysql")]
push_connection!(MySql, sqlx::MySqlConnection);
#[cfg(feature = "postgres")]
push_connection!(Postgres, sqlx::PgConnection);

impl crate::Store {
    /// Stores tasks on the caller's connection, all or none; on one that is not in a transaction, in one of their own.
    ///
    /// A duplicate never aborts the caller's transaction: its task is answered. Under REPEATABLE READ on PostgreSQL a
    /// transaction cannot see what was committed after it began; a duplicate of that sort is an error that leaves the
    /// transaction usable.
    ///
    /// # Errors
    /// A task breaks a rule. A deadlock, a busy database or a serialization failure says
    /// [`is_retryable`](Error::is_retryable): run the whole transaction again.
    pub async fn push_in(connection: &mut impl PushConnection, tasks: &[NewTask]) -> Result<Vec<Pushed>, Error> {
        push_in_any(connection, tasks).await
    }
}

async fn push_in_any<C: PushConnection>(connection: &mut C, tasks: &[NewTask]) -> Result<Vec<Pushed>, Error> {
    let checked = tasks.iter().map(NewTask::check).collect::<Result<Vec<_>, _>>()?;
    each_is_another(&checked)?;
    let guard = match checked.as_slice() {
        [] => return Ok(Vec::new()),
        [task] if !task.without_repeat_method => {
            if task.key.is_some() {
                Guard::Refusable
            } else {
                Guard::One
            }
        }
        several if several.iter().any(is_guarded) => Guard::Needed,
        _ => Guard::Whole,
    };
    within(connection, guard, async |conn| push_on(conn, &checked, Whose::Callers).await).await
}

/// What has to hold around statements on a caller's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guard {
    /// Nothing beyond the one statement itself.
    One,
    /// The same, and a refusal is to be undone alone.
    Refusable,
    /// All statements or none, and no refusal is expected.
    Whole,
    /// All statements or none, and a refusal is to be undone alone.
    Needed,
}

/// Runs statements on a caller's connection so that they are all written or none, in his transaction or one of their own.
pub(crate) async fn within<C: PushConnection, T>(
    connection: &mut C,
    guard: Guard,
    run: impl AsyncFnOnce(&mut Conn<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut conn = connection.conn();
    let footing = step_in(&mut conn, C::IS_TRANSACTION, guard).await?;
    let done = run(&mut conn).await;
    step_out(&mut conn, footing, done.is_ok()).await?;
    done
}

/// What was opened around the statements.
enum Footing {
    /// Nothing: the caller's transaction holds it, or it is one statement that decides alone.
    Given,
    /// A savepoint within the caller's transaction.
    Savepoint,
    /// A transaction of its own.
    Transaction,
}

/// A caller may have begun by a statement of his own, unknown to sqlx, and `begin` within a transaction would commit
/// his work on MySQL: the database is asked by statements that change nothing.
async fn step_in(conn: &mut Conn<'_>, is_transaction: bool, guard: Guard) -> Result<Footing, Error> {
    let is_one_statement = matches!(guard, Guard::One | Guard::Refusable);
    let may_be_refused = matches!(guard, Guard::Needed | Guard::Refusable);
    let is_held = is_transaction || is_one_statement;
    match conn.dialect() {
        // PostgreSQL aborts the transaction for every error: what may be refused must be undone alone.
        Dialect::Postgres if is_held && !may_be_refused => Ok(Footing::Given),
        Dialect::Postgres => match conn.script("savepoint mission_push").await {
            Err(error) if is_outside_transaction(&error) && is_one_statement => Ok(Footing::Given),
            Err(error) if is_outside_transaction(&error) => begin(conn, "begin").await,
            set => set.map(|()| Footing::Savepoint),
        },
        _ if is_held => Ok(Footing::Given),
        Dialect::Sqlite => match begin(conn, "begin immediate").await {
            Err(error) if is_within_transaction(&error) => Ok(Footing::Given),
            begun => begun,
        },
        Dialect::MySql => {
            conn.script("savepoint mission_push").await?;
            match conn.script("release savepoint mission_push").await {
                Err(error) if is_outside_transaction(&error) => begin(conn, "begin").await,
                within => within.map(|()| Footing::Given),
            }
        }
    }
}

fn is_guarded(task: &CheckedTask<'_>) -> bool {
    task.key.is_some() || task.without_repeat_method
}

async fn begin(conn: &mut Conn<'_>, statement: &'static str) -> Result<Footing, Error> {
    conn.script(statement).await.map(|()| Footing::Transaction)
}

async fn step_out(conn: &mut Conn<'_>, footing: Footing, is_pushed: bool) -> Result<(), Error> {
    let statement = match (footing, is_pushed) {
        (Footing::Given, _) => return Ok(()),
        (Footing::Savepoint, true) => "release savepoint mission_push",
        (Footing::Savepoint, false) => "rollback to savepoint mission_push",
        (Footing::Transaction, true) => "commit",
        (Footing::Transaction, false) => "rollback",
    };
    match conn.script(statement).await {
        // The first error is the one that says why.
        Err(_) if !is_pushed => Ok(()),
        done => done,
    }
}
