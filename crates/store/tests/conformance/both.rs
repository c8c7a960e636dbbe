//! Outcomes and the next claim together: the same as one after the other, and of a transaction that fails neither.

use std::collections::HashSet;

use mission_core::{LeaseToken, Settlement, State};
use mission_store::{Claimed, Store, Suspects, Terms, Verdict};
use mission_testkit::{Database, Kind, conformance, on};

use crate::stage::{WORKER, claim, ending, get, only_line, open, push, push_many, task, waiting_again};

conformance![
    ends_are_written_and_the_next_tasks_are_claimed,
    an_end_whose_lease_was_lost_is_named_and_keeps_nobody_from_claiming,
    one_that_an_earlier_try_let_wait_again_counts_as_settled_though_it_is_claimed_with_it,
    tasks_that_have_more_than_usual_are_claimed_whole,
];

/// What became of ends in the end: those that were not written with the claim are tried by themselves.
async fn settled(store: &Store, ends: &[Settlement], verdicts: Vec<Verdict>) -> Vec<Verdict> {
    let mut settled = Vec::new();
    for (end, verdict) in ends.iter().zip(verdicts) {
        match verdict {
            Verdict::Held => settled.extend(store.settle_held(std::slice::from_ref(end)).await.unwrap()),
            verdict => settled.push(verdict),
        }
    }
    settled
}

/// The tasks of a claim as the worker's own list has them.
async fn assert_held(store: &Store, claimed: &[Claimed]) {
    assert_eq!(store.executing(WORKER).await.unwrap(), claimed);
}

async fn ends_are_written_and_the_next_tasks_are_claimed(db: Database) {
    let store = open(&db).await;
    let ids = push_many(&store, 7).await;
    let first = claim(&store, 3).await;
    store.cancel(&first[2].task.unique_id).await.unwrap();
    let line = only_line(&store).await;
    let ends = [
        ending(&first[0], State::Success, "done"),
        ending(&first[1], State::Fail, "no"),
        waiting_again(&first[2], None),
    ];
    let (verdicts, next) = store.settle_and_claim(&ends, &line, WORKER, Terms::up_to(3)).await.unwrap();
    assert_eq!(verdicts, [Verdict::Settled; 3]);
    let mut states = Vec::new();
    for id in &ids {
        states.push(get(&store, id).await.state);
    }
    let (won, lost, given_up, runs) = (State::Success, State::Fail, State::Cancelled, State::Executing);
    assert_eq!(states, [won, lost, given_up, runs, runs, runs, State::Init]);
    assert_eq!(next.iter().map(|claimed| claimed.task.unique_id.clone()).collect::<Vec<_>>(), ids[3..6]);
    assert_held(&store, &next).await;
    let ends: Vec<_> = next.iter().map(|claimed| ending(claimed, State::Success, "done")).collect();
    let (verdicts, last) = store.settle_and_claim(&ends, &line, WORKER, Terms::up_to(9)).await.unwrap();
    assert_eq!((verdicts, last.len()), (vec![Verdict::Settled; 3], 1), "there is no more");
    let end = [ending(&last[0], State::Success, "done")];
    let (verdicts, none) = store.settle_and_claim(&end, &line, WORKER, Terms::up_to(9)).await.unwrap();
    assert_eq!((verdicts, none), (vec![Verdict::Settled], Vec::new()));
}

async fn an_end_whose_lease_was_lost_is_named_and_keeps_nobody_from_claiming(db: Database) {
    let store = open(&db).await;
    push_many(&store, 6).await;
    let first = claim(&store, 2).await;
    let mut forged = ending(&first[0], State::Success, "forged");
    forged.lease.token = LeaseToken(forged.lease.token.0 + 1);
    let line = only_line(&store).await;
    let ends = [forged, ending(&first[1], State::Success, "done")];
    let (verdicts, next) = store.settle_and_claim(&ends, &line, WORKER, Terms::up_to(2)).await.unwrap();
    let verdicts = settled(&store, &ends, verdicts).await;
    assert_eq!((verdicts, next.len()), (vec![Verdict::Lost, Verdict::Settled], 2));
    assert_eq!(get(&store, &first[0].task.unique_id).await.state, State::Executing);
    // As after a try whose answer was lost.
    let again = [ends[1].clone(), ending(&next[0], State::Success, "done")];
    let (verdicts, last) = store.settle_and_claim(&again, &line, WORKER, Terms::up_to(9)).await.unwrap();
    let verdicts = settled(&store, &again, verdicts).await;
    assert_eq!((verdicts, last.len()), (vec![Verdict::Settled; 2], 2));
}

