//! PostgreSQL: how it is opened, and what its codes mean.

use std::str::FromStr;
use std::sync::Arc;

use mission_core::{Error, ErrorKind};
use sqlx::Executor as _;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgDatabaseError, PgPool};

use super::meaning::Meaning;
use super::trust::Trust;
use super::{Patience, pool};

/// READ COMMITTED whatever the server's default: a claim must see what was committed a moment ago. And no bitmap of an index: it looks at each entry of tasks
/// that have ended again and again until the next vacuum, where a plain walk marks what it found dead (13 ms in place of 0.1 for 100,000 tasks).
const SESSION: &str = "set default_transaction_isolation = 'read committed'; set enable_bitmapscan = off";

/// A plan is kept from the sixth execution of a statement on, until the server counts the table again: one that was made for a small table walks
/// through all of it for a minute when it has grown.
const REPLAN: &str = "discard plans";

/// How long a statement waits for a row that somebody else has locked.
const BRIEF: &str = "set lock_timeout = '1s'";

pub(crate) fn options(url: &str) -> Result<PgConnectOptions, Error> {
    let options = PgConnectOptions::from_str(url).map_err(|fault| {
        Error::invalid("this is no PostgreSQL URL: use postgres://user:password@host:5432/database").with_source(fault)
    })?;
    // PgBouncer refuses who sets it, and we read no such numbers.
    Ok(options.extra_float_digits(None))
}

/// Where the server is, without user or password.
pub(crate) fn address(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    }
}

pub(crate) fn open(options: PgConnectOptions, trust: &Arc<Trust>, patience: Patience) -> PgPool {
    let session = pool::Session::<PgConnection> {
        prepare: |conn, patience| Box::pin(prepare(conn, patience)),
        replan: Some(|conn| Box::pin(async move { conn.execute(REPLAN).await.map(|_| ()) })),
    };
    pool::open(options, trust, patience, session)
}

/// What is set in each session.
async fn prepare(conn: &mut PgConnection, patience: Patience) -> Result<(), sqlx::Error> {
    conn.execute(SESSION).await?;
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

#[cfg(test)]
mod tests {
    use mission_testkit::{Database, Kind, eventually, on};

    use crate::db::{Db, Held, OnMissing, Statement};

    static DEAD: Statement = Statement::new(
        "dead",
        "explain (analyze, costs off, timing off, summary off, buffers) select id from ended where worker_id = 7",
    );

    /// The pages that a look for what is no more reads.
    async fn pages(held: &mut Held) -> u32 {
        let rows = held.conn().rows(&DEAD, &[]).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.text("QUERY PLAN").unwrap()).collect();
        assert!(plan.iter().any(|line| line.contains("ended_worker")), "{plan:?}");
        let pages = plan.iter().find_map(|line| line.split_once("shared hit=")?.1.split(' ').next()?.parse().ok());
        pages.unwrap_or_default()
    }

    /// Looks for what is no more read it until it is dead to all, and then no more.
    async fn looks_at_what_has_ended_read_it_once(database: Database) {
        let db = Db::open(database.url(), OnMissing::Refuse).await.unwrap();
        let mut held = db.reader().await.unwrap();
        for text in [
            "create table ended (id bigint primary key, worker_id bigint not null) with (autovacuum_enabled = off)",
            "create index ended_worker on ended (worker_id) where worker_id > 0",
            "insert into ended select n, 7 from generate_series(1, 20000) as number(n)",
            "update ended set worker_id = 0",
        ] {
            held.conn().script(text).await.unwrap();
        }
        let first = pages(&mut held).await;
        assert!(first > 100, "{first} pages");
        // What ended is passed over for good once no transaction of the server is older, of other databases either.
        eventually("a look that does not read it again", async || pages(&mut held).await < first / 2).await;
    }

    #[test]
    fn looks_at_what_has_ended_read_it_once_on_postgres() {
        on(Kind::Postgres, looks_at_what_has_ended_read_it_once);
    }
}
