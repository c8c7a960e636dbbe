//! Claim: in order, once each, no more than asked for, and the token grows.

use std::collections::HashSet;
use std::time::Duration;

use mission_core::{NewTask, Progress, State, UniqueId, WorkerId};
use mission_store::{Line, Suspects, Terms};
use mission_testkit::{Database, Kind, conformance};

use crate::stage::{
    WORKER, claim, get, number, only_line, open, open_several, progress_report, push, push_many, race, running,
    succeed, task, waiting_again,
};
use crate::texts::Raw;

conformance![
    tasks_of_a_line_are_claimed_in_the_order_of_due_time_and_then_of_pushing,
    what_is_due_later_is_not_claimed,
    each_line_is_told_with_its_first_due_time_and_what_is_set_for_its_type,
    lines_of_many_and_of_few_tasks_are_told_alike,
    names_that_differ_in_a_blank_are_told_by_a_later_look_too,
    a_task_is_found_by_its_place_in_its_line_among_those_that_are_due,
    a_claim_answers_the_rows_as_they_stand_after_it,
    a_claim_answers_all_that_the_row_has_whatever_its_counts_are,
    each_claim_makes_the_token_grow_by_one,
    a_claim_forgets_what_the_attempt_before_left,
    many_claimers_take_every_task_once,
    a_running_limit_is_exact_however_many_claim,
    a_running_limit_leaves_room_as_tasks_end,
    one_task_is_claimed_by_its_id_whether_due_or_not,
    of_many_who_claim_one_task_one_gets_it,
    a_workers_tasks_can_be_asked_for,
    suspects_are_left_to_others_where_that_is_asked_for,
    a_claim_ahead_answers_the_first_due_task_as_it_stands_after_it,
    a_claim_ahead_takes_nothing_from_a_type_that_is_paused_or_has_a_running_limit_by_now,
    of_many_who_claim_ahead_each_gets_another_task,
    a_claim_ahead_passes_a_task_that_somebody_else_has_locked,
];

async fn tasks_of_a_line_are_claimed_in_the_order_of_due_time_and_then_of_pushing(db: Database) {
    let store = open(&db).await;
    let now = store.now().await.unwrap().0;
    let due = |seconds_ago: i64| task().at(mission_core::Timestamp(now - seconds_ago * 1_000_000).into());
    let tasks = [due(10), due(30), due(20), due(30)];
    store.push_all(&tasks).await.unwrap();
    let order = [1, 3, 2, 0].map(|place: usize| tasks[place].unique_id().clone());
    let (first, rest) = (claim(&store, 3).await, claim(&store, 3).await);
    let claimed: Vec<_> = first.iter().chain(&rest).map(|claimed| claimed.task.unique_id.clone()).collect();
    assert_eq!(claimed, order);
    assert_eq!(store.lines().await.unwrap().0, []);
}

async fn what_is_due_later_is_not_claimed(db: Database) {
    let store = open(&db).await;
    push(&store, task().after(Duration::from_secs(3600))).await;
    let line = only_line(&store).await;
    assert!(line.head > store.now().await.unwrap());
    assert_eq!(store.claim(&line, WORKER, 10).await.unwrap(), []);
    let due = push(&store, task()).await;
    let claimed = claim(&store, 10).await;
    assert_eq!(claimed.iter().map(|claimed| &claimed.task.unique_id).collect::<Vec<_>>(), [&due]);
}

async fn lines_of_many_and_of_few_tasks_are_told_alike(db: Database) {
    let store = open(&db).await;
    let tasks = [("a", 1), ("b", 7), ("c", 1), ("d", 8), ("e", 9), ("f", 40), ("g", 1)];
    for (method, count) in tasks {
        store.push_all(&vec![(); count].iter().map(|()| NewTask::new(method)).collect::<Vec<_>>()).await.unwrap();
    }
    let methods = async || store.lines().await.unwrap().0.into_iter().map(|line| line.method).collect::<String>();
    assert_eq!(methods().await, "abcdefg");
    // A later look goes by the last one.
    assert_eq!(methods().await, "abcdefg");
    for (method, count) in [("a", 10), ("h", 1), ("g", 9), ("dd", 9)] {
        store.push_all(&vec![(); count].iter().map(|()| NewTask::new(method)).collect::<Vec<_>>()).await.unwrap();
    }
    assert_eq!(methods().await, "abcdddefgh");
    let (lines, _) = store.lines().await.unwrap();
    for line in lines.iter().filter(|line| "abdfh".contains(&line.method)) {
        while !store.claim(line, WORKER, 100).await.unwrap().is_empty() {}
    }
    assert_eq!(methods().await, "cddeg");
    assert_eq!(methods().await, "cddeg");
}