async fn one_that_an_earlier_try_let_wait_again_counts_as_settled_though_it_is_claimed_with_it(db: Database) {
    let store = open(&db).await;
    push_many(&store, 1).await;
    let first = claim(&store, 1).await.remove(0);
    let back = [waiting_again(&first, None)];
    assert_eq!(store.settle(&back).await.unwrap(), [Verdict::Settled], "but the answer was lost");
    let line = only_line(&store).await;
    let (verdicts, next) = store.settle_and_claim(&back, &line, WORKER, Terms::up_to(1)).await.unwrap();
    assert_eq!((verdicts, next.len()), (vec![Verdict::Settled], 1));
    assert_held(&store, &next).await;
}

async fn tasks_that_have_more_than_usual_are_claimed_whole(db: Database) {
    let store = open(&db).await;
    let first = push(&store, task()).await;
    let running = claim(&store, 1).await.remove(0);
    let keyed = push(&store, task().key("nightly")).await;
    let plain = push(&store, task().params(&serde_json::json!({ "rows": 7 })).creator("anna")).await;
    let patient = push(&store, task().retries(9)).await;
    let line = only_line(&store).await;
    let back = [waiting_again(&running, None)];
    let (_, mut next) = store.settle_and_claim(&back, &line, WORKER, Terms::up_to(4)).await.unwrap();
    assert_eq!(next.len(), 3, "the line was read before the first went back");
    next.extend(claim(&store, 4).await);
    next.sort_by_key(|claimed| claimed.task.id);
    let found: HashSet<_> = next.iter().map(|claimed| claimed.task.unique_id.clone()).collect();
    assert_eq!(found, HashSet::from([first, keyed, plain, patient]));
    assert_held(&store, &next).await;
}

#[test]
fn of_both_neither_stays_where_one_is_refused() {
    on(Kind::Sqlite, async |db: Database| {
        let store = open(&db).await;
        push_many(&store, 4).await;
        let first = claim(&store, 2).await;
        let line = only_line(&store).await;
        let ends = [ending(&first[0], State::Success, "done"), ending(&first[1], State::Success, "refused")];
        for refused in ["new.content = 'refused'", "new.state = 'executing'"] {
            let trigger = format!(
                "create trigger no before update on mission_tasks when {refused} begin select raise(abort, 'no'); end;"
            );
            db.sql(&trigger).await.unwrap();
            let both = store.settle_and_claim(&ends, &line, WORKER, Terms::up_to(2)).await;
            assert!(!both.unwrap_err().is_unreachable(), "both were rolled back");
            assert_held(&store, &first).await;
            db.sql("drop trigger no;").await.unwrap();
        }
        let (verdicts, next) = store.settle_and_claim(&ends, &line, WORKER, Terms::up_to(2)).await.unwrap();
        assert_eq!((verdicts, next.len()), (vec![Verdict::Settled; 2], 2));
    });
}

#[test]
fn together_too_suspects_are_left_to_others_where_one_runs() {
    on(Kind::Sqlite, async |db: Database| {
        let store = open(&db).await;
        push_many(&store, 3).await;
        let first = claim(&store, 1).await;
        db.sql("update mission_tasks set crashes = 1 where id = 2;").await.unwrap();
        let line = only_line(&store).await;
        let terms = Terms { suspects: Suspects::Leave, ..Terms::up_to(9) };
        let end = [ending(&first[0], State::Success, "done")];
        let (_, next) = store.settle_and_claim(&end, &line, WORKER, terms).await.unwrap();
        assert_eq!(next.iter().map(|claimed| claimed.task.id).collect::<Vec<_>>(), [3]);
    });
}
