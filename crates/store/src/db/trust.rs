//! Trust in a pool's connections: lost where one of them leads to a server that is gone, silent or no longer the one to write to.

use std::io;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mission_core::limits;

use super::classify::is_at_its_end;

/// Connections that were opened before trust was lost are not used again: an address that leads elsewhere by now (a proxy,
/// a name, a floating address) is asked anew.
#[derive(Debug)]
pub(crate) struct Trust {
    lost_at: Mutex<Option<Instant>>,
    patience: Duration,
    idle_max: Duration,
    /// When an idle connection last turned out to be gone.
    idle_gone_at: Mutex<Option<Instant>>,
}

/// So long a connection may be unused before it is asked whether it is still there: what stands between may have forgotten it and tell nobody.
const IDLE_MAX: Duration = Duration::from_secs(10);

/// So long after one that was gone others that are as idle are not asked: what forgot the one has forgotten them, too.
const IDLE_GONE_FOR: Duration = Duration::from_secs(30);

/// How long its answer may take.
const PING_MAX: Duration = Duration::from_secs(2);

/// Whether a connection that is about to be used answers as soon as one does that is there.
pub(super) async fn answers<T>(asked: impl Future<Output = Result<T, sqlx::Error>>) -> bool {
    tokio::time::timeout(PING_MAX, asked).await.is_ok_and(|answered| answered.is_ok())
}

impl Default for Trust {
    fn default() -> Self {
        Self::within(limits::ANSWER_MAX)
    }
}

#[cfg_attr(not(any(feature = "mysql", feature = "postgres")), allow(dead_code))] // A file needs none.
impl Trust {
    /// Trust in connections that answer within so long.
    pub(crate) fn within(patience: Duration) -> Self {
        Self { lost_at: Mutex::new(None), patience, idle_max: IDLE_MAX, idle_gone_at: Mutex::new(None) }
    }

    /// Whether a connection of this age may be used.
    pub(crate) fn covers(&self, age: Duration) -> bool {
        let lost_at = *self.lost_at.lock().unwrap_or_else(PoisonError::into_inner);
        lost_at.is_none_or(|at| at.elapsed() > age)
    }

    /// Whether a connection that nobody used for so long is gone: asked where that was long. Those in use are none the worse for it.
    pub(crate) async fn is_gone(
        &self,
        idle_for: Duration,
        ping: impl Future<Output = Result<(), sqlx::Error>>,
    ) -> bool {
        if idle_for < self.idle_max {
            return false;
        }
        if self.idle_gone_at().is_some_and(|at| at.elapsed() < IDLE_GONE_FOR) {
            return true;
        }
        let is_there = answers(ping).await;
        if !is_there {
            tracing::info!(idle_s = idle_for.as_secs(), "an idle connection is gone: opening others");
            *self.idle_gone_at() = Some(Instant::now());
        }
        !is_there
    }

    fn idle_gone_at(&self) -> MutexGuard<'_, Option<Instant>> {
        self.idle_gone_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lose(&self) {
        *self.lost_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Waits for a pooled connection's answer. A silent one is given up with what it was asked, and its connection is
    /// closed: nobody knows where it stands.
    pub(crate) async fn answer<T>(
        &self,
        asked: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, sqlx::Error> {
        // Dropped at the end of this function: a connection that goes back to its pool with it finds trust lost already.
        let mut asked = pin!(asked);
        let Ok(answered) = tokio::time::timeout(self.patience, asked.as_mut()).await else {
            self.lose();
            let sentence = format!("no answer within {} s", self.patience.as_secs());
            return Err(sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, sentence)));
        };
        if answered.as_ref().is_err_and(is_at_its_end) {
            self.lose();
        }
        answered
    }
}

