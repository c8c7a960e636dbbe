//! The database by the verifier's own SQL: rows, the witness's records, effects in transactions, the file's own check.

use std::str::FromStr as _;

use sqlx::mysql::MySqlConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, MySqlConnection, PgConnection, Row as _, SqliteConnection,
};

use crate::Outcome;
use crate::files::Artifact;
use crate::witness;

/// A connection of the verifier's own.
#[derive(Debug)]
pub enum Tables {
    /// A SQLite file.
    Sqlite(SqliteConnection),
    /// MySQL or MariaDB.
    MySql(MySqlConnection),
    /// PostgreSQL.
    Postgres(PgConnection),
}

/// A task's row at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// Its public id.
    pub unique_id: String,
    /// The method.
    pub method: String,
    /// The params as they stand there.
    pub params: Option<String>,
    /// The state's word.
    pub state: String,
    /// Why, if not `success`.
    pub reason: Option<String>,
    /// The answer or the error.
    pub content: Option<String>,
    /// The last report's message.
    pub message: Option<String>,
    /// The lease token.
    pub token: i64,
    /// Attempts counted.
    pub attempt: i64,
    /// Failures counted.
    pub failures: i64,
    /// Crashes counted.
    pub crashes: i64,
}

/// A change that the witness saw, in the order of the row's own history.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Which task.
    pub unique_id: String,
    /// The state before; none for a push.
    pub old_state: Option<String>,
    /// The state after; none for a removal.
    pub new_state: Option<String>,
    /// The token before.
    pub old_token: Option<i64>,
    /// The token after.
    pub new_token: Option<i64>,
    /// Whether the content became another.
    pub is_content_changed: bool,
    /// The new content, where it changed.
    pub content: Option<String>,
    /// The new progress message, where it changed.
    pub message: Option<String>,
    /// The new checkpoint, where it changed.
    pub cursor: Option<String>,
}

/// Reads unchecked: integer widths and collations differ per database, the columns are known.
macro_rules! rows {
    ($tables:expr, $sql:expr, $row:ident => $one:expr) => {{
        let sql: String = $sql.into();
        match $tables {
            Tables::Sqlite(conn) => {
                let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(conn).await?;
                rows.iter().map(|$row| Ok($one)).collect::<Result<Vec<_>, sqlx::Error>>()?
            }
            Tables::MySql(conn) => {
                let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(conn).await?;
                rows.iter().map(|$row| Ok($one)).collect::<Result<Vec<_>, sqlx::Error>>()?
            }
            Tables::Postgres(conn) => {
                let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(conn).await?;
                rows.iter().map(|$row| Ok($one)).collect::<Result<Vec<_>, sqlx::Error>>()?
            }
        }
    }};
}

