//! MySQL and MariaDB: how they are opened, and what their codes mean.

use std::str::FromStr;
use std::sync::Arc;

use mission_core::{Error, ErrorKind};
use sqlx::Executor as _;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlDatabaseError, MySqlPool};

use super::meaning::Meaning;
use super::trust::Trust;
use super::{Patience, pool};

/// READ COMMITTED, because REPEATABLE READ locks gaps and lets claims wait for each other.
const ISOLATION: &str = "set session transaction isolation level read committed";
/// Strict, because without it MySQL stores a wrong state as '' and cuts long names silently.
const STRICT: &str = "set session sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'";

/// How long a statement waits for a row, or a table, that somebody else has locked: a second, the least there is.
const BRIEF: &str = "set session innodb_lock_wait_timeout = 1, session lock_wait_timeout = 1";

/// On a Galera node each statement waits until the node has what was committed on others before; elsewhere it means
/// nothing, and to MySQL all but an assignment to a variable of ours is a comment.
const IN_STEP: &str = "set @mission_in_step = 1 /*M!, session wsrep_sync_wait = 7 */";

pub(crate) fn options(url: &str) -> Result<MySqlConnectOptions, Error> {
    // sqlx knows one scheme for both.
    let url = url.replacen("mariadb://", "mysql://", 1);
    let options = MySqlConnectOptions::from_str(&url).map_err(|fault| {
        Error::invalid("this is no MySQL URL: use mysql://user:password@host:3306/database").with_source(fault)
    })?;
    if options.get_database().is_none_or(str::is_empty) {
        return Err(Error::invalid("the MySQL URL names no database: use mysql://user:password@host:3306/database"));
    }
    Ok(options)
}

/// Where the server is, without user or password.
pub(crate) fn address(options: &MySqlConnectOptions) -> String {
    match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    }
}

pub(crate) fn open(options: MySqlConnectOptions, trust: &Arc<Trust>, patience: Patience) -> MySqlPool {
    // It plans a prepared statement anew each time.
    let session =
        pool::Session::<MySqlConnection> { prepare: |conn, patience| Box::pin(prepare(conn, patience)), replan: None };
    pool::open(options, trust, patience, session)
}

/// What is set in each session.
async fn prepare(conn: &mut MySqlConnection, patience: Patience) -> Result<(), sqlx::Error> {
    conn.execute(ISOLATION).await?;
    conn.execute(STRICT).await?;
    if patience == Patience::Brief {
        conn.execute(BRIEF).await?;
    }
    keep_in_step(conn).await
}

/// Makes the statements of a session see what was committed on other nodes of a cluster.
pub(crate) async fn keep_in_step(conn: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    match conn.execute(IN_STEP).await {
        // A MariaDB that was built without Galera does not know the variable.
        Err(sqlx::Error::Database(_)) => Ok(()),
        ended => ended.map(|_| ()),
    }
}

/// Whether a row was locked for longer than the statement would wait.
pub(crate) fn is_locked(number: u16) -> bool {
    number == 1205
}

/// Whether it lacks memory or room, or was told to break off, whatever it was given.
pub(crate) fn is_in_trouble(number: u16) -> bool {
    // Disk full, table full, a write that failed; out of memory; broken off by a kill or a limit of time.
    matches!(number, 3 | 1021 | 1026 | 1030 | 1114 | 1878 | 1037 | 1041 | 1317 | 1969 | 3024)
}

pub(crate) fn meaning_of(fault: &MySqlDatabaseError) -> Meaning {
    match fault.number() {
        // Deadlock; lock wait timeout; record changed since last read (MariaDB); broken off by a deadlock while it waited for a row's number
        // (MariaDB).
        1213 | 1205 | 1020 | 1467 => Meaning::of(ErrorKind::Retryable),
        // A Galera node without its cluster: another node may have it.
        1047 => Meaning::of_this_server(ErrorKind::Retryable),
        // Shutting down, gone, too many connections, idle for too long: another connection, later.
        // Or a proxy has forgotten the connection's statements.
        1053 | 1040 | 1203 | 1226 | 1927 | 2006 | 2013 | 3169 | 4031 | 1243 => Meaning::of(ErrorKind::Unreachable),
        // No room for one more prepared statement: there may be on another connection, which has it. Or a table changed meanwhile.
        1461 => Meaning::with(ErrorKind::Retryable, "raise max_prepared_stmt_count of the server"),
        1615 => Meaning::of(ErrorKind::Retryable),
        // Read-only: after a switch of servers this connection leads to the wrong one.
        1290 | 1792 | 1836 => Meaning::with(ErrorKind::Unreachable, "it is read-only now"),
        1021 | 1114 => Meaning::with(ErrorKind::Database, "make room on its disk"),
        // No such table; unknown column.
        1146 | 1054 => Meaning::of(ErrorKind::Schema),
        1049 => Meaning::with(ErrorKind::NotFound, "create it first, or correct the name in the URL"),
        // Access denied, to the server, the database, a table or a command.
        1044 | 1045 | 1142 | 1143 | 1227 | 1698 => {
            Meaning::with(ErrorKind::Database, "check user and password of the URL, and the user's rights")
        }
        _ => Meaning::of(ErrorKind::Database),
    }
}
