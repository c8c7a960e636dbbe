//! SQLite: how it is opened, and what its codes mean.

use std::str::FromStr;
use std::time::Duration;

use mission_core::{Error, ErrorKind};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteError, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use super::OnMissing;
use super::disk::Disk;
use super::held::Link;
use super::lead::{self, Lead};
use super::level::Level;
use super::meaning::Meaning;
use super::turn::{ASK_EVERY, Turns, in_turn};
use super::writer::{Writer, Writing};

/// How long readers wait where the file is not to be read: while its log is recovered or it is being closed.
const READER_PATIENCE: Duration = Duration::from_secs(10);
/// So many rows may wait to be taken: a claim's fit in, so that the file's thread goes on to what waits behind it.
const ROWS_AHEAD: usize = 1_000;
/// Readers besides the one writer; WAL lets them read while it writes.
const READERS_MAX: u32 = 4;

/// One writer connection and a few readers: writes queue in memory instead of on the file's lock.
#[derive(Debug, Clone)]
pub(crate) struct SqlitePools {
    pub(super) writer: Writer,
    /// None of a database in memory: it is one connection's own.
    readers: Option<SqlitePool>,
    /// Keeps what the writer has committed without waiting for the disk.
    pub(crate) disk: Disk,
    /// Whose turn it is to write.
    pub(crate) turns: Turns,
}

impl SqlitePools {
    /// The connection that writes, where the disk lets it.
    pub(super) async fn take_writer(&self) -> Result<Writing, Error> {
        self.disk.may_write()?;
        in_turn!(Some(&self.turns), self.writer.take()).map_err(super::translate)
    }

    /// A connection that reads: in memory the one that writes.
    pub(super) async fn take_reader(&self) -> Result<Link, sqlx::Error> {
        let turns = self.turns.clone();
        if let Some(readers) = &self.readers {
            return Ok(Link::SqliteReader(readers.acquire().await?, turns));
        }
        Ok(Link::SqliteWriter(self.writer.take().await?, turns, Level::Full))
    }

    /// What runs ends first, and what comes later is refused.
    pub(super) async fn close(&self) {
        if let Some(readers) = &self.readers {
            readers.close().await;
        }
        self.writer.close().await;
    }

    /// Whether writes go to a write-ahead log, beside which a commit waits for no reader.
    pub(crate) fn has_log(&self) -> bool {
        self.disk.log().is_some()
    }

    /// Takes the lead of the file if it is free; `None` where nobody can know.
    pub(crate) fn take_lead(&self) -> Option<Lead> {
        lead::take(self.disk.log()?)
    }
}

pub(crate) fn options(url: &str) -> Result<SqliteConnectOptions, Error> {
    SqliteConnectOptions::from_str(url).map_err(|fault| {
        Error::invalid("this is no SQLite URL: use sqlite://mission.db for a file here, sqlite:///var/lib/mission.db for a full path")
            .with_source(fault)
    })
}

pub(crate) async fn open(options: SqliteConnectOptions, on_missing: OnMissing) -> Result<SqlitePools, Error> {
    let path = options.get_filename().to_owned();
    // sqlx tells this in no other way: writing the options as a URL again panics for some names.
    let in_memory = path.as_os_str().is_empty() || format!("{options:?}").contains("in_memory: true");
    if on_missing == OnMissing::Refuse && !in_memory && !path.exists() {
        return Err(Error::new(
            ErrorKind::NotFound,
            format!(
                "there is no database at {}: the first push or worker makes it, or `mission migrate`",
                std::path::absolute(&path).unwrap_or(path).display()
            ),
        ));
    }
    let options = options
        .create_if_missing(on_missing == OnMissing::Create)
        .journal_mode(SqliteJournalMode::Wal)
        // FULL keeps every commit through a power loss; with NORMAL the last ones may go.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(ASK_EVERY)
        .row_buffer_size(ROWS_AHEAD);
    let writer = Writer::new(options.clone());
    let readers = || {
        SqlitePoolOptions::new()
            .max_connections(READERS_MAX)
            .test_before_acquire(false)
            .acquire_timeout(Duration::from_secs(30))
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(options.busy_timeout(READER_PATIENCE))
    };
    let readers = (!in_memory).then(readers);
    let disk = Disk::default();
    let turns = Turns::default();
    let has_log = has_log(&writer, &turns).await.map_err(|fault| {
        let error = super::translate(fault);
        Error::new(error.kind(), format!("cannot open the file {}: {error}", path.display())).with_source(error)
    })?;
    if has_log && !in_memory {
        disk.sync_log_of(&path);
    }
    Ok(SqlitePools { writer, readers, disk, turns })
}

/// Opens the file. Some file systems can have no write-ahead log.
async fn has_log(writer: &Writer, turns: &Turns) -> Result<bool, sqlx::Error> {
    // The switch to it heeds no busy timeout: where several make the file at once, it is tried again.
    in_turn!(Some(turns), writer.take())?.has_log().await
}

/// Whether it lacks memory, room or its file, whatever it was given.
pub(crate) fn is_in_trouble(fault: &SqliteError) -> bool {
    // NOMEM, READONLY, INTERRUPT, IOERR, FULL, CANTOPEN.
    matches!(primary(fault), 7 | 8 | 9 | 10 | 13 | 14)
}

/// The result code without its details.
fn primary(fault: &SqliteError) -> i64 {
    use sqlx::error::DatabaseError as _;
    fault.code().and_then(|code| code.parse().ok()).unwrap_or(0) & 0xff
}

pub(crate) fn meaning_of(fault: &SqliteError) -> Meaning {
    use sqlx::error::DatabaseError as _;
    match primary(fault) {
        // SQLITE_BUSY, SQLITE_LOCKED: someone else writes; 517 (BUSY_SNAPSHOT) too.
        5 | 6 => Meaning::of(ErrorKind::Retryable),
        // SQLITE_ERROR covers "no such table" and "no such column".
        1 if fault.message().starts_with("no such table: mission_")
            || fault.message().starts_with("no such column") =>
        {
            Meaning::of(ErrorKind::Schema)
        }
        8 => Meaning::with(ErrorKind::Database, "check the rights to write the file and its folder"),
        13 => Meaning::with(ErrorKind::Database, "make room on its disk"),
        14 => Meaning::with(ErrorKind::Database, "check that its folder is there and may be written"),
        26 => Meaning::with(ErrorKind::Database, "check the path in the URL"),
        _ => Meaning::of(ErrorKind::Database),
    }
}
