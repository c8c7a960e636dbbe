//! What is written and read about tasks while they run: progress, and whether they are still ours.

use mission_core::{Error, Lease, LeaseToken, Progress, State, limits};
use serde::Serialize;

use crate::Store;
use crate::batch::Batches;
use crate::db::Statement;
use crate::retrying::retrying;

/// How far one running task has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgressReport {
    /// The right to say so.
    pub lease: Lease,
    /// The progress.
    pub progress: Progress,
}

/// How a running task stands in the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watched {
    /// The row.
    pub id: i64,
    /// Its token now: grown if someone else claimed it.
    pub token: LeaseToken,
    /// Its state now.
    pub state: State,
    /// Whether someone asked to cancel it.
    pub cancel_requested: bool,
}

static PROGRESS: Statement =
    Statement::new("progress", include_str!("sql/progress.sql")).mysql(include_str!("sql/progress.mysql.sql"));
pub(crate) static WATCH: Statement = Statement::new("watch", include_str!("sql/watch.sql"));

#[derive(Serialize)]
struct ProgressRow<'p> {
    #[serde(flatten)]
    lease: Lease,
    done: i64,
    total: Option<i64>,
    message: Option<&'p str>,
}

impl Store {
    /// Writes progress, each report under its lease token; a lost lease changes nothing.
    pub async fn progress(&self, reports: &[ProgressReport]) -> Result<(), Error> {
        let signed = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let rows: Vec<ProgressRow<'_>> = reports
            .iter()
            .map(|ProgressReport { lease, progress }| ProgressRow {
                lease: *lease,
                done: signed(progress.done),
                total: progress.total.map(signed),
                message: progress.message.as_deref(),
            })
            .collect();
        for part in Batches::of(&rows, limits::BATCH_ROWS_MAX)?.parts {
            let values = [("batch", (&part.json).into())];
            retrying(|| async { self.db.writer().await?.conn().run(&PROGRESS, &values).await }).await?;
        }
        Ok(())
    }

    /// How the tasks of these leases stand; one that is gone is left out.
    pub async fn watch(&self, leases: &[Lease]) -> Result<Vec<Watched>, Error> {
        let mut watched = Vec::with_capacity(leases.len());
        for part in Batches::of(leases, limits::BATCH_ROWS_MAX)?.parts {
            let values = [("batch", (&part.json).into())];
            let rows = retrying(|| async { self.db.reader().await?.conn().rows(&WATCH, &values).await }).await?;
            for row in rows {
                watched.push(Watched {
                    id: row.int("id")?,
                    token: LeaseToken(row.int("lease_token")?),
                    state: row.text("state")?.parse()?,
                    cancel_requested: row.int("cancel_requested")? != 0,
                });
            }
        }
        Ok(watched)
    }
}
