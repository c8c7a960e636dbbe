//! What is set for types: pause, resume, a running limit, fairness; none of it writes a task's row.

use mission_core::Filter;
use mission_store::TypeRule;
use mission_testkit::{Database, conformance};

use crate::stage::{WORKER, open, push_many, race};

conformance![
    a_type_is_paused_resumed_limited_and_made_fair_without_a_look_at_its_tasks,
    what_is_set_for_a_type_is_checked,
    types_may_be_set_by_many_at_once,
];

fn rule(task_type: &str, is_paused: bool, running_limit: Option<i64>) -> TypeRule {
    TypeRule { task_type: task_type.to_owned(), is_paused, running_limit, is_fair: false }
}

async fn a_type_is_paused_resumed_limited_and_made_fair_without_a_look_at_its_tasks(db: Database) {
    let store = open(&db).await;
    push_many(&store, 3).await;
    let line = crate::stage::only_line(&store).await;
    store.claim(&line, WORKER, 1).await.unwrap();
    let tasks = store.list(&Filter::all(), 10, None).await.unwrap();
    let lines = store.lines().await.unwrap().0;
    assert_eq!(store.type_rules().await.unwrap(), []);
    store.pause("system").await.unwrap();
    assert_eq!(store.type_rules().await.unwrap(), [rule("system", true, None)]);
    store.set_running_limit("system", Some(4)).await.unwrap();
    assert_eq!(store.type_rules().await.unwrap(), [rule("system", true, Some(4))]);
    store.resume("system").await.unwrap();
    assert_eq!(store.type_rules().await.unwrap(), [rule("system", false, Some(4))]);
    store.set_running_limit("system", Some(0)).await.unwrap();
    store.pause("report").await.unwrap();
    assert_eq!(store.type_rules().await.unwrap(), [rule("report", true, None), rule("system", false, Some(0))]);
    store.set_running_limit("system", None).await.unwrap();
    assert_eq!(store.type_rules().await.unwrap()[1], rule("system", false, None));
    store.set_fair("report", true).await.unwrap();
    let fair = TypeRule { is_fair: true, ..rule("report", true, None) };
    assert_eq!(store.type_rules().await.unwrap()[0], fair, "the rest stays");
    store.set_running_limit("report", Some(2)).await.unwrap();
    assert!(store.type_rules().await.unwrap()[0].is_fair);
    store.set_fair("report", false).await.unwrap();
    assert_eq!(store.type_rules().await.unwrap()[0], rule("report", true, Some(2)));
    assert_eq!(store.list(&Filter::all(), 10, None).await.unwrap(), tasks, "no task was written");
    assert_eq!(store.lines().await.unwrap().0, lines);
}

async fn what_is_set_for_a_type_is_checked(db: Database) {
    let store = open(&db).await;
    assert!(store.pause("").await.unwrap_err().is_invalid());
    assert!(store.resume(&"x".repeat(65)).await.unwrap_err().is_invalid());
    assert!(store.set_fair("a\0b", true).await.unwrap_err().is_invalid());
    let refused = store.set_running_limit("system", Some(-1)).await.unwrap_err();
    assert!(refused.is_invalid() && refused.to_string().contains("-1"), "{refused}");
    assert_eq!(store.type_rules().await.unwrap(), []);
}

async fn types_may_be_set_by_many_at_once(db: Database) {
    let stores = [open(&db).await, open(&db).await];
    let outcomes = race(&stores, 16, |store, number| async move {
        match number % 4 {
            0 => store.pause("system").await,
            1 => store.resume("system").await,
            2 => store.set_fair("system", true).await,
            _ => store.set_running_limit("system", Some(7)).await,
        }
    });
    outcomes.await.into_iter().for_each(|outcome| outcome.unwrap());
    let rule = stores[0].type_rules().await.unwrap().remove(0);
    assert_eq!((rule.running_limit, rule.is_fair), (Some(7), true));
}
