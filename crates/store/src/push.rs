//! Push: storing tasks, so that when it returns they are committed.

use std::collections::HashSet;

use mission_core::{CheckedTask, Error, ErrorKind, NewTask, UniqueId};

use crate::Store;
use crate::batch::Part;
use crate::db::{Conn, Dialect};
use crate::push_guarded::{Whose, push_guarded};
use crate::push_rows::{batches, insert_whole, store};
use crate::retrying::retrying;

/// What a push gave: the task's id, and whether it was there before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The id of the new task, or of the one that stood in its way.
    pub unique_id: UniqueId,
    /// Whether a task with the same key, or of the same method, was waiting or running already.
    pub is_existing: bool,
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

/// Stores tasks by one statement; those that an index refused are looked at one by one.
async fn push_part(
    conn: &mut Conn<'_>,
    part: &Part,
    tasks: &[CheckedTask<'_>],
    whose: Whose,
) -> Result<Vec<Pushed>, Error> {
    let stored = store(conn, part).await?;
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
