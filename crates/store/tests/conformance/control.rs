//! What people do to single tasks: cancel, retry, delete.

use std::time::Duration;

use mission_core::{Counts, NewTask, Progress, Reason, Settlement, State, UniqueId};
use mission_store::Cancelled;
use mission_testkit::{Database, conformance};

use crate::stage::{
    ending, get, open, open_several, progress_report, push, race, running, succeed, task, waiting_again,
};

conformance![
    a_waiting_task_is_cancelled_at_once,
    a_running_task_is_asked_to_end,
    a_task_that_has_ended_is_not_cancelled,
    cancel_and_claim_race_and_one_of_them_wins,
    an_ended_task_may_run_again_as_if_just_pushed,
    a_retry_respects_the_key_of_another_task,
    a_task_that_waits_or_runs_is_not_retried,
    a_task_is_deleted_unless_it_runs,
    a_task_that_is_not_there_is_named,
];

async fn a_waiting_task_is_cancelled_at_once(db: Database) {
    let store = open(&db).await;
    for new in [task().key("nightly"), task().after(Duration::from_secs(60))] {
        let id = push(&store, new).await;
        assert_eq!(store.cancel(&id).await.unwrap(), Cancelled::Now);
        let cancelled = get(&store, &id).await;
        assert_eq!((cancelled.state, cancelled.reason), (State::Cancelled, Some(Reason::Cancelled)));
        assert_eq!(cancelled.content.as_deref(), Some("cancelled before it ran"));
    }
    push(&store, task().key("nightly")).await;
    assert_eq!(store.lines().await.unwrap().0.len(), 1, "only the new one waits");
}

async fn a_running_task_is_asked_to_end(db: Database) {
    let store = open(&db).await;
    let claimed = running(&store, task()).await;
    let id = &claimed.task.unique_id;
    assert_eq!(store.cancel(id).await.unwrap(), Cancelled::Requested);
    assert_eq!(store.cancel(id).await.unwrap(), Cancelled::Requested, "twice is no fault");
    let asked = get(&store, id).await;
    assert_eq!((asked.state, asked.cancel_requested), (State::Executing, true));
    assert!(store.watch(&[claimed.running.lease]).await.unwrap()[0].cancel_requested);
    store.settle(&[ending(&claimed, State::Cancelled, "cancelled while it ran")]).await.unwrap();
    let cancelled = get(&store, id).await;
    assert_eq!((cancelled.state, cancelled.cancel_requested), (State::Cancelled, false));
}

async fn a_task_that_has_ended_is_not_cancelled(db: Database) {
    let store = open(&db).await;
    let claimed = running(&store, task()).await;
    succeed(&store, &claimed).await;
    let before = get(&store, &claimed.task.unique_id).await;
    let refused = store.cancel(&claimed.task.unique_id).await.unwrap_err();
    assert!(refused.is_wrong_state() && refused.to_string().contains("is success"), "{refused}");
    assert_eq!(get(&store, &claimed.task.unique_id).await, before);
}

async fn cancel_and_claim_race_and_one_of_them_wins(db: Database) {
    let stores = open_several(&db, 2).await;
    for _ in 0..10 {
        let id = push(&stores[0], task()).await;
        let outcomes = race(&stores, 2, |store, number| {
            let id = id.clone();
            async move {
                match number {
                    0 => store.cancel(&id).await.unwrap() == Cancelled::Now,
                    _ => store.claim_one(&id, crate::stage::WORKER).await.unwrap().is_none(),
                }
            }
        })
        .await;
        assert_eq!(outcomes[0], outcomes[1], "cancelled before the claim, or claimed before the cancel");
        let task = get(&stores[0], &id).await;
        let expected = if outcomes[0] { (State::Cancelled, false) } else { (State::Executing, true) };
        assert_eq!((task.state, task.cancel_requested), expected);
    }
}

