//! A connection, held or borrowed or within a transaction, on which statements run.

use mission_core::Error;
#[cfg(feature = "mysql")]
use sqlx::mysql::MySqlConnection;
#[cfg(feature = "postgres")]
use sqlx::postgres::PgConnection;
#[cfg(feature = "sqlite")]
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Executor as _, SqlSafeStr as _, SqlStr};

#[cfg(feature = "mysql")]
use super::flat::Flat;
#[cfg(feature = "sqlite")]
use super::level::{Level, Levelled};
use super::statement::{Prepared, Shape};
use super::trust::Trust;
#[cfg(feature = "sqlite")]
use super::turn::{Turns, in_turn};
use super::{Dialect, Row, Statement, Value, translate};

/// A borrowed connection. Public only because a sealed trait of the crate names it; nobody outside can.
#[allow(unreachable_pub)]
pub struct Conn<'c> {
    wire: Wire<'c>,
    /// That of its pool. A connection of the caller's own or outside the pool is left to its owner.
    trust: Option<&'c Trust>,
    /// A file that another process writes to is asked again and again: on connections that we opened.
    #[cfg(feature = "sqlite")]
    turns: Option<&'c Turns>,
    /// How commits are to be kept, beside what was said of it last: of the one that writes a file.
    #[cfg(feature = "sqlite")]
    level: Option<(Level, &'c mut Option<Level>)>,
}

