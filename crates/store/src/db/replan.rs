//! When a session plans its statements anew: PostgreSQL keeps a plan that was made for a small table when the table has grown.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// After so many uses of a pool's connections the one that is taken plans anew: it comes to all, since they are taken by turns.
pub(crate) const EVERY: u32 = 61;

/// And not sooner than after so long: with small claims a connection is taken a thousand times a second, and to plan takes as long as one of them.
pub(crate) const PAUSE: Duration = Duration::from_millis(250);

/// Whose turn it is in a pool.
#[derive(Debug)]
pub(crate) struct Replans {
    last: Mutex<Last>,
}

#[derive(Debug)]
struct Last {
    uses: u32,
    at: Instant,
}

impl Replans {
    /// From now on.
    pub(crate) fn since(at: Instant) -> Self {
        Self { last: Mutex::new(Last { uses: 0, at }) }
    }

    /// Whether the connection that is taken at this moment plans anew.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.uses = last.uses.saturating_add(1);
        let is_due = last.uses >= EVERY && now.saturating_duration_since(last.at) >= PAUSE;
        if is_due {
            *last = Last { uses: 0, at: now };
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_plans_anew_after_many_uses_and_not_twice_in_a_moment() {
        let (began, soon, later) = (Instant::now(), PAUSE / 2, PAUSE);
        let replans = Replans::since(began);
        let due = |times: u32, after: Duration| (0..times).filter(|_| replans.is_due(began + after)).count();
        assert_eq!(due(EVERY * 10, soon), 0, "too soon");
        assert_eq!(due(EVERY, later), 1, "the first one");
        assert_eq!(due(EVERY * 10, later + soon), 0, "too soon after it");
        assert_eq!(due(1, later * 2), 1);
        assert_eq!(due(EVERY - 1, later * 9), 0, "too few uses");
        assert_eq!(due(1, later * 9), 1);
    }

    #[cfg(feature = "postgres")]
    mod postgres {
        use mission_testkit::{Database, Kind, eventually, on};
        use sqlx::{AssertSqlSafe, Row as _};

        use crate::db::held::Link;
        use crate::db::{Db, Held, OnMissing, Statement};

        static FIND: Statement =
            Statement::new("find_grown", "select grown.id from {batch: id int} join grown on grown.id = batch.id");

        /// Finds a row, and tells the number of the session and its plan for the next time.
        async fn find(held: &mut Held) -> (i64, String) {
            held.conn().rows(&FIND, &[("batch", "[]".into())]).await.unwrap();
            let Link::Postgres(link) = &mut held.link else { unreachable!("it is PostgreSQL") };
            let named = "select pg_backend_pid()::bigint, name from pg_prepared_statements where statement like 'select grown.id%'";
            let known = sqlx::query(named).fetch_one(&mut **link).await.unwrap();
            let explain = format!("explain (costs off) execute {} ('[]')", known.get::<String, _>(1));
            let lines = sqlx::query(AssertSqlSafe(explain)).fetch_all(&mut **link).await.unwrap();
            (known.get(0), lines.iter().map(|line| line.get::<String, _>(0) + "\n").collect())
        }

        async fn a_plan_is_not_kept_for_ever_when_its_table_has_grown(database: Database) {
            let db = Db::open(database.url(), OnMissing::Refuse).await.unwrap();
            let mut held = db.reader().await.unwrap();
            let script = async |held: &mut Held, text: &'static str| held.conn().script(text).await.unwrap();
            script(&mut held, "create table grown (id bigint primary key, note text) with (autovacuum_enabled = off)")
                .await;
            script(&mut held, "vacuum analyze grown").await;
            for _ in 0..6 {
                find(&mut held).await;
            }
            let many = "insert into grown select n, repeat('x', 500) from generate_series(1, 20000) as number(n)";
            script(&mut held, many).await;
            let (session, plan) = find(&mut held).await;
            assert!(plan.contains("Seq Scan on grown"), "the server keeps the plan by itself: {plan}");
            drop(held);
            eventually("this session finds rows by the index", async || {
                let (found, plan) = find(&mut db.reader().await.unwrap()).await;
                found == session && !plan.contains("Seq Scan on grown")
            })
            .await;
        }

        #[test]
        fn a_plan_for_a_small_table_is_not_kept_when_it_has_grown() {
            on(Kind::Postgres, a_plan_is_not_kept_for_ever_when_its_table_has_grown);
        }
    }
}
