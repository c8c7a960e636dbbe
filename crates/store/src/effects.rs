//! What a settlement brings with it: result files, the record of the attempt and follow-up tasks, in its transaction.

use mission_core::{AttemptRecord, CheckedTask, Error, FinishedFile, Lease, NewTask, Settlement, clean_text, limits};
use serde::Serialize;

use crate::batch::Batches;
use crate::db::{Conn, Statement};
use crate::push::push_on;
use crate::push_guarded::Whose;

static SUPERSEDE: Statement = Statement::new("artifact_supersede", include_str!("sql/artifact_supersede.sql"));
static PUT_ARTIFACT: Statement = Statement::new("artifact_put", include_str!("sql/artifact_put.sql"))
    .mysql(include_str!("sql/artifact_put.mysql.sql"));
static PUT_ATTEMPT: Statement =
    Statement::new("attempt_put", include_str!("sql/attempt_put.sql")).mysql(include_str!("sql/attempt_put.mysql.sql"));
static FORGET_ATTEMPTS: Statement = Statement::new("attempt_forget", include_str!("sql/attempt_forget.sql"));

#[derive(Serialize)]
struct FileRow<'f> {
    task_id: i64,
    name: String,
    media_type: String,
    bytes: i64,
    sha256: &'f str,
    row_count: Option<i64>,
    storage: &'f str,
    location: &'f str,
    keep_us: Option<i64>,
}

impl<'f> FileRow<'f> {
    fn of(lease: Lease, file: &'f FinishedFile) -> Self {
        let signed = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        Self {
            task_id: lease.id,
            name: fitted(&file.name, limits::FILE_NAME_CHARS_MAX),
            media_type: fitted(&file.media_type, limits::MEDIA_TYPE_CHARS_MAX),
            bytes: signed(file.bytes),
            sha256: &file.sha256,
            row_count: file.rows.map(signed),
            storage: &file.storage,
            location: &file.location,
            keep_us: file.keep.map(|keep| micros(keep.min(limits::SPAN_MAX))),
        }
    }
}

#[derive(Serialize)]
struct AttemptRow {
    #[serde(flatten)]
    lease: Lease,
    attempt: i64,
    worker_id: i64,
    worker: String,
    ran_us: i64,
    outcome: String,
    content: Option<String>,
}

impl AttemptRow {
    fn of(lease: Lease, record: &AttemptRecord) -> Self {
        let content = |text: &str| {
            let clean = clean_text(text);
            clean[..clean.floor_char_boundary(limits::ATTEMPT_CONTENT_BYTES_MAX)].to_owned()
        };
        Self {
            lease,
            attempt: record.attempt,
            worker_id: record.worker_id.0,
            worker: fitted(&record.worker, limits::NAME_CHARS_MAX),
            ran_us: micros(record.ran.min(limits::SPAN_MAX)),
            outcome: fitted(&record.outcome, OUTCOME_CHARS_MAX),
            content: record.content.as_deref().map(content),
        }
    }
}

/// The width of the column.
const OUTCOME_CHARS_MAX: usize = 32;

fn micros(span: std::time::Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

/// A text as a column of so many characters takes it.
fn fitted(text: &str, chars_max: usize) -> String {
    clean_text(text).chars().take(chars_max).collect()
}

/// The follow-up tasks of a settlement, checked.
pub(crate) fn follow_ups(settlement: &Settlement) -> Result<Vec<CheckedTask<'_>>, Error> {
    let tasks = &settlement.effects.follow_ups;
    if tasks.len() > limits::FOLLOW_UPS_MAX {
        return Err(Error::invalid(format!(
            "the task pushes {} others with its success, more than {}: push one that pushes them",
            tasks.len(),
            limits::FOLLOW_UPS_MAX
        )));
    }
    tasks.iter().map(NewTask::check).collect()
}

/// Writes what these settlements bring with them; they were written in this transaction, and nobody else may be.
pub(crate) async fn write(conn: &mut Conn<'_>, settled: &[&Settlement], whose: Whose) -> Result<(), Error> {
    write_files(conn, settled).await?;
    write_attempts(conn, settled).await?;
    for settlement in settled {
        let tasks = follow_ups(settlement)?;
        if !tasks.is_empty() {
            push_on(conn, &tasks, whose).await?;
        }
    }
    Ok(())
}

async fn write_files(conn: &mut Conn<'_>, settled: &[&Settlement]) -> Result<(), Error> {
    let mut rows: Vec<FileRow<'_>> = Vec::new();
    for settlement in settled {
        for file in &settlement.effects.files {
            let row = FileRow::of(settlement.lease, file);
            supersede(conn, settlement.lease, &row).await?;
            // A statement may not describe one row twice.
            rows.retain(|known| known.task_id != row.task_id || known.name != row.name);
            rows.push(row);
        }
    }
    for part in Batches::of(&rows, limits::BATCH_ROWS_MAX)?.parts {
        conn.run(&PUT_ARTIFACT, &[("batch", (&part.json).into())]).await?;
    }
    Ok(())
}

/// Only a task that ran before, and was retried by a person, can have a file of that name already.
async fn supersede(conn: &mut Conn<'_>, lease: Lease, row: &FileRow<'_>) -> Result<(), Error> {
    if lease.token.0 <= 1 {
        return Ok(());
    }
    let values = [
        ("task_id", row.task_id.into()),
        ("name", (&row.name).into()),
        ("storage", row.storage.into()),
        ("location", row.location.into()),
    ];
    conn.run(&SUPERSEDE, &values).await.map(drop)
}

async fn write_attempts(conn: &mut Conn<'_>, settled: &[&Settlement]) -> Result<(), Error> {
    let row = |settlement: &&Settlement| {
        settlement.effects.attempt_record.as_ref().map(|record| AttemptRow::of(settlement.lease, record))
    };
    let rows: Vec<AttemptRow> = settled.iter().filter_map(row).collect();
    for part in Batches::of(&rows, limits::BATCH_ROWS_MAX)?.parts {
        conn.run(&PUT_ATTEMPT, &[("batch", (&part.json).into())]).await?;
    }
    for row in rows.iter().filter(|row| row.lease.token.0 > limits::ATTEMPTS_KEPT) {
        let oldest = row.lease.token.0 - limits::ATTEMPTS_KEPT;
        conn.run(&FORGET_ATTEMPTS, &[("task_id", row.lease.id.into()), ("lease_token", oldest.into())]).await?;
    }
    Ok(())
}
