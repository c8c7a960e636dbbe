//! Many at once: workers that claim, settle, hand over, rescue each other and lie about tokens, while people cancel.

use std::collections::{BTreeMap, BTreeSet};

use mission_core::{
    Backoff, Chance, Checkpoint, Counts, Filter, Lease, LeaseToken, NewTask, Outcome, Policy, Progress, Settlement,
    State, UniqueId, WorkerId, settle,
};
use mission_store::{Claimed, OnMissing, Report, Reported, Store, Verdict};
use mission_testkit::{Database, conformance};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::number;
use crate::step::{Ending, HOUR};

conformance![of_a_crowd_each_token_is_given_once_and_each_task_ends_once];

const WORKERS: u64 = 6;
const TASKS: usize = 30;

/// What one worker did: the leases it was given, and what the store said to each settlement.
#[derive(Default)]
struct Diary {
    given: Vec<Lease>,
    said: Vec<(Settlement, Verdict)>,
}

struct Racer {
    store: Store,
    me: WorkerId,
    rng: StdRng,
    tasks: Vec<UniqueId>,
    held: Vec<Claimed>,
    diary: Diary,
}

impl Racer {
    fn one_of(&mut self, count: usize) -> usize {
        self.rng.random_range(0..count)
    }

    fn any_task(&mut self) -> UniqueId {
        let place = self.one_of(TASKS);
        self.tasks[place].clone()
    }

    async fn claim(&mut self) {
        let (lines, _) = self.store.lines().await.unwrap();
        if lines.is_empty() {
            return;
        }
        let line = &lines[self.one_of(lines.len())];
        let claimed = self.store.claim(line, self.me, 3).await.unwrap();
        self.take(claimed);
    }

    fn take(&mut self, claimed: Vec<Claimed>) {
        self.diary.given.extend(claimed.iter().map(|claimed| claimed.running.lease));
        self.held.extend(claimed);
    }

    fn end_of(&mut self, claimed: &Claimed) -> Settlement {
        let endings = [
            Ending::Success,
            Ending::Success,
            Ending::Failed,
            Ending::After(0),
            Ending::HandedOver,
            Ending::Died,
            Ending::Cancelled,
        ];
        let ending = endings[self.one_of(endings.len())];
        let policy = Policy { retries: 2, backoff: Backoff { first: HOUR, longest: HOUR }, ..Policy::default() };
        settle(&claimed.running, &policy, ending.outcome(), Chance::fixed(0.0))
    }

    async fn settle(&mut self, group: Vec<Settlement>) {
        let verdicts = self.store.settle(&group).await.unwrap();
        self.diary.said.extend(group.into_iter().zip(verdicts));
    }

    /// Settles some of what it holds; some leases it keeps and uses once more, late.
    async fn settle_some(&mut self) {
        let count = self.held.len().min(3);
        let held: Vec<Claimed> = self.held.drain(..count).collect();
        let group: Vec<Settlement> = held.iter().map(|claimed| self.end_of(claimed)).collect();
        self.settle(group).await;
        if self.one_of(4) == 0 {
            self.held.extend(held);
        }
    }

    async fn lie(&mut self) {
        let Some(claimed) = self.held.first().cloned() else { return };
        let mut lie =
            settle(&claimed.running, &Policy::default(), Outcome::Success("a lie".to_owned()), Chance::fixed(0.0));
        lie.lease.token = LeaseToken(claimed.running.lease.token.0 + 1_000_000);
        let report = lying_report(lie.lease);
        assert_eq!(self.store.report(&[report]).await.unwrap(), [Reported::Lost], "no such token was ever given");
        assert_eq!(self.store.settle(&[lie]).await.unwrap(), [Verdict::Lost], "no such token was ever given");
    }

    /// Declares another dead and settles what it holds, while it may be settling the same.
    async fn rescue(&mut self) {
        let other = WorkerId(self.one_of(WORKERS as usize) as i64 + 1);
        let held = self.store.executing(other).await.unwrap();
        let group = held
            .iter()
            .map(|claimed| settle(&claimed.running, &Policy::default(), Outcome::Died, Chance::fixed(0.0)))
            .collect();
        self.settle(group).await;
    }

    async fn race(mut self, steps: usize) -> Diary {
        for _ in 0..steps {
            match self.one_of(12) {
                0..=3 => self.claim().await,
                4..=7 => self.settle_some().await,
                8 => self.lie().await,
                9 => self.rescue().await,
                10 => {
                    let id = self.any_task();
                    let claimed = self.store.claim_one(&id, self.me).await.unwrap();
                    self.take(claimed.into_iter().collect());
                }
                _ => {
                    let id = self.any_task();
                    let _ended_before = self.store.cancel(&id).await;
                }
            }
        }
        self.diary
    }
}

