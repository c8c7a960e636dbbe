//! What is written and read about tasks while they run: progress, checkpoints, and whether they are still ours.

use mission_core::{Checkpoint, Error, Lease, LeaseToken, Progress, State, limits};
use serde::Serialize;

use crate::Store;
use crate::batch::Batches;
use crate::db::{Conn, Statement, is_locked};
use crate::retrying::{is_answer, is_refusal, retrying, retrying_unless_locked};
use crate::unlocked::unlocked_on;

/// What an attempt reports: all values are absolute, so that a report may be written twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The right to say so.
    pub lease: Lease,
    /// How far the method has come; `None` leaves what stands there.
    pub progress: Option<Progress>,
    /// Where the method goes on if it is interrupted; `None` leaves what stands there. One that is written forgets crashes.
    pub checkpoint: Option<Checkpoint>,
    /// Attempts that went on from a checkpoint.
    pub resumed: i64,
    /// Units of progress that were done once more after going on.
    pub redone: i64,
    /// How long the method has run for the present progress, in milliseconds.
    pub active_ms: i64,
}

/// What became of one report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reported {
    /// It is written.
    Written,
    /// The lease was lost, or the task has ended: nothing was changed.
    Lost,
    /// Somebody else holds the row: nothing was changed, and it is to be tried again.
    Held,
    /// The database refused it, and would again: nothing was changed.
    Refused,
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

static REPORT: Statement =
    Statement::new("report", include_str!("sql/report.sql")).mysql(include_str!("sql/report.mysql.sql"));
/// Its text, which on SQLite may stand behind that of a settlement.
macro_rules! watch_text {
    () => {
        include_str!("sql/watch.sql")
    };
}
#[cfg(feature = "sqlite")]
pub(crate) use watch_text;

pub(crate) static WATCH: Statement = Statement::new("watch", watch_text!());

#[derive(Serialize)]
struct Row<'r> {
    #[serde(flatten)]
    lease: Lease,
    done: Option<i64>,
    total: Option<i64>,
    message: Option<String>,
    checkpoint: Option<&'r str>,
    checkpoint_done: Option<i64>,
    checkpoint_files: Option<String>,
    resumed: i64,
    redone: i64,
    active_ms: i64,
}

impl<'r> Row<'r> {
    fn of(report: &'r Report) -> Result<Self, Error> {
        let signed = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let progress = report.progress.as_ref();
        let stored = report.checkpoint.as_ref().filter(|checkpoint| !checkpoint.is_start_over());
        let files = stored.filter(|checkpoint| !checkpoint.files.is_empty());
        Ok(Self {
            lease: report.lease,
            done: progress.map(|progress| signed(progress.done)),
            total: progress.and_then(|progress| progress.total).map(signed),
            message: progress.and_then(|progress| progress.message.as_deref()).and_then(fitted),
            checkpoint: report.checkpoint.as_ref().map(|checkpoint| checkpoint.cursor.as_str()),
            checkpoint_done: stored.map(|checkpoint| signed(checkpoint.done)),
            checkpoint_files: files.map(|checkpoint| Batches::one(&checkpoint.files)).transpose()?,
            resumed: report.resumed,
            redone: report.redone,
            active_ms: report.active_ms,
        })
    }
}

/// A message put into the field directly may be of any length and hold NUL, which PostgreSQL refuses.
fn fitted(message: &str) -> Option<String> {
    Progress::default().message(message).message
}

/// Writes one report within a transaction that is open.
pub(crate) async fn report_on(conn: &mut Conn<'_>, report: &Report) -> Result<(), Error> {
    let batch = Batches::one(&[Row::of(report)?])?;
    conn.run(&REPORT, &[("batch", (&batch).into())]).await.map(drop)
}

