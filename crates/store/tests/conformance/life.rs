//! The whole life of a task, once through every operation.

use mission_core::{Filter, Progress, State};
use mission_store::{Bounded, Found, Keep, Renewal, SchemaStatus, Verdict};
use mission_testkit::{Database, conformance};

use crate::stage::{WORKER, claim, ending, get, new_worker, open, progress_report, push_many, task};

conformance![a_task_goes_through_its_whole_life];

async fn a_task_goes_through_its_whole_life(db: Database) {
    let store = open(&db).await;
    assert!(matches!(store.schema().await.unwrap(), SchemaStatus::Current(_)));
    let worker = store.register(&new_worker(&["export", "import"])).await.unwrap();
    assert_eq!(store.heart(worker, std::time::Duration::from_secs(60)).beat().await.unwrap(), Renewal::Renewed);
    assert_eq!(store.workers().await.unwrap()[0].methods, ["export", "import"]);
    assert_eq!(store.methods().await.unwrap(), [("export".to_owned(), 1), ("import".to_owned(), 1)]);

    let ids = push_many(&store, 3).await;
    let keyed = store.push(&task().key("nightly")).await.unwrap();
    let repeated = store.push(&task().key("nightly")).await.unwrap();
    assert!(repeated.is_existing && repeated.unique_id == keyed.unique_id);
    assert!(store.push(&task().without_repeat_method()).await.unwrap().is_existing);

    let claimed = claim(&store, 2).await;
    assert_eq!(claimed.iter().map(|claimed| &claimed.task.unique_id).collect::<Vec<_>>(), [&ids[0], &ids[1]]);
    let lease = claimed[0].running.lease;
    store.report(&[progress_report(lease, Progress::of(1, 2).message("half"))]).await.unwrap();
    assert_eq!(get(&store, &ids[0]).await.progress.unwrap(), Progress::of(1, 2).message("half"));
    assert_eq!(store.watch(&[lease]).await.unwrap()[0].state, State::Executing);
    assert_eq!(store.executing(WORKER).await.unwrap().len(), 2);
    assert_eq!(store.orphan_holders().await.unwrap(), [WORKER]);

    let verdicts = store.settle(&[ending(&claimed[0], State::Success, "path")]).await.unwrap();
    assert_eq!(verdicts, [Verdict::Settled]);
    let done = get(&store, &ids[0]).await;
    assert_eq!((done.state, done.content.as_deref()), (State::Success, Some("path")));

    store.cancel(&ids[2]).await.unwrap();
    store.retry(&ids[2]).await.unwrap();
    store.delete(&ids[2]).await.unwrap();
    store.pause("system").await.unwrap();
    store.set_running_limit("system", Some(1)).await.unwrap();
    assert!(store.type_rules().await.unwrap()[0].is_paused);

    let page = store.list(&Filter::all().state(State::Success).creator("nobody"), 10, None).await.unwrap();
    assert!(page.tasks.is_empty());
    assert_eq!(store.list(&Filter::all(), 10, None).await.unwrap().tasks.len(), 3);
    assert_eq!(store.counts().await.unwrap()[2], (State::Success, Bounded { count: 1, is_more: false }));
    assert!(matches!(store.find(&ids[0]).await.unwrap(), Found::One(_)));
    assert_eq!(store.prune_step(Keep::default(), 0).await.unwrap().removed, 0);
    store.remove_worker(worker).await.unwrap();
}
