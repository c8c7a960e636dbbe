//! From a row to a task.

use mission_core::{Error, LeaseToken, Progress, State, Task, Timestamp, UniqueId, WorkerId};

use crate::db::Row;
use crate::lines::Line;

/// A task from a row that has all columns. A state or reason written by a stranger's hand does not break the reader.
pub(crate) fn task(row: &Row) -> Result<Task, Error> {
    let state: State = row.text("state")?.parse()?;
    let mut task = Task::with(row.int("id")?, UniqueId::from_row(row.text("unique_id")?), row.text("method")?, state);
    task.task_type = row.text("type")?;
    task.priority = row.int("priority")?;
    task.content = row.text_or_null("content")?;
    task.content_cut = row.int("content_cut")? != 0;
    task.cancel_requested = row.int("cancel_requested")? != 0;
    task.worker_id = Some(WorkerId(row.int("worker_id")?)).filter(|id| id.0 != 0);
    put_usual(&mut task, row)?;
    put_unusual(&mut task, row)?;
    Ok(task)
}

/// A task of this line from a row of a claim, which leaves out what every task of the line has after it, and mostly what most do not have.
pub(crate) fn claimed_task(row: &Row, line: &Line) -> Result<Task, Error> {
    let unique_id = UniqueId::from_row(row.text("unique_id")?);
    let mut task = Task::with(row.int("id")?, unique_id, line.method.clone(), State::Executing);
    task.task_type.clone_from(&line.task_type);
    task.priority = line.priority;
    put_usual(&mut task, row)?;
    Ok(task)
}

/// What differs from task to task.
fn put_usual(task: &mut Task, row: &Row) -> Result<(), Error> {
    task.params = row.text_or_null("params")?;
    task.creator = row.text_or_null("creator")?;
    task.run_at = Timestamp(row.int("run_at")?);
    task.counts.attempt = row.int("attempt")?;
    task.lease_token = LeaseToken(row.int("lease_token")?);
    task.created_date = Timestamp(row.int("created_date")?);
    task.modified_date = Timestamp(row.int("modified_date")?);
    Ok(())
}

/// What most tasks do not have when they are claimed. A number that is left out is zero.
pub(crate) fn put_unusual(task: &mut Task, row: &Row) -> Result<(), Error> {
    let count = |column| row.int_or_null(column).map(Option::unwrap_or_default);
    task.reason = row.text_or_null("reason")?.and_then(|word| word.parse().ok());
    task.task_key = row.text_or_null("task_key")?;
    task.progress = progress(row)?;
    task.counts.failures = count("failures")?;
    task.counts.crashes = count("crashes")?;
    task.retries = row.int_or_null("retries")?;
    task.timeout_ms = row.int_or_null("timeout_ms")?;
    task.stall_timeout_ms = row.int_or_null("stall_timeout_ms")?;
    task.keep_files_ms = row.int_or_null("keep_files_ms")?;
    put_checkpoint(task, row)?;
    task.resumed = count("resumed")?;
    task.redone = count("redone")?;
    task.active_ms = count("active_ms")?;
    Ok(())
}

/// A list of files that cannot be read takes its cursor with it: a cursor without its files would leave a hole in them.
fn put_checkpoint(task: &mut Task, row: &Row) -> Result<(), Error> {
    let Some(cursor) = row.text_or_null("checkpoint")? else { return Ok(()) };
    let files = row.text_or_null("checkpoint_files")?;
    let Ok(files) = files.as_deref().map_or(Ok(Vec::new()), serde_json::from_str) else { return Ok(()) };
    task.checkpoint = Some(cursor);
    task.checkpoint_done = row.int_or_null("checkpoint_done")?.map(|done| u64::try_from(done).unwrap_or(0));
    task.checkpoint_files = files;
    Ok(())
}

fn progress(row: &Row) -> Result<Option<Progress>, Error> {
    let unsigned = |value: i64| u64::try_from(value).unwrap_or(0);
    let Some(done) = row.int_or_null("progress_done")? else { return Ok(None) };
    Ok(Some(Progress {
        done: unsigned(done),
        total: row.int_or_null("progress_total")?.map(unsigned),
        message: row.text_or_null("progress_message")?,
    }))
}
