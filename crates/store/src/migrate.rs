//! Migrations: the tables in their versions, safe when two processes migrate at once.

use mission_core::{Error, ErrorKind};

use crate::Store;
use crate::db::{Conn, Dialect, Kind, Statement, is_duplicate_column};
use crate::retrying::retrying;

/// A version is the major version times 1000 plus a step; within a major version tables only grow.
const VERSION: i64 = 1003;

struct Migration {
    version: i64,
    files: [&'static str; 3],
}

static MIGRATIONS: [Migration; 3] = [
    Migration {
        version: 1001,
        files: [
            include_str!("sql/schema/1001.sqlite.sql"),
            include_str!("sql/schema/1001.mysql.sql"),
            include_str!("sql/schema/1001.postgres.sql"),
        ],
    },
    Migration {
        version: 1002,
        files: [
            include_str!("sql/schema/1002.sqlite.sql"),
            include_str!("sql/schema/1002.mysql.sql"),
            include_str!("sql/schema/1002.postgres.sql"),
        ],
    },
    Migration {
        version: 1003,
        files: [
            include_str!("sql/schema/1003.sqlite.sql"),
            include_str!("sql/schema/1003.mysql.sql"),
            include_str!("sql/schema/1003.postgres.sql"),
        ],
    },
];

/// How the tables stand to this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaStatus {
    /// There are none.
    Missing,
    /// They are older: `migrate` brings them up to date.
    Older(i64),
    /// They fit; a newer step of the same major version fits too.
    Current(i64),
    /// They are of a newer major version: this program is too old for them.
    Newer(i64),
}

static READ_VERSION: Statement = Statement::new("schema_version", include_str!("sql/schema_version.sql"));
static LOCK: Statement = Statement::new("migrate_lock", include_str!("sql/migrate_lock.mysql.sql"));
static MARK_VERSION: Statement =
    Statement::new("schema_mark", include_str!("sql/schema_mark.sql")).mysql(include_str!("sql/schema_mark.mysql.sql"));

const VERSIONS_TABLE: [&str; 3] = [
    include_str!("sql/schema/versions.sqlite.sql"),
    include_str!("sql/schema/versions.mysql.sql"),
    include_str!("sql/schema/versions.postgres.sql"),
];

impl SchemaStatus {
    fn of(version: Option<i64>) -> Self {
        match version {
            None => SchemaStatus::Missing,
            Some(version) if version / 1000 > VERSION / 1000 => SchemaStatus::Newer(version),
            Some(version) if version < VERSION => SchemaStatus::Older(version),
            Some(version) => SchemaStatus::Current(version),
        }
    }
}

impl Store {
    /// How the tables stand to this program; changes nothing.
    pub async fn schema(&self) -> Result<SchemaStatus, Error> {
        retrying(|| async {
            let mut held = self.db.reader().await?;
            match version_on(&mut held.conn()).await {
                Ok(version) => Ok(SchemaStatus::of(version)),
                Err(error) if error.is_schema() => Ok(SchemaStatus::Missing),
                Err(error) => Err(error),
            }
        })
        .await
    }

    /// Says what to do if the tables do not fit this program.
    pub async fn check_schema(&self) -> Result<(), Error> {
        let sentence = match self.schema().await? {
            SchemaStatus::Current(_) => return Ok(()),
            SchemaStatus::Missing => "the tables of Mission are missing: run `mission migrate`".to_owned(),
            SchemaStatus::Older(version) => {
                format!("the tables are of version {version}, this program needs {VERSION}: run `mission migrate`")
            }
            SchemaStatus::Newer(version) => newer(version),
        };
        Err(Error::new(ErrorKind::Schema, sentence))
    }

    /// Brings the tables up to date; answers the version they have then. Does nothing where they are.
    ///
    /// # Errors
    /// The tables are of a newer major version, or the user has no right to change tables.
    pub async fn migrate(&self) -> Result<i64, Error> {
        match self.schema().await? {
            SchemaStatus::Current(version) => return Ok(version),
            SchemaStatus::Newer(version) => return Err(Error::new(ErrorKind::Schema, newer(version))),
            SchemaStatus::Missing | SchemaStatus::Older(_) => {}
        }
        retrying(|| async {
            match self.kind() {
                // DDL ends a transaction on MySQL, so a lock of the session holds others off, and each statement may run twice.
                Kind::Mysql => self.migrate_mysql().await,
                Kind::Sqlite | Kind::Postgres => {
                    let mut tx = self.db.begin().await?;
                    migrate_on(&mut tx.conn().unbounded()).await?;
                    tx.commit().await
                }
            }
        })
        .await?;
        Ok(VERSION)
    }

    async fn migrate_mysql(&self) -> Result<(), Error> {
        // Its own connection: the lock goes with it, however this ends.
        let mut dedicated = self.db.dedicated().await?;
        let mut conn = dedicated.conn();
        let got = conn.row(&LOCK, &[]).await?.map_or(Ok(None), |row| row.int_or_null("got"))?;
        if got != Some(1) {
            return Err(Error::new(
                ErrorKind::Retryable,
                "another process has been migrating this database for a minute: try again when it has finished",
            ));
        }
        migrate_on(&mut conn).await
    }
}

fn newer(version: i64) -> String {
    format!("the tables are of version {version}, newer than this program's {VERSION}: update Mission here")
}

async fn version_on(conn: &mut Conn<'_>) -> Result<Option<i64>, Error> {
    conn.row(&READ_VERSION, &[]).await?.map_or(Ok(None), |row| row.int_or_null("version"))
}

async fn migrate_on(conn: &mut Conn<'_>) -> Result<(), Error> {
    let dialect = conn.dialect();
    if dialect == Dialect::Postgres {
        // Held until the end of the transaction; the number is "mission" in ASCII, cut to a bigint.
        conn.script("select pg_advisory_xact_lock(30796867270339438)").await?;
    }
    for statement in statements(VERSIONS_TABLE[dialect as usize]) {
        conn.script(statement).await?;
    }
    let have = version_on(conn).await?.unwrap_or(0);
    for migration in MIGRATIONS.iter().filter(|migration| migration.version > have) {
        for statement in statements(migration.files[dialect as usize]) {
            match conn.script(statement).await {
                // SQLite knows no "if not exists" for columns; the statement changed nothing and the transaction goes on.
                Err(error) if is_duplicate_column(&error) => {}
                done => done?,
            }
        }
        conn.run(&MARK_VERSION, &[("version", migration.version.into())]).await?;
    }
    Ok(())
}

/// The statements of a file; none of ours holds a semicolon inside.
fn statements(file: &'static str) -> impl Iterator<Item = &'static str> {
    file.split(";\n").map(str::trim).filter(|statement| !statement.is_empty())
}

/// The SQL that makes the tables on a database of this kind, to be read or run by hand.
pub fn migration_sql(kind: Kind) -> String {
    let place = kind.dialect() as usize;
    let mut text = VERSIONS_TABLE[place].to_owned();
    for migration in &MIGRATIONS {
        text.push('\n');
        text.push_str(migration.files[place]);
        text.push_str(&match kind {
            Kind::Mysql => {
                format!("\ninsert ignore into mission_migrations (version) values ({});\n", migration.version)
            }
            Kind::Sqlite | Kind::Postgres => {
                format!(
                    "\ninsert into mission_migrations (version) values ({}) on conflict do nothing;\n",
                    migration.version
                )
            }
        });
    }
    text
}
