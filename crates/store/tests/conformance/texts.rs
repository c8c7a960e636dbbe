//! The store's own SQL files as statements: prepared by its own code, run on a connection of the test's own.

use std::path::{Path, PathBuf};

use mission_testkit::{Database, Kind};
use sqlx::{AssertSqlSafe, Column, Connection, MySqlConnection, PgConnection, Row, SqliteConnection};

#[allow(dead_code, unreachable_pub, reason = "the store uses what the tests do not")]
#[path = "../../src/db/statement.rs"]
mod statement;

pub(crate) use statement::Dialect;
use statement::{Prepared, Shape, Statement};

/// A value for a parameter.
#[derive(Debug, Clone)]
pub(crate) enum Given {
    Int(i64),
    Text(String),
}

impl From<i64> for Given {
    fn from(value: i64) -> Self {
        Given::Int(value)
    }
}

impl From<&str> for Given {
    fn from(value: &str) -> Self {
        Given::Text(value.to_owned())
    }
}

/// Where the SQL files are.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sql")
}

/// The dialect of a kind, and the word for it in the names of files.
pub(crate) fn dialect(kind: Kind) -> (Dialect, &'static str) {
    match kind {
        Kind::Sqlite => (Dialect::Sqlite, "sqlite"),
        Kind::Mariadb | Kind::Mysql => (Dialect::MySql, "mysql"),
        Kind::Postgres => (Dialect::Postgres, "postgres"),
    }
}

/// A statement as the database takes it, and the names of its parameters in the order of their places.
pub(crate) struct Text {
    pub(crate) sql: String,
    names: Vec<&'static str>,
}

impl Text {
    /// The given values in the order of the places.
    pub(crate) fn values(&self, given: &[(&str, Given)]) -> Vec<Given> {
        let mut ids = 1..;
        let mut value = |name: &&str| match *name {
            "ids" => ids.next().map(Given::Int),
            name => given.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone()),
        };
        self.names.iter().map(|name| value(name).unwrap_or_else(|| panic!("no value for :{name} is given"))).collect()
    }
}

/// Ids in a statement without a table for its batch.
const PLACES: usize = 64;

/// The statement of an operation on a kind, with those of its optional clauses that are asked for; `flat` alone without a table for
/// its batch, as MySQL has some.
pub(crate) fn text(kind: Kind, operation: &str, asked: &[&str]) -> Text {
    text_in(&folder(), kind, operation, asked)
}

/// The same with the files of another folder.
pub(crate) fn text_in(folder: &Path, kind: Kind, operation: &str, asked: &[&str]) -> Text {
    let statement = statement_in(folder, kind, operation);
    if asked == ["flat"] {
        let flat = statement.prepared(dialect(kind).0, Shape { places: PLACES, ..Shape::default() });
        return Text { sql: flat.text.clone(), names: flat.names.clone() };
    }
    let composed = statement.composed(dialect(kind).0, &|name| asked.contains(&name));
    Text { sql: composed.text, names: composed.names }
}

/// The statement of an operation on a kind in its other forms, where it has them: for rows that have columns in common, and on
/// MySQL without a table made of the batch, with one place for an id and with many.
pub(crate) fn other_texts(kind: Kind, operation: &str) -> Vec<String> {
    let (dialect, _) = dialect(kind);
    let statement = statement_in(&folder(), kind, operation);
    let in_shape = |is_divided, places| statement.prepared(dialect, Shape { is_divided, has_answer: false, places });
    let others = [in_shape(true, 0), in_shape(false, 1), in_shape(false, PLACES)];
    let is_other = |other: &&&Prepared| other.text != in_shape(false, 0).text;
    let mut texts: Vec<String> = others.iter().filter(is_other).map(|other| other.text.clone()).collect();
    texts.dedup();
    texts
}

fn statement_in(folder: &Path, kind: Kind, operation: &str) -> &'static Statement {
    let own = folder.join(format!("{operation}.{}.sql", dialect(kind).1));
    let path = if own.exists() { own } else { folder.join(format!("{operation}.sql")) };
    let file = std::fs::read_to_string(&path).unwrap_or_else(|_| panic!("no SQL for {operation} on {kind}"));
    Box::leak(Box::new(Statement::new("", String::leak(file))))
}

/// A connection of the test's own, to whichever database.
pub(crate) enum Raw {
    Sqlite(SqliteConnection),
    MySql(MySqlConnection),
    Postgres(PgConnection),
}

