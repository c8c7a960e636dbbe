//! Import: reading the original's table, whichever of its three shapes it has, and writing its rows as tasks.

use mission_core::{Error, ErrorKind, ImportedTask, OriginalRow, limits};
use sqlx::Connection as _;

use crate::Store;
use crate::batch::Batches;
use crate::db::{Dedicated, Kind, Row, Statement, translate};
use crate::retrying::retrying;

/// The name of the original's table, as it stands in our SQL.
const TABLE: &str = "admin_background_tasks";
const READ: &str = include_str!("sql/import_read.sql");
const READ_MYSQL: &str = include_str!("sql/import_read.mysql.sql");
static PROBE: &str = include_str!("sql/import_probe.sql");
static WRITE: Statement = Statement::new("import_write", include_str!("sql/import_write.sql"));

/// The original's table in its own database, which is only read.
pub struct OriginalTable {
    conn: Dedicated,
    read: &'static Statement,
    /// The last row that was read.
    after: i64,
}

impl OriginalTable {
    /// Opens the table; `table` is its name, perhaps with its database's or schema's before it.
    ///
    /// # Errors
    /// The URL or the name is wrong, the database cannot be reached, or there is no such table.
    pub async fn open(url: &str, table: &str) -> Result<Self, Error> {
        let kind = Kind::of_url(url)?;
        let table = quoted(kind, table)?;
        let mut conn = connect(kind, url).await?;
        // Made while the program runs, and statements are static: one import leaks a few hundred bytes, once.
        let statement =
            |text: String| -> &'static Statement { Box::leak(Box::new(Statement::new("import", text.leak()))) };
        let probe = |column: &str| statement(PROBE.replace(TABLE, &table).replace("probed", column));
        conn.conn().rows(probe("id"), &[]).await.map_err(|fault| no_table(fault, &table))?;
        let mut read = if kind == Kind::Mysql { READ_MYSQL } else { READ }.replace(TABLE, &table);
        for column in ["content", "creator"] {
            match conn.conn().rows(probe(column), &[]).await {
                Ok(_) => {}
                Err(fault) if fault.is_schema() => {
                    read = read.replace(&format!(" {column},"), &format!(" null as {column},"))
                }
                Err(fault) => return Err(fault),
            }
        }
        Ok(Self { conn, read: statement(read), after: i64::MIN })
    }

    /// The next rows, oldest first; none at the end.
    pub async fn next(&mut self) -> Result<Vec<OriginalRow>, Error> {
        let limit = i64::try_from(limits::BATCH_ROWS_MAX).unwrap_or(i64::MAX);
        let rows = self.conn.conn().rows(self.read, &[("after", self.after.into()), ("limit", limit.into())]).await?;
        let rows = rows.iter().map(original_row).collect::<Result<Vec<_>, _>>()?;
        self.after = rows.last().map_or(self.after, |row| row.id);
        Ok(rows)
    }
}

impl Store {
    /// Stores tasks from the original's table, and leaves alone those whose id is there already; answers how many were stored.
    pub async fn import(&self, tasks: &[ImportedTask]) -> Result<u64, Error> {
        let mut stored = 0;
        for part in Batches::of(tasks, limits::BATCH_ROWS_MAX)?.parts {
            let values = [("batch", (&part.json).into())];
            stored += retrying(|| async {
                let mut tx = self.db.begin().await?;
                let stored = tx.conn().run(&WRITE, &values).await?;
                tx.commit().await?;
                Ok(stored)
            })
            .await?;
        }
        Ok(stored)
    }
}

/// A connection of its own that changes nothing: neither the journal mode of a SQLite file nor the server's session.
async fn connect(kind: Kind, url: &str) -> Result<Dedicated, Error> {
    match kind {
        #[cfg(feature = "sqlite")]
        Kind::Sqlite => {
            let options = crate::db::sqlite_options(url)?.read_only(true);
            sqlx::SqliteConnection::connect_with(&options)
                .await
                .map(|conn| Dedicated::Sqlite(Box::new(conn), crate::db::Turns::default()))
        }
        #[cfg(feature = "mysql")]
        Kind::Mysql => {
            let options = crate::db::mysql_options(url)?;
            sqlx::MySqlConnection::connect_with(&options).await.map(|conn| Dedicated::MySql(Box::new(conn)))
        }
        #[cfg(feature = "postgres")]
        Kind::Postgres => {
            let options = crate::db::postgres_options(url)?;
            sqlx::PgConnection::connect_with(&options).await.map(|conn| Dedicated::Postgres(Box::new(conn)))
        }
        #[allow(unreachable_patterns)] // Reached where a feature is off.
        kind => return Err(Error::new(ErrorKind::Setup, format!("this program is built without {kind}"))),
    }
    .map_err(translate)
}

/// A table's name fit to stand in SQL.
fn quoted(kind: Kind, table: &str) -> Result<String, Error> {
    let is_sound =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '-'));
    let parts: Vec<&str> = table.split('.').collect();
    if parts.len() > 2 || !parts.iter().all(|part| is_sound(part)) {
        return Err(Error::invalid(format!("{table:?} is no table's name: expected letters, digits and '_'")));
    }
    let mark = if kind == Kind::Mysql { '`' } else { '"' };
    Ok(parts.iter().map(|part| format!("{mark}{part}{mark}")).collect::<Vec<_>>().join("."))
}

fn no_table(fault: Error, table: &str) -> Error {
    if fault.is_unreachable() {
        return fault;
    }
    let sentence = format!("there is no table {table} of the original's shape to import from: name it with --table");
    Error::new(ErrorKind::NotFound, sentence).with_source(fault)
}

fn original_row(row: &Row) -> Result<OriginalRow, Error> {
    let text = |column: &str| row.text_or_null(column).map(Option::unwrap_or_default);
    Ok(OriginalRow {
        id: row.int("id")?,
        unique_id: text("unique_id")?,
        method: text("method")?,
        params: text("params")?,
        task_type: text("type")?,
        state: text("state")?,
        content: row.text_or_null("content")?,
        creator: row.text_or_null("creator")?,
        created_date: row.text_or_null("created_date")?,
        modified_date: row.text_or_null("modified_date")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tables_name_is_quoted_and_nothing_else_gets_through() {
        assert_eq!(quoted(Kind::Mysql, "shop.admin_background_tasks").unwrap(), "`shop`.`admin_background_tasks`");
        assert_eq!(quoted(Kind::Postgres, "tasks").unwrap(), "\"tasks\"");
        for bad in ["", "a.b.c", "a;drop table b", "a`b", "a\"b", "a b", "."] {
            assert!(quoted(Kind::Mysql, bad).is_err(), "{bad:?}");
        }
    }
}
