//! The lines that have waiting tasks: what a worker chooses from before it claims.

use mission_core::{Error, Timestamp, limits};

use crate::Store;
use crate::db::{Conn, Dialect, Row, Statement};
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

/// Waiting tasks that one dive on MySQL looks at.
const LOOK_AHEAD: i64 = 8;

static LINES: Statement = Statement::new("lines", include_str!("sql/lines.postgres.sql"))
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
            let mut now = 0;
            let mut lines: Vec<Line> = Vec::new();
            let lines_max = usize::try_from(limits::LINES_MAX).unwrap_or(usize::MAX);
            if conn.dialect() == Dialect::MySql {
                while lines.len() < lines_max {
                    let rows = next_lines(&mut conn, lines.last()).await?;
                    for row in &rows {
                        now = row.int("now_us")?;
                        let found = line(row)?;
                        if !lines.last().is_some_and(|last| last.is_same(&found)) {
                            lines.push(found);
                        }
                    }
                    if rows.len() < usize::try_from(LOOK_AHEAD).unwrap_or(usize::MAX) {
                        break;
                    }
                }
                lines.truncate(lines_max);
            } else {
                for row in conn.rows(&LINES, &[("limit", limits::LINES_MAX.into())]).await? {
                    now = row.int("now_us")?;
                    lines.push(line(&row)?);
                }
            }
            Ok((lines, Timestamp(now)))
        })
        .await
    }
}

/// The first waiting tasks behind a line: several at once, because mostly few wait, and then there is no second look.
async fn next_lines(conn: &mut Conn<'_>, last: Option<&Line>) -> Result<Vec<Row>, Error> {
    let ahead = ("ahead", LOOK_AHEAD.into());
    let values = match last {
        Some(last) => [
            ("method", last.method.as_str().into()),
            ("type", last.task_type.as_str().into()),
            ("priority", last.priority.into()),
            ("lane", last.lane.into()),
            ahead,
        ],
        None => [
            ("method", "".into()),
            ("type", "".into()),
            ("priority", i64::MIN.into()),
            ("lane", i64::MIN.into()),
            ahead,
        ],
    };
    conn.rows(&LINES, &values).await
}

fn line(row: &Row) -> Result<Line, Error> {
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
