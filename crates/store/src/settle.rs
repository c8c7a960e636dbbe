//! Settle: writing what became of running tasks, in groups, each under its lease token.

use std::collections::HashSet;

use mission_core::{Error, Lease, LeaseToken, Settlement, State, limits};
use serde::Serialize;

use crate::Store;
use crate::batch::{Batches, Divided, Part};
use crate::db::{self, Conn, Dialect, Statement, is_locked};
use crate::effects;
use crate::push_guarded::Whose;
use crate::push_in::{Guard, PushConnection, within};
use crate::reports::{Report, WATCH, report_on};
use crate::retrying::{is_answer, is_refusal, retrying, retrying_unless_locked};
use crate::settle_plainer::plainer_and_plainer;
use crate::unlocked::unlocked_on;

/// What became of one settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is written.
    Settled,
    /// A success is written as a failure, because the database refused what it brings: its files are nobody's.
    SettledAsFailure,
    /// Somebody else holds the row: nothing was changed, and it is to be tried again.
    Held,
    /// The lease was lost: someone else decides about the task, nothing was changed.
    Lost,
}

/// Its text, which on SQLite may stand before that of a claim.
macro_rules! settle_text {
    () => {
        include_str!("sql/settle.sql")
    };
}
#[cfg(feature = "sqlite")]
pub(crate) use settle_text;

static SETTLE: Statement = Statement::new("settle", settle_text!()).mysql(include_str!("sql/settle.mysql.sql"));
/// So many outcomes that bring nothing are cheaper on SQLite in a transaction, where to count what was written is enough, than with
/// an answer for each.
const COUNTED_MIN: usize = 50;

type Row<'s> = Divided<Own<'s>, Alike>;

/// What each end has for itself.
#[derive(Serialize)]
struct Own<'s> {
    id: i64,
    lease_token: i64,
    content: Option<&'s str>,
}

/// What ends that are written together mostly have in common.
#[derive(Serialize, PartialEq)]
struct Alike {
    state: &'static str,
    reason: Option<&'static str>,
    content_cut: i64,
    wait_us: Option<i64>,
    attempt: i64,
    failures: i64,
    crashes: i64,
}

fn row(settlement: &Settlement) -> Row<'_> {
    Divided {
        own: Own {
            id: settlement.lease.id,
            lease_token: settlement.lease.token.0,
            content: settlement.content.as_ref().map(|content| content.text.as_str()),
        },
        alike: Alike {
            state: settlement.state.as_str(),
            reason: settlement.reason.map(|reason| reason.as_str()),
            content_cut: settlement.content.as_ref().is_some_and(|content| content.is_cut).into(),
            wait_us: settlement.wait.map(|wait| i64::try_from(wait.as_micros()).unwrap_or(i64::MAX)),
            attempt: settlement.counts.attempt,
            failures: settlement.counts.failures,
            crashes: settlement.counts.crashes,
        },
    }
}

/// Settlements as one batch, whatever its size.
pub(crate) fn one_batch(group: &[&Settlement]) -> Result<Part, Error> {
    let rows: Vec<Row<'_>> = group.iter().copied().map(row).collect();
    Batches::one_divided(&rows)
}

impl Store {
    /// Writes settlements, each under its lease token, with what they bring; answers for each whether it was written.
    ///
    /// A settlement that was written by a try whose answer was lost counts as written, and so does what it brought. A text
    /// the database refuses is replaced by a note of that, so that the outcome itself is always recorded. A success whose
    /// files or follow-up tasks are refused is recorded as a failure: it would promise what is not there. A task that was
    /// asked to end while it ran is cancelled where it would wait again, and that counts as written, too.
    pub async fn settle(&self, settlements: &[Settlement]) -> Result<Vec<Verdict>, Error> {
        let is_bare = |place: &usize| settlements[*place].effects.is_none();
        let (bare, rich): (Vec<usize>, Vec<usize>) = (0..settlements.len()).partition(is_bare);
        let mut verdicts = vec![Verdict::Lost; settlements.len()];
        for places in [bare, rich] {
            let group: Vec<&Settlement> = places.iter().map(|place| &settlements[*place]).collect();
            for (place, verdict) in places.into_iter().zip(self.settle_alike(&group).await?) {
                verdicts[place] = verdict;
            }
        }
        Ok(verdicts)
    }