/// For MySQL they are one line, whose tasks have several names.
async fn names_that_differ_in_a_blank_are_told_by_a_later_look_too(db: Database) {
    let store = open(&db).await;
    let mut raw = crate::texts::Raw::open(&db).await;
    for run_at in 1..=9 {
        raw.script(&format!("insert into mission_tasks (method, run_at) values ('noop ', {run_at})")).await;
    }
    raw.script("insert into mission_tasks (method, run_at) values ('noop', 100)").await;
    store.lines().await.unwrap();
    raw.script("delete from mission_tasks where run_at < 9").await;
    for _ in 0..2 {
        let mut methods: Vec<_> = store.lines().await.unwrap().0.into_iter().map(|line| line.method).collect();
        methods.sort();
        assert_eq!(methods, ["noop", "noop "]);
    }
}

async fn each_line_is_told_with_its_first_due_time_and_what_is_set_for_its_type(db: Database) {
    let store = open(&db).await;
    store.pause("report").await.unwrap();
    store.set_running_limit("system", Some(7)).await.unwrap();
    let mut expected = Vec::new();
    for method in ["a", "b", "汉字"] {
        for task_type in ["report", "system", "Ünits"] {
            for priority in [-9, 0, 9] {
                let new = || NewTask::new(method).task_type(task_type).priority(priority);
                let first = push(&store, new()).await;
                push(&store, new()).await;
                let head = get(&store, &first).await.run_at;
                let (method, task_type) = (method.to_owned(), task_type.to_owned());
                let is_paused = task_type == "report";
                let running_limit = (task_type == "system").then_some(7);
                expected.push(Line { method, task_type, priority, lane: 0, head, is_paused, running_limit });
            }
        }
    }
    let (lines, now) = store.lines().await.unwrap();
    assert_eq!(lines, expected);
    assert!(store.now().await.unwrap().since(now) < Duration::from_secs(20));
    for line in &lines {
        assert_eq!(store.claim(line, WORKER, 10).await.unwrap().len(), 2);
    }
    assert_eq!(store.lines().await.unwrap().0, []);
}

async fn a_task_is_found_by_its_place_in_its_line_among_those_that_are_due(db: Database) {
    let store = open(&db).await;
    let ids = push_many(&store, 3).await;
    let later = push(&store, task().after(Duration::from_secs(3600))).await;
    for other in [NewTask::new("other"), task().task_type("other"), task().priority(1)] {
        push(&store, other).await;
    }
    let of_ours = |line: &Line| line.method == "export" && line.task_type == "system" && line.priority == 0;
    let line = store.lines().await.unwrap().0.into_iter().find(of_ours).unwrap();
    let at = async |line: &Line, place| store.waiting_at(line, place).await.unwrap();
    assert_eq!((at(&line, 0).await, at(&line, 2).await), (Some(ids[0].clone()), Some(ids[2].clone())));
    assert_eq!((at(&line, 3).await, at(&line, usize::MAX).await), (None, None), "what is due later is not there yet");
    let waits = async |tasks: &[UniqueId]| store.any_waits(tasks).await.unwrap();
    assert!(waits(&ids[..1]).await && !waits(&[later]).await && !waits(&[]).await);
    store.claim(&line, WORKER, 1).await.unwrap();
    assert!(!waits(&ids[..1]).await && waits(&ids[..2]).await);
    assert_eq!((at(&line, 0).await, at(&line, 2).await), (Some(ids[1].clone()), None));
    let behind = Line { head: mission_core::Timestamp(line.head.0 + 3_600_000_000), ..line };
    assert_eq!(at(&behind, 0).await, None, "it begins at the head");
}

async fn a_claim_answers_the_rows_as_they_stand_after_it(db: Database) {
    let store = open(&db).await;
    let new = task().params(&[1, 2]).creator("alice").key("nightly").retries(2).timeout(Duration::from_secs(5));
    push(&store, new).await;
    let claimed = claim(&store, 1).await.remove(0);
    assert_eq!(claimed.task, get(&store, &claimed.task.unique_id).await);
    let (task, running) = (&claimed.task, &claimed.running);
    assert_eq!((task.state, task.worker_id, task.counts.attempt), (State::Executing, Some(WORKER), 1));
    assert_eq!((running.lease.id, running.lease.token), (task.id, task.lease_token));
    assert_eq!((running.counts, running.retries, running.cancel_requested), (task.counts, Some(2), false));
    let one = running_again(&store, &claimed).await;
    assert_eq!(one.task, get(&store, &claimed.task.unique_id).await);
}