impl Tables {
    /// Connects to the database of a URL, which exists.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn open(url: &str) -> Outcome<Self> {
        let scheme = url.split(':').next().unwrap_or_default();
        Ok(match scheme {
            "sqlite" => Self::Sqlite(
                SqliteConnectOptions::from_str(url)?.busy_timeout(std::time::Duration::from_secs(30)).connect().await?,
            ),
            "mysql" | "mariadb" => {
                Self::MySql(MySqlConnectOptions::from_str(&url.replacen("mariadb", "mysql", 1))?.connect().await?)
            }
            _ => Self::Postgres(PgConnection::connect(url).await?),
        })
    }

    /// Sets the triggers that record every change. The tables must be there, the tasks not yet.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn call_witness(&mut self) -> Outcome<()> {
        let sql = match self {
            Self::Sqlite(_) => "select name from pragma_table_info('mission_tasks') where name = 'checkpoint'",
            Self::MySql(_) => {
                "select column_name from information_schema.columns \
                 where table_schema = database() and table_name = 'mission_tasks' and column_name = 'checkpoint'"
            }
            Self::Postgres(_) => {
                "select column_name::text from information_schema.columns \
                 where table_name = 'mission_tasks' and column_name = 'checkpoint'"
            }
        };
        let has_checkpoint = !rows!(&mut *self, sql, row => row.try_get_unchecked::<String, _>(0)?).is_empty();
        let dialect = match self {
            Self::Sqlite(_) => &witness::SQLITE,
            Self::MySql(_) => &witness::MYSQL,
            Self::Postgres(_) => &witness::POSTGRES,
        };
        for statement in witness::statements(dialect, has_checkpoint) {
            self.run(&statement).await?;
        }
        Ok(())
    }

    /// Runs one statement; answers how many rows it changed.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn run(&mut self, statement: &str) -> Outcome<u64> {
        let statement = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()));
        Ok(match self {
            Self::Sqlite(conn) => statement.execute(conn).await?.rows_affected(),
            Self::MySql(conn) => statement.execute(conn).await?.rows_affected(),
            Self::Postgres(conn) => statement.execute(conn).await?.rows_affected(),
        })
    }

    /// The first column of the first row, as a number.
    ///
    /// # Errors
    /// The database refuses, or there is no row.
    pub async fn number(&mut self, sql: &str) -> Outcome<i64> {
        self.numbers(sql).await?.first().copied().ok_or_else(|| format!("no row: {sql}").into())
    }

    /// The first column of all rows, as numbers.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn numbers(&mut self, sql: &str) -> Outcome<Vec<i64>> {
        Ok(rows!(self, sql, row => row.try_get_unchecked::<i64, _>(0)?))
    }

    /// How many tasks have not ended.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn unfinished(&mut self) -> Outcome<i64> {
        self.number("select count(*) from mission_tasks where state in ('init', 'executing')").await
    }

    /// How many tasks were stored as begun.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn begun_with_their_push(&mut self) -> Outcome<u64> {
        let table = witness::TABLE;
        let sql = format!("select count(*) from {table} where old_state is null and new_state = 'executing'");
        Ok(self.number(&sql).await?.unsigned_abs())
    }

    /// All tasks, by id.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn rows(&mut self) -> Outcome<Vec<Row>> {
        let sql = "select unique_id, method, params, state, reason, content, progress_message, lease_token, attempt, \
                   failures, crashes from mission_tasks order by id";
        Ok(rows!(self, sql, row => Row {
            unique_id: row.try_get_unchecked(0)?,
            method: row.try_get_unchecked(1)?,
            params: row.try_get_unchecked(2)?,
            state: row.try_get_unchecked(3)?,
            reason: row.try_get_unchecked(4)?,
            content: row.try_get_unchecked(5)?,
            message: row.try_get_unchecked(6)?,
            token: row.try_get_unchecked(7)?,
            attempt: row.try_get_unchecked(8)?,
            failures: row.try_get_unchecked(9)?,
            crashes: row.try_get_unchecked(10)?,
        }))
    }

    /// Everything that the witness saw, in order.
    ///
    /// # Errors
    /// The database refuses, or no witness was called.
    pub async fn changes(&mut self) -> Outcome<Vec<Change>> {
        let sql = format!(
            "select unique_id, old_state, new_state, old_token, new_token, content_changed, content, message, \
             cursor_text from {} order by seq",
            witness::TABLE
        );
        Ok(rows!(self, sql, row => Change {
            unique_id: row.try_get_unchecked(0)?,
            old_state: row.try_get_unchecked(1)?,
            new_state: row.try_get_unchecked(2)?,
            old_token: row.try_get_unchecked(3)?,
            new_token: row.try_get_unchecked(4)?,
            is_content_changed: row.try_get_unchecked::<i64, _>(5)? != 0,
            content: row.try_get_unchecked(6)?,
            message: row.try_get_unchecked(7)?,
            cursor: row.try_get_unchecked(8)?,
        }))
    }

    /// The effects that methods had within a transaction: task and token.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn effects(&mut self) -> Outcome<Vec<(String, i64)>> {
        let sql = "select unique_id, lease_token from chaos_effects";
        Ok(rows!(self, sql, row => (row.try_get_unchecked(0)?, row.try_get_unchecked(1)?)))
    }

    /// The rows of result files that have not expired.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn artifacts(&mut self) -> Outcome<Vec<Artifact>> {
        let sql = "select t.unique_id, a.bytes, a.sha256, a.location from mission_artifacts a \
                   left join mission_tasks t on t.id = a.task_id where a.expired = 0";
        Ok(rows!(self, sql, row => Artifact {
            unique_id: row.try_get_unchecked(0)?,
            bytes: row.try_get_unchecked(1)?,
            sha256: row.try_get_unchecked(2)?,
            location: row.try_get_unchecked(3)?,
        }))
    }

    /// What the database's own check complains of; only SQLite has one.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn complaints(&mut self) -> Outcome<Vec<String>> {
        if !matches!(self, Self::Sqlite(_)) {
            return Ok(Vec::new());
        }
        let lines: Vec<String> = rows!(self, "pragma integrity_check", row => row.try_get_unchecked(0)?);
        Ok(lines.into_iter().filter(|line| line != "ok").collect())
    }
}