    /// The same for those whose rows were held: each is written if its row is free now, and nothing is waited for.
    pub async fn settle_held(&self, settlements: &[Settlement]) -> Result<Vec<Verdict>, Error> {
        let mut verdicts = Vec::with_capacity(settlements.len());
        for settlement in settlements {
            match self.settle_unlocked(&[settlement]).await {
                Err(error) if is_answer(&error) => {
                    verdicts.extend(self.settle(std::slice::from_ref(settlement)).await?)
                }
                settled => verdicts.extend(settled?),
            }
        }
        Ok(verdicts)
    }

    /// Writes settlements that all bring something, or all nothing.
    async fn settle_alike(&self, settlements: &[&Settlement]) -> Result<Vec<Verdict>, Error> {
        let rows: Vec<Row<'_>> = settlements.iter().copied().map(row).collect();
        let mut verdicts = Vec::with_capacity(settlements.len());
        for part in Batches::divided(&rows, limits::BATCH_ROWS_MAX)?.parts {
            let group = &settlements[part.rows.clone()];
            match self.settle_group(&part, group).await {
                Ok(settled) => verdicts.extend(settled),
                Err(error) if is_answer(&error) => verdicts.extend(self.settle_singly(group, &error).await?),
                Err(error) => return Err(error),
            }
        }
        Ok(verdicts)
    }

    async fn settle_group(&self, batch: &Part, group: &[&Settlement]) -> Result<Vec<Verdict>, Error> {
        match self.settle_whole(batch, group).await {
            Err(error) if is_locked(&error) => self.settle_unlocked(group).await,
            settled => settled,
        }
    }

    async fn settle_whole(&self, batch: &Part, group: &[&Settlement]) -> Result<Vec<Verdict>, Error> {
        let is_bare = group.iter().all(|settlement| settlement.effects.is_none());
        retrying_unless_locked(|| async {
            #[cfg(feature = "sqlite")]
            if is_bare && self.db.sqlite().is_some_and(|pools| pools.has_log()) && is_counted(Dialect::Sqlite, group) {
                return self.settle_counted(batch, group).await;
            }
            if is_bare && (group.len() == 1 || !is_counted(self.db.kind().dialect(), group)) {
                // The statement answers what it wrote, so it needs no transaction around it. Of one row that it does not hit
                // it has changed nothing.
                let mut held = self.db.writer().await?;
                let settled = settle_on(&mut held.conn(), batch, group).await;
                if settled.as_ref().is_err_and(is_locked) {
                    held.let_go().await;
                }
                return settled;
            }
            let mut tx = self.db.begin().await?;
            // Else our own locks would look like somebody else's to the next try, on another connection.
            let settled = settle_on(&mut tx.conn(), batch, group).await;
            if settled.as_ref().is_err_and(is_locked) {
                tx.rollback().await;
                return settled;
            }
            let verdicts = settled?;
            tx.commit().await?;
            Ok(verdicts)
        })
        .await
    }

    /// Writes those whose rows nobody else holds, without waiting for the others.
    async fn settle_unlocked(&self, group: &[&Settlement]) -> Result<Vec<Verdict>, Error> {
        let leases: Vec<Lease> = group.iter().map(|settlement| settlement.lease).collect();
        retrying(|| async {
            let mut tx = self.db.begin().await?;
            let unlocked = unlocked_on(&mut tx.conn(), &leases).await?;
            let free: Vec<&Settlement> =
                group.iter().copied().filter(|settlement| unlocked.contains(&settlement.lease.id)).collect();
            let mut settled = Vec::new();
            if !free.is_empty() {
                let batch = one_batch(&free)?;
                settled = settle_on(&mut tx.conn(), &batch, &free).await?;
            }
            let stands = stands_on(&mut tx.conn(), &Batches::one(&leases)?).await?;
            tx.commit().await?;
            let mut settled = settled.into_iter();
            let verdict = |settlement: &&Settlement| {
                if unlocked.contains(&settlement.lease.id) {
                    // proof: one verdict came for each of the free ones, in their order.
                    settled.next().unwrap_or(Verdict::Lost)
                } else if stands.contains(&(settlement.lease, settlement.state)) {
                    Verdict::Settled
                } else if stands.contains(&(settlement.lease, State::Executing)) {
                    Verdict::Held
                } else {
                    Verdict::Lost
                }
            };
            Ok(group.iter().map(verdict).collect())
        })
        .await
    }

