//! Settle: writing what became of running tasks, in groups, each under its lease token.

use std::collections::HashSet;

use mission_core::{Content, Error, Lease, LeaseToken, Settlement, State, limits};
use serde::Serialize;

use crate::Store;
use crate::batch::Batches;
use crate::db::{self, Conn, Dialect, Statement};
use crate::reports::WATCH;
use crate::retrying::{is_refusal, retrying};

/// What became of one settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is written.
    Settled,
    /// The lease was lost: someone else decides about the task, nothing was changed.
    Lost,
}

/// What stands in the place of a content that the database refused.
const NOTE: &str = "the content could not be stored";

static SETTLE: Statement =
    Statement::new("settle", include_str!("sql/settle.sql")).mysql(include_str!("sql/settle.mysql.sql"));

#[derive(Serialize)]
struct Row<'s> {
    id: i64,
    lease_token: i64,
    state: &'static str,
    reason: Option<&'static str>,
    content: Option<&'s str>,
    content_cut: i64,
    wait_us: Option<i64>,
    attempt: i64,
    failures: i64,
    crashes: i64,
}

impl<'s> Row<'s> {
    fn of(settlement: &'s Settlement) -> Self {
        Self {
            id: settlement.lease.id,
            lease_token: settlement.lease.token.0,
            state: settlement.state.as_str(),
            reason: settlement.reason.map(|reason| reason.as_str()),
            content: settlement.content.as_ref().map(|content| content.text.as_str()),
            content_cut: settlement.content.as_ref().is_some_and(|content| content.is_cut).into(),
            wait_us: settlement.wait.map(|wait| i64::try_from(wait.as_micros()).unwrap_or(i64::MAX)),
            attempt: settlement.counts.attempt,
            failures: settlement.counts.failures,
            crashes: settlement.counts.crashes,
        }
    }
}

impl Store {
    /// Writes settlements, each under its lease token; answers for each whether it was written.
    ///
    /// A settlement that was written by a try whose answer was lost counts as written. A text the database refuses is
    /// replaced by a note of that, so that the outcome itself is always recorded.
    pub async fn settle(&self, settlements: &[Settlement]) -> Result<Vec<Verdict>, Error> {
        let rows: Vec<Row<'_>> = settlements.iter().map(Row::of).collect();
        let mut verdicts = Vec::with_capacity(settlements.len());
        for part in Batches::of(&rows, limits::BATCH_ROWS_MAX)?.parts {
            let group = &settlements[part.rows.clone()];
            match self.settle_group(&part.json, group).await {
                Ok(settled) => verdicts.extend(settled),
                Err(error) if is_refusal(&error) => verdicts.extend(self.settle_singly(group, &error).await?),
                Err(error) => return Err(error),
            }
        }
        Ok(verdicts)
    }

    async fn settle_group(&self, batch: &str, group: &[Settlement]) -> Result<Vec<Verdict>, Error> {
        retrying(|| async {
            if self.db.kind().dialect() != Dialect::MySql {
                // The statement answers what it wrote, so it needs no transaction around it.
                let mut held = self.db.writer().await?;
                return settle_on(&mut held.conn(), batch, group).await;
            }
            let mut tx = self.db.begin().await?;
            let verdicts = settle_on(&mut tx.conn(), batch, group).await?;
            tx.commit().await?;
            Ok(verdicts)
        })
        .await
    }

    /// One row of a group was refused: each by itself, and the refused one with a content that cannot be.
    async fn settle_singly(&self, group: &[Settlement], refusal: &Error) -> Result<Vec<Verdict>, Error> {
        tracing::warn!(error = %refusal, tasks = group.len(), "a group of outcomes was refused: writing them one by one");
        let mut verdicts = Vec::with_capacity(group.len());
        for settlement in group {
            let one = std::slice::from_ref(settlement);
            let settled = match self.settle_group(&Batches::one(&[Row::of(settlement)])?, one).await {
                Err(error) if is_refusal(&error) => self.settle_plainly(settlement, &error).await?,
                settled => settled?,
            };
            verdicts.extend(settled);
        }
        Ok(verdicts)
    }

    /// Writes an outcome without its content; with the refusal's words if they are not refused, too.
    async fn settle_plainly(&self, settlement: &Settlement, refusal: &Error) -> Result<Vec<Verdict>, Error> {
        let reason: String = refusal.to_string().chars().filter(char::is_ascii).take(300).collect();
        let plain = |note: &str| Settlement { content: Some(Content::new(note)), ..settlement.clone() };
        let with_reason = plain(&format!("{NOTE}: {reason}"));
        match self.settle_group(&Batches::one(&[Row::of(&with_reason)])?, std::slice::from_ref(&with_reason)).await {
            Err(error) if is_refusal(&error) => {
                let bare = plain(NOTE);
                self.settle_group(&Batches::one(&[Row::of(&bare)])?, std::slice::from_ref(&bare)).await
            }
            settled => settled,
        }
    }
}

async fn settle_on(conn: &mut Conn<'_>, batch: &str, group: &[Settlement]) -> Result<Vec<Verdict>, Error> {
    let values = [("batch", batch.into())];
    let mut written = HashSet::new();
    let hit = if conn.dialect() == Dialect::MySql {
        conn.run(&SETTLE, &values).await?
    } else {
        let rows = conn.rows(&SETTLE, &values).await?;
        written = rows.iter().map(end_of).collect::<Result<_, _>>()?;
        rows.len() as u64
    };
    if hit == group.len() as u64 {
        return Ok(vec![Verdict::Settled; group.len()]);
    }
    stood_before(conn, batch, group, &written).await
}

/// Some rows were not hit. One that has our token and our end was written by an earlier try; any other is lost.
/// MySQL does not say which rows it hit, but within the transaction those look the same.
async fn stood_before(
    conn: &mut Conn<'_>,
    batch: &str,
    group: &[Settlement],
    written: &HashSet<End>,
) -> Result<Vec<Verdict>, Error> {
    let stands = conn.rows(&WATCH, &[("batch", batch.into())]).await?;
    let stands = stands.iter().map(end_of).collect::<Result<HashSet<_>, _>>()?;
    let verdict = |settlement: &Settlement| {
        let end = (settlement.lease, settlement.state);
        if written.contains(&end) || stands.contains(&end) { Verdict::Settled } else { Verdict::Lost }
    };
    Ok(group.iter().map(verdict).collect())
}

/// An end and the lease it is written under. Not the row alone: one group may hold an old and a new lease of one task.
type End = (Lease, State);

fn end_of(row: &db::Row) -> Result<End, Error> {
    let lease = Lease { id: row.int("id")?, token: LeaseToken(row.int("lease_token")?) };
    Ok((lease, row.text("state")?.parse()?))
}
