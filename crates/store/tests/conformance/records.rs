//! Records: filters, pages, bounded counts, and ids by their beginnings.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mission_core::{Filter, NewTask, State, Timestamp, UniqueId, limits};
use mission_store::{Bounded, Found};
use mission_testkit::{Database, conformance};

use crate::crowd::Rows;
use crate::stage::{ending, get, open, push, push_many, running, task};
use crate::texts::Raw;

conformance![
    a_filter_lets_through_what_it_names,
    pages_hold_each_task_once_while_others_are_pushed,
    a_page_is_no_larger_than_asked_for,
    counts_stop_at_their_bound,
    a_task_is_found_by_the_beginning_of_its_id,
];

async fn a_filter_lets_through_what_it_names(db: Database) {
    let store = open(&db).await;
    let done = running(&store, task().creator("alice").task_type("report")).await;
    store.settle(&[ending(&done, State::Success, "")]).await.unwrap();
    let failed = running(&store, NewTask::new("import").creator("alice")).await;
    store.settle(&[ending(&failed, State::Fail, "")]).await.unwrap();
    let busy = running(&store, task().creator("bob")).await.task.unique_id;
    let waiting = push(&store, NewTask::new("import").task_type("report")).await;
    let cancelled = push(&store, task()).await;
    store.cancel(&cancelled).await.unwrap();
    let (done, failed) = (done.task.unique_id, failed.task.unique_id);
    let now = store.now().await.unwrap();
    let hour = Duration::from_secs(3600).as_micros() as i64;
    let all = Filter::all;
    let cases: [(Filter, Vec<&UniqueId>); 16] = [
        (all(), vec![&cancelled, &waiting, &busy, &failed, &done]),
        (all().state(State::Init), vec![&waiting]),
        (all().state(State::Executing), vec![&busy]),
        (all().state(State::Success), vec![&done]),
        (all().state(State::Fail), vec![&failed]),
        (all().state(State::Cancelled), vec![&cancelled]),
        (all().state(State::Success).state(State::Init).state(State::Init), vec![&waiting, &done]),
        (all().method("import"), vec![&waiting, &failed]),
        (all().task_type("report"), vec![&waiting, &done]),
        (all().creator("alice"), vec![&failed, &done]),
        (all().creator("alice").state(State::Fail).method("import").task_type("system"), vec![&failed]),
        (all().state(State::Fail).method("export"), vec![]),
        (all().creator("Alice"), vec![]),
        (all().method("imp"), vec![]),
        (all().since(Timestamp(now.0 - hour)).state(State::Fail), vec![&failed]),
        (all().since(Timestamp(now.0 + hour)), vec![]),
    ];
    for (filter, expected) in cases {
        let page = store.list(&filter, 10, None).await.unwrap();
        let found: Vec<_> = page.tasks.iter().map(|task| &task.unique_id).collect();
        assert_eq!((found, page.next), (expected, None), "{filter:?}");
    }
    assert_eq!(store.list(&all(), 1, None).await.unwrap().tasks, [get(&store, &cancelled).await]);
}

async fn pages_hold_each_task_once_while_others_are_pushed(db: Database) {
    let store = open(&db).await;
    let mut expected = push_many(&store, 500).await;
    for id in expected.iter().step_by(3) {
        store.cancel(id).await.unwrap();
    }
    let over = Arc::new(AtomicBool::new(false));
    let pusher = tokio::spawn({
        let (store, over) = (store.clone(), Arc::clone(&over));
        async move {
            while !over.load(Ordering::Relaxed) {
                push_many(&store, 3).await;
            }
        }
    });
    let filter = Filter::all().state(State::Cancelled).state(State::Init);
    let newest = get(&store, expected.last().unwrap()).await.id;
    let (mut seen, mut before) = (Vec::new(), Some(newest + 1));
    while before.is_some() {
        let page = store.list(&filter, 17, before).await.unwrap();
        seen.extend(page.tasks.into_iter().map(|task| task.unique_id));
        before = page.next;
    }
    over.store(true, Ordering::Relaxed);
    pusher.await.unwrap();
    expected.reverse();
    assert_eq!(seen, expected);
}

async fn a_page_is_no_larger_than_asked_for(db: Database) {
    let store = open(&db).await;
    push_many(&store, 5).await;
    for (limit, tasks, is_more) in [(5, 5, false), (4, 4, true), (0, 1, true), (usize::MAX, 5, false)] {
        let page = store.list(&Filter::all(), limit, None).await.unwrap();
        assert_eq!((page.tasks.len(), page.next.is_some()), (tasks, is_more), "{limit}");
    }
}

async fn counts_stop_at_their_bound(db: Database) {
    let store = open(&db).await;
    let counted = async || store.counts().await.unwrap().into_iter().map(|(_, bounded)| bounded).collect::<Vec<_>>();
    let exactly = |count: i64| Bounded { count, is_more: false };
    assert_eq!(counted().await, [0; 5].map(exactly));
    let bound = usize::try_from(limits::COUNT_MAX).unwrap();
    let mut raw = Raw::open(&db).await;
    Rows { state: "success", ..Rows::due(bound, "report", 0) }.write(&mut raw).await;
    Rows { state: "fail", ..Rows::due(3, "report", 0) }.write(&mut raw).await;
    Rows { state: "executing", ..Rows::due(2, "report", 0) }.write(&mut raw).await;
    push_many(&store, 1).await;
    assert_eq!(counted().await, [1, 2, limits::COUNT_MAX, 3, 0].map(exactly));
    Rows { state: "success", ..Rows::due(1, "system", 0) }.write(&mut raw).await;
    assert_eq!(counted().await[2], Bounded { count: limits::COUNT_MAX, is_more: true });
    let states: Vec<State> = store.counts().await.unwrap().into_iter().map(|(state, _)| state).collect();
    assert_eq!(states, State::ALL);
}

async fn a_task_is_found_by_the_beginning_of_its_id(db: Database) {
    let store = open(&db).await;
    let ids = ["abcd", "abce", "ABCD", "task_5f3a.1-x", "taskX5f3a", "zz~"];
    let rows: Vec<String> = ids.iter().map(|id| format!("('{id}', 'export')")).collect();
    db.sql(&format!("insert into mission_tasks (unique_id, method) values {};", rows.join(", "))).await.unwrap();
    let find = async |prefix: &str| match store.find(&UniqueId::parse(prefix).unwrap()).await.unwrap() {
        Found::None => "none".to_owned(),
        Found::One(task) => task.unique_id.to_string(),
        Found::Several(one, two) => format!("{one} or {two}"),
    };
    let cases = [
        ("abcd", "abcd"),
        ("abc", "abcd or abce"),
        ("ab", "abcd or abce"),
        ("A", "ABCD"),
        ("Abc", "none"),
        ("abcde", "none"),
        ("b", "none"),
        ("task_", "task_5f3a.1-x"),
        ("task", "taskX5f3a or task_5f3a.1-x"),
        ("task_5f3a.1-", "task_5f3a.1-x"),
        ("zz", "zz~"),
    ];
    for (prefix, expected) in cases {
        assert_eq!(find(prefix).await, expected, "{prefix}");
    }
    db.sql("insert into mission_tasks (unique_id, method) values ('abc', 'export');").await.unwrap();
    assert_eq!(find("abc").await, "abc", "a whole id is never a mere beginning");
}
