//! From a row to a task.

use mission_core::{Counts, Error, LeaseToken, Progress, State, Task, Timestamp, UniqueId, WorkerId};

use crate::db::Row;
use crate::lines::Line;

/// A task from a row that has all columns. A state or reason written by a stranger's hand does not break the reader.
pub(crate) fn task(row: &Row) -> Result<Task, Error> {
    let unique_id = UniqueId::from_row(row.text("unique_id")?);
    let state: State = row.text("state")?.parse()?;
    let mut task = Task::with(row.int("id")?, unique_id, row.text("method")?, state);
    task.task_type = row.text("type")?;
    task.params = row.text_or_null("params")?;
    task.content = row.text_or_null("content")?;
    task.content_cut = row.int("content_cut")? != 0;
    task.reason = row.text_or_null("reason")?.and_then(|word| word.parse().ok());
    task.creator = row.text_or_null("creator")?;
    task.priority = row.int("priority")?;
    task.task_key = row.text_or_null("task_key")?;
    task.run_at = Timestamp(row.int("run_at")?);
    task.progress = progress(row)?;
    task.counts = Counts { attempt: row.int("attempt")?, failures: row.int("failures")?, crashes: row.int("crashes")? };
    task.retries = row.int_or_null("retries")?;
    task.timeout_ms = row.int_or_null("timeout_ms")?;
    task.stall_timeout_ms = row.int_or_null("stall_timeout_ms")?;
    task.keep_files_ms = row.int_or_null("keep_files_ms")?;
    put_checkpoint(&mut task, row)?;
    task.resumed = row.int("resumed")?;
    task.redone = row.int("redone")?;
    task.active_ms = row.int("active_ms")?;
    task.cancel_requested = row.int("cancel_requested")? != 0;
    task.worker_id = Some(WorkerId(row.int("worker_id")?)).filter(|id| id.0 != 0);
    task.lease_token = LeaseToken(row.int("lease_token")?);
    task.created_date = Timestamp(row.int("created_date")?);
    task.modified_date = Timestamp(row.int("modified_date")?);
    Ok(task)
}

/// A task as SQLite's claim answers it: one of this line that has only usual columns. `None` where there is more to be read.
pub(crate) fn usual_task(row: &Row, line: &Line) -> Result<Option<Task>, Error> {
    if row.int("is_usual")? == 0 {
        return Ok(None);
    }
    let unique_id = UniqueId::from_row(row.text("unique_id")?);
    let mut task = Task::with(row.int("id")?, unique_id, line.method.clone(), State::Executing);
    task.task_type.clone_from(&line.task_type);
    task.priority = line.priority;
    task.params = row.text_or_null("params")?;
    task.creator = row.text_or_null("creator")?;
    task.run_at = Timestamp(row.int("run_at")?);
    task.counts.attempt = row.int("attempt")?;
    task.lease_token = LeaseToken(row.int("lease_token")?);
    task.created_date = Timestamp(row.int("created_date")?);
    task.modified_date = Timestamp(row.int("modified_date")?);
    Ok(Some(task))
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
