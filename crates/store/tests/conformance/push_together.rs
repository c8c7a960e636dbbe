//! Pushes that meet: each is stored once and has its own answer, whatever happens to its company.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mission_core::{NewTask, UniqueId};
use mission_store::{Store, WhenSeen};
use mission_testkit::{Database, Kind, conformance};

use crate::stage::{number, open, race, task};

conformance![
    pushes_that_meet_are_each_stored_once_and_answered,
    workers_hear_of_a_push_before_it_returns,
    of_pushes_that_meet_only_those_fail_that_are_refused,
    pushes_with_a_guard_and_pushes_that_break_a_rule_keep_to_themselves,
];

/// Nobody is to be told.
pub(crate) fn unheard() -> WhenSeen {
    Arc::new(|| {})
}

async fn pushes_that_meet_are_each_stored_once_and_answered(db: Database) {
    let store = open(&db).await;
    let answers = race(&[store], 300, |store, number| async move {
        let task = Arc::new(task().params(&number));
        let pushed = store.push_together(&task, &unheard()).await.expect("nothing stands in its way");
        assert!(!pushed.is_existing && pushed.unique_id == *task.unique_id());
        pushed.unique_id
    })
    .await;
    assert_eq!(answers.into_iter().collect::<HashSet<UniqueId>>().len(), 300);
    let counted = "select count(*) * 1000 + count(distinct params) from mission_tasks;";
    assert_eq!(number(&db, counted).await, 300_300);
}

async fn workers_hear_of_a_push_before_it_returns(db: Database) {
    let store = open(&db).await;
    let heard = Arc::new(AtomicUsize::new(0));
    let when_seen: WhenSeen = {
        let heard = heard.clone();
        Arc::new(move || {
            heard.fetch_add(1, Ordering::Relaxed);
        })
    };
    for pushed in 1..4 {
        store.push_together(&Arc::new(task()), &when_seen).await.unwrap();
        assert_eq!(heard.load(Ordering::Relaxed), pushed);
    }
    // One that is not stored by this is not heard of, either.
    assert_eq!(store.push_together(&Arc::new(task().key("nightly")), &when_seen).await, None);
    assert_eq!(heard.load(Ordering::Relaxed), 3);
}

async fn of_pushes_that_meet_only_those_fail_that_are_refused(db: Database) {
    let store = open(&db).await;
    db.sql(match db.kind() {
        Kind::Sqlite => {
            "create trigger no_venom before insert on mission_tasks when new.method = 'venom'
             begin select raise(abort, 'no venom'); end;"
        }
        _ => "alter table mission_tasks add constraint no_venom check (method <> 'venom');",
    })
    .await
    .unwrap();
    let answers = race(&[store], 40, |store, number| async move {
        let task = Arc::new(NewTask::new(if number % 10 == 3 { "venom" } else { "export" }));
        (number, finished(&store, &task).await)
    })
    .await;
    for (number, is_stored) in answers {
        assert_eq!(is_stored, number % 10 != 3, "{number}");
    }
    assert_eq!(number(&db, "select count(*) from mission_tasks;").await, 36);
}

/// Whether a task is stored when its push has ended, with its company or by itself.
async fn finished(store: &Store, task: &Arc<NewTask>) -> bool {
    match store.push_together(task, &unheard()).await {
        Some(_) => true,
        None => store.push(task).await.is_ok(),
    }
}

async fn pushes_with_a_guard_and_pushes_that_break_a_rule_keep_to_themselves(db: Database) {
    let store = open(&db).await;
    for apart in [task().key("nightly"), task().without_repeat_method(), task().priority(10)] {
        assert_eq!(store.push_together(&Arc::new(apart), &unheard()).await, None);
    }
    assert_eq!(number(&db, "select count(*) from mission_tasks;").await, 0);
}