async fn an_ended_task_may_run_again_as_if_just_pushed(db: Database) {
    let store = open(&db).await;
    for state in [State::Success, State::Fail, State::Cancelled] {
        let claimed = running(&store, task().key("nightly").after(Duration::from_secs(3600))).await;
        let report = progress_report(claimed.running.lease, Progress::of(1, 2));
        store.report(&[report]).await.unwrap();
        let counts = Counts { attempt: 4, failures: 3, crashes: 2 };
        store.settle(&[Settlement { counts, ..ending(&claimed, state, "over") }]).await.unwrap();
        let before = store.now().await.unwrap();
        store.retry(&claimed.task.unique_id).await.unwrap();
        let again = get(&store, &claimed.task.unique_id).await;
        assert_eq!((again.state, again.reason, again.content, again.progress), (State::Init, None, None, None));
        assert_eq!(again.counts, Counts { attempt: 4, failures: 0, crashes: 0 });
        assert!(again.run_at >= before && store.now().await.unwrap() >= again.run_at, "it is due now");
        assert!(store.push(&task().key("nightly")).await.unwrap().is_existing, "its key is taken again");
        let claimed = store.claim_one(&claimed.task.unique_id, crate::stage::WORKER).await.unwrap().unwrap();
        assert_eq!(claimed.running.lease.token.0, 2, "the fence goes on");
        succeed(&store, &claimed).await;
    }
}

async fn a_retry_respects_the_key_of_another_task(db: Database) {
    let store = open(&db).await;
    let first = running(&store, task().key("nightly")).await;
    succeed(&store, &first).await;
    let second = push(&store, task().key("nightly")).await;
    let before = get(&store, &first.task.unique_id).await;
    let refused = store.retry(&first.task.unique_id).await.unwrap_err();
    assert!(refused.is_duplicate() && refused.to_string().contains("another task with its key"), "{refused}");
    assert_eq!(get(&store, &first.task.unique_id).await, before);
    store.cancel(&second).await.unwrap();
    store.retry(&first.task.unique_id).await.unwrap();
    assert!(store.retry(&second).await.unwrap_err().is_duplicate());
}

async fn a_task_that_waits_or_runs_is_not_retried(db: Database) {
    let store = open(&db).await;
    let claimed = running(&store, task()).await;
    for state in ["executing", "init"] {
        let before = get(&store, &claimed.task.unique_id).await;
        let refused = store.retry(&claimed.task.unique_id).await.unwrap_err();
        assert!(refused.is_wrong_state() && refused.to_string().contains(state), "{refused}");
        assert_eq!(get(&store, &claimed.task.unique_id).await, before);
        store.settle(&[waiting_again(&claimed, None)]).await.unwrap();
    }
}

async fn a_task_is_deleted_unless_it_runs(db: Database) {
    let store = open(&db).await;
    let claimed = running(&store, task()).await;
    let id = &claimed.task.unique_id;
    let refused = store.delete(id).await.unwrap_err();
    assert!(refused.is_wrong_state() && refused.to_string().contains("cancel it"), "{refused}");
    assert_eq!(get(&store, id).await.state, State::Executing);
    succeed(&store, &claimed).await;
    store.delete(id).await.unwrap();
    assert_eq!(store.get(id).await.unwrap(), None);
    let waiting = push(&store, NewTask::new("import").key("nightly")).await;
    store.delete(&waiting).await.unwrap();
    push(&store, NewTask::new("import").key("nightly")).await;
}

async fn a_task_that_is_not_there_is_named(db: Database) {
    let store = open(&db).await;
    let id = UniqueId::parse("nauaxnrfnuflwcqn").unwrap();
    let errors = [
        store.cancel(&id).await.unwrap_err(),
        store.retry(&id).await.unwrap_err(),
        store.delete(&id).await.unwrap_err(),
    ];
    for error in errors {
        assert!(error.is_not_found() && error.to_string() == "there is no task nauaxnrfnuflwcqn", "{error}");
    }
}