#[cfg(test)]
#[cfg(all(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod tests {
    use std::collections::HashSet;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use mission_core::Error;
    use mission_testkit::{Database, Kind, Proxy, eventually, on};

    use super::{PING_MAX, Trust};
    use crate::db::open::Pools;
    use crate::db::{Db, Held, Patience, Statement, mysql, postgres};

    static SESSION: Statement =
        Statement::new("session", "select connection_id() as id").postgres("select pg_backend_pid()::bigint as id");

    fn open(db: &Database, url: &str, trust: &Arc<Trust>) -> Db {
        let pools = match db.kind() {
            Kind::Postgres => Pools::Postgres(postgres::open(postgres::options(url).unwrap(), trust, Patience::AsSet)),
            _ => Pools::MySql(mysql::open(mysql::options(url).unwrap(), trust, Patience::AsSet)),
        };
        Db { pools, trust: Arc::clone(trust) }
    }

    async fn session(held: &mut Held) -> Result<i64, Error> {
        held.conn().row(&SESSION, &[]).await?.expect("it has one row").int("id")
    }

    /// As many sessions at once as the pool has, so that none of it is left out.
    async fn all_sessions(db: &Db) -> HashSet<i64> {
        let mut held = Vec::new();
        for _ in 0..10 {
            held.push(db.reader().await.expect("the pool has room"));
        }
        let mut sessions = HashSet::new();
        for held in &mut held {
            sessions.insert(session(held).await.expect("it answers"));
        }
        sessions
    }

    async fn silent_connections_are_given_up_and_replaced(database: Database) {
        let proxy = Proxy::before(&database).await.unwrap();
        let db = open(&database, proxy.url(), &Arc::new(Trust::within(Duration::from_millis(400))));
        let before = all_sessions(&db).await;
        let mut in_statement = db.reader().await.unwrap();
        let mut in_transaction = db.begin().await.unwrap();
        let in_commit = db.begin().await.unwrap();
        proxy.freeze();
        let (read, written, committed, begun) = tokio::join!(
            session(&mut in_statement),
            async { in_transaction.conn().row(&SESSION, &[]).await.map(drop) },
            in_commit.commit(),
            async { db.begin().await.map(drop) },
        );
        for silence in [read.map(drop), written, committed, begun] {
            let error = silence.expect_err("nobody answers");
            assert!(error.is_unreachable() && error.to_string().contains("no answer"), "{error}");
        }
        drop((in_statement, in_transaction));
        proxy.restore();
        let after = all_sessions(&db).await;
        assert_eq!((after.len(), before.intersection(&after).count()), (10, 0), "all connections are new ones");
    }

    #[test]
    fn silent_connections_to_mariadb_are_replaced() {
        on(Kind::Mariadb, silent_connections_are_given_up_and_replaced);
    }

    #[test]
    fn silent_connections_to_mysql_are_replaced() {
        on(Kind::Mysql, silent_connections_are_given_up_and_replaced);
    }

    #[test]
    fn silent_connections_to_postgres_are_replaced() {
        on(Kind::Postgres, silent_connections_are_given_up_and_replaced);
    }

    async fn connections_that_were_forgotten_are_not_used(database: Database) {
        let proxy = Proxy::before(&database).await.unwrap();
        let trust = Trust { idle_max: Duration::ZERO, ..Trust::within(Duration::from_secs(20)) };
        let db = open(&database, proxy.url(), &Arc::new(trust));
        let before = all_sessions(&db).await;
        let idle = || match &db.pools {
            Pools::Postgres(pool) => pool.num_idle(),
            Pools::MySql(pool) => pool.num_idle(),
            Pools::Sqlite(_) => unreachable!("it has no server"),
        };
        eventually("they are back", async || idle() == 10).await;
        proxy.forget();
        let began = Instant::now();
        let after = all_sessions(&db).await;
        assert_eq!((after.len(), before.intersection(&after).count()), (10, 0), "all connections are new ones");
        assert!(began.elapsed() < 5 * PING_MAX, "only one is asked: {:?}", began.elapsed());
    }

    #[test]
    fn forgotten_connections_to_mysql_are_replaced() {
        on(Kind::Mysql, connections_that_were_forgotten_are_not_used);
    }

    #[test]
    fn forgotten_connections_to_postgres_are_replaced() {
        on(Kind::Postgres, connections_that_were_forgotten_are_not_used);
    }

    #[test]
    fn only_connections_opened_later_are_trusted_again() {
        let trust = Trust::default();
        assert!(trust.covers(Duration::from_secs(3600)));
        trust.lose();
        assert!(!trust.covers(Duration::from_secs(3600)));
        assert!(trust.covers(Duration::ZERO));
    }
}