async fn a_claim_answers_all_that_the_row_has_whatever_its_counts_are(db: Database) {
    let store = open(&db).await;
    let (most, mut raw) = (i64::MAX, Raw::open(&db).await);
    let changes = [
        "failures = -1, retries = 3",
        "failures = -2, checkpoint = '7', crashes = 1",
        "crashes = 1, failures = -1",
        &format!("redone = {most}, active_ms = {most}, checkpoint = '7', checkpoint_done = 7, checkpoint_files = '[]'"),
        &format!("failures = {most}, crashes = {most}, resumed = {most}, timeout_ms = {most}"),
        "reason = 'error'",
        "progress_done = 3, progress_total = 4, progress_message = 'rows', checkpoint = '3'",
        "id = id",
    ];
    let mut pushed = Vec::new();
    for change in changes {
        let id = push(&store, task()).await;
        raw.script(&format!("update mission_tasks set {change} where unique_id = '{id}'")).await;
        pushed.push(id);
    }
    let claimed = claim(&store, 100).await;
    assert!(claimed.iter().map(|claimed| &claimed.task.unique_id).eq(&pushed));
    for (claimed, change) in claimed.iter().zip(changes) {
        assert_eq!(claimed.task, get(&store, &claimed.task.unique_id).await, "{change}");
    }
}

/// Hands the task over and claims it once more, by its id.
async fn running_again(store: &mission_store::Store, claimed: &mission_store::Claimed) -> mission_store::Claimed {
    store.settle(&[waiting_again(claimed, None)]).await.unwrap();
    store.claim_one(&claimed.task.unique_id, WORKER).await.unwrap().expect("it waits")
}

async fn each_claim_makes_the_token_grow_by_one(db: Database) {
    let store = open(&db).await;
    let mut claimed = running(&store, task()).await;
    for token in 1..5 {
        assert_eq!(claimed.running.lease.token.0, token);
        claimed = running_again(&store, &claimed).await;
    }
    store.settle(&[waiting_again(&claimed, None)]).await.unwrap();
    assert_eq!(claim(&store, 1).await[0].running.lease.token.0, 6);
}

async fn a_claim_forgets_what_the_attempt_before_left(db: Database) {
    let store = open(&db).await;
    let claimed = running(&store, task()).await;
    let progress = Progress::of(5, 10).message("half");
    store.report(&[progress_report(claimed.running.lease, progress)]).await.unwrap();
    store.settle(&[waiting_again(&claimed, None)]).await.unwrap();
    // Whoever wrote that: no settlement lets a task wait that was asked to end.
    db.sql("update mission_tasks set cancel_requested = 1;").await.unwrap();
    let waiting = get(&store, &claimed.task.unique_id).await;
    assert!(waiting.content.is_some() && waiting.reason.is_some() && waiting.worker_id.is_none());
    let again = claim(&store, 1).await.remove(0);
    assert_eq!(again.task, get(&store, &claimed.task.unique_id).await);
    assert_eq!((&again.task.progress, &again.task.content, again.task.cancel_requested), (&None, &None, false));
    assert_eq!(again.running.last_reason, waiting.reason, "why it waited is still known");
}

async fn many_claimers_take_every_task_once(db: Database) {
    const TASKS: usize = 2000;
    let stores = open_several(&db, 4).await;
    push_many(&stores[0], TASKS).await;
    let taken = race(&stores, 8, |store, number| async move {
        let worker = WorkerId(i64::try_from(number).unwrap() + 1);
        let mut taken = Vec::new();
        loop {
            let (lines, _) = store.lines().await.unwrap();
            let Some(line) = lines.first() else { return taken };
            taken.extend(store.claim(line, worker, 7).await.unwrap());
        }
    })
    .await
    .concat();
    let ids: HashSet<_> = taken.iter().map(|claimed| claimed.task.id).collect();
    assert_eq!((taken.len(), ids.len()), (TASKS, TASKS), "none twice, none left");
    assert_eq!(
        number(&db, "select count(*) from mission_tasks where state = 'executing' and lease_token = 1;").await,
        2000
    );
}

async fn a_running_limit_is_exact_however_many_claim(db: Database) {
    let stores = open_several(&db, 4).await;
    push_many(&stores[0], 100).await;
    stores[0].set_running_limit("system", Some(5)).await.unwrap();
    let line = only_line(&stores[0]).await;
    let counts = race(&stores, 16, |store, _| {
        let line = line.clone();
        async move { store.claim_limited(&line, WORKER, 3, 5).await.unwrap().len() }
    })
    .await;
    assert_eq!(counts.iter().sum::<usize>(), 5, "{counts:?}");
    assert_eq!(number(&db, "select count(*) from mission_tasks where state = 'executing';").await, 5);
}

