//! A connection, held or borrowed or within a transaction, on which statements run.

use mission_core::Error;
#[cfg(feature = "mysql")]
use sqlx::mysql::MySqlConnection;
#[cfg(feature = "postgres")]
use sqlx::postgres::PgConnection;
#[cfg(feature = "sqlite")]
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Executor as _, SqlSafeStr as _, SqlStr};

use super::statement::Prepared;
use super::{Dialect, Row, Statement, Value, translate};

/// A borrowed connection. Public only because a sealed trait of the crate names it; nobody outside can.
#[allow(unreachable_pub)]
pub enum Conn<'c> {
    #[cfg(feature = "sqlite")]
    Sqlite(&'c mut SqliteConnection),
    #[cfg(feature = "mysql")]
    MySql(&'c mut MySqlConnection),
    #[cfg(feature = "postgres")]
    Postgres(&'c mut PgConnection),
}

/// A connection taken from a pool.
pub(crate) enum Held {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::pool::PoolConnection<sqlx::Sqlite>),
    #[cfg(feature = "mysql")]
    MySql(sqlx::pool::PoolConnection<sqlx::MySql>),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::pool::PoolConnection<sqlx::Postgres>),
}

/// An open transaction; dropped without a commit it rolls back.
pub(crate) enum Tx {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>),
    #[cfg(feature = "mysql")]
    MySql(sqlx::Transaction<'static, sqlx::MySql>),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>),
}

impl Held {
    pub(crate) fn conn(&mut self) -> Conn<'_> {
        match self {
            #[cfg(feature = "sqlite")]
            Held::Sqlite(held) => Conn::Sqlite(held),
            #[cfg(feature = "mysql")]
            Held::MySql(held) => Conn::MySql(held),
            #[cfg(feature = "postgres")]
            Held::Postgres(held) => Conn::Postgres(held),
        }
    }
}

impl Tx {
    pub(crate) fn conn(&mut self) -> Conn<'_> {
        match self {
            #[cfg(feature = "sqlite")]
            Tx::Sqlite(tx) => Conn::Sqlite(tx),
            #[cfg(feature = "mysql")]
            Tx::MySql(tx) => Conn::MySql(tx),
            #[cfg(feature = "postgres")]
            Tx::Postgres(tx) => Conn::Postgres(tx),
        }
    }

    pub(crate) async fn commit(self) -> Result<(), Error> {
        match self {
            #[cfg(feature = "sqlite")]
            Tx::Sqlite(tx) => tx.commit().await,
            #[cfg(feature = "mysql")]
            Tx::MySql(tx) => tx.commit().await,
            #[cfg(feature = "postgres")]
            Tx::Postgres(tx) => tx.commit().await,
        }
        .map_err(translate)
    }
}

/// Binds the named values in the order of their places.
macro_rules! bound {
    ($prepared:expr, $values:expr) => {
        bound!(SqlStr::from_static(&$prepared.text), $prepared, $values)
    };
    ($text:expr, $prepared:expr, $values:expr) => {{
        let mut query = sqlx::query($text);
        for name in &$prepared.names {
            query = match value_of($values, name) {
                Value::Int(value) => query.bind(value),
                Value::Text(value) => query.bind(value),
            };
        }
        query
    }};
}

/// Runs one expression for whichever database the connection is of.
macro_rules! on_each {
    ($conn:expr, $it:ident => $run:expr) => {
        match $conn {
            #[cfg(feature = "sqlite")]
            Conn::Sqlite($it) => $run,
            #[cfg(feature = "mysql")]
            Conn::MySql($it) => $run,
            #[cfg(feature = "postgres")]
            Conn::Postgres($it) => $run,
        }
    };
}

