//! Tasks made inside the database by plain SQL, many at once: what stands beside, in front of and behind those that are measured.

use mission_core::{Error, State, Timestamp};

use crate::Store;
use crate::db::Statement;

use super::floor::LAST;

/// Rows one statement makes at the most.
pub const FILL_ROWS_MAX: usize = 10_000;

static FILL: Statement = Statement::new("bench_fill", include_str!("../sql/bench_fill.postgres.sql"))
    .sqlite(include_str!("../sql/bench_fill.sqlite.sql"))
    .mysql(include_str!("../sql/bench_fill.mysql.sql"));

static HEAD: Statement = Statement::new("bench_head", include_str!("../sql/bench_head.sql"))
    .mysql(include_str!("../sql/bench_head.mysql.sql"));

/// Tasks of one line and state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    /// Their method.
    pub method: &'static str,
    /// Their type.
    pub task_type: &'static str,
    /// Their priority.
    pub priority: i64,
    /// `Init`, or what they have ended as.
    pub state: State,
    /// When the first is due, in microseconds since 1970; each other a microsecond after the one before.
    pub due_us: i64,
    /// How many.
    pub count: usize,
}

impl Store {
    /// When the first waiting task of a method's usual line is due, from a time on.
    pub async fn head_from(&self, method: &str, from: Timestamp) -> Result<Option<Timestamp>, Error> {
        let values = [("method", method.into()), ("from_us", from.0.into())];
        let row = self.db.reader().await?.conn().row(&HEAD, &values).await?;
        row.map(|row| row.int("run_at").map(Timestamp)).transpose()
    }

    /// Makes at most [`FILL_ROWS_MAX`] of these tasks, from the `made`-th on, in one commit; answers how many. Only for a
    /// [`Scratch`](super::Scratch): no rule is kept.
    pub async fn fill(&self, rows: &Rows, made: usize) -> Result<usize, Error> {
        let count = rows.count.saturating_sub(made).min(FILL_ROWS_MAX);
        if count == 0 {
            return Ok(0);
        }
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let mut held = self.db.writer().await?;
        let mut conn = held.conn();
        let last_id = conn.row(&LAST, &[]).await?.map_or(Ok(0), |row| row.int("id"))?;
        let values = [
            ("last_id", last_id.into()),
            ("method", rows.method.into()),
            ("type", rows.task_type.into()),
            ("priority", rows.priority.into()),
            ("state", rows.state.as_str().into()),
            ("due_us", (rows.due_us + number(made)).into()),
            ("attempt", i64::from(rows.state.is_final()).into()),
            ("rows", number(count).into()),
        ];
        conn.run(&FILL, &values).await?;
        Ok(count)
    }
}
