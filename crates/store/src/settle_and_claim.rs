//! Outcomes and the next tasks in one transaction and one way to an SQLite file: for workers of few slots, to whom each of both is a commit.

use mission_core::{Error, Settlement, WorkerId};

use crate::Store;
use crate::claim::{Claimed, Terms};
use crate::db::Kind;
use crate::lines::Line;
use crate::settle::Verdict;

#[cfg(feature = "sqlite")]
use {
    crate::claim::{claim_text, read_claimed, usual_and_unusual, wanted},
    crate::db::{Row, SqlitePools, Statement},
    crate::settle::{end_of, one_batch, settle_text},
    mission_core::{Lease, LeaseToken, State},
    std::collections::HashSet,
};

#[cfg(feature = "sqlite")]
static BOTH: Statement = Statement::new(
    "settle_and_claim",
    concat!("begin immediate;\n", settle_text!(), ";\n", claim_text!(), ";\ncommit"),
);

impl Store {
    /// Whether [`settle_and_claim`](Self::settle_and_claim) costs less than both apart. On servers they go side by side.
    pub fn gains_from_both(&self) -> bool {
        self.kind() == Kind::Sqlite
    }

    /// Writes outcomes that bring nothing, each under its lease token, and claims from a line whose type has no running limit: on an SQLite file in one
    /// transaction, elsewhere one after the other. Tried once: whoever hears of an error does each by itself.
    ///
    /// # Errors
    /// After a broken connection either may have been committed.
    pub async fn settle_and_claim(
        &self,
        settlements: &[Settlement],
        line: &Line,
        worker: WorkerId,
        terms: Terms,
    ) -> Result<(Vec<Verdict>, Vec<Claimed>), Error> {
        debug_assert!(terms.running_limit.is_none() && settlements.iter().all(|one| one.effects.is_none()));
        #[cfg(feature = "sqlite")]
        if let Some(pools) = self.db.sqlite() {
            return self.both_at_once(pools, settlements, line, worker, terms).await;
        }
        let verdicts = self.settle(settlements).await?;
        Ok((verdicts, self.claim_by(line, worker, terms).await?))
    }

    #[cfg(feature = "sqlite")]
    async fn both_at_once(
        &self,
        pools: &SqlitePools,
        settlements: &[Settlement],
        line: &Line,
        worker: WorkerId,
        terms: Terms,
    ) -> Result<(Vec<Verdict>, Vec<Claimed>), Error> {
        let group: Vec<&Settlement> = settlements.iter().collect();
        let batch = one_batch(&group)?;
        let values = [&batch.values()[..], &wanted(line, worker, terms.limit(), terms.suspects)].concat();
        let rows = pools.rows_at_once(&BOTH, &values).await?;
        // The rows of the claim have a column more.
        let (claimed, written): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(|row| row.int("is_usual").is_ok());
        let written = written.iter().map(end_of).collect::<Result<HashSet<_>, _>>()?;
        let (mut tasks, unusual) = usual_and_unusual(&claimed, line)?;
        if !unusual.is_empty() {
            tasks.extend(read_claimed(&mut self.db.reader().await?.conn(), &unusual, worker).await?);
        }
        let mut claimed: Vec<Claimed> = tasks.into_iter().map(|task| Claimed::of(task, worker)).collect();
        claimed.sort_by_key(|claimed| (claimed.task.run_at, claimed.task.id));
        // One that an earlier try has let wait again stood there as it was to, before the same transaction claimed it.
        let waited = |one: &Settlement| {
            let next = Lease { token: LeaseToken(one.lease.token.0 + 1), ..one.lease };
            one.state == State::Init && claimed.iter().any(|claimed| claimed.running.lease == next)
        };
        let mut verdicts = Vec::with_capacity(settlements.len());
        for one in settlements {
            if written.contains(&(one.lease, one.state)) || waited(one) {
                verdicts.push(Verdict::Settled);
            } else {
                verdicts.extend(self.settle(std::slice::from_ref(one)).await?);
            }
        }
        Ok((verdicts, claimed))
    }
}
