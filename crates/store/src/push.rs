//! Push: storing tasks, so that when it returns they are committed.

use mission_core::{CheckedTask, Due, Error, ErrorKind, NewTask, UniqueId, limits};
use serde::Serialize;

use crate::Store;
use crate::batch::Batches;
use crate::db::{Conn, Dialect, Statement, is_unique_violation};
use crate::retrying::retrying;

/// What a push gave: the task's id, and whether it was there before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The id of the new task, or of the one that stood in its way.
    pub unique_id: UniqueId,
    /// Whether a task with the same key, or of the same method, was waiting or running already.
    pub is_existing: bool,
}

static PUSH: Statement = Statement::new("push", include_str!("sql/push.sql")).mysql(include_str!("sql/push.mysql.sql"));
static EXISTING: Statement = Statement::new("push_existing", include_str!("sql/push_existing.sql"))
    .mysql(include_str!("sql/push_existing.mysql.sql"));
static LOCK_METHOD: Statement = Statement::new("push_lock_method", include_str!("sql/push_lock_method.sql"))
    .mysql(include_str!("sql/push_lock_method.mysql.sql"));
static ACTIVE_OF_METHOD: Statement =
    Statement::new("push_active_of_method", include_str!("sql/push_active_of_method.sql"))
        .mysql(include_str!("sql/push_active_of_method.mysql.sql"));

/// A row of the batch; members left out become NULL.
#[derive(Serialize)]
struct NewRow<'t> {
    place: usize,
    unique_id: &'t str,
    method: &'t str,
    params: Option<&'t str>,
    r#type: &'t str,
    creator: Option<&'t str>,
    priority: i64,
    run_at: Option<i64>,
    wait_us: Option<i64>,
    task_key: Option<&'t str>,
    retries: Option<i64>,
    timeout_ms: Option<i64>,
    stall_timeout_ms: Option<i64>,
}

impl<'t> NewRow<'t> {
    fn of(place: usize, task: &CheckedTask<'t>) -> Self {
        let (run_at, wait_us) = match task.due {
            Due::Now => (None, None),
            Due::In(wait) => (None, Some(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX))),
            Due::At(moment) => (Some(moment.0), None),
        };
        Self {
            place,
            unique_id: task.unique_id.as_str(),
            method: task.method,
            params: task.params,
            r#type: task.task_type,
            creator: task.creator,
            priority: task.priority.get(),
            run_at,
            wait_us,
            task_key: task.key,
            retries: task.retries,
            timeout_ms: task.timeout_ms,
            stall_timeout_ms: task.stall_timeout_ms,
        }
    }
}

impl Store {
    /// Stores one task. A second try after a lost answer finds the first by its `unique_id`.
    pub async fn push(&self, task: &NewTask) -> Result<Pushed, Error> {
        let mut pushed = self.push_all(std::slice::from_ref(task)).await?;
        pushed.pop().ok_or_else(|| Error::new(ErrorKind::Database, "the push gave no answer"))
    }

    /// Stores many tasks in one transaction, in their order: all or none.
    pub async fn push_all(&self, tasks: &[NewTask]) -> Result<Vec<Pushed>, Error> {
        let checked = tasks.iter().map(NewTask::check).collect::<Result<Vec<_>, _>>()?;
        if checked.is_empty() {
            return Ok(Vec::new());
        }
        retrying(|| async {
            let mut tx = self.db.begin().await?;
            let pushed = push_on(&mut tx.conn(), &checked).await?;
            tx.commit().await?;
            Ok(pushed)
        })
        .await
    }
}

/// Stores tasks on a connection that is in a transaction, the caller's or our own.
pub(crate) async fn push_on(conn: &mut Conn<'_>, tasks: &[CheckedTask<'_>]) -> Result<Vec<Pushed>, Error> {
    if tasks.iter().all(|task| task.key.is_none() && !task.without_repeat_method)
        && let Some(pushed) = push_unguarded(conn, tasks).await?
    {
        return Ok(pushed);
    }
    let mut pushed = Vec::with_capacity(tasks.len());
    for task in tasks {
        pushed.push(push_guarded(conn, task).await?);
    }
    Ok(pushed)
}

