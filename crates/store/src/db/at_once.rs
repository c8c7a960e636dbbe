//! A whole transaction of an SQLite file in one text: one way to its thread in place of one for each statement.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mission_core::Error;
use sqlx::{Executor as _, SqliteConnection};

use super::{Db, Held, Row, SqlitePools, Statement, Value};

/// Whether the one who writes may be in a transaction that the driver did not begin, and would not end. Clones are one.
#[derive(Debug, Clone, Default)]
pub(super) struct LeftOpen(Arc<AtomicBool>);

impl LeftOpen {
    fn set(&self, may_be: bool) {
        self.0.store(may_be, Ordering::Release);
    }

    /// Ends it where it may be. A connection that cannot is not used any more.
    pub(super) async fn end(&self, writer: &mut SqliteConnection) -> bool {
        if !self.0.swap(false, Ordering::AcqRel) {
            return true;
        }
        match writer.execute("rollback").await {
            Ok(_) => true,
            // It never began, or SQLite has ended it by itself, as where the disk is full.
            Err(fault) => fault.to_string().contains("no transaction is active"),
        }
    }
}

impl Db {
    /// Runs a text from `begin immediate` to `commit`; answers the rows of its statements one after another, and the connection, on which
    /// more can be read. Of one that fails nothing stays. The first of its statements may answer none.
    pub(crate) async fn rows_at_once(
        &self,
        pools: &SqlitePools,
        sql: &'static Statement,
        values: &[(&str, Value<'_>)],
        has_answer: bool,
    ) -> Result<(Held, Vec<Row>), Error> {
        let mut held = self.writer().await?;
        // Before it is so: whoever is dropped in the middle leaves it open, and the way back to the pool ends it.
        pools.left_open.set(true);
        let rows = held.conn().rows_of(sql, values, has_answer).await?;
        pools.left_open.set(false);
        Ok((held, rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::OnMissing;

    static BOTH: Statement = Statement::new(
        "both",
        "begin immediate;\ninsert into t values (:a) returning a;\ninsert into t values (:b) returning a;\ncommit",
    );
    static COUNT: Statement = Statement::new("count", "select count(*) as a from t");

    async fn opened(url: &str) -> (Db, SqlitePools) {
        let db = Db::open(url, OnMissing::Create).await.unwrap();
        db.writer().await.unwrap().conn().script("create table t (a integer check (a < 10))").await.unwrap();
        let pools = db.sqlite().cloned().expect("it is a file");
        (db, pools)
    }

    async fn count(db: &Db) -> i64 {
        db.writer().await.unwrap().conn().row(&COUNT, &[]).await.unwrap().unwrap().int("a").unwrap()
    }

    #[tokio::test]
    async fn of_a_transaction_that_fails_nothing_stays_and_the_next_one_begins_anew() {
        let folder = mission_testkit::folder();
        for url in [format!("sqlite://{}/mission.db", folder.path().display()), "sqlite::memory:".to_owned()] {
            let (db, pools) = opened(&url).await;
            let of = |a: i64, b: i64| [("a", a.into()), ("b", b.into())];
            let (_, rows) = db.rows_at_once(&pools, &BOTH, &of(1, 2), true).await.unwrap();
            assert_eq!(rows.iter().map(|row| row.int("a").unwrap()).collect::<Vec<_>>(), [1, 2]);
            assert!(db.rows_at_once(&pools, &BOTH, &of(3, 10), true).await.is_err(), "the second is refused");
            assert_eq!(count(&db).await, 2);
            db.begin().await.unwrap().commit().await.unwrap();
            db.rows_at_once(&pools, &BOTH, &of(4, 5), true).await.unwrap();
            assert_eq!(count(&db).await, 4);
        }
    }

    #[tokio::test]
    async fn whoever_goes_away_in_the_middle_leaves_no_transaction_behind() {
        let folder = mission_testkit::folder();
        let (db, pools) = opened(&format!("sqlite://{}/mission.db", folder.path().display())).await;
        for turns in (0..10).cycle().take(200) {
            let values = [("a", 1.into()), ("b", 2.into())];
            mission_testkit::give_up_after(turns, db.rows_at_once(&pools, &BOTH, &values, true)).await;
            db.begin().await.expect("it is in no transaction").commit().await.unwrap();
        }
    }
}
