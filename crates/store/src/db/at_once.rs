//! A whole transaction of an SQLite file in one text: one way to its thread in place of one for each statement.

use mission_core::Error;

use super::{Held, Row, Statement, Value};

impl Held {
    /// Runs a text from `begin immediate` to `commit` on the one that writes; answers the rows of its statements one after another. Of one that
    /// fails nothing stays. The first of its statements may answer none.
    pub(crate) async fn rows_at_once(
        mut self,
        sql: &'static Statement,
        values: &[(&str, Value<'_>)],
        has_answer: bool,
    ) -> Result<Vec<Row>, Error> {
        // Before it is so: whoever is dropped in the middle leaves it open.
        self.may_be_open(true);
        let rows = self.conn().rows_of(sql, values, has_answer).await?;
        self.may_be_open(false);
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::{Db, OnMissing};

    static BOTH: Statement = Statement::new(
        "both",
        "begin immediate;\ninsert into t values (:a) returning a;\ninsert into t values (:b) returning a;\ncommit",
    );
    static COUNT: Statement = Statement::new("count", "select count(*) as a from t");

    async fn opened(url: &str) -> Db {
        let db = Db::open(url, OnMissing::Create).await.unwrap();
        db.writer().await.unwrap().conn().script("create table t (a integer check (a < 10))").await.unwrap();
        db
    }

    async fn both(db: &Db, values: &[(&str, Value<'_>)]) -> Result<Vec<Row>, Error> {
        db.writer().await?.rows_at_once(&BOTH, values, true).await
    }

    async fn count(db: &Db) -> i64 {
        db.writer().await.unwrap().conn().row(&COUNT, &[]).await.unwrap().unwrap().int("a").unwrap()
    }

    #[tokio::test]
    async fn of_a_transaction_that_fails_nothing_stays_and_the_next_one_begins_anew() {
        let folder = mission_testkit::folder();
        for url in [format!("sqlite://{}/mission.db", folder.path().display()), "sqlite::memory:".to_owned()] {
            let db = opened(&url).await;
            let of = |a: i64, b: i64| [("a", a.into()), ("b", b.into())];
            let rows = both(&db, &of(1, 2)).await.unwrap();
            assert_eq!(rows.iter().map(|row| row.int("a").unwrap()).collect::<Vec<_>>(), [1, 2]);
            assert!(both(&db, &of(3, 10)).await.is_err(), "the second is refused");
            assert_eq!(count(&db).await, 2);
            db.begin().await.unwrap().commit().await.unwrap();
            both(&db, &of(4, 5)).await.unwrap();
            assert_eq!(count(&db).await, 4);
        }
    }

    #[tokio::test]
    async fn whoever_goes_away_in_the_middle_leaves_no_transaction_behind() {
        let folder = mission_testkit::folder();
        let db = opened(&format!("sqlite://{}/mission.db", folder.path().display())).await;
        for turns in (0..10).cycle().take(200) {
            let values = [("a", 1.into()), ("b", 2.into())];
            mission_testkit::give_up_after(turns, both(&db, &values)).await;
            db.begin().await.expect("it is in no transaction").commit().await.unwrap();
        }
    }
}