impl Conn<'_> {
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            #[cfg(feature = "sqlite")]
            Conn::Sqlite(_) => Dialect::Sqlite,
            #[cfg(feature = "mysql")]
            Conn::MySql(_) => Dialect::MySql,
            #[cfg(feature = "postgres")]
            Conn::Postgres(_) => Dialect::Postgres,
        }
    }

    /// All rows of a statement.
    pub(crate) async fn rows(
        &mut self,
        sql: &'static Statement,
        values: &[(&str, Value<'_>)],
    ) -> Result<Vec<Row>, Error> {
        let prepared = sql.prepared(self.dialect());
        self.fetch(SqlStr::from_static(&prepared.text), prepared, values).await.map_err(|fault| named(fault, sql))
    }

    /// All rows of a statement with those of its optional clauses for which a value is given.
    pub(crate) async fn rows_composed(
        &mut self,
        sql: &'static Statement,
        values: &[(&str, Value<'_>)],
    ) -> Result<Vec<Row>, Error> {
        let is_given = |name: &str| values.iter().any(|(known, value)| *known == name && !value.is_null());
        let prepared = sql.composed(self.dialect(), &is_given);
        // The text is put together from lines of our own file; all that callers give is bound.
        let text = AssertSqlSafe(prepared.text.as_str()).into_sql_str();
        self.fetch(text, &prepared, values).await.map_err(|fault| named(fault, sql))
    }

    async fn fetch(
        &mut self,
        text: SqlStr,
        prepared: &Prepared,
        values: &[(&str, Value<'_>)],
    ) -> Result<Vec<Row>, sqlx::Error> {
        match self {
            #[cfg(feature = "sqlite")]
            Conn::Sqlite(conn) => bound!(text, prepared, values)
                .fetch_all(&mut **conn)
                .await
                .map(|rows| rows.into_iter().map(Row::Sqlite).collect()),
            #[cfg(feature = "mysql")]
            Conn::MySql(conn) => bound!(text, prepared, values)
                .fetch_all(&mut **conn)
                .await
                .map(|rows| rows.into_iter().map(Row::MySql).collect()),
            #[cfg(feature = "postgres")]
            Conn::Postgres(conn) => bound!(text, prepared, values)
                .fetch_all(&mut **conn)
                .await
                .map(|rows| rows.into_iter().map(Row::Postgres).collect()),
        }
    }

    /// The first row of a statement, if there is one.
    pub(crate) async fn row(
        &mut self,
        sql: &'static Statement,
        values: &[(&str, Value<'_>)],
    ) -> Result<Option<Row>, Error> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }

    /// Runs a statement; answers how many rows it hit (matched, on MySQL too).
    pub(crate) async fn run(&mut self, sql: &'static Statement, values: &[(&str, Value<'_>)]) -> Result<u64, Error> {
        let prepared = sql.prepared(self.dialect());
        on_each!(self, conn => bound!(prepared, values).execute(&mut **conn).await.map(|done| done.rows_affected()))
            .map_err(|fault| named(fault, sql))
    }

    /// Runs a statement that makes one row; answers the number the database gave it.
    pub(crate) async fn insert(&mut self, sql: &'static Statement, values: &[(&str, Value<'_>)]) -> Result<i64, Error> {
        #[cfg(any(feature = "sqlite", feature = "mysql"))]
        let prepared = sql.prepared(self.dialect());
        match self {
            #[cfg(feature = "sqlite")]
            Conn::Sqlite(conn) => bound!(prepared, values)
                .execute(&mut **conn)
                .await
                .map(|done| done.last_insert_rowid())
                .map_err(|fault| named(fault, sql)),
            #[cfg(feature = "mysql")]
            Conn::MySql(conn) => bound!(prepared, values)
                .execute(&mut **conn)
                .await
                .map(|done| i64::try_from(done.last_insert_id()).unwrap_or(i64::MAX))
                .map_err(|fault| named(fault, sql)),
            #[cfg(feature = "postgres")]
            Conn::Postgres(_) => {
                let row = self.row(sql, values).await?;
                row.map_or(Ok(0), |row| row.int("id"))
            }
        }
    }

    /// Makes what follows see what was committed on other nodes of a Galera cluster; elsewhere nothing.
    pub(crate) async fn keep_in_step(&mut self) -> Result<(), Error> {
        #[cfg(feature = "mysql")]
        if let Conn::MySql(conn) = self {
            return super::mysql::keep_in_step(conn).await.map_err(translate);
        }
        Ok(())
    }

    /// Runs text that takes no parameters, such as a migration's statement.
    pub(crate) async fn script(&mut self, text: &'static str) -> Result<(), Error> {
        on_each!(self, conn => conn.execute(sqlx::raw_sql(SqlStr::from_static(text))).await.map(|_| ()))
            .map_err(translate)
    }
}

fn value_of<'v>(values: &[(&str, Value<'v>)], name: &str) -> Value<'v> {
    let found = values.iter().find(|(known, _)| *known == name);
    debug_assert!(found.is_some(), "the statement asks for :{name}, which the caller does not give");
    found.map_or(Value::Text(None), |(_, value)| *value)
}

fn named(fault: sqlx::Error, sql: &Statement) -> Error {
    let error = translate(fault);
    tracing::debug!(statement = sql.name(), %error, "statement failed");
    error
}