fn lying_report(lease: Lease) -> Report {
    let checkpoint = Checkpoint::at(&"a lie", 666, Vec::new()).unwrap();
    let progress = Some(Progress::of(666, 666));
    Report { lease, progress, checkpoint: Some(checkpoint), resumed: 666, redone: 0, active_ms: 0 }
}

async fn of_a_crowd_each_token_is_given_once_and_each_task_ends_once(db: Database) {
    let store = Store::open(db.url(), OnMissing::Create).await.unwrap();
    store.migrate().await.unwrap();
    let seed = number("MISSION_MODEL_SEED").unwrap_or_else(rand::random);
    println!("MISSION_MODEL_SEED={seed}");
    let tasks: Vec<NewTask> = (0..TASKS).map(|n| NewTask::new(format!("method{}", n % 3))).collect();
    let ids: Vec<UniqueId> = store.push_all(&tasks).await.unwrap().into_iter().map(|pushed| pushed.unique_id).collect();
    let mut racers = Vec::new();
    for worker in 1..=WORKERS {
        let store = Store::open(db.url(), OnMissing::Create).await.unwrap();
        let rng = StdRng::seed_from_u64(seed ^ worker);
        let me = WorkerId(worker as i64);
        let racer = Racer { store, me, rng, tasks: ids.clone(), held: Vec::new(), diary: Diary::default() };
        racers.push(tokio::spawn(racer.race(60)));
    }
    let mut diaries = BTreeMap::new();
    for (worker, racer) in (1_i64..).zip(racers) {
        diaries.insert(worker, racer.await.expect("no racer panics"));
    }
    let rows = store.list(&Filter::all(), 1000, None).await.unwrap().tasks;
    assert_eq!(rows.len(), TASKS);
    for row in rows {
        judge(&row, &diaries);
    }
}

/// What one row and all diaries must agree on.
fn judge(row: &mission_core::Task, diaries: &BTreeMap<i64, Diary>) {
    let given: Vec<(i64, i64)> = diaries
        .iter()
        .flat_map(|(worker, diary)| {
            diary.given.iter().filter(|lease| lease.id == row.id).map(|lease| (lease.token.0, *worker))
        })
        .collect();
    let tokens: BTreeSet<i64> = given.iter().map(|(token, _)| *token).collect();
    assert_eq!(tokens, (1..=row.lease_token.0).collect(), "task {}: every token was given", row.id);
    assert_eq!(given.len(), tokens.len(), "task {}: no token was given twice", row.id);
    // Two that end an attempt alike are both told that it ended so; one that ended it otherwise is told that it lost.
    let mut ends: BTreeMap<i64, BTreeSet<&str>> = BTreeMap::new();
    let mut accepted: Vec<(i64, &Settlement)> = Vec::new();
    for (settlement, verdict) in diaries.values().flat_map(|diary| &diary.said) {
        if settlement.lease.id == row.id && *verdict == Verdict::Settled {
            ends.entry(settlement.lease.token.0).or_default().insert(settlement.state.as_str());
            accepted.push((settlement.lease.token.0, settlement));
        }
    }
    let finals: Vec<i64> = accepted.iter().filter(|(_, s)| s.state.is_final()).map(|(token, _)| *token).collect();
    assert!(finals.iter().all(|token| *token == row.lease_token.0), "task {}: it ended in its last attempt", row.id);
    for (token, states) in &ends {
        let ended: BTreeSet<_> = states.iter().filter(|state| **state != "init").collect();
        assert!(ended.len() <= 1, "task {}, token {token}: ended as {states:?}", row.id);
        assert!(states.len() == 1 || *token == row.lease_token.0, "task {}, token {token}: {states:?}", row.id);
    }
    let last = accepted.iter().filter(|(token, _)| *token == row.lease_token.0);
    match row.state {
        State::Executing => {
            let holder = row.worker_id.expect("a running task has a worker").0;
            assert!(given.contains(&(row.lease_token.0, holder)), "task {}: it runs for whom it was given to", row.id);
            assert_eq!(last.count(), 0, "task {}: it runs, though its attempt was ended", row.id);
        }
        State::Success | State::Fail => assert!(last.clone().any(|(_, s)| s.state == row.state), "task {}", row.id),
        State::Init | State::Cancelled => assert!(row.worker_id.is_none(), "task {}", row.id),
    }
    assert!(row.state == State::Executing || row.worker_id.is_none(), "task {}", row.id);
    let Counts { attempt, failures, crashes } = row.counts;
    assert!(
        attempt <= row.lease_token.0 && failures + crashes <= row.lease_token.0,
        "task {}: {:?}",
        row.id,
        row.counts
    );
    assert!(row.progress.is_none() && row.checkpoint.is_none(), "task {}: a lie was written", row.id);
}
