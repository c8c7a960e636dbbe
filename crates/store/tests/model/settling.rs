//! What is written under leases: ends, progress, hand-over and rescue, with tokens that hold and tokens that do not.

use std::collections::BTreeSet;

use mission_core::{Backoff, Chance, Content, Effects, Lease, Policy, Running, Settlement, UniqueId, WorkerId, settle};
use mission_store::{Claimed, Line, Report, Reported, Suspects, Terms, Verdict, Watched};
use proptest::prelude::*;

use crate::kept::Bringing;
use crate::play::{Played, Stage, unexpected};
use crate::step::{ContentKind, End, Ending, HOUR, Leases, News, Right, Say};

/// Backoffs of hours: a task that waits again stays waiting for the rest of the sequence.
fn policy(retries: i64) -> Policy {
    Policy { retries, backoff: Backoff { first: HOUR, longest: HOUR * 4 }, ..Policy::default() }
}

impl Stage {
    /// A lease that was given, as its worker knows it: with a cancel, if it has heard of one.
    pub(crate) fn running(&self, right: &Right, news: News) -> Option<Running> {
        let is_held = |lease: Lease| self.world.rows.iter().any(|row| row.is_held_by(lease));
        let all = self.world.leases.iter().map(|claimed| &claimed.running);
        let leases: Vec<&Running> =
            all.filter(|running| right.among == Leases::All || is_held(running.lease)).collect();
        if leases.is_empty() {
            return None;
        }
        let mut running = leases[right.lease.index(leases.len())].clone();
        if let Some(row) = self.world.rows.iter().find(|row| row.is_held_by(running.lease)) {
            running.cancel_requested = news == News::Heard && row.task.cancel_requested;
        }
        running.lease.token.0 += right.shift;
        Some(running)
    }

    /// Ends of different leases, as far as those were ever given.
    fn group(&self, ends: &[End]) -> Vec<Bringing> {
        let mut group: Vec<Bringing> = Vec::new();
        for end in ends {
            let Some(running) = self.running(&end.right, end.news) else { continue };
            if group.iter().any(|one| one.settlement.lease == running.lease) {
                continue;
            }
            let mut settlement = settle(&running, &policy(end.retries), end.ending.outcome(), Chance::fixed(0.5));
            if end.content == ContentKind::Cut {
                settlement.content = Some(Content { text: "much".to_owned(), is_cut: true });
            }
            group.push(Bringing::of(settlement, &end.brings));
        }
        group
    }

    pub(crate) async fn settle(&mut self, ends: &[End]) -> Played {
        self.settle_group(&self.group(ends)).await
    }

    /// Ends that bring nothing, and a claim, together.
    pub(crate) async fn settle_and_claim(
        &mut self,
        ends: &[End],
        line: &Line,
        worker: WorkerId,
        limit: usize,
        leaves_suspects: bool,
    ) -> Played {
        let bare = |one: Bringing| {
            let settlement = Settlement { effects: Effects::NONE, ..one.settlement };
            Bringing { settlement, pushings: Vec::new() }
        };
        // A lease that nobody was given yet may be the one that this claim gives, by the time that its end is tried by itself.
        let ends: Vec<End> = ends.iter().filter(|end| end.right.shift <= 0).cloned().collect();
        // When one that waits is due is read from its row, which a claim in between may change.
        let group = self.group(&ends).into_iter().filter(|one| one.settlement.wait.is_none());
        let group: Vec<Bringing> = group.map(bare).collect();
        let settlements: Vec<Settlement> = group.iter().map(|one| one.settlement.clone()).collect();
        let suspects = if leaves_suspects { Suspects::Leave } else { Suspects::Take };
        let terms = Terms { suspects, ..Terms::up_to(limit) };
        let both = self.store.settle_and_claim(&settlements, line, worker, terms).await;
        let (mut verdicts, claimed) = both.map_err(unexpected)?;
        for (settlement, verdict) in settlements.iter().zip(&mut verdicts) {
            if *verdict == Verdict::Held {
                let alone = self.store.settle_held(std::slice::from_ref(settlement)).await;
                *verdict = alone.map_err(unexpected)?.remove(0);
            }
        }
        self.settled(&group, &verdicts)?;
        let crashes_max = if leaves_suspects { 0 } else { i64::MAX };
        let expected = self.world.claim(line, worker, limit, crashes_max, self.clock);
        let ids: Vec<UniqueId> = claimed.iter().map(|claimed| claimed.task.unique_id.clone()).collect();
        prop_assert_eq!(&ids, &expected, "claimed by due time, then by id, after what was settled");
        if !(verdicts.is_empty() || claimed.is_empty()) {
            self.saw("settled and claimed together");
        }
        for claimed in claimed {
            self.given(claimed).await?;
        }
        Ok(())
    }

