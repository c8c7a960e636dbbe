//! PostgreSQL: how it is opened, and what its codes mean.

use std::future::ready;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use mission_core::{Error, ErrorKind};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgDatabaseError, PgPool, PgPoolOptions};
use sqlx::{Connection as _, Executor as _};

use super::Patience;
use super::meaning::Meaning;
use super::trust::Trust;

/// Connections of one process at the most, beside the heartbeat's.
const CONNECTIONS_MAX: u32 = 10;

/// READ COMMITTED whatever the server's default: a claim must see what was committed a moment ago.
const ISOLATION: &str = "set default_transaction_isolation = 'read committed'";

/// How long a statement waits for a row that somebody else has locked.
const BRIEF: &str = "set lock_timeout = '1s'";

pub(crate) fn options(url: &str) -> Result<PgConnectOptions, Error> {
    PgConnectOptions::from_str(url).map_err(|fault| {
        Error::invalid("this is no PostgreSQL URL: use postgres://user:password@host:5432/database").with_source(fault)
    })
}

/// Where the server is, without user or password.
pub(crate) fn address(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    }
}

pub(crate) fn open(options: PgConnectOptions, trust: &Arc<Trust>, patience: Patience) -> PgPool {
    let (taken, released, anew) = (Arc::clone(trust), Arc::clone(trust), options.clone());
    PgPoolOptions::new()
        .max_connections(patience.connections_max(CONNECTIONS_MAX))
        .acquire_timeout(Duration::from_secs(5))
        .test_before_acquire(false)
        .before_acquire(move |conn, meta| {
            let (taken, anew) = (Arc::clone(&taken), anew.clone());
            Box::pin(async move {
                if !taken.covers(meta.age) {
                    return Ok(false);
                }
                if taken.is_gone(meta.idle_for, conn.ping()).await {
                    // Dropped, not closed: nobody would answer its farewell.
                    *conn = PgConnection::connect_with(&anew).await?;
                    prepare(conn, patience).await?;
                }
                Ok(true)
            })
        })
        .after_release(move |_, meta| Box::pin(ready(Ok(released.covers(meta.age)))))
        .after_connect(move |conn, _| Box::pin(prepare(conn, patience)))
        .connect_lazy_with(options)
}

/// What is set in each session.
async fn prepare(conn: &mut PgConnection, patience: Patience) -> Result<(), sqlx::Error> {
    conn.execute(ISOLATION).await?;
    if patience == Patience::Brief {
        conn.execute(BRIEF).await?;
    }
    Ok(())
}

/// Whether a row was locked for longer than the statement would wait.
pub(crate) fn is_locked(code: &str) -> bool {
    code == "55P03"
}

/// Whether it lacks memory or room, was told to break off, or its files fail it, whatever it was given.
pub(crate) fn is_in_trouble(code: &str) -> bool {
    ["53", "57", "58"].iter().any(|class| code.starts_with(class))
}

pub(crate) fn meaning_of(fault: &PgDatabaseError) -> Meaning {
    match fault.code() {
        // Serialization failure, deadlock, lock not available.
        "40001" | "40P01" | "55P03" => Meaning::of(ErrorKind::Retryable),
        // Admin shutdown, crash shutdown, starting up, too many connections; idle for too long, within a transaction or without.
        "57P01" | "57P02" | "57P03" | "53300" | "57P05" | "25P03" => Meaning::of(ErrorKind::Unreachable),
        // Read-only: after a switch of servers this connection leads to the wrong one.
        "25006" => Meaning::with(ErrorKind::Unreachable, "it is read-only now"),
        "53100" => Meaning::with(ErrorKind::Database, "make room on its disk"),
        // Undefined table, undefined column.
        "42P01" | "42703" => Meaning::of(ErrorKind::Schema),
        "3D000" => Meaning::with(ErrorKind::NotFound, "create it first, or correct the name in the URL"),
        // Wrong password, no such user, insufficient privilege.
        "28P01" | "28000" | "42501" => {
            Meaning::with(ErrorKind::Database, "check user and password of the URL, and the user's rights")
        }
        code if code.starts_with("08") => Meaning::of(ErrorKind::Unreachable),
        _ => Meaning::of(ErrorKind::Database),
    }
}
