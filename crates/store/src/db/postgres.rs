//! PostgreSQL: how it is opened, and what its codes mean.

use std::str::FromStr;
use std::time::Duration;

use mission_core::{Error, ErrorKind};
use sqlx::Executor as _;
use sqlx::postgres::{PgConnectOptions, PgDatabaseError, PgPool, PgPoolOptions};

/// Connections of one process at the most, beside the heartbeat's.
const CONNECTIONS_MAX: u32 = 10;

/// READ COMMITTED whatever the server's default: a claim must see what was committed a moment ago.
const ISOLATION: &str = "set default_transaction_isolation = 'read committed'";

pub(crate) fn options(url: &str) -> Result<PgConnectOptions, Error> {
    PgConnectOptions::from_str(url).map_err(|fault| {
        Error::invalid("this is no PostgreSQL URL: use postgres://user:password@host:5432/database").with_source(fault)
    })
}

pub(crate) fn open(options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(CONNECTIONS_MAX)
        .acquire_timeout(Duration::from_secs(5))
        .test_before_acquire(false)
        .after_connect(|conn, _| {
            Box::pin(async move {
                conn.execute(ISOLATION).await?;
                Ok(())
            })
        })
        .connect_lazy_with(options)
}

pub(crate) fn kind_of(fault: &PgDatabaseError) -> ErrorKind {
    match fault.code() {
        // Serialization failure, deadlock, lock not available.
        "40001" | "40P01" | "55P03" => ErrorKind::Retryable,
        // Admin shutdown, crash shutdown, starting up, too many connections.
        "57P01" | "57P02" | "57P03" | "53300" => ErrorKind::Unreachable,
        // Undefined table, undefined column.
        "42P01" | "42703" => ErrorKind::Schema,
        code if code.starts_with("08") => ErrorKind::Unreachable,
        _ => ErrorKind::Database,
    }
}
