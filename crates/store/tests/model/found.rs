//! What the model found wrong in the store once, told as plain sentences.

use mission_core::{Content, NewTask, Reason, Settlement, State, WorkerId};
use mission_store::{OnMissing, Store, Verdict};
use mission_testkit::{Database, conformance};

conformance![the_content_of_a_task_cancelled_while_it_waited_is_whole];

async fn the_content_of_a_task_cancelled_while_it_waited_is_whole(db: Database) {
    let store = Store::open(db.url(), OnMissing::Create).await.unwrap();
    store.migrate().await.unwrap();
    let id = store.push(&NewTask::new("export")).await.unwrap().unique_id;
    let claimed = store.claim_one(&id, WorkerId(1)).await.unwrap().unwrap();
    let again = Settlement {
        lease: claimed.running.lease,
        state: State::Init,
        reason: Some(Reason::Error),
        content: Some(Content { text: "much".to_owned(), is_cut: true }),
        counts: claimed.running.counts,
        wait: None,
    };
    assert_eq!(store.settle(&[again]).await.unwrap(), [Verdict::Settled]);
    assert!(store.get(&id).await.unwrap().unwrap().content_cut);
    store.cancel(&id).await.unwrap();
    let cancelled = store.get(&id).await.unwrap().unwrap();
    assert_eq!((cancelled.state, cancelled.content_cut), (State::Cancelled, false));
}
