//! A turn to write to a SQLite file: asked for every millisecond. The library itself would sleep for up to a tenth of a second, in
//! which the file is free and nobody writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long a statement waits for other processes' writes before it answers "busy".
const BUSY_MAX: Duration = Duration::from_secs(10);

/// How long SQLite itself waits within one try: it asks at its begin and at its end.
pub(super) const ASK_EVERY: Duration = Duration::from_millis(1);

/// The turns of one who writes to a file, and how often they did not come at once. Clones are one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turns(Arc<AtomicU64>);

impl Turns {
    pub(crate) fn next(&self) -> Turn<'_> {
        let now = Instant::now();
        Turn { turns: self, began: now, asked: now }
    }

    /// How often somebody else wrote.
    pub(crate) fn refused(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Waits for a turn.
pub(crate) struct Turn<'t> {
    turns: &'t Turns,
    began: Instant,
    asked: Instant,
}

impl Turn<'_> {
    /// Whether the statement that met with this error is to be tried again now; it has changed nothing.
    pub(crate) async fn comes_later(&mut self, fault: &sqlx::Error) -> bool {
        if !is_busy(fault) {
            return false;
        }
        self.turns.0.fetch_add(1, Ordering::Relaxed);
        if self.began.elapsed() >= BUSY_MAX {
            return false;
        }
        // Some locks are answered at once: that must not become a hot loop.
        if self.asked.elapsed() < ASK_EVERY {
            tokio::time::sleep(ASK_EVERY).await;
        }
        self.asked = Instant::now();
        true
    }
}

/// `SQLITE_BUSY` and `SQLITE_BUSY_RECOVERY`. A snapshot that is too old (517) stays so.
fn is_busy(fault: &sqlx::Error) -> bool {
    fault.as_database_error().and_then(|fault| fault.code()).is_some_and(|code| matches!(&*code, "5" | "261"))
}

/// Asks until it is answered, as often as the turn says; once where there are no turns. What asks is written out anew each time, because it
/// borrows the connection.
macro_rules! in_turn {
    ($turns:expr, $ask:expr) => {{
        let turns: Option<&$crate::db::turn::Turns> = $turns;
        match turns.map(|turns| turns.next()) {
            None => $ask.await,
            Some(mut turn) => loop {
                match $ask.await {
                    Err(fault) if turn.comes_later(&fault).await => {}
                    answered => break answered,
                }
            },
        }
    }};
}

pub(crate) use in_turn;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sqlx::{Connection as _, Executor as _};

    use crate::db::{Db, OnMissing, Statement};

    static WRITE: Statement = Statement::new("write", "insert into t values (1)");
    static COUNT: Statement = Statement::new("count", "select count(*) as n from t");

    #[tokio::test]
    async fn a_write_waits_while_another_process_writes() {
        let folder = mission_testkit::folder();
        let url = format!("sqlite://{}/mission.db", folder.path().display());
        let db = Db::open(&url, OnMissing::Create).await.unwrap();
        let turns = db.sqlite().expect("it is a file").turns.clone();
        let mut stranger = sqlx::SqliteConnection::connect(&url).await.unwrap();
        stranger.execute("create table t (a integer)").await.unwrap();
        db.writer().await.unwrap().conn().run(&WRITE, &[]).await.unwrap();
        assert_eq!(turns.refused(), 0, "nobody else writes");
        stranger.execute("begin immediate").await.unwrap();
        let in_transaction = async {
            let mut tx = db.begin().await.unwrap();
            tx.conn().run(&WRITE, &[]).await.unwrap();
            tx.commit().await.unwrap();
            db.writer().await.unwrap().conn().run(&WRITE, &[]).await.unwrap();
        };
        let on_its_own = async {
            let mut own = db.dedicated().await.unwrap();
            own.conn().run(&WRITE, &[]).await.unwrap();
        };
        let mut written = Box::pin(async { tokio::join!(in_transaction, on_its_own) });
        assert!(tokio::time::timeout(Duration::from_millis(100), &mut written).await.is_err(), "it waits its turn");
        assert!(turns.refused() > 1, "each asked at least once, and again");
        stranger.execute("commit").await.unwrap();
        written.await;
        let rows = db.reader().await.unwrap().conn().rows(&COUNT, &[]).await.unwrap();
        assert_eq!(rows[0].int("n").unwrap(), 4);
    }
}