/// Stores tasks that nothing can stand in the way of, in few statements; `None` if something does after all.
async fn push_unguarded(conn: &mut Conn<'_>, tasks: &[CheckedTask<'_>]) -> Result<Option<Vec<Pushed>>, Error> {
    let rows: Vec<NewRow<'_>> = tasks.iter().enumerate().map(|(place, task)| NewRow::of(place, task)).collect();
    for part in Batches::of(&rows, limits::BATCH_ROWS_MAX * 2)?.parts {
        let stored = match insert(conn, &part.json).await {
            Err(error) if is_unique_violation(&error) => return Ok(None),
            stored => stored?,
        };
        // Some were there already: this push ran before and its answer was lost.
        if stored < part.rows.len() {
            return Ok(None);
        }
    }
    let new = |task: &CheckedTask<'_>| Pushed { unique_id: task.unique_id.clone(), is_existing: false };
    Ok(Some(tasks.iter().map(new).collect()))
}

/// How many rows were stored. No clause of conflict on MySQL: `insert ignore` would hide other faults.
async fn insert(conn: &mut Conn<'_>, batch: &str) -> Result<usize, Error> {
    let values = [("batch", batch.into())];
    match conn.dialect() {
        Dialect::MySql => Ok(usize::try_from(conn.run(&PUSH, &values).await?).unwrap_or(usize::MAX)),
        _ => Ok(conn.rows(&PUSH, &values).await?.len()),
    }
}

/// Stores one task, or finds the one that stands in its way. The unique indexes and the method's lock decide.
async fn push_guarded(conn: &mut Conn<'_>, task: &CheckedTask<'_>) -> Result<Pushed, Error> {
    if task.without_repeat_method {
        let method = [("method", task.method.into())];
        conn.run(&LOCK_METHOD, &method).await?;
        let active = conn.row(&ACTIVE_OF_METHOD, &method).await?;
        if let Some(row) = active {
            return existing(task, row.text("unique_id")?);
        }
    }
    let batch = Batches::one(&[NewRow::of(0, task)])?;
    // The task in the way may end between the refusal and the look: then there is room, so try again.
    for _ in 0..20 {
        // On InnoDB, looking first deadlocks far less under contention than inserting first.
        if task.key.is_some()
            && conn.dialect() == Dialect::MySql
            && let Some(found) = find_existing(conn, task).await?
        {
            return existing(task, found);
        }
        match insert(conn, &batch).await {
            Ok(1..) => return Ok(Pushed { unique_id: task.unique_id.clone(), is_existing: false }),
            Ok(0) => {}
            Err(error) if is_unique_violation(&error) => {}
            Err(error) => return Err(error),
        }
        if let Some(found) = find_existing(conn, task).await? {
            return existing(task, found);
        }
    }
    Err(Error::new(
        ErrorKind::Retryable,
        format!(
            "a task with the key {:?} stands in the way but cannot be seen from this transaction: run it again",
            task.key.unwrap_or("")
        ),
    ))
}

async fn find_existing(conn: &mut Conn<'_>, task: &CheckedTask<'_>) -> Result<Option<String>, Error> {
    let values =
        [("unique_id", task.unique_id.as_str().into()), ("method", task.method.into()), ("task_key", task.key.into())];
    conn.row(&EXISTING, &values).await?.map(|row| row.text("unique_id")).transpose()
}

/// The task itself is no obstacle: it was stored by a push whose answer was lost.
fn existing(task: &CheckedTask<'_>, found: String) -> Result<Pushed, Error> {
    let is_existing = found != task.unique_id.as_str();
    Ok(Pushed { unique_id: UniqueId::from_row(found), is_existing })
}