async fn a_running_limit_leaves_room_as_tasks_end(db: Database) {
    let store = open(&db).await;
    push_many(&store, 10).await;
    store.set_running_limit("system", Some(2)).await.unwrap();
    let line = only_line(&store).await;
    let first = store.claim_limited(&line, WORKER, 10, 2).await.unwrap();
    assert_eq!(first.len(), 2);
    assert_eq!(store.claim_limited(&line, WORKER, 10, 2).await.unwrap().len(), 0);
    succeed(&store, &first[0]).await;
    assert_eq!(store.claim_limited(&line, WORKER, 10, 2).await.unwrap().len(), 1);
    store.set_running_limit("system", None).await.unwrap();
    assert_eq!(store.claim_limited(&line, WORKER, 10, 2).await.unwrap().len(), 7, "what the tables say counts");
}

async fn one_task_is_claimed_by_its_id_whether_due_or_not(db: Database) {
    let store = open(&db).await;
    let later = push(&store, task().after(Duration::from_secs(3600))).await;
    let claimed = store.claim_one(&later, WORKER).await.unwrap().unwrap();
    assert!(store.claim_one(&later, WORKER).await.unwrap().is_none(), "it runs");
    succeed(&store, &claimed).await;
    assert!(store.claim_one(&later, WORKER).await.unwrap().is_none(), "it has ended");
    assert!(store.claim_one(&mission_core::UniqueId::random(), WORKER).await.unwrap().is_none());
}

async fn of_many_who_claim_one_task_one_gets_it(db: Database) {
    let stores = open_several(&db, 4).await;
    for _ in 0..5 {
        let id = push(&stores[0], task()).await;
        let results = race(&stores, 16, |store, number| {
            let id = id.clone();
            async move { store.claim_one(&id, WorkerId(i64::try_from(number).unwrap() + 1)).await.unwrap() }
        });
        let winners: Vec<_> = results.await.into_iter().flatten().collect();
        assert_eq!(winners.len(), 1);
        assert_eq!(winners[0].task, get(&stores[0], &id).await);
    }
}

async fn a_workers_tasks_can_be_asked_for(db: Database) {
    let store = open(&db).await;
    push_many(&store, 5).await;
    let line = only_line(&store).await;
    let mine = store.claim(&line, WORKER, 3).await.unwrap();
    store.claim(&line, WorkerId(8), 2).await.unwrap();
    assert_eq!(store.executing(WORKER).await.unwrap(), mine);
    succeed(&store, &mine[0]).await;
    assert_eq!(store.executing(WORKER).await.unwrap(), mine[1..]);
    assert_eq!(store.executing(WorkerId(9)).await.unwrap(), []);
}

async fn suspects_are_left_to_others_where_that_is_asked_for(db: Database) {
    let store = open(&db).await;
    let ids = push_many(&store, 4).await;
    db.sql(&format!("update mission_tasks set crashes = 1 where unique_id in ('{}', '{}');", ids[0], ids[2]))
        .await
        .unwrap();
    let line = only_line(&store).await;
    let innocents = Terms { suspects: Suspects::Leave, ..Terms::up_to(10) };
    let claimed = store.claim_by(&line, WORKER, innocents).await.unwrap();
    assert_eq!(claimed.iter().map(|claimed| &claimed.task.unique_id).collect::<Vec<_>>(), [&ids[1], &ids[3]]);
    let suspects = store.claim_by(&line, WORKER, Terms::up_to(10)).await.unwrap();
    assert_eq!(suspects.iter().map(|claimed| &claimed.task.unique_id).collect::<Vec<_>>(), [&ids[0], &ids[2]]);
    assert!(suspects.iter().all(|claimed| claimed.running.counts.is_suspect()));
    let id = push(&store, task()).await;
    db.sql("update mission_tasks set crashes = 1 where state = 'init';").await.unwrap();
    assert_eq!(store.claim_ahead(&line, WORKER, Suspects::Leave).await.unwrap(), None);
    let suspect = store.claim_ahead(&line, WORKER, Suspects::Take).await.unwrap().expect("it waits");
    assert_eq!((suspect.task.unique_id, suspect.running.counts.is_suspect()), (id, true));
}

