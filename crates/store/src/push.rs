//! Push: storing tasks, so that when it returns they are committed.

use std::collections::HashSet;

use mission_core::{CheckedTask, Due, Error, ErrorKind, NewTask, UniqueId, fair_lane, limits};
use serde::Serialize;

use crate::Store;
use crate::batch::{Batches, Divided, Part};
use crate::db::{Conn, Dialect, Statement, Value, is_unique_violation};
use crate::retrying::retrying;

/// What a push gave: the task's id, and whether it was there before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The id of the new task, or of the one that stood in its way.
    pub unique_id: UniqueId,
    /// Whether a task with the same key, or of the same method, was waiting or running already.
    pub is_existing: bool,
}

/// Whose transaction a push runs in. Ours reads what was committed a moment ago; a caller's may read an older state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    Ours,
    Callers,
}

static PUSH: Statement = Statement::new("push", include_str!("sql/push.sql")).mysql(include_str!("sql/push.mysql.sql"));
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

/// A row of the batch; members left out become NULL.
type NewRow<'t> = Divided<Own<'t>, Alike<'t>>;

/// What each task has for itself.
#[derive(Serialize)]
struct Own<'t> {
    place: usize,
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

fn new_row<'t>(place: usize, task: &CheckedTask<'t>) -> NewRow<'t> {
    let (run_at, wait_us) = match task.due {
        Due::Now => (None, None),
        Due::In(wait) => (None, Some(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX))),
        Due::At(moment) => (Some(moment.0), None),
    };
    Divided {
        own: Own { place, unique_id: task.unique_id.as_str(), params: task.params },
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
        each_is_another(&checked)?;
        let pushed = checked.iter().map(|task| Pushed { unique_id: task.unique_id.clone(), is_existing: false });
        retrying(|| async {
            if self.push_whole(&checked).await? {
                return Ok(pushed.clone().collect());
            }
            // An index decides about one with a key.
            if let [task] = checked.as_slice()
                && !task.without_repeat_method
                && let [part] = batches(&checked)?.parts.as_slice()
            {
                return push_part(&mut self.db.writer().await?.conn(), part, &checked, Whose::Ours).await;
            }
            let mut tx = self.db.begin().await?;
            let pushed = push_on(&mut tx.conn(), &checked, Whose::Ours).await?;
            tx.commit().await?;
            Ok(pushed)
        })
        .await
    }

    /// Stores tasks that nothing stands in the way of but themselves, stored by a try whose answer was lost: then none is stored, and
    /// the answer is no. What one statement stores needs no transaction around it: one way to the server instead of three.
    async fn push_whole(&self, tasks: &[CheckedTask<'_>]) -> Result<bool, Error> {
        if tasks.iter().any(|task| task.without_repeat_method || task.key.is_some()) {
            return Ok(false);
        }
        match batches(tasks)?.parts.as_slice() {
            [part] => insert_whole(&mut self.db.writer().await?.conn(), part).await,
            parts => {
                let mut tx = self.db.begin().await?;
                for part in parts {
                    if !insert_whole(&mut tx.conn(), part).await? {
                        return Ok(false);
                    }
                }
                tx.commit().await?;
                Ok(true)
            }
        }
    }
}

