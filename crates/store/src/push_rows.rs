//! The rows of a push, and the statement that stores them.

use std::collections::HashSet;

use mission_core::{CheckedTask, Due, Error, fair_lane, limits};
use serde::Serialize;

use crate::batch::{Batches, Divided, Part};
use crate::db::{Conn, Dialect, Statement, is_unique_violation};

static PUSH: Statement = Statement::new("push", include_str!("sql/push.sql")).mysql(include_str!("sql/push.mysql.sql"));

/// A row of the batch; members left out become NULL.
type NewRow<'t> = Divided<Own<'t>, Alike<'t>>;

/// What each task has for itself.
#[derive(Serialize)]
struct Own<'t> {
    unique_id: &'t str,
    params: Option<&'t str>,
}

/// What tasks that are pushed together mostly have in common.
#[derive(Serialize, PartialEq)]
struct Alike<'t> {
    method: &'t str,
    r#type: &'t str,
    creator: Option<&'t str>,
    /// Its lane if the type is fair, which the statement asks.
    fair_lane: Option<i64>,
    priority: i64,
    run_at: Option<i64>,
    wait_us: Option<i64>,
    task_key: Option<&'t str>,
    retries: Option<i64>,
    timeout_ms: Option<i64>,
    stall_timeout_ms: Option<i64>,
    keep_files_ms: Option<i64>,
}

fn new_row<'t>(task: &CheckedTask<'t>) -> NewRow<'t> {
    let (run_at, wait_us) = match task.due {
        Due::Now => (None, None),
        Due::In(wait) => (None, Some(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX))),
        Due::At(moment) => (Some(moment.0), None),
    };
    Divided {
        own: Own { unique_id: task.unique_id.as_str(), params: task.params },
        alike: Alike {
            method: task.method,
            r#type: task.task_type,
            creator: task.creator,
            fair_lane: fair_lane(task.creator),
            priority: task.priority.get(),
            run_at,
            wait_us,
            task_key: task.key,
            retries: task.retries,
            timeout_ms: task.timeout_ms,
            stall_timeout_ms: task.stall_timeout_ms,
            keep_files_ms: task.keep_files_ms,
        },
    }
}

pub(crate) fn batches(tasks: &[CheckedTask<'_>]) -> Result<Batches, Error> {
    let rows: Vec<NewRow<'_>> = tasks.iter().map(new_row).collect();
    Batches::divided(&rows, limits::PUSH_ROWS_MAX)
}

/// One task as a batch of its own.
pub(crate) fn batch_of(task: &CheckedTask<'_>) -> Result<Part, Error> {
    Batches::one_divided(&[new_row(task)])
}

/// Which rows of a batch are known to be stored.
pub(crate) enum Stored {
    All,
    These(HashSet<String>),
}

impl Stored {
    pub(crate) fn holds(&self, task: &CheckedTask<'_>) -> bool {
        match self {
            Stored::All => true,
            Stored::These(ids) => ids.contains(task.unique_id.as_str()),
        }
    }
}

/// Stores those rows of a batch that no index refuses. MySQL refuses all for one: `insert ignore` would hide other faults, too. Then each is
/// asked about by itself: those that are there are found by their ids.
pub(crate) async fn store(conn: &mut Conn<'_>, batch: &Part) -> Result<Stored, Error> {
    if conn.dialect() == Dialect::MySql {
        let is_whole = insert_whole(conn, batch).await?;
        return Ok(if is_whole { Stored::All } else { Stored::These(HashSet::new()) });
    }
    let rows = conn.rows(&PUSH, &batch.values()).await?;
    rows.iter().map(|row| row.text("unique_id")).collect::<Result<_, _>>().map(Stored::These)
}

/// Stores a batch, or nothing where an index refuses one of its rows, which breaks PostgreSQL's transaction: whether it did.
pub(crate) async fn insert_whole(conn: &mut Conn<'_>, batch: &Part) -> Result<bool, Error> {
    match conn.run(&PUSH, &batch.values()).await {
        Ok(_) => Ok(true),
        Err(error) if is_unique_violation(&error) => Ok(false),
        Err(error) => Err(error),
    }
}
