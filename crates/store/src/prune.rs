//! Prune: removing ended tasks whose time is over, in small transactions from the table's old end.

use std::time::Duration;

use mission_core::{Error, State, Timestamp, limits};
use serde::Serialize;

use crate::Store;
use crate::batch::Batches;
use crate::db::{Conn, Statement};
use crate::retrying::retrying;

/// How long ended tasks are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Successful and cancelled tasks: 30 days unless told otherwise.
    pub ended: Duration,
    /// Failed tasks: 90 days unless told otherwise.
    pub failed: Duration,
}

impl Default for Keep {
    fn default() -> Self {
        let days = |days: u64| Duration::from_secs(days * 24 * 3600);
        Self { ended: days(30), failed: days(90) }
    }
}

/// What one step of pruning did, or would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pruned {
    /// How many tasks were removed, or would be.
    pub removed: u64,
    /// Give this to go on behind what was looked at; `None` when the end was reached.
    pub next: Option<i64>,
}

static CANDIDATES: Statement = Statement::new("prune_candidates", include_str!("sql/prune_candidates.sql"));
static PRUNE: Statement =
    Statement::new("prune", include_str!("sql/prune.sql")).mysql(include_str!("sql/prune.mysql.sql"));
static PRUNE_ATTEMPTS: Statement = Statement::new("prune_attempts", include_str!("sql/prune_attempts.sql"))
    .mysql(include_str!("sql/prune_attempts.mysql.sql"))
    .postgres(include_str!("sql/prune_attempts.postgres.sql"));
static PRUNE_LOGS: Statement = Statement::new("prune_logs", include_str!("sql/prune_logs.sql"))
    .mysql(include_str!("sql/prune_logs.mysql.sql"))
    .postgres(include_str!("sql/prune_logs.postgres.sql"));

#[derive(Serialize)]
pub(crate) struct IdRow {
    pub(crate) id: i64,
}

impl Store {
    /// Looks at up to [`limits::PRUNE_ROWS_MAX`] rows behind `after` and removes those whose time is over.
    pub async fn prune_step(&self, keep: Keep, after: i64) -> Result<Pruned, Error> {
        let Over { tasks: over, next } = self.over(keep, after).await?;
        if over.is_empty() {
            return Ok(Pruned { removed: 0, next });
        }
        let batch = Batches::one(&over)?;
        let removed = retrying(|| async {
            let mut tx = self.db.begin().await?;
            let removed = tx.conn().run(&PRUNE, &[("batch", (&batch).into())]).await?;
            prune_history(&mut tx.conn(), &batch).await?;
            tx.commit().await?;
            Ok(removed)
        })
        .await?;
        Ok(Pruned { removed, next })
    }

    /// What [`Store::prune_step`] would remove now, without removing it.
    pub async fn prune_look(&self, keep: Keep, after: i64) -> Result<Pruned, Error> {
        let Over { tasks, next } = self.over(keep, after).await?;
        Ok(Pruned { removed: tasks.len() as u64, next })
    }

    /// A task is never pushed after it ended, and rows come in the order of pushing: the first row younger than the
    /// shortest time to keep is the end.
    async fn over(&self, keep: Keep, after: i64) -> Result<Over, Error> {
        let now = self.now().await?;
        let shortest = keep.ended.min(keep.failed);
        let values = [("after", after.into()), ("limit", limits::PRUNE_ROWS_MAX.into())];
        let rows = retrying(|| async { self.db.reader().await?.conn().rows(&CANDIDATES, &values).await }).await?;
        let mut over = Over { tasks: Vec::new(), next: None };
        let is_full = i64::try_from(rows.len()).unwrap_or(i64::MAX) >= limits::PRUNE_ROWS_MAX;
        for row in &rows {
            let (id, state) = (row.int("id")?, row.text("state")?.parse::<State>()?);
            if now.since(Timestamp(row.int("created_date")?)) < shortest {
                over.next = None;
                break;
            }
            over.next = Some(id).filter(|_| is_full);
            let kept = if state == State::Fail { keep.failed } else { keep.ended };
            if state.is_final() && now.since(Timestamp(row.int("modified_date")?)) >= kept {
                over.tasks.push(IdRow { id });
            }
        }
        Ok(over)
    }
}

/// Tasks whose time is over among those that one step looks at, and where the next one begins.
struct Over {
    tasks: Vec<IdRow>,
    next: Option<i64>,
}

/// Removes the attempts and logs of those of these tasks that are gone. The rows of result files stay until their file is
/// removed.
pub(crate) async fn prune_history(conn: &mut Conn<'_>, batch: &str) -> Result<(), Error> {
    for statement in [&PRUNE_ATTEMPTS, &PRUNE_LOGS] {
        conn.run(statement, &[("batch", batch.into())]).await?;
    }
    Ok(())
}