async fn a_claim_ahead_answers_the_first_due_task_as_it_stands_after_it(db: Database) {
    let store = open(&db).await;
    let later = push(&store, task().after(Duration::from_secs(3600))).await;
    let line = Line { head: mission_core::Timestamp(0), ..only_line(&store).await };
    assert_eq!(store.claim_ahead(&line, WORKER, Suspects::Take).await.unwrap(), None, "it is not due");
    let new = task().params(&[1, 2]).creator("alice").retries(2).timeout(Duration::from_secs(5));
    let ids = [push(&store, new).await, push(&store, task()).await];
    for (id, retries) in ids.iter().zip([Some(2), None]) {
        let claimed = store.claim_ahead(&line, WORKER, Suspects::Take).await.unwrap().expect("it waits");
        assert_eq!((&claimed.task.unique_id, claimed.running.retries), (id, retries));
        assert_eq!(claimed.task, get(&store, id).await);
        assert_eq!(
            (claimed.running.lease.id, claimed.running.lease.token.0, claimed.task.counts.attempt),
            (claimed.task.id, 1, 1)
        );
        // What the attempt before left is forgotten by the next one.
        let progress = Progress::of(5, 10).message("half");
        store.report(&[progress_report(claimed.running.lease, progress)]).await.unwrap();
        store.settle(&[waiting_again(&claimed, None)]).await.unwrap();
        let again = store.claim_ahead(&line, WORKER, Suspects::Take).await.unwrap().expect("it waits again");
        assert_eq!((&again.task, again.running.lease.token.0), (&get(&store, id).await, 2));
        assert_eq!((&again.task.progress, &again.task.content), (&None, &None));
    }
    assert_eq!(store.claim_ahead(&line, WORKER, Suspects::Take).await.unwrap(), None);
    assert_eq!(get(&store, &later).await.state, State::Init);
}

async fn a_claim_ahead_takes_nothing_from_a_type_that_is_paused_or_has_a_running_limit_by_now(db: Database) {
    let store = open(&db).await;
    push(&store, task()).await;
    let line = only_line(&store).await;
    store.pause("system").await.unwrap();
    assert_eq!(store.claim_ahead(&line, WORKER, Suspects::Take).await.unwrap(), None);
    store.resume("system").await.unwrap();
    store.set_running_limit("system", Some(9)).await.unwrap();
    assert_eq!(store.claim_ahead(&line, WORKER, Suspects::Take).await.unwrap(), None);
    store.set_running_limit("system", None).await.unwrap();
    assert!(store.claim_ahead(&line, WORKER, Suspects::Take).await.unwrap().is_some());
}

async fn of_many_who_claim_ahead_each_gets_another_task(db: Database) {
    let stores = open_several(&db, 4).await;
    let ids: HashSet<_> = push_many(&stores[0], 12).await.into_iter().collect();
    let line = only_line(&stores[0]).await;
    let claimed = race(&stores, 16, |store, number| {
        let line = line.clone();
        async move {
            let worker = WorkerId(i64::try_from(number).unwrap() + 1);
            let claimed = store.claim_ahead(&line, worker, Suspects::Take).await.unwrap()?;
            assert_eq!((claimed.task.worker_id, claimed.running.lease.token.0), (Some(worker), 1));
            Some(claimed.task.unique_id)
        }
    })
    .await;
    let won: Vec<_> = claimed.iter().flatten().cloned().collect();
    let different: HashSet<_> = won.iter().cloned().collect();
    assert_eq!(won.len(), different.len(), "none twice");
    // A claim may find all that is left locked by one that is under way.
    let mut left = 0;
    while store_claims_ahead(&stores[0], &line).await {
        left += 1;
    }
    assert_eq!(won.len() + left, ids.len(), "none lost");
}

async fn store_claims_ahead(store: &mission_store::Store, line: &Line) -> bool {
    store.claim_ahead(line, WORKER, Suspects::Take).await.unwrap().is_some()
}

async fn a_claim_ahead_passes_a_task_that_somebody_else_has_locked(db: Database) {
    if db.kind() == Kind::Sqlite {
        return; // One writes at a time there.
    }
    let store = open(&db).await;
    let ids = push_many(&store, 2).await;
    let line = only_line(&store).await;
    let mut other = Raw::open(&db).await;
    other.script("begin").await;
    other.rows(&format!("select id from mission_tasks where unique_id = '{}' for update", ids[0]), vec![]).await;
    let ahead = store.claim_ahead(&line, WORKER, Suspects::Take);
    // Whoever waits for the row waits for longer.
    let claimed = tokio::time::timeout(Duration::from_secs(10), ahead).await.expect("it does not wait").unwrap();
    assert_eq!(claimed.map(|claimed| claimed.task.unique_id), Some(ids[1].clone()));
    other.script("rollback").await;
}