/// Binds, runs and turns every field into text.
macro_rules! fetched {
    ($connection:expr, $sql:expr, $values:expr) => {{
        let mut query = sqlx::query(AssertSqlSafe($sql.to_owned()));
        for value in $values {
            query = match value {
                Given::Int(value) => query.bind(value),
                Given::Text(value) => query.bind(value),
            };
        }
        let rows = query.fetch_all($connection).await.unwrap_or_else(|fault| panic!("{fault}: {}", $sql));
        let field = |row: &_, place: usize| as_text(row, place);
        rows.iter().map(|row| row.columns().iter().map(|column| field(row, column.ordinal())).collect()).collect()
    }};
}

/// A field as text, be it text or a number.
fn as_text<'r, R>(row: &'r R, place: usize) -> String
where
    R: Row,
    usize: sqlx::ColumnIndex<R>,
    Option<String>: sqlx::Decode<'r, R::Database>,
    Option<i64>: sqlx::Decode<'r, R::Database>,
    Option<String>: sqlx::Type<R::Database>,
    Option<i64>: sqlx::Type<R::Database>,
{
    let text = row.try_get::<Option<String>, _>(place);
    text.unwrap_or_else(|_| row.try_get_unchecked::<Option<i64>, _>(place).unwrap().map(|number| number.to_string()))
        .unwrap_or_default()
}

/// Has MySQL or MariaDB refuse the first so many rows that are inserted or updated among the tasks with an error of its own. The table
/// `tried` counts all of them: it keeps what is rolled back.
pub(crate) async fn refuse_at_first(db: &Database, event: &str, rows: u32, fault: &str) {
    db.sql("create table tried (n int) engine = myisam; insert into tried values (0);").await.unwrap();
    let trigger = format!(
        "create trigger refused_at_first before {event} on mission_tasks for each row begin
           update tried set n = n + 1;
           if (select n from tried) <= {rows} then signal {fault}; end if;
         end"
    );
    Raw::open(db).await.script(&trigger).await;
}

impl Raw {
    pub(crate) async fn open(db: &Database) -> Self {
        match db.kind() {
            Kind::Sqlite => Raw::Sqlite(SqliteConnection::connect(db.url()).await.unwrap()),
            Kind::Mariadb => Raw::MySql(MySqlConnection::connect(db.url()).await.unwrap()),
            Kind::Mysql => {
                let mut raw = Raw::MySql(MySqlConnection::connect(db.url()).await.unwrap());
                raw.script("set session explain_format = 'traditional'").await;
                raw
            }
            Kind::Postgres => {
                let mut raw = Raw::Postgres(PgConnection::connect(db.url()).await.unwrap());
                // As on the store's own.
                raw.script("set enable_bitmapscan = off").await;
                raw
            }
        }
    }

    /// Runs several statements that take no parameters.
    pub(crate) async fn script(&mut self, sql: &str) {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        match self {
            Raw::Sqlite(connection) => sql.execute(connection).await.map(drop),
            Raw::MySql(connection) => sql.execute(connection).await.map(drop),
            Raw::Postgres(connection) => sql.execute(connection).await.map(drop),
        }
        .unwrap();
    }

    /// The rows of a statement, every field as text.
    pub(crate) async fn rows(&mut self, sql: &str, values: Vec<Given>) -> Vec<Vec<String>> {
        match self {
            Raw::Sqlite(connection) => fetched!(connection, sql, values),
            Raw::MySql(connection) => fetched!(connection, sql, values),
            Raw::Postgres(connection) => fetched!(connection, sql, values),
        }
    }

    /// The rows of one of the store's own statements.
    pub(crate) async fn run(&mut self, text: &Text, given: &[(&str, Given)]) -> Vec<Vec<String>> {
        self.rows(&text.sql, text.values(given)).await
    }

    /// How the database would run one of the store's own statements, one step a line.
    pub(crate) async fn plan(&mut self, text: &Text, given: &[(&str, Given)]) -> String {
        let (explain, fields): (&str, &[usize]) = match self {
            Raw::Sqlite(_) => ("explain query plan ", &[3]),
            // Table, access, key and the optimiser's remarks.
            Raw::MySql(_) => ("explain ", &[]),
            Raw::Postgres(_) => ("explain (costs off) ", &[0]),
        };
        let rows = self.rows(&format!("{explain}{}", text.sql), text.values(given)).await;
        let line = |row: Vec<String>| match fields {
            [] => row.join(" | "),
            fields => fields.iter().map(|place| row[*place].as_str()).collect(),
        };
        rows.into_iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// Lets the database read a statement without running it.
    pub(crate) async fn prepare(&mut self, sql: &str) -> Result<(), sqlx::Error> {
        use sqlx::{Executor, SqlSafeStr};
        let sql = AssertSqlSafe(sql.to_owned()).into_sql_str();
        match self {
            Raw::Sqlite(connection) => connection.prepare(sql).await.map(drop),
            Raw::MySql(connection) => connection.prepare(sql).await.map(drop),
            Raw::Postgres(connection) => connection.prepare(sql).await.map(drop),
        }
    }
}
