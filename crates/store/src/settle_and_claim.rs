//! Outcomes and the next tasks in one transaction and one way to an SQLite file: for workers of few slots, to whom each of both is a commit.

use mission_core::{Error, Settlement, WorkerId};

use crate::Store;
use crate::claim::{Claimed, Terms};
use crate::lines::Line;
use crate::settle::Verdict;

#[cfg(feature = "sqlite")]
use {
    crate::claim::{claim_text, unread, wanted},
    crate::db::{Row, Statement},
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
    /// Writes outcomes that bring nothing, each under its lease token, and claims from a line whose type has no running limit: on an SQLite file in one
    /// transaction, elsewhere one after the other. Tried once: whoever hears of an error does each by itself.
    ///
    /// In one transaction an outcome that was not written is [`Verdict::Held`], whatever stands in its way: nothing that is claimed waits for a look at that.
    ///
    /// # Errors
    /// One that says [`is_unreachable`](Error::is_unreachable) leaves it open whether either was committed; after any other neither is.
    pub async fn settle_and_claim(
        &self,
        settlements: &[Settlement],
        line: &Line,
        worker: WorkerId,
        terms: Terms,
    ) -> Result<(Vec<Verdict>, Vec<Claimed>), Error> {
        debug_assert!(terms.running_limit.is_none() && settlements.iter().all(|one| one.effects.is_none()));
        #[cfg(feature = "sqlite")]
        if self.kind() == crate::Kind::Sqlite {
            return self.both_at_once(settlements, line, worker, terms).await;
        }
        let verdicts = self.settle(settlements).await?;
        Ok((verdicts, self.claim_by(line, worker, terms).await?))
    }

    #[cfg(feature = "sqlite")]
    async fn both_at_once(
        &self,
        settlements: &[Settlement],
        line: &Line,
        worker: WorkerId,
        terms: Terms,
    ) -> Result<(Vec<Verdict>, Vec<Claimed>), Error> {
        let group: Vec<&Settlement> = settlements.iter().collect();
        let batch = one_batch(&group)?;
        let values = [&batch.values()[..], &wanted(line, worker, terms.limit(), terms.suspects)].concat();
        let rows = self.db.writer().await?.rows_at_once(&BOTH, &values, true).await?;
        // It is committed. The rows of the claim have a column more.
        let (claimed, written): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(|row| row.int("is_usual").is_ok());
        let written = written.iter().map(end_of).collect::<Result<HashSet<_>, _>>().map_err(unread)?;
        let mut claimed = self.claimed_of(&claimed, line, worker).await?;
        claimed.sort_by_key(|claimed| (claimed.task.run_at, claimed.task.id));
        // One that an earlier try has let wait again stood there as it was to, before the same transaction claimed it.
        let waited = |one: &Settlement| {
            let next = Lease { token: LeaseToken(one.lease.token.0 + 1), ..one.lease };
            one.state == State::Init && claimed.iter().any(|claimed| claimed.running.lease == next)
        };
        let verdict = |one: &Settlement| match written.contains(&(one.lease, one.state)) || waited(one) {
            true => Verdict::Settled,
            false => Verdict::Held,
        };
        Ok((settlements.iter().map(verdict).collect(), claimed))
    }
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use std::time::Duration;

    use mission_core::{Content, Counts, Effects, NewTask};

    use super::*;
    use crate::OnMissing;

    const WORKER: WorkerId = WorkerId(7);

    /// A store whose first task runs, with its end, while others wait that have more than usual.
    async fn begun(folder: &std::path::Path) -> (Store, Settlement, Line) {
        let store = Store::open(&format!("sqlite://{}/mission.db", folder.display()), OnMissing::Create).await.unwrap();
        store.push_all(&[NewTask::new("export"), NewTask::new("export").key("nightly")]).await.unwrap();
        let line = store.lines().await.unwrap().0.remove(0);
        let lease = store.claim(&line, WORKER, 1).await.unwrap().remove(0).running.lease;
        let end = Settlement {
            lease,
            state: State::Success,
            reason: None,
            content: Some(Content::new("done")),
            counts: Counts::default(),
            wait: None,
            effects: Effects::NONE,
        };
        (store, end, line)
    }

    #[tokio::test]
    async fn what_is_claimed_is_read_whatever_keeps_the_readers_busy() {
        let folder = mission_testkit::folder();
        let (store, end, line) = begun(folder.path()).await;
        let mut readers = Vec::new();
        for _ in 0..4 {
            readers.push(store.db.reader().await.unwrap());
        }
        let both = store.settle_and_claim(std::slice::from_ref(&end), &line, WORKER, Terms::up_to(9));
        let (verdicts, claimed) = tokio::time::timeout(Duration::from_secs(10), both).await.unwrap().unwrap();
        assert_eq!((verdicts, claimed.len()), (vec![Verdict::Settled], 1));
    }
}
