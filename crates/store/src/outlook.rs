//! The outlook: what waited when a worker looked, so that a look at the list of workers tells whether that is still all.

use mission_core::{Error, WorkerId};

use crate::db::{Row, Statement, Value};
use crate::lines::Line;
use crate::retrying::retrying;
use crate::workers::{RollCall, worker};
use crate::{Kind, Store};

static BESIDE: Statement = Statement::new("roll_call_beside", include_str!("sql/roll_call_beside.postgres.sql"))
    .sqlite(include_str!("sql/roll_call_beside.sqlite.sql"))
    .mysql(include_str!("sql/roll_call_beside.mysql.sql"));

/// Lines that an outlook has at the most where one statement reads them all: each is a dive, and a piece of text.
const OUTLOOK_MAX: usize = 64;
/// Names of what a line is asked behind on MySQL, where each has a dive of its own in the statement.
const PLACES: [[&str; 4]; 8] = [
    ["method_1", "type_1", "priority_1", "lane_1"],
    ["method_2", "type_2", "priority_2", "lane_2"],
    ["method_3", "type_3", "priority_3", "lane_3"],
    ["method_4", "type_4", "priority_4", "lane_4"],
    ["method_5", "type_5", "priority_5", "lane_5"],
    ["method_6", "type_6", "priority_6", "lane_6"],
    ["method_7", "type_7", "priority_7", "lane_7"],
    ["method_8", "type_8", "priority_8", "lane_8"],
];

/// The lines that waited, each with its first task's due time and what was set for its type.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outlook {
    lines: Vec<Line>,
}

impl Store {
    /// What these lines, all that were read, are for later looks; `None` where they are more than such a look compares.
    pub fn outlook(&self, lines: &[Line]) -> Option<Outlook> {
        let most = if self.kind() == Kind::Mysql { PLACES.len() } else { OUTLOOK_MAX };
        (lines.len() <= most).then(|| Outlook { lines: lines.to_vec() })
    }

    /// As [`roll_call`](Self::roll_call), and what the outlook has is no news. The worker that asks is to be on the list.
    pub async fn roll_call_beside(&self, outlook: &Outlook, asking: WorkerId) -> Result<RollCall, Error> {
        let values = outlook.values(self.kind(), asking);
        retrying(|| async {
            let rows = self.db.reader().await?.conn().rows(&BESIDE, &values).await?;
            let workers = rows.iter().map(worker).collect::<Result<_, _>>()?;
            Ok(RollCall { workers, has_news: !outlook.is_all(&rows)? })
        })
        .await
    }
}

impl Outlook {
    /// Whether nothing waited.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    fn values(&self, kind: Kind, asking: WorkerId) -> Vec<(&'static str, Value<'_>)> {
        let mut values = vec![("worker_id", asking.0.into())];
        if kind != Kind::Mysql {
            // One more than is known would show.
            values.push(("limit", i64::try_from(OUTLOOK_MAX + 1).unwrap_or(i64::MAX).into()));
            return values;
        }
        // Places that are left ask again for what is behind the last line: nothing that was known.
        let known = self.lines.iter().chain(self.lines.last().into_iter().cycle());
        for ([method, task_type, priority, lane], line) in PLACES.into_iter().zip(known) {
            values.push((method, line.method.as_str().into()));
            values.push((task_type, line.task_type.as_str().into()));
            values.push((priority, line.priority.into()));
            values.push((lane, line.lane.into()));
        }
        values
    }

    /// Whether what waits is what was known.
    fn is_all(&self, rows: &[Row]) -> Result<bool, Error> {
        for row in rows {
            if let Some(waiting) = row.text_or_null("waiting")? {
                return Ok(pieces(&waiting) == pieces(&self.text()));
            }
        }
        // Nothing waits any more, or the worker is off the list: who looks anew sees which.
        Ok(false)
    }

    /// As the statements put it.
    fn text(&self) -> String {
        let of = |line: &Line| {
            let Line { method, task_type, priority, lane, head, is_paused, running_limit } = line;
            let limit = running_limit.map_or_else(String::new, |limit| format!(" {limit}"));
            format!("{method} {task_type} {priority} {lane} {} {}{limit}", head.0, i64::from(*is_paused))
        };
        self.lines.iter().map(of).collect::<Vec<_>>().join("|")
    }
}

/// In whatever order the database joined them.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces: Vec<&str> = text.split('|').collect();
    pieces.sort_unstable();
    pieces
}
