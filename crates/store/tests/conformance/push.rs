//! Push: what is stored, in which order, and what stands in its way.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mission_core::{Filter, NewTask, State, Timestamp, limits};
use mission_store::{Pushed, Store};
use mission_testkit::{Database, conformance};

use crate::settle::refuse;
use crate::stage::{WORKER, ending, get, number, open, open_several, push, race, running, succeed, task};
use crate::texts::refuse_at_first;

conformance![
    many_tasks_pushed_at_once_keep_their_order,
    large_tasks_of_different_creators_keep_their_order,
    every_field_is_stored_as_it_was_pushed,
    a_task_that_breaks_a_rule_is_refused_and_nothing_is_stored,
    of_many_that_are_pushed_at_once_all_are_stored_or_none,
    those_of_many_that_are_there_already_are_known_again,
    a_task_may_be_pushed_for_later,
    a_second_push_with_a_key_gives_the_first_task,
    a_key_is_free_once_its_task_has_ended,
    duplicates_among_many_tasks_give_the_first_of_each_key,
    without_repeat_is_refused_while_any_task_of_the_method_is_active,
    sixty_four_racing_pushes_without_repeat_store_one_task,
    sixty_four_racing_pushes_with_one_key_store_one_task,
    pushes_with_a_key_race_with_settling_and_none_fails,
    a_push_of_unknown_outcome_may_be_repeated,
    a_repeated_push_is_known_again_when_another_task_has_taken_its_place,
    a_clone_with_another_content_is_refused_and_named,
    a_push_that_a_deadlock_breaks_off_while_it_waits_for_a_number_is_tried_again,
];