    /// One row of a group was refused: each by itself, and the refused one as far as it can be. One that only finds no room
    /// does not hold up those behind it, and is tried again with all.
    async fn settle_singly(&self, group: &[&Settlement], refusal: &Error) -> Result<Vec<Verdict>, Error> {
        tracing::warn!(error = %refusal, tasks = group.len(), "a group of outcomes was refused: writing them one by one");
        let mut verdicts = Vec::with_capacity(group.len());
        let mut trouble = None;
        for settlement in group {
            let settled = match self.settle_one(settlement).await {
                Err(error) if is_refusal(&error) => self.settle_plainly(settlement, error).await,
                settled => settled,
            };
            match settled {
                Ok(settled) => verdicts.extend(settled),
                Err(error) if is_answer(&error) => trouble = Some(error),
                Err(error) => return Err(error),
            }
        }
        trouble.map_or(Ok(verdicts), Err)
    }

    async fn settle_one(&self, settlement: &Settlement) -> Result<Vec<Verdict>, Error> {
        self.settle_group(&one_batch(&[settlement])?, &[settlement]).await
    }

    /// Writes an outcome with less and less of what was refused.
    async fn settle_plainly(&self, settlement: &Settlement, refusal: Error) -> Result<Vec<Verdict>, Error> {
        let mut last = refusal;
        for plainer in plainer_and_plainer(settlement, &last) {
            match self.settle_one(&plainer).await {
                Err(error) if is_refusal(&error) => last = error,
                Ok(settled) if settled == [Verdict::Settled] && plainer.state != settlement.state => {
                    return Ok(vec![Verdict::SettledAsFailure]);
                }
                settled => return settled,
            }
        }
        Err(last)
    }

    /// Settles a task in the caller's transaction, with what it brings and what it reported last, which cannot be written
    /// otherwise once the row is locked: the caller's effects and this commit together.
    ///
    /// On a connection that is not in a transaction it is one of its own. A settlement that an earlier transaction wrote
    /// is [`Verdict::Lost`] here: the caller's effects are there already, so this transaction is to be rolled back.
    ///
    /// # Errors
    /// A deadlock, a busy database or a serialization failure says [`is_retryable`](Error::is_retryable): run the whole
    /// transaction again. Whatever else the database refuses leaves the transaction usable.
    pub async fn succeed_in(
        connection: &mut impl PushConnection,
        settlement: &Settlement,
        last: Option<&Report>,
    ) -> Result<Verdict, Error> {
        within(connection, Guard::Needed, async |conn| {
            effects::follow_ups(settlement)?;
            if let Some(report) = last {
                report_on(conn, report).await?;
            }
            let batch = one_batch(&[settlement])?;
            let (hit, _) = write_on(conn, &batch, &[settlement], Whose::Callers).await?;
            Ok(if hit == 1 { Verdict::Settled } else { Verdict::Lost })
        })
        .await
    }
}

async fn settle_on(conn: &mut Conn<'_>, batch: &Part, group: &[&Settlement]) -> Result<Vec<Verdict>, Error> {
    let (hit, written) = write_on(conn, batch, group, Whose::Ours).await?;
    if hit == group.len() as u64 {
        return Ok(vec![Verdict::Settled; group.len()]);
    }
    stood_before(conn, &batch.json, group, &written).await
}