    async fn settle_group(&mut self, group: &[Bringing]) -> Played {
        let settlements: Vec<Settlement> = group.iter().map(|one| one.settlement.clone()).collect();
        let verdicts = self.store.settle(&settlements).await.map_err(unexpected)?;
        self.settled(group, &verdicts)?;
        let rich = settlements.iter().filter(|settlement| !settlement.effects.is_none());
        self.kept_of_rows(rich.map(|settlement| settlement.lease.id)).await
    }

    /// What became of a group is what had to.
    fn settled(&mut self, group: &[Bringing], verdicts: &[Verdict]) -> Played {
        let unheard = group.iter().filter(|one| self.world.cancels(&one.settlement)).count();
        let expected = self.world.settle_group(group);
        (0..unheard).for_each(|_| self.saw("cancelled in place of waiting again"));
        prop_assert_eq!(verdicts, &expected, "each is settled under its own token or lost");
        for verdict in verdicts {
            self.saw(if *verdict == Verdict::Settled { "settled" } else { "settle lost" });
        }
        Ok(())
    }

    pub(crate) async fn say(&mut self, says: &[Say]) -> Played {
        let mut reports: Vec<Report> = Vec::new();
        for say in says {
            let Some(Running { lease, .. }) = self.running(&say.right, News::Unheard) else { continue };
            if reports.iter().any(|report| report.lease == lease) {
                continue;
            }
            reports.push(Report {
                lease,
                progress: say.progress.clone(),
                checkpoint: say.checkpoint.clone(),
                resumed: say.figure,
                redone: say.figure * 2,
                active_ms: say.figure * 3,
            });
        }
        let reported = self.store.report(&reports).await.map_err(unexpected)?;
        let expected: Vec<Reported> = reports.iter().map(|report| self.world.report(report)).collect();
        prop_assert_eq!(&reported, &expected, "each is written under its own token or lost");
        for (report, reported) in reports.iter().zip(reported) {
            self.saw(match reported {
                Reported::Written if report.checkpoint.is_some() => "checkpoint written",
                Reported::Written => "progress written",
                _ => "report lost",
            });
            if reported == Reported::Written && report.checkpoint.as_ref().is_some_and(|at| !at.is_start_over()) {
                // As the worker does: crashes before a checkpoint are forgotten.
                let leases = self.world.leases.iter_mut().filter(|claimed| claimed.running.lease == report.lease);
                leases.for_each(|claimed| claimed.running.checkpointed());
            }
        }
        Ok(())
    }

    /// All that a worker holds goes back: handed over by itself, or settled by a rescuer.
    pub(crate) async fn give_back(&mut self, worker: usize, ending: Ending) -> Played {
        let worker = self.world.workers[worker];
        let held = self.store.executing(worker).await.map_err(unexpected)?;
        let ids: Vec<UniqueId> = held.iter().map(|held| held.task.unique_id.clone()).collect();
        prop_assert_eq!(ids, self.world.held_by(worker));
        let ended = |running: &Running| settle(running, &policy(0), ending.outcome(), Chance::fixed(0.5));
        let bare = |Claimed { running, .. }: &Claimed| Bringing { settlement: ended(running), pushings: Vec::new() };
        let group: Vec<Bringing> = held.iter().map(bare).collect();
        self.settle_group(&group).await?;
        let left = self.store.executing(worker).await.map_err(unexpected)?;
        prop_assert_eq!(left, vec![], "nothing runs for a worker that gave everything back");
        Ok(())
    }

    /// How all tasks stand under whose lease they ever were.
    pub(crate) async fn watch(&mut self) -> Played {
        let leases: Vec<Lease> = self.world.leases.iter().map(|claimed| claimed.running.lease).collect();
        let ids: BTreeSet<i64> = leases.iter().map(|lease| lease.id).collect();
        let once: Vec<Lease> =
            ids.iter().filter_map(|id| leases.iter().find(|lease| lease.id == *id)).copied().collect();
        let mut watched = self.store.watch(&once).await.map_err(unexpected)?;
        watched.sort_by_key(|watched| watched.id);
        let rows = self.world.rows.iter().map(|row| &row.task).filter(|task| ids.contains(&task.id));
        let expected: Vec<Watched> = rows
            .map(|task| Watched {
                id: task.id,
                token: task.lease_token,
                state: task.state,
                cancel_requested: task.cancel_requested,
            })
            .collect();
        prop_assert_eq!(watched, expected);
        Ok(())
    }
}
