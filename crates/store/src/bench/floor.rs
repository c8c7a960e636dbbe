//! The floor: what the same rows cost in plain SQL, a thousand to a commit, with nothing to decide.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use mission_core::{Error, ErrorKind};

use crate::Store;
use crate::db::{Kind, Statement};

/// Rows each commit of the floor carries.
pub const FLOOR_ROWS: usize = 1000;

static INSERT: Statement = Statement::new("bench_insert", include_str!("../sql/bench_insert.postgres.sql"))
    .sqlite(include_str!("../sql/bench_insert.sqlite.sql"))
    .mysql(include_str!("../sql/bench_insert.mysql.sql"));
static INSERT_ONE: Statement = Statement::new("bench_insert_one", include_str!("../sql/bench_insert_one.sql"));
static CLAIM: Statement = Statement::new("bench_claim", include_str!("../sql/bench_claim.sql"));
static SETTLE: Statement = Statement::new("bench_settle", include_str!("../sql/bench_settle.sql"));
pub(super) static LAST: Statement = Statement::new("bench_last", include_str!("../sql/bench_last.sql"));

static SERVED: Statement = Statement::new("bench_served", include_str!("../sql/bench_served.postgres.sql"))
    .mysql(include_str!("../sql/bench_served.mysql.sql"));
static DEADLOCKS: Statement = Statement::new("bench_deadlocks", include_str!("../sql/bench_deadlocks.postgres.sql"))
    .mysql(include_str!("../sql/bench_deadlocks.mysql.sql"));

/// How long the three steps took over all rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Floor {
    /// Rows made inside the database.
    pub insert: Duration,
    /// Made somebody's, by ranges of their numbers.
    pub claim: Duration,
    /// Ended, by ranges of their numbers.
    pub settle: Duration,
}

impl Floor {
    /// All three.
    pub fn total(&self) -> Duration {
        self.insert + self.claim + self.settle
    }
}

impl Store {
    /// Makes, claims and settles so many thousands of tasks in plain SQL. Only for a [`Scratch`](super::Scratch): no rule is kept.
    pub async fn floor(&self, thousands: usize) -> Result<Floor, Error> {
        let mut held = self.db.writer().await?;
        let mut conn = held.conn();
        let mut floor = Floor::default();
        let began = Instant::now();
        let mut ends = Vec::with_capacity(thousands);
        for _ in 0..thousands {
            conn.run(&INSERT, &[]).await?;
            ends.push(conn.row(&LAST, &[]).await?.map_or(Ok(0), |row| row.int("id"))?);
        }
        floor.insert = began.elapsed();
        let rows = i64::try_from(FLOOR_ROWS).unwrap_or(i64::MAX);
        for (statement, took) in [(&CLAIM, &mut floor.claim), (&SETTLE, &mut floor.settle)] {
            let began = Instant::now();
            for last in &ends {
                conn.run(statement, &[("first", (last - rows + 1).into()), ("last", (*last).into())]).await?;
            }
            *took = began.elapsed();
        }
        Ok(floor)
    }

    /// Stores so many thousands of tasks by inserts of a thousand rows each, as a client would write them. They are due in a
    /// far time, so that no worker takes them.
    pub async fn floor_of_inserts(&self, thousands: usize) -> Result<Duration, Error> {
        let mut text = "insert into mission_tasks (unique_id, method, params, creator, run_at) values ".to_owned();
        let mut took = Duration::ZERO;
        for _ in 0..thousands {
            text.truncate(text.find("values ").map_or(0, |at| at + "values ".len()));
            for n in 0..FLOOR_ROWS {
                let comma = if n == 0 { "" } else { "," };
                let id = mission_core::UniqueId::of_now();
                // Writing to a text cannot fail.
                let _ = write!(
                    text,
                    "{comma}('{id}', 'mission.bench', '{{\"rows\":1000,\"note\":\"as many bytes as the params of a usual \
                     task have, a hundred or so\",\"n\":{n}}}', 'bench', 9000000000000000)"
                );
            }
            let mut held = self.db.writer().await?;
            let began = Instant::now();
            held.conn().text(&text).await?;
            took += began.elapsed();
        }
        Ok(took)
    }

    /// Stores one task and makes it somebody's, each by one statement and a commit of its own: how long the two took. Only for a
    /// [`Scratch`](super::Scratch): no rule is kept.
    pub async fn floor_of_pick_up(&self) -> Result<Duration, Error> {
        let mut held = self.db.writer().await?;
        let mut conn = held.conn();
        let began = Instant::now();
        conn.run(&INSERT_ONE, &[]).await?;
        let stored = began.elapsed();
        let id = conn.row(&LAST, &[]).await?.map_or(Ok(0), |row| row.int("id"))?;
        let only = [("first", id.into()), ("last", id.into())];
        let began = Instant::now();
        conn.run(&CLAIM, &only).await?;
        let claimed = began.elapsed();
        conn.run(&SETTLE, &only).await?;
        Ok(stored + claimed)
    }

    /// How many statements the server has answered, of all clients, where it counts them.
    pub async fn statements_served(&self) -> Result<Option<u64>, Error> {
        // `show status` answers in a spelling of its own.
        let name = if self.kind() == Kind::Mysql { "Value" } else { "value" };
        self.counter(&SERVED, name).await
    }

    /// How many deadlocks the server has met, of all clients, where it counts them and this user may see it.
    pub async fn deadlocks(&self) -> Result<Option<u64>, Error> {
        match self.counter(&DEADLOCKS, "value").await {
            Err(fault) if fault.kind() == ErrorKind::Database => Ok(None),
            counted => counted,
        }
    }

    async fn counter(&self, statement: &'static Statement, name: &str) -> Result<Option<u64>, Error> {
        if self.kind() == Kind::Sqlite {
            return Ok(None);
        }
        let row = self.db.reader().await?.conn().row(statement, &[]).await?;
        Ok(row.and_then(|row| row.text(name).ok()).and_then(|count| count.parse().ok()))
    }
}
