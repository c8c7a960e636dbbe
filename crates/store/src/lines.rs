//! The lines that have waiting tasks: what a worker chooses from before it claims.

use mission_core::{Error, Timestamp, limits};

use crate::Store;
use crate::db::{Dialect, Row, Statement};
use crate::retrying::retrying;

/// What a worker can refuse or order by as a whole: tasks alike in all columns that the claim's index begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The method of its tasks.
    pub method: String,
    /// Their type.
    pub task_type: String,
    /// Their priority.
    pub priority: i64,
    /// That of their creators in a fair type, 1 to 63; else 0.
    pub lane: i64,
    /// The due time of the first.
    pub head: Timestamp,
    /// Whether its type is paused.
    pub is_paused: bool,
    /// How many tasks of its type may run at once, over all workers.
    pub running_limit: Option<i64>,
}

pub(crate) static LINES: Statement = Statement::new("lines", include_str!("sql/lines.postgres.sql"))
    .sqlite(include_str!("sql/lines.sqlite.sql"))
    .mysql(include_str!("sql/lines.mysql.sql"));

impl Line {
    /// Whether a claim from the one takes the tasks of the other.
    pub fn is_same(&self, other: &Line) -> bool {
        (&self.method, &self.task_type, self.priority, self.lane)
            == (&other.method, &other.task_type, other.priority, other.lane)
    }
}

impl Store {
    /// The lines that have waiting tasks, at most [`limits::LINES_MAX`], with the database's clock.
    pub async fn lines(&self) -> Result<(Vec<Line>, Timestamp), Error> {
        retrying(|| async {
            let mut held = self.db.reader().await?;
            let mut conn = held.conn();
            if conn.dialect() == Dialect::MySql {
                return self.dives.lines(&mut conn).await;
            }
            let mut now = 0;
            let mut lines = Vec::new();
            for row in conn.rows(&LINES, &[("limit", limits::LINES_MAX.into())]).await? {
                now = row.int("now_us")?;
                lines.push(line(&row)?);
            }
            Ok((lines, Timestamp(now)))
        })
        .await
    }
}

pub(crate) fn line(row: &Row) -> Result<Line, Error> {
    Ok(Line {
        method: row.text("method")?,
        task_type: row.text("type")?,
        priority: row.int("priority")?,
        lane: row.int("lane")?,
        head: Timestamp(row.int("run_at")?),
        is_paused: row.int("paused")? != 0,
        running_limit: row.int_or_null("running_limit")?,
    })
}