/// Tasks that are pushed together are different ones: a clone is the same task, which would be stored once.
pub(crate) fn each_is_another(tasks: &[CheckedTask<'_>]) -> Result<(), Error> {
    if tasks.len() == 1 {
        return Ok(());
    }
    let mut ids = HashSet::with_capacity(tasks.len());
    match tasks.iter().find(|task| !ids.insert(task.unique_id)) {
        None => Ok(()),
        Some(twice) => Err(Error::invalid(format!(
            "two of the tasks have the id {}: a clone of a NewTask is the same task; make a NewTask for each",
            twice.unique_id
        ))),
    }
}

/// Stores tasks, in their order, in as few statements as their guards allow.
pub(crate) async fn push_on(
    conn: &mut Conn<'_>,
    tasks: &[CheckedTask<'_>],
    whose: Whose,
) -> Result<Vec<Pushed>, Error> {
    let mut pushed = Vec::with_capacity(tasks.len());
    let dialect = conn.dialect();
    for group in tasks.chunk_by(|one, next| fits_a_batch(one, dialect) && fits_a_batch(next, dialect)) {
        match group {
            [task] if !fits_a_batch(task, dialect) => pushed.push(push_guarded(conn, task, whose).await?),
            group => {
                for part in batches(group)?.parts {
                    pushed.extend(push_part(conn, &part, &group[part.rows.clone()], whose).await?);
                }
            }
        }
    }
    Ok(pushed)
}

/// MySQL refuses a whole statement for one duplicate key, so tasks that may have one go by themselves there.
fn fits_a_batch(task: &CheckedTask<'_>, dialect: Dialect) -> bool {
    !task.without_repeat_method && (task.key.is_none() || dialect != Dialect::MySql)
}

pub(crate) fn batches(tasks: &[CheckedTask<'_>]) -> Result<Batches, Error> {
    let rows: Vec<NewRow<'_>> = tasks.iter().enumerate().map(|(place, task)| new_row(place, task)).collect();
    Batches::divided(&rows, limits::PUSH_ROWS_MAX)
}

/// Stores tasks by one statement; those that an index refused are looked at one by one.
async fn push_part(
    conn: &mut Conn<'_>,
    part: &Part,
    tasks: &[CheckedTask<'_>],
    whose: Whose,
) -> Result<Vec<Pushed>, Error> {
    let stored = store(conn, part, tasks).await?;
    let mut pushed = Vec::with_capacity(tasks.len());
    for task in tasks {
        if stored.holds(task) {
            pushed.push(Pushed { unique_id: task.unique_id.clone(), is_existing: false });
        } else {
            pushed.push(push_guarded(conn, task, whose).await?);
        }
    }
    Ok(pushed)
}

/// Which rows of a batch are known to be stored.
enum Stored {
    All,
    These(HashSet<String>),
}

impl Stored {
    fn holds(&self, task: &CheckedTask<'_>) -> bool {
        match self {
            Stored::All => true,
            Stored::These(ids) => ids.contains(task.unique_id.as_str()),
        }
    }
}

async fn store(conn: &mut Conn<'_>, batch: &Part, tasks: &[CheckedTask<'_>]) -> Result<Stored, Error> {
    if conn.dialect() == Dialect::MySql {
        // It stores all or none. Then each is asked about by itself: those that are there are found by their ids.
        let is_whole = insert(conn, batch).await? == tasks.len();
        return Ok(if is_whole { Stored::All } else { Stored::These(HashSet::new()) });
    }
    let rows = conn.rows(&PUSH, &batch.values()).await?;
    rows.iter().map(|row| row.text("unique_id")).collect::<Result<_, _>>().map(Stored::These)
}

/// Stores those rows of a batch that no index refuses, and answers how many. MySQL refuses all for one: `insert ignore` would
/// hide other faults, too.
async fn insert(conn: &mut Conn<'_>, batch: &Part) -> Result<usize, Error> {
    if conn.dialect() == Dialect::MySql {
        return Ok(if insert_whole(conn, batch).await? { batch.rows.len() } else { 0 });
    }
    Ok(conn.rows(&PUSH, &batch.values()).await?.len())
}

/// Stores a batch, or nothing where an index refuses one of its rows, which breaks PostgreSQL's transaction: whether it did.
pub(crate) async fn insert_whole(conn: &mut Conn<'_>, batch: &Part) -> Result<bool, Error> {
    match conn.run(&PUSH, &batch.values()).await {
        Ok(_) => Ok(true),
        Err(error) if is_unique_violation(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Stores one task, or finds the one that stands in its way. The unique indexes and the method's lock decide.
async fn push_guarded(conn: &mut Conn<'_>, task: &CheckedTask<'_>, whose: Whose) -> Result<Pushed, Error> {
    if task.without_repeat_method
        && let Some(active) = active_of_method(conn, task, whose).await?
    {
        return existing(conn, task, active, whose).await;
    }
    let batch = Batches::one_divided(&[new_row(0, task)])?;
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
        if insert(conn, &batch).await? == 1 {
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