enum Wire<'c> {
    #[cfg(feature = "sqlite")]
    Sqlite(&'c mut SqliteConnection),
    #[cfg(feature = "mysql")]
    MySql(&'c mut MySqlConnection),
    #[cfg(feature = "postgres")]
    Postgres(&'c mut PgConnection),
}

/// A connection on which nobody is waited for but its database.
macro_rules! conn_from {
    ($feature:literal, $connection:ty, $variant:ident) => {
        #[cfg(feature = $feature)]
        impl<'c> From<&'c mut $connection> for Conn<'c> {
            fn from(connection: &'c mut $connection) -> Self {
                Conn {
                    wire: Wire::$variant(connection),
                    trust: None,
                    #[cfg(feature = "sqlite")]
                    turns: None,
                    #[cfg(feature = "sqlite")]
                    level: None,
                }
            }
        }
    };
}

conn_from!("sqlite", SqliteConnection, Sqlite);
conn_from!("mysql", MySqlConnection, MySql);
conn_from!("postgres", PgConnection, Postgres);

/// Waits for an answer: on a connection of a server's pool not longer than trust goes.
async fn answer<T>(
    trust: Option<&Trust>,
    asked: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    match trust {
        Some(trust) => trust.answer(asked).await,
        None => asked.await,
    }
}

/// Binds values in the order of their places.
macro_rules! filled {
    ($text:expr, $values:expr) => {{
        let mut query = sqlx::query($text);
        for value in $values {
            query = match value {
                Value::Int(value) => query.bind(value),
                Value::Text(value) => query.bind(value),
            };
        }
        query
    }};
}

/// Binds the named values in the order of their places.
macro_rules! bound {
    ($prepared:expr, $values:expr) => {
        bound!(SqlStr::from_static(&$prepared.text), $prepared, $values)
    };
    ($text:expr, $prepared:expr, $values:expr) => {{ filled!($text, $prepared.names.iter().map(|name| value_of($values, name))) }};
}

#[cfg(feature = "sqlite")]
pub(super) use {bound, filled};

/// Runs one expression for whichever database the connection is of.
macro_rules! on_each {
    ($conn:expr, $it:ident => $run:expr) => {
        match $conn {
            #[cfg(feature = "sqlite")]
            Wire::Sqlite($it) => $run,
            #[cfg(feature = "mysql")]
            Wire::MySql($it) => $run,
            #[cfg(feature = "postgres")]
            Wire::Postgres($it) => $run,
        }
    };
}

impl<'c> Conn<'c> {
    /// The same on a connection of ours, whose own patience is short.
    #[cfg(feature = "sqlite")]
    pub(super) fn waiting(self, turns: &'c Turns) -> Self {
        Self { turns: Some(turns), ..self }
    }

    /// The same with commits that are kept in this way, beside what was said last.
    #[cfg(feature = "sqlite")]
    pub(super) fn keeping(self, wanted: Level, said: &'c mut Option<Level>) -> Self {
        Self { level: Some((wanted, said)), ..self }
    }

    #[cfg(any(feature = "mysql", feature = "postgres"))]
    pub(super) fn trusted(self, trust: &'c Trust) -> Self {
        Self { trust: Some(trust), ..self }
    }

    /// The same for work that takes as long as it takes, such as building an index.
    pub(crate) fn unbounded(self) -> Self {
        Self { trust: None, ..self }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match self.wire {
            #[cfg(feature = "sqlite")]
            Wire::Sqlite(_) => Dialect::Sqlite,
            #[cfg(feature = "mysql")]
            Wire::MySql(_) => Dialect::MySql,
            #[cfg(feature = "postgres")]
            Wire::Postgres(_) => Dialect::Postgres,
        }
    }

    #[cfg(feature = "sqlite")]
    fn levelled(&mut self) -> Option<Levelled<'_>> {
        match (&mut self.wire, &mut self.level) {
            (Wire::Sqlite(writer), Some((wanted, said))) => {
                Some(Levelled { writer, turns: self.turns, said, wanted: *wanted })
            }
            _ => None,
        }
    }

    /// Before a text that cannot say it with itself.
    pub(super) async fn say_level(&mut self) -> Result<(), sqlx::Error> {
        #[cfg(feature = "sqlite")]
        if let Some(levelled) = self.levelled() {
            return levelled.say().await;
        }
        Ok(())
    }

    /// The statement in the shape that these values ask for.
    fn prepared(&self, sql: &'static Statement, values: &[(&str, Value<'_>)], has_answer: bool) -> &'static Prepared {
        let is_divided = values.iter().any(|(name, value)| *name == "alike" && !value.is_null());
        sql.prepared(self.dialect(), Shape { is_divided, has_answer, ..Shape::default() })
    }

    /// All rows of a statement.
    pub(crate) async fn rows(
        &mut self,
        sql: &'static Statement,
        values: &[(&str, Value<'_>)],
    ) -> Result<Vec<Row>, Error> {
        self.rows_of(sql, values, true).await
    }

    /// All rows of a text, whose first statement may answer none.
    pub(super) async fn rows_of(
        &mut self,
        sql: &'static Statement,
        values: &[(&str, Value<'_>)],
        has_answer: bool,
    ) -> Result<Vec<Row>, Error> {
        let prepared = self.prepared(sql, values, has_answer);
        #[cfg(feature = "sqlite")]
        if let Some(levelled) = self.levelled() {
            let rows = levelled.rows(prepared, values).await.map_err(|fault| named(fault, sql))?;
            return Ok(rows.into_iter().map(Row::Sqlite).collect());
        }
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
        self.say_level().await.map_err(translate)?;
        self.fetch(text, &prepared, values).await.map_err(|fault| named(fault, sql))
    }

    /// The rows of a statement for each of these values, one after another: on MySQL in one way.
    pub(crate) async fn rows_of_each<const N: usize>(
        &mut self,
        sql: &'static Statement,
        sets: &[[(&str, Value<'_>); N]],
    ) -> Result<Vec<Row>, Error> {
        #[cfg(feature = "mysql")]
        if let ([_, _, ..], Wire::MySql(conn)) = (sets, &mut self.wire) {
            let prepared = sql.prepared(Dialect::MySql, Shape { has_answer: true, ..Shape::default() });
            let text = vec![format!("({})", prepared.text); sets.len()].join("\nunion all\n");
            let values = sets.iter().flat_map(|set| prepared.names.iter().map(|name| value_of(set, name)));
            // Our own file's text, so many times; all that callers give is bound.
            let query = filled!(AssertSqlSafe(text).into_sql_str(), values);
            let rows = answer(self.trust, query.fetch_all(&mut **conn)).await.map_err(|fault| named(fault, sql))?;
            return Ok(rows.into_iter().map(Row::MySql).collect());
        }
        let mut rows = Vec::new();
        for values in sets {
            rows.append(&mut self.rows(sql, values).await?);
        }
        Ok(rows)
    }

    async fn fetch(
        &mut self,
        text: SqlStr,
        prepared: &Prepared,
        values: &[(&str, Value<'_>)],
    ) -> Result<Vec<Row>, sqlx::Error> {
        match &mut self.wire {
            #[cfg(feature = "sqlite")]
            Wire::Sqlite(conn) => in_turn!(self.turns, bound!(text.clone(), prepared, values).fetch_all(&mut **conn))
                .map(|rows| rows.into_iter().map(Row::Sqlite).collect()),
            #[cfg(feature = "mysql")]
            Wire::MySql(conn) => answer(self.trust, bound!(text, prepared, values).fetch_all(&mut **conn))
                .await
                .map(|rows| rows.into_iter().map(Row::MySql).collect()),
            #[cfg(feature = "postgres")]
            Wire::Postgres(conn) => answer(self.trust, bound!(text, prepared, values).fetch_all(&mut **conn))
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
        #[cfg(any(feature = "sqlite", feature = "postgres"))]
        let prepared = self.prepared(sql, values, false);
        #[cfg(feature = "sqlite")]
        if let Some(levelled) = self.levelled() {
            return levelled.run(prepared, values).await.map_err(|fault| named(fault, sql));
        }
        match &mut self.wire {
            #[cfg(feature = "sqlite")]
            Wire::Sqlite(conn) => {
                in_turn!(self.turns, bound!(prepared, values).execute(&mut **conn)).map(|done| done.rows_affected())
            }
            #[cfg(feature = "mysql")]
            Wire::MySql(conn) => {
                let flat = Flat::of(sql, values);
                let prepared = sql.prepared(Dialect::MySql, flat.shape());
                let query = filled!(SqlStr::from_static(&prepared.text), flat.bind(&prepared.names, values));
                answer(self.trust, query.execute(&mut **conn)).await.map(|done| done.rows_affected())
            }
            #[cfg(feature = "postgres")]
            Wire::Postgres(conn) => {
                answer(self.trust, bound!(prepared, values).execute(&mut **conn)).await.map(|done| done.rows_affected())
            }
        }
        .map_err(|fault| named(fault, sql))
    }

    /// Runs a statement that makes one row; answers the number the database gave it.
    pub(crate) async fn insert(&mut self, sql: &'static Statement, values: &[(&str, Value<'_>)]) -> Result<i64, Error> {
        self.say_level().await.map_err(translate)?;
        #[cfg(any(feature = "sqlite", feature = "mysql"))]
        let prepared = self.prepared(sql, values, false);
        match &mut self.wire {
            #[cfg(feature = "sqlite")]
            Wire::Sqlite(conn) => in_turn!(self.turns, bound!(prepared, values).execute(&mut **conn))
                .map(|done| done.last_insert_rowid())
                .map_err(|fault| named(fault, sql)),
            #[cfg(feature = "mysql")]
            Wire::MySql(conn) => answer(self.trust, bound!(prepared, values).execute(&mut **conn))
                .await
                .map(|done| i64::try_from(done.last_insert_id()).unwrap_or(i64::MAX))
                .map_err(|fault| named(fault, sql)),
            #[cfg(feature = "postgres")]
            Wire::Postgres(_) => {
                let row = self.row(sql, values).await?;
                row.map_or(Ok(0), |row| row.int("id"))
            }
        }
    }

    /// Makes what follows see what was committed on other nodes of a Galera cluster; elsewhere nothing.
    #[allow(irrefutable_let_patterns)] // Where MySQL is the only feature.
    pub(crate) async fn keep_in_step(&mut self) -> Result<(), Error> {
        #[cfg(feature = "mysql")]
        if let Wire::MySql(conn) = &mut self.wire {
            return answer(self.trust, super::mysql::keep_in_step(conn)).await.map_err(translate);
        }
        Ok(())
    }

    /// Runs text that takes no parameters, such as a migration's statement.
    pub(crate) async fn script(&mut self, text: &'static str) -> Result<(), Error> {
        self.say_level().await.map_err(translate)?;
        on_each!(&mut self.wire, conn => {
            answer(self.trust, conn.execute(sqlx::raw_sql(SqlStr::from_static(text)))).await.map(|_| ())
        })
        .map_err(translate)
    }

    /// Runs text that was put together by us and takes no parameters; nothing that a user gave may stand in it.
    pub(crate) async fn text(&mut self, text: &str) -> Result<(), Error> {
        self.say_level().await.map_err(translate)?;
        on_each!(&mut self.wire, conn => {
            answer(self.trust, conn.execute(sqlx::raw_sql(AssertSqlSafe(text).into_sql_str()))).await.map(|_| ())
        })
        .map_err(translate)
    }
}

pub(super) fn value_of<'v>(values: &[(&str, Value<'v>)], name: &str) -> Value<'v> {
    let found = values.iter().find(|(known, _)| *known == name);
    debug_assert!(found.is_some(), "the statement asks for :{name}, which the caller does not give");
    found.map_or(Value::Text(None), |(_, value)| *value)
}

fn named(fault: sqlx::Error, sql: &Statement) -> Error {
    let error = translate(fault);
    tracing::debug!(statement = sql.name(), %error, "statement failed");
    error
}
