//! What the model found wrong in the store once, told as plain sentences.

use mission_core::{Content, Effects, NewTask, Reason, Settlement, State, UniqueId, WorkerId};
use mission_store::{Claimed, OnMissing, Store, Verdict};
use mission_testkit::{Database, conformance};

conformance![
    the_content_of_a_task_cancelled_while_it_waited_is_whole,
    of_an_old_and_a_new_lease_in_one_group_only_the_new_one_is_settled,
];

async fn open(db: &Database) -> (Store, UniqueId) {
    let store = Store::open(db.url(), OnMissing::Create).await.unwrap();
    store.migrate().await.unwrap();
    let id = store.push(&NewTask::new("export")).await.unwrap().unique_id;
    (store, id)
}

fn end(claimed: &Claimed, state: State) -> Settlement {
    let content = Some(Content { text: "much".to_owned(), is_cut: true });
    let reason = (state != State::Success).then_some(Reason::Error);
    let (lease, counts) = (claimed.running.lease, claimed.running.counts);
    Settlement { lease, state, reason, content, counts, wait: None, effects: Effects::NONE }
}

async fn the_content_of_a_task_cancelled_while_it_waited_is_whole(db: Database) {
    let (store, id) = open(&db).await;
    let claimed = store.claim_one(&id, WorkerId(1)).await.unwrap().unwrap();
    assert_eq!(store.settle(&[end(&claimed, State::Init)]).await.unwrap(), [Verdict::Settled]);
    assert!(store.get(&id).await.unwrap().unwrap().content_cut);
    store.cancel(&id).await.unwrap();
    let cancelled = store.get(&id).await.unwrap().unwrap();
    assert_eq!((cancelled.state, cancelled.content_cut), (State::Cancelled, false));
}

/// A worker that lost a task and then claimed it anew may hand in both ends at once.
async fn of_an_old_and_a_new_lease_in_one_group_only_the_new_one_is_settled(db: Database) {
    let (store, id) = open(&db).await;
    let old = store.claim_one(&id, WorkerId(1)).await.unwrap().unwrap();
    assert_eq!(store.settle(&[end(&old, State::Init)]).await.unwrap(), [Verdict::Settled]);
    let new = store.claim_one(&id, WorkerId(1)).await.unwrap().unwrap();
    let group = [end(&old, State::Success), end(&new, State::Fail)];
    assert_eq!(store.settle(&group).await.unwrap(), [Verdict::Lost, Verdict::Settled]);
    assert_eq!(store.get(&id).await.unwrap().unwrap().state, State::Fail);
}