impl Store {
    /// Writes progress and checkpoints, each report under its lease token; answers for each whether it was written.
    pub async fn report(&self, reports: &[Report]) -> Result<Vec<Reported>, Error> {
        let rows = reports.iter().map(Row::of).collect::<Result<Vec<_>, _>>()?;
        let mut reported = Vec::with_capacity(reports.len());
        for part in Batches::of(&rows, limits::BATCH_ROWS_MAX)?.parts {
            let group = &reports[part.rows.clone()];
            match self.report_group(&part.json, group).await {
                Err(error) if is_answer(&error) => {
                    tracing::warn!(%error, tasks = group.len(), "a group of reports was refused: writing them one by one");
                    for (report, row) in group.iter().zip(&rows[part.rows]) {
                        let one = self.report_group(&Batches::one(&[row])?, std::slice::from_ref(report)).await;
                        match one {
                            Err(error) if is_refusal(&error) => reported.push(Reported::Refused),
                            one => reported.extend(one?),
                        }
                    }
                }
                group => reported.extend(group?),
            }
        }
        Ok(reported)
    }

    /// The same for those whose rows were held: each is written if its row is free now, and nothing is waited for.
    pub async fn report_held(&self, reports: &[Report]) -> Result<Vec<Reported>, Error> {
        let mut reported = Vec::with_capacity(reports.len());
        for report in reports {
            match self.report_unlocked(std::slice::from_ref(report)).await {
                Err(error) if is_answer(&error) => reported.extend(self.report(std::slice::from_ref(report)).await?),
                told => reported.extend(told?),
            }
        }
        Ok(reported)
    }

    async fn report_group(&self, batch: &str, group: &[Report]) -> Result<Vec<Reported>, Error> {
        let values = [("batch", batch.into())];
        let write = || async {
            let mut held = self.db.writer().await?;
            let hit = held.conn().run(&REPORT, &values).await;
            if hit.as_ref().is_err_and(is_locked) {
                // Else our own locks would look like somebody else's to the next try, on another connection.
                held.let_go().await;
            }
            hit
        };
        match retrying_unless_locked(write).await {
            Ok(hit) if hit == group.len() as u64 => Ok(vec![Reported::Written; group.len()]),
            Ok(_) => self.as_they_stand(group).await,
            Err(error) if is_locked(&error) => self.report_unlocked(group).await,
            Err(error) => Err(error),
        }
    }

    /// Writes those whose rows nobody else holds, without waiting for the others.
    async fn report_unlocked(&self, group: &[Report]) -> Result<Vec<Reported>, Error> {
        let leases: Vec<Lease> = group.iter().map(|report| report.lease).collect();
        let unlocked = retrying(|| async {
            let mut tx = self.db.begin().await?;
            let unlocked = unlocked_on(&mut tx.conn(), &leases).await?;
            let free = group.iter().filter(|report| unlocked.contains(&report.lease.id));
            let rows = free.map(Row::of).collect::<Result<Vec<_>, _>>()?;
            if !rows.is_empty() {
                tx.conn().run(&REPORT, &[("batch", (&Batches::one(&rows)?).into())]).await?;
            }
            tx.commit().await?;
            Ok(unlocked)
        })
        .await?;
        let reported = self.as_they_stand(group).await?;
        let told = |(report, reported): (&Report, Reported)| match reported {
            Reported::Written if !unlocked.contains(&report.lease.id) => Reported::Held,
            reported => reported,
        };
        Ok(group.iter().zip(reported).map(told).collect())
    }

    /// Whether reports were written, going by their rows.
    async fn as_they_stand(&self, group: &[Report]) -> Result<Vec<Reported>, Error> {
        // A row that is still ours now was ours when the statement ran, because a token never comes back.
        let leases: Vec<Lease> = group.iter().map(|report| report.lease).collect();
        let watched = self.watch(&leases).await?;
        let is_ours = |lease: &Lease| {
            watched.iter().any(|now| (now.id, now.token, now.state) == (lease.id, lease.token, State::Executing))
        };
        let told = |lease: &Lease| if is_ours(lease) { Reported::Written } else { Reported::Lost };
        Ok(leases.iter().map(told).collect())
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
