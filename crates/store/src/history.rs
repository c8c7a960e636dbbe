//! What is kept beside a task: its attempts, the lines its method logged, and the settings of the database.

use mission_core::{
    Attempt, Error, Lease, LeaseToken, LogLine, NewLogLine, Timestamp, UniqueId, WorkerId, clean_text, limits,
};
use serde::Serialize;

use crate::Store;
use crate::batch::Batches;
use crate::db::Statement;
use crate::retrying::{is_refusal, retrying};

/// The lines of one attempt that are to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLogLines {
    /// The right to say so: lines of an attempt whose task somebody else has claimed since are left out.
    pub lease: Lease,
    /// The lines.
    pub lines: Vec<NewLogLine>,
}

static ATTEMPTS: Statement = Statement::new("attempts", include_str!("sql/attempts.sql"));
static PUT_LOG: Statement =
    Statement::new("log_put", include_str!("sql/log_put.sql")).mysql(include_str!("sql/log_put.mysql.sql"));
static FORGET_LOG: Statement = Statement::new("log_forget", include_str!("sql/log_forget.sql"));
static LOGS: Statement = Statement::new("logs", include_str!("sql/logs.sql"));
static SETTING: Statement = Statement::new("setting", include_str!("sql/setting.sql"));

#[derive(Serialize)]
struct LineRow {
    #[serde(flatten)]
    lease: Lease,
    line_no: i64,
    age_us: i64,
    level: String,
    message: String,
}

impl LineRow {
    /// Lines beyond the bound of an attempt are left out, but for one more that says how many those were.
    fn of(lease: Lease, line: &NewLogLine) -> Option<Self> {
        let is_within = (1..=limits::LOG_LINES_MAX + 1).contains(&line.number);
        let cut = |text: &str, bytes_max: usize| {
            let clean = clean_text(text);
            clean[..clean.floor_char_boundary(bytes_max)].to_owned()
        };
        is_within.then(|| Self {
            lease,
            line_no: first_line(lease.token).saturating_add(line.number),
            age_us: i64::try_from(line.age.min(limits::SPAN_MAX).as_micros()).unwrap_or(0),
            level: cut(&line.level, limits::LOG_LEVEL_BYTES_MAX),
            message: cut(&line.message, limits::LOG_MESSAGE_BYTES_MAX),
        })
    }
}

fn first_line(token: LeaseToken) -> i64 {
    token.0.saturating_mul(limits::LOG_NUMBERS)
}

impl Store {
    /// The attempts of a task that were kept, the latest first.
    pub async fn attempts(&self, unique_id: &UniqueId) -> Result<Vec<Attempt>, Error> {
        let values = [("unique_id", unique_id.as_str().into()), ("limit", limits::ATTEMPTS_KEPT.into())];
        let rows = retrying(|| async { self.db.reader().await?.conn().rows(&ATTEMPTS, &values).await }).await?;
        rows.iter()
            .map(|row| {
                Ok(Attempt {
                    lease_token: LeaseToken(row.int("lease_token")?),
                    attempt: row.int("attempt")?,
                    worker_id: WorkerId(row.int("worker_id")?),
                    worker: row.text("worker")?,
                    started_date: Timestamp(row.int("started_date")?),
                    ended_date: Timestamp(row.int("ended_date")?),
                    outcome: row.text("outcome")?,
                    content: row.text_or_null("content")?,
                })
            })
            .collect()
    }

    /// Keeps lines; one that was kept by an earlier try stays as it is, one that the database refuses is dropped.
    ///
    /// With the first line of an attempt those of attempts long ago are forgotten ([`limits::LOG_ATTEMPTS_KEPT`]).
    pub async fn log(&self, logged: &[NewLogLines]) -> Result<(), Error> {
        let rows: Vec<LineRow> =
            logged.iter().flat_map(|of| of.lines.iter().filter_map(|line| LineRow::of(of.lease, line))).collect();
        for part in Batches::of(&rows, limits::BATCH_ROWS_MAX)?.parts {
            match self.put_lines(&part.json).await {
                Err(error) if is_refusal(&error) => {
                    tracing::warn!(%error, lines = part.rows.len(), "lines of tasks' logs were refused: writing them one by one");
                    for row in &rows[part.rows] {
                        match self.put_lines(&Batches::one(&[row])?).await {
                            Err(error) if is_refusal(&error) => {}
                            put => put?,
                        }
                    }
                }
                put => put?,
            }
        }
        let begins = |of: &&NewLogLines| of.lines.first().is_some_and(|line| line.number == 1);
        for of in logged.iter().filter(begins).filter(|of| of.lease.token.0 > limits::LOG_ATTEMPTS_KEPT) {
            let oldest = LeaseToken(of.lease.token.0 - limits::LOG_ATTEMPTS_KEPT + 1);
            let values = [("task_id", of.lease.id.into()), ("line_no", first_line(oldest).into())];
            retrying(|| async { self.db.writer().await?.conn().run(&FORGET_LOG, &values).await }).await?;
        }
        Ok(())
    }

    async fn put_lines(&self, batch: &str) -> Result<(), Error> {
        let values = [("batch", batch.into())];
        retrying(|| async { self.db.writer().await?.conn().run(&PUT_LOG, &values).await.map(drop) }).await
    }

    /// The lines a task logged, behind the line `after` (0 for all), in their order.
    pub async fn logs(&self, unique_id: &UniqueId, after: i64, limit: usize) -> Result<Vec<LogLine>, Error> {
        let values = [
            ("unique_id", unique_id.as_str().into()),
            ("after", after.into()),
            ("limit", i64::try_from(limit).unwrap_or(i64::MAX).into()),
        ];
        let rows = retrying(|| async { self.db.reader().await?.conn().rows(&LOGS, &values).await }).await?;
        rows.iter()
            .map(|row| {
                Ok(LogLine {
                    line_no: row.int("line_no")?,
                    logged_date: Timestamp(row.int("logged_date")?),
                    level: row.text("level")?,
                    message: row.text("message")?,
                })
            })
            .collect()
    }

    /// What tells this database from any other: made with its tables, never changed.
    ///
    /// # Errors
    /// The tables are older than this program.
    pub async fn database_id(&self) -> Result<String, Error> {
        let values = [("name", "database_id".into())];
        retrying(|| async {
            let row = self.db.reader().await?.conn().row(&SETTING, &values).await?;
            let missing =
                || Error::new(mission_core::ErrorKind::Schema, "the database has no id: run `mission migrate`");
            row.ok_or_else(missing)?.text("setting")
        })
        .await
    }
}
