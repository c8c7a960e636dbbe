//! The outlook: what waited when a worker looked, so that a look at the list of workers tells whether that is still all.

use mission_core::{Error, Timestamp, WorkerId};

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
/// Behind every name.
const BEHIND_ALL: &str = "\u{10FFFF}";
/// Between the lines in the answer.
const BETWEEN: char = '|';

/// The lines that waited, and when. Two are the same if their lines are.
#[derive(Debug, Clone, Default)]
pub struct Outlook {
    lines: Vec<Seen>,
    at: Timestamp,
}

/// A line, and whether it is work of the worker that looked.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    line: Line,
    is_own: bool,
}

impl PartialEq for Outlook {
    fn eq(&self, other: &Self) -> bool {
        self.lines == other.lines
    }
}

impl Eq for Outlook {}

impl Store {
    /// What all lines that were read at this time of the database, a worker's own and others, are for its later looks. `None` where they are
    /// more than such a look compares, or have names that it might mistake for others.
    pub fn outlook(&self, own: &[Line], others: &[Line], at: Timestamp) -> Option<Outlook> {
        let most = if self.kind() == Kind::Mysql { PLACES.len() } else { OUTLOOK_MAX };
        // MySQL compares names without the blanks at their ends.
        let is_clear = |name: &String| !name.ends_with(' ') && !name.contains(BETWEEN);
        let seen = |is_own| move |line: &Line| Seen { line: line.clone(), is_own };
        let lines: Vec<Seen> = own.iter().map(seen(true)).chain(others.iter().map(seen(false))).collect();
        let are_clear = lines.iter().all(|Seen { line, .. }| is_clear(&line.method) && is_clear(&line.task_type));
        (lines.len() <= most && are_clear).then_some(Outlook { lines, at })
    }

    /// As [`roll_call`](Self::roll_call), and what the outlook has is no news, unless its time has come since. The worker that asks is to be on
    /// the list.
    pub async fn roll_call_beside(&self, outlook: &Outlook, asking: WorkerId) -> Result<RollCall, Error> {
        let values = outlook.values(self.kind(), asking);
        retrying(|| async {
            let rows = self.db.reader().await?.conn().rows(&BESIDE, &values).await?;
            let workers = rows.iter().map(worker).collect::<Result<_, _>>()?;
            Ok(RollCall { workers, has_news: outlook.has_news(&rows)? })
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
        let known = self.lines.iter().map(|seen| {
            let Line { method, task_type, priority, lane, .. } = &seen.line;
            (method.as_str(), task_type.as_str(), *priority, *lane)
        });
        let known = known.chain(std::iter::repeat((BEHIND_ALL, "", 0, 0)));
        for ([method, task_type, priority, lane], line) in PLACES.into_iter().zip(known) {
            values.push((method, line.0.into()));
            values.push((task_type, line.1.into()));
            values.push((priority, line.2.into()));
            values.push((lane, line.3.into()));
        }
        values
    }

    /// Whether anything waits that was not known, or has come to be due since.
    fn has_news(&self, rows: &[Row]) -> Result<bool, Error> {
        for row in rows {
            if let Some(waiting) = row.text_or_null("waiting")? {
                let now = Timestamp(row.int("now_us")?);
                let has_come = |seen: &Seen| seen.is_own && seen.line.head > self.at && seen.line.head <= now;
                let is_all = waiting.split(BETWEEN).all(|piece| self.lines.iter().any(|seen| seen.is(piece)));
                return Ok(!is_all || self.lines.iter().any(has_come));
            }
        }
        // Nothing waits any more, or the worker is off the list: who looks anew sees which.
        Ok(true)
    }
}

impl Seen {
    /// Whether the database means this line, in its words. What is first in a line of others is no matter.
    fn is(&self, piece: &str) -> bool {
        let Line { method, task_type, priority, lane, head, is_paused, running_limit } = &self.line;
        let limit = running_limit.map_or_else(|| "-".to_owned(), |limit| limit.to_string());
        let length = method.chars().count();
        let known = format!("{priority} {lane} {} {limit} {length} {method} {task_type}", i64::from(*is_paused));
        let found = piece.strip_prefix(&known).and_then(|rest| rest.strip_prefix(' ')?.parse::<i64>().ok());
        found.is_some_and(|found| !self.is_own || found == head.0)
    }
}