async fn many_tasks_pushed_at_once_keep_their_order(db: Database) {
    let store = open(&db).await;
    let count = limits::PUSH_ROWS_MAX * 2 + 7;
    let tasks: Vec<NewTask> = (0..count).map(|n| task().params(&n)).collect();
    let pushed = store.push_all(&tasks).await.unwrap();
    assert!(pushed.iter().zip(&tasks).all(|(pushed, task)| pushed.unique_id == *task.unique_id()));
    let page = store.list(&Filter::all(), count, None).await.unwrap();
    let stored: Vec<_> = page.tasks.iter().rev().map(|task| task.params.clone().unwrap()).collect();
    assert_eq!(stored, (0..count).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(store.push_all(&[]).await.unwrap(), []);
}

async fn large_tasks_of_different_creators_keep_their_order(db: Database) {
    let store = open(&db).await;
    let row = |n: i64| task().params(&format!("{n} {}", "漢".repeat(700))).priority(n % 10).creator(format!("c{n}"));
    let tasks: Vec<NewTask> = (0..3000).map(row).collect();
    store.push_all(&tasks).await.unwrap();
    let page = store.list(&Filter::all(), tasks.len(), None).await.unwrap();
    let stored: Vec<_> = page.tasks.iter().rev().map(|task| task.unique_id.clone()).collect();
    assert!(stored.iter().eq(tasks.iter().map(NewTask::unique_id)), "in the order of their numbers");
}

async fn every_field_is_stored_as_it_was_pushed(db: Database) {
    let store = open(&db).await;
    let at = Timestamp::parse("2030-01-02T03:04:05.678901Z").unwrap();
    let new = task()
        .params_json("{\"rows\":9007199254740993}")
        .task_type("report")
        .creator("alice")
        .priority(-9)
        .at(at.into())
        .key("nightly")
        .retries(3)
        .timeout(Duration::from_secs(90))
        .stall_timeout(Duration::from_millis(1));
    let stored = get(&store, &push(&store, new.clone()).await).await;
    assert_eq!((stored.unique_id.as_str(), stored.method.as_str()), (new.unique_id().as_str(), "export"));
    assert_eq!(stored.params.as_deref(), Some("{\"rows\":9007199254740993}"));
    assert_eq!((stored.task_type.as_str(), stored.creator.as_deref(), stored.priority), ("report", Some("alice"), -9));
    assert_eq!((stored.run_at, stored.task_key.as_deref(), stored.retries), (at, Some("nightly"), Some(3)));
    assert_eq!((stored.timeout_ms, stored.stall_timeout_ms), (Some(90_000), Some(1)));
    assert_eq!((stored.state, stored.content, stored.reason, stored.progress), (State::Init, None, None, None));
    assert_eq!((stored.counts.attempt, stored.lease_token.0, stored.worker_id), (0, 0, None));
    let age = store.now().await.unwrap().since(stored.created_date);
    assert!(age < Duration::from_secs(20) && stored.modified_date == stored.created_date, "{age:?}");

    let plain = get(&store, &push(&store, task()).await).await;
    assert_eq!((plain.params, plain.creator, plain.task_key, plain.retries), (None, None, None, None));
    assert_eq!((plain.task_type.as_str(), plain.priority, plain.timeout_ms), ("system", 0, None));
}

async fn a_task_that_breaks_a_rule_is_refused_and_nothing_is_stored(db: Database) {
    let store = open(&db).await;
    let largest = format!("\"{}\"", "x".repeat(limits::PARAMS_BYTES_MAX - 2));
    let larger = format!("\"{}\"", "x".repeat(limits::PARAMS_BYTES_MAX - 1));
    let refused = store.push_all(&[task(), task().params_json(&larger)]).await.unwrap_err();
    assert!(refused.is_invalid() && refused.to_string().contains("1048577 bytes"), "{refused}");
    assert!(store.push(&task().priority(10)).await.unwrap_err().is_invalid());
    assert_eq!(number(&db, "select count(*) from mission_tasks;").await, 0);
    let id = push(&store, task().params_json(&largest)).await;
    assert_eq!(get(&store, &id).await.params, Some(largest));
}

async fn of_many_that_are_pushed_at_once_all_are_stored_or_none(db: Database) {
    let store = open(&db).await;
    refuse(&db, "creator", "venom", "no_venom").await;
    let large = "x".repeat(limits::PARAMS_BYTES_MAX - 2);
    let many = |count: usize| (0..count).map(|_| task()).collect::<Vec<_>>();
    let small = [2, 10, limits::PUSH_ROWS_MAX, limits::PUSH_ROWS_MAX + 1].map(many);
    let several_statements =
        [(0..6).map(|_| task().params(&large)).collect(), vec![task(), task().key("nightly"), task()]];
    for tasks in small.into_iter().chain(several_statements) {
        for refused in [0, tasks.len() - 1] {
            let mut tasks = tasks.clone();
            tasks[refused] = tasks[refused].clone().creator("venom");
            assert_eq!(store.push_all(&tasks).await.unwrap_err().kind(), mission_core::ErrorKind::Database);
            assert_eq!(number(&db, "select count(*) from mission_tasks;").await, 0, "of {}", tasks.len());
        }
    }
}

async fn those_of_many_that_are_there_already_are_known_again(db: Database) {
    let store = open(&db).await;
    for keyed in [false, true] {
        let new = |n: usize| if keyed { task().key(n.to_string()) } else { task() };
        let tasks: Vec<NewTask> = (0..100).map(new).collect();
        for there in [0, 42, 99] {
            push(&store, tasks[there].clone()).await;
        }
        for _ in 0..2 {
            let pushed = store.push_all(&tasks).await.unwrap();
            assert!(pushed.iter().zip(&tasks).all(|(pushed, task)| pushed.unique_id == *task.unique_id()));
            assert!(pushed.iter().all(|pushed| !pushed.is_existing));
        }
    }
    assert_eq!(number(&db, "select count(*) from mission_tasks;").await, 200);
}

async fn a_task_may_be_pushed_for_later(db: Database) {
    let store = open(&db).await;
    let before = store.now().await.unwrap();
    let id = push(&store, task().after(Duration::from_secs(3600))).await;
    let wait = get(&store, &id).await.run_at.since(before);
    assert!((Duration::from_secs(3600)..Duration::from_secs(3620)).contains(&wait), "{wait:?}");
}

async fn a_second_push_with_a_key_gives_the_first_task(db: Database) {
    let store = open(&db).await;
    let first = push(&store, task().key("nightly")).await;
    let again = Pushed { unique_id: first.clone(), is_existing: true };
    assert_eq!(store.push(&task().key("nightly")).await.unwrap(), again);
    store.claim_one(&first, WORKER).await.unwrap().unwrap();
    assert_eq!(store.push(&task().key("nightly")).await.unwrap(), again, "while it runs, too");
    // Other keys, other methods, no key, and the same letters in capitals are free.
    push(&store, task().key("weekly")).await;
    push(&store, NewTask::new("import").key("nightly")).await;
    push(&store, task()).await;
    push(&store, task().key("Nightly")).await;
}

async fn a_key_is_free_once_its_task_has_ended(db: Database) {
    let store = open(&db).await;
    for state in [State::Success, State::Fail, State::Cancelled] {
        let claimed = running(&store, task().key("nightly")).await;
        store.settle(&[ending(&claimed, state, "")]).await.unwrap();
        assert_eq!(get(&store, &claimed.task.unique_id).await.task_key.as_deref(), Some("nightly"));
    }
    let waiting = push(&store, task().key("nightly")).await;
    store.cancel(&waiting).await.unwrap();
    push(&store, task().key("nightly")).await;
}

async fn duplicates_among_many_tasks_give_the_first_of_each_key(db: Database) {
    let store = open(&db).await;
    let old = push(&store, task().key("old")).await;
    let tasks = [task(), task().key("a"), task().key("old"), task().key("a"), task().without_repeat_method(), task()];
    let pushed = store.push_all(&tasks).await.unwrap();
    let is_existing: Vec<_> = pushed.iter().map(|pushed| pushed.is_existing).collect();
    assert_eq!(is_existing, [false, false, true, true, true, false]);
    assert_eq!((&pushed[2].unique_id, &pushed[3].unique_id), (&old, tasks[1].unique_id()));
    assert_eq!(number(&db, "select count(*) from mission_tasks;").await, 4);
}

async fn without_repeat_is_refused_while_any_task_of_the_method_is_active(db: Database) {
    let store = open(&db).await;
    let repeated = async |id| {
        let pushed = store.push(&task().without_repeat_method()).await.unwrap();
        assert_eq!(pushed, Pushed { unique_id: id, is_existing: true });
    };
    let unflagged = running(&store, task().after(Duration::from_secs(3600))).await;
    repeated(unflagged.task.unique_id.clone()).await;
    succeed(&store, &unflagged).await;

    db.sql("insert into mission_tasks (unique_id, method) values ('bysql', 'export');").await.unwrap();
    let by_sql = mission_core::UniqueId::parse("bysql").unwrap();
    repeated(by_sql.clone()).await;
    store.cancel(&by_sql).await.unwrap();

    push(&store, NewTask::new("exports").without_repeat_method()).await;
    let flagged = push(&store, task().without_repeat_method()).await;
    repeated(flagged).await;
    push(&store, task()).await;
}

/// Races so many pushes and answers how many new tasks they say they stored; all name the same task.
async fn race_pushes<F>(stores: &[Store], racers: usize, new: F) -> usize
where
    F: Fn() -> NewTask + Copy + Send + Sync + 'static,
{
    let results = race(stores, racers, move |store, _| async move { store.push(&new()).await }).await;
    let pushed: Vec<Pushed> = results.into_iter().map(|result| result.expect("no racer fails")).collect();
    let ids: HashSet<_> = pushed.iter().map(|pushed| pushed.unique_id.as_str()).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    pushed.iter().filter(|pushed| !pushed.is_existing).count()
}

async fn sixty_four_racing_pushes_without_repeat_store_one_task(db: Database) {
    let stores = open_several(&db, 4).await;
    let rounds: [fn() -> NewTask; 3] = [task, || NewTask::new("import"), || NewTask::new("mail").key("k")];
    for (stored, new) in (1..).zip(rounds) {
        assert_eq!(race_pushes(&stores, 64, move || new().without_repeat_method()).await, 1);
        assert_eq!(number(&db, "select count(*) from mission_tasks;").await, stored);
    }
}

async fn sixty_four_racing_pushes_with_one_key_store_one_task(db: Database) {
    let stores = open_several(&db, 4).await;
    assert_eq!(race_pushes(&stores, 64, || task().key("nightly")).await, 1);
    assert_eq!(number(&db, "select count(*) from mission_tasks;").await, 1);
}

async fn pushes_with_a_key_race_with_settling_and_none_fails(db: Database) {
    let stores = open_several(&db, 2).await;
    let over = Arc::new(AtomicBool::new(false));
    let settler = tokio::spawn({
        let (store, over) = (stores[0].clone(), Arc::clone(&over));
        async move {
            let mut settled = 0;
            while !over.load(Ordering::Relaxed) {
                let (lines, _) = store.lines().await.unwrap();
                for line in lines {
                    for claimed in store.claim(&line, WORKER, 10).await.unwrap() {
                        succeed(&store, &claimed).await;
                        settled += 1;
                    }
                }
            }
            settled
        }
    });
    let results = race(&stores, 8, |store, _| async move {
        let mut new = 0;
        for _ in 0..25 {
            new += i64::from(!store.push(&task().key("hot")).await.expect("no push fails").is_existing);
        }
        new
    });
    let new: i64 = results.await.into_iter().sum();
    over.store(true, Ordering::Relaxed);
    let settled: i64 = settler.await.unwrap();
    assert_eq!(number(&db, "select count(*) from mission_tasks;").await, new);
    assert!(new == settled || new == settled + 1, "{new} stored, {settled} settled");
}

async fn a_push_of_unknown_outcome_may_be_repeated(db: Database) {
    let store = open(&db).await;
    let tasks = [task(), task().key("nightly"), NewTask::new("import").without_repeat_method(), task()];
    let first = store.push_all(&tasks).await.unwrap();
    assert_eq!(store.push_all(&tasks).await.unwrap(), first);
    for (task, pushed) in tasks.iter().zip(&first) {
        assert_eq!(store.push(task).await.unwrap(), *pushed);
        assert!(!pushed.is_existing);
    }
    assert_eq!(number(&db, "select count(*) from mission_tasks;").await, 4);
}

async fn a_repeated_push_is_known_again_when_another_task_has_taken_its_place(db: Database) {
    let store = open(&db).await;
    for new in [task().key("nightly"), NewTask::new("import").without_repeat_method()] {
        let claimed = running(&store, new.clone()).await;
        succeed(&store, &claimed).await;
        let other = NewTask::new(new.method()).key("nightly");
        push(&store, other).await;
        let repeated = store.push(&new).await.unwrap();
        assert_eq!(repeated, Pushed { unique_id: new.unique_id().clone(), is_existing: false });
    }
}

async fn a_clone_with_another_content_is_refused_and_named(db: Database) {
    let store = open(&db).await;
    for first in [task().params(&1), task().params(&1).key("nightly"), task().params(&1).without_repeat_method()] {
        push(&store, first.clone()).await;
        let again = store.push(&first.clone()).await.unwrap();
        assert!(!again.is_existing, "the same push, of which the answer was lost");
        for other in [first.clone().params(&2), first.clone().creator("bob"), first.clone().task_type("report")] {
            let refused = store.push_all(&[other, NewTask::new("another")]).await.unwrap_err();
            assert!(refused.is_invalid() && refused.to_string().contains(first.unique_id().as_str()), "{refused}");
        }
        let refused = store.push_all(&[task(), first.clone(), first.clone()]).await.unwrap_err();
        assert!(refused.is_invalid() && refused.to_string().contains(first.unique_id().as_str()), "{refused}");
        store.cancel(first.unique_id()).await.unwrap();
    }
    assert_eq!(number(&db, "select count(*) from mission_tasks;").await, 3);
}

async fn a_push_that_a_deadlock_breaks_off_while_it_waits_for_a_number_is_tried_again(db: Database) {
    if !db.kind().is_mysql_like() {
        return; // The others have no such lock.
    }
    let store = open(&db).await;
    let no_number = "sqlstate 'HY000' set mysql_errno = 1467, message_text = 'Failed to read auto-increment value from storage engine'";
    refuse_at_first(&db, "insert", 2, no_number).await;
    push(&store, task()).await;
    assert_eq!(number(&db, "select n from tried;").await, 3);
}
