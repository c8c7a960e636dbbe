//! A push of one task that another may stand in the way of: the unique indexes and the method's lock decide, and what is seen before
//! an insert is answered without one.

use mission_core::{CheckedTask, Error, ErrorKind, UniqueId};

use crate::Pushed;
use crate::db::{Conn, Dialect, Statement, Value};
use crate::push_rows::{batch_of, store};

/// Whose transaction a push runs in. Ours reads what was committed a moment ago; a caller's may read an older state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    Ours,
    Callers,
}

static LOCK_METHOD: Statement = Statement::new("push_lock_method", include_str!("sql/push_lock_method.sql"))
    .mysql(include_str!("sql/push_lock_method.mysql.sql"));
static EXISTING: Statement = Statement::new("push_existing", include_str!("sql/push_existing.sql"));
static EXISTING_LOCKING: Statement =
    Statement::new("push_existing_locking", include_str!("sql/push_existing_locking.mysql.sql"));
static ALIKE: Statement = Statement::new("push_alike", include_str!("sql/push_alike.sql"));
static STILL_ACTIVE_LOCKING: Statement =
    Statement::new("push_still_active_locking", include_str!("sql/push_still_active_locking.mysql.sql"));
static ACTIVE_OF_METHOD: Statement =
    Statement::new("push_active_of_method", include_str!("sql/push_active_of_method.sql"))
        .mysql(include_str!("sql/push_active_of_method.mysql.sql"));
static ACTIVE_OF_METHOD_LOCKING: Statement =
    Statement::new("push_active_of_method_locking", include_str!("sql/push_active_of_method_locking.mysql.sql"));

/// Stores one task, or finds the one that stands in its way. The unique indexes and the method's lock decide.
pub(crate) async fn push_guarded(conn: &mut Conn<'_>, task: &CheckedTask<'_>, whose: Whose) -> Result<Pushed, Error> {
    if task.without_repeat_method
        && let Some(active) = active_of_method(conn, task, whose).await?
    {
        return existing(conn, task, active, whose).await;
    }
    let batch = batch_of(task)?;
    // The task in the way may end between the refusal and the look: then there is room, so try again.
    for _ in 0..20 {
        // On InnoDB a refused insert holds locks that deadlock with settling, and in a caller's transaction hold up all who push
        // without a key, or with the next one: most duplicates are seen before it.
        if task.key.is_some()
            && conn.dialect() == Dialect::MySql
            && let Some(found) = conn.row(&EXISTING, &names(task)).await?
            && let Some(found) = still_active(conn, task, found.text("unique_id")?, whose).await?
        {
            return pushed_before(conn, task, found).await;
        }
        if store(conn, &batch).await?.holds(task) {
            return Ok(Pushed { unique_id: task.unique_id.clone(), is_existing: false });
        }
        if let Some(found) = find_existing(conn, task, whose).await? {
            return pushed_before(conn, task, found).await;
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

/// A task of the method that waits or runs, looked for while the method's row keeps other such pushes away.
async fn active_of_method(conn: &mut Conn<'_>, task: &CheckedTask<'_>, whose: Whose) -> Result<Option<String>, Error> {
    let method = [("method", task.method.into())];
    conn.run(&LOCK_METHOD, &method).await?;
    if let Some(active) = conn.row(&ACTIVE_OF_METHOD, &method).await?
        && let Some(active) = still_active(conn, task, active.text("unique_id")?, whose).await?
    {
        return Ok(Some(active));
    }
    if !is_locking(conn, whose) {
        return Ok(None);
    }
    conn.row(&ACTIVE_OF_METHOD_LOCKING, &method).await?.map(|row| row.text("unique_id")).transpose()
}

/// The task that was found, unless a caller's transaction sees it as it was and it has ended since. A lock on a row that is there
/// holds up nobody but those who change it.
async fn still_active(
    conn: &mut Conn<'_>,
    task: &CheckedTask<'_>,
    found: String,
    whose: Whose,
) -> Result<Option<String>, Error> {
    if found == task.unique_id.as_str() || !is_locking(conn, whose) {
        return Ok(Some(found));
    }
    let id = [("unique_id", found.as_str().into())];
    Ok(conn.row(&STILL_ACTIVE_LOCKING, &id).await?.map(|_| found))
}

/// Another task is active. The task itself may be there all the same, ended: a push whose answer was lost. In a caller's transaction
/// that is not asked: the question would lock, or watch, the place where all push next.
async fn existing(conn: &mut Conn<'_>, task: &CheckedTask<'_>, active: String, whose: Whose) -> Result<Pushed, Error> {
    let found = match whose {
        Whose::Ours => find_existing(conn, task, whose).await?,
        Whose::Callers => None,
    };
    pushed_before(conn, task, found.unwrap_or(active)).await
}

/// The task itself if it is there, else the one that has its key; in a caller's transaction the other way round, so that no id is asked
/// for that is not there.
async fn find_existing(conn: &mut Conn<'_>, task: &CheckedTask<'_>, whose: Whose) -> Result<Option<String>, Error> {
    let look = if is_locking(conn, whose) { &EXISTING_LOCKING } else { &EXISTING };
    if whose == Whose::Callers && task.key.is_some() {
        let mut key_alone = names(task);
        key_alone[0].1 = Value::Text(None);
        if let Some(found) = conn.row(look, &key_alone).await? {
            return found.text("unique_id").map(Some);
        }
    }
    conn.row(look, &names(task)).await?.map(|row| row.text("unique_id")).transpose()
}

/// What a task is known by, and what it may share with another.
fn names<'t>(task: &'t CheckedTask<'_>) -> [(&'static str, Value<'t>); 3] {
    [("unique_id", task.unique_id.as_str().into()), ("method", task.method.into()), ("task_key", task.key.into())]
}

/// Under MySQL's default REPEATABLE READ only a locking read sees what was committed since the transaction began.
fn is_locking(conn: &Conn<'_>, whose: Whose) -> bool {
    whose == Whose::Callers && conn.dialect() == Dialect::MySql
}

/// The task itself is no obstacle: it was stored by a push whose answer was lost. Unless that one was another, of which a clone was made.
async fn pushed_before(conn: &mut Conn<'_>, task: &CheckedTask<'_>, found: String) -> Result<Pushed, Error> {
    let is_existing = found != task.unique_id.as_str();
    if !is_existing {
        let [id, method, key] = names(task);
        let content =
            [("params", task.params.into()), ("type", task.task_type.into()), ("creator", task.creator.into())];
        let values: Vec<_> = [id, method, key].into_iter().chain(content).collect();
        if conn.row(&ALIKE, &values).await?.is_none() {
            return Err(Error::invalid(format!(
                "another task has the id {found}: a clone of a NewTask is the same task; make a NewTask for each"
            )));
        }
    }
    Ok(Pushed { is_existing, unique_id: UniqueId::from_row(found) })
}
