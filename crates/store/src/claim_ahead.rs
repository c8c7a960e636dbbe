//! Claim ahead of a look: one task of a line known from before, with as few ways to the database as it takes.

use mission_core::{Error, WorkerId};

use crate::Store;
use crate::claim::{Claimed, Suspects, claim, mark, marked, tasks_of, values_of};
use crate::db::{Conn, Dialect, Statement};
use crate::lines::Line;

static AHEAD: Statement = claim("claim_ahead").with("ahead");
static MARK: Statement = mark("claim_mark_ahead").with("ahead");

impl Store {
    /// Claims the first due task of a line that need not have been read just now: nothing is taken from a type that is paused or has
    /// a running limit by now. For a worker at rest that is called; whether another line comes first is left to its next look.
    ///
    /// `None` also where others get in the way: [`claim`](Self::claim) passes what they have locked. To be asked of a
    /// [`brief`](Self::brief) store, because on MySQL it may stand behind them for a moment.
    ///
    /// # Errors
    /// After a broken connection the claim may have been committed: ask [`executing`](Self::executing) before going on.
    pub async fn claim_ahead(
        &self,
        line: &Line,
        worker: WorkerId,
        suspects: Suspects,
    ) -> Result<Option<Claimed>, Error> {
        let mut held = self.db.writer_before_disk().await?;
        match claim_ahead_on(&mut held.conn(), line, worker, suspects).await {
            Err(fault) if fault.is_retryable() => Ok(None),
            claimed => {
                // As after any claim.
                self.db.keep_soon();
                claimed
            }
        }
    }
}

async fn claim_ahead_on(
    conn: &mut Conn<'_>,
    line: &Line,
    worker: WorkerId,
    suspects: Suspects,
) -> Result<Option<Claimed>, Error> {
    let rows = conn.rows(&AHEAD, &values_of(line, worker, 1, suspects)).await?;
    let mut tasks = tasks_of(conn, &rows, line, worker).await?;
    // Not locked since it was read, which spares the two ways of a transaction: its token tells whether it is still the same.
    if conn.dialect() == Dialect::MySql
        && let Some(row) = rows.first()
        && marked(conn, &MARK, &mut tasks, worker, row.int("now_us")?).await? == 0
    {
        return Ok(None);
    }
    Ok(tasks.into_iter().next().map(|task| Claimed::of(task, worker)))
}