/// Whether it is only counted how many of a group that brings nothing were written. Where not all were, the rows are looked at
/// within the same transaction.
fn is_counted(dialect: Dialect, group: &[&Settlement]) -> bool {
    match dialect {
        Dialect::MySql => true,
        Dialect::Sqlite => group.len() >= COUNTED_MIN,
        Dialect::Postgres => false,
    }
}

/// Writes settlements and what those bring that were hit; answers how many those were, and which if that is known.
async fn write_on(
    conn: &mut Conn<'_>,
    batch: &Part,
    group: &[&Settlement],
    whose: Whose,
) -> Result<(u64, HashSet<End>), Error> {
    let is_bare = group.iter().all(|settlement| settlement.effects.is_none());
    if is_bare && is_counted(conn.dialect(), group) {
        return Ok((conn.run(&SETTLE, &batch.values()).await?, HashSet::new()));
    }
    let written = match conn.dialect() {
        Dialect::MySql => write_and_name(conn, batch, group).await?,
        _ => {
            let rows = conn.rows(&SETTLE, &batch.values()).await?;
            rows.iter().map(end_of).collect::<Result<_, _>>()?
        }
    };
    let hit = written.len() as u64;
    if !is_bare {
        let settled: Vec<&Settlement> =
            group.iter().copied().filter(|one| written.contains(&(one.lease, one.state))).collect();
        effects::write(conn, &settled, whose).await?;
    }
    Ok((hit, written))
}

/// MySQL does not say which rows an update hits: where it does not hit all, they are written one by one.
async fn write_and_name(conn: &mut Conn<'_>, batch: &Part, group: &[&Settlement]) -> Result<HashSet<End>, Error> {
    if group.len() > 1 {
        conn.script("savepoint mission_settle").await?;
        if conn.run(&SETTLE, &batch.values()).await? == group.len() as u64 {
            return Ok(group.iter().map(|settlement| (settlement.lease, settlement.state)).collect());
        }
        conn.script("rollback to savepoint mission_settle").await?;
    }
    let mut written = HashSet::new();
    for settlement in group {
        let one = one_batch(&[settlement])?;
        if conn.run(&SETTLE, &one.values()).await? == 1 {
            written.insert((settlement.lease, settlement.state));
        }
    }
    Ok(written)
}

/// Some rows were not hit. One that has our token and our end was written by an earlier try; any other is lost.
/// Where it was only counted, those that were hit look the same within the transaction.
async fn stood_before(
    conn: &mut Conn<'_>,
    batch: &str,
    group: &[&Settlement],
    written: &HashSet<End>,
) -> Result<Vec<Verdict>, Error> {
    let stands = stands_on(conn, batch).await?;
    Ok(verdicts(group, |end| written.contains(end) || stands.contains(end)))
}

/// Each is written, or lost.
pub(crate) fn verdicts(group: &[&Settlement], is_written: impl Fn(&End) -> bool) -> Vec<Verdict> {
    let verdict = |one: &&Settlement| match is_written(&(one.lease, one.state)) {
        true => Verdict::Settled,
        false => Verdict::Lost,
    };
    group.iter().map(verdict).collect()
}

/// How the rows stand now, as the ends that were written.
async fn stands_on(conn: &mut Conn<'_>, batch: &str) -> Result<HashSet<End>, Error> {
    conn.rows(&WATCH, &[("batch", batch.into())]).await?.iter().map(end_of).collect()
}

/// An end and the lease it is written under. Not the row alone: one group may hold an old and a new lease of one task.
pub(crate) type End = (Lease, State);

pub(crate) fn end_of(row: &db::Row) -> Result<End, Error> {
    let lease = Lease { id: row.int("id")?, token: LeaseToken(row.int("lease_token")?) };
    let state = row.text("state")?.parse()?;
    // One that was cancelled in place of waiting again stands for what was to be written.
    let is_in_place = state == State::Cancelled && row.int("cancel_requested")? != 0;
    Ok((lease, if is_in_place { State::Init } else { state }))
}
