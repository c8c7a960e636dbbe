//! Settle: what became of tasks is written under the token, once, whatever its text.

use std::collections::HashSet;
use std::time::Duration;

use mission_core::{Content, Counts, LeaseToken, Progress, Reason, Settlement, State, limits};
use mission_store::{Cancelled, Verdict};
use mission_testkit::{Database, Kind, conformance};

use crate::stage::{
    WORKER, claim, ending, get, number, open, open_several, progress_report, push_many, race, running, succeed, task,
    waiting_again,
};

conformance![
    an_end_is_written_with_all_that_belongs_to_it,
    a_stale_token_changes_nothing,
    progress_under_a_stale_token_changes_nothing,
    progress_and_its_watch_show_the_running_task,
    a_settle_that_is_repeated_counts_as_settled,
    an_ended_task_cannot_be_settled_otherwise,
    of_racing_ends_one_is_accepted,
    a_task_that_waits_again_keeps_its_key_and_gets_its_due_time_from_the_databases_clock,
    a_task_that_was_asked_to_end_is_cancelled_where_it_would_wait_again,
    a_cancel_that_its_worker_did_not_hear_of_changes_no_end,
    of_a_group_only_those_are_cancelled_that_were_asked_to_end,
    five_hundred_are_settled_together_and_the_one_that_was_lost_is_named,
    of_a_group_of_any_size_each_end_is_written_and_the_one_that_was_lost_is_named,
    a_group_larger_than_a_statement_is_settled_all_the_same,
    an_end_is_recorded_even_where_the_database_refuses_its_content,
];

async fn an_end_is_written_with_all_that_belongs_to_it(db: Database) {
    let store = open(&db).await;
    let claimed = running(&store, task().key("nightly")).await;
    let counts = Counts { attempt: 3, failures: 2, crashes: 1 };
    let content = Content { text: "no such customer".into(), is_cut: true };
    let end = Settlement { counts, content: Some(content), ..ending(&claimed, State::Fail, "") };
    assert_eq!(store.settle(&[end]).await.unwrap(), [Verdict::Settled]);
    let ended = get(&store, &claimed.task.unique_id).await;
    assert_eq!((ended.state, ended.reason, ended.counts), (State::Fail, Some(Reason::Error), counts));
    assert_eq!((ended.content.as_deref(), ended.content_cut), (Some("no such customer"), true));
    assert_eq!((ended.worker_id, ended.lease_token), (None, claimed.task.lease_token));
    assert_eq!((ended.run_at, ended.created_date), (claimed.task.run_at, claimed.task.created_date));
    assert!(ended.modified_date >= claimed.task.modified_date);
    assert_eq!(number(&db, "select count(*) from mission_tasks where active_key is null;").await, 1);

    let empty = running(&store, task()).await;
    let settlement = Settlement { content: None, ..ending(&empty, State::Success, "") };
    store.settle(&[settlement]).await.unwrap();
    assert_eq!(get(&store, &empty.task.unique_id).await.content, None);
    let blank = running(&store, task()).await;
    store.settle(&[ending(&blank, State::Success, "")]).await.unwrap();
    assert_eq!(get(&store, &blank.task.unique_id).await.content.as_deref(), Some(""));
    assert_eq!(store.settle(&[]).await.unwrap(), []);
}

/// A task that was claimed, given back, and claimed again by another: the first claim is stale.
async fn claimed_twice(store: &mission_store::Store) -> (mission_store::Claimed, mission_store::Claimed) {
    let stale = running(store, task()).await;
    store.settle(&[waiting_again(&stale, None)]).await.unwrap();
    let other = store.claim_one(&stale.task.unique_id, mission_core::WorkerId(8)).await.unwrap().unwrap();
    (stale, other)
}

async fn a_stale_token_changes_nothing(db: Database) {
    let store = open(&db).await;
    let (stale, other) = claimed_twice(&store).await;
    let before = get(&store, &stale.task.unique_id).await;
    for state in [State::Success, State::Fail, State::Cancelled, State::Init] {
        assert_eq!(store.settle(&[ending(&stale, state, "stale")]).await.unwrap(), [Verdict::Lost], "{state}");
        assert_eq!(get(&store, &stale.task.unique_id).await, before, "{state}");
    }
    let mut forged = ending(&other, State::Success, "forged");
    forged.lease.token = LeaseToken(other.running.lease.token.0 + 1);
    assert_eq!(store.settle(&[forged]).await.unwrap(), [Verdict::Lost], "a token of the future is no better");
    succeed(&store, &other).await;
    assert_eq!(store.settle(&[ending(&stale, State::Success, "stale")]).await.unwrap(), [Verdict::Lost]);
    assert_eq!(get(&store, &stale.task.unique_id).await.content.as_deref(), Some("done"));
}

async fn progress_under_a_stale_token_changes_nothing(db: Database) {
    let store = open(&db).await;
    let (stale, other) = claimed_twice(&store).await;
    let report =
        |claimed: &mission_store::Claimed, done: u64| progress_report(claimed.running.lease, Progress::of(done, 10));
    store.report(&[report(&other, 1)]).await.unwrap();
    store.report(&[report(&stale, 9)]).await.unwrap();
    let id = &other.task.unique_id;
    assert_eq!(get(&store, id).await.progress, Some(Progress::of(1, 10)));
    succeed(&store, &other).await;
    store.report(&[report(&other, 2), report(&stale, 3)]).await.unwrap();
    assert_eq!(get(&store, id).await.progress, Some(Progress::of(1, 10)), "nor does any once the task has ended");
}

async fn progress_and_its_watch_show_the_running_task(db: Database) {
    let store = open(&db).await;
    let (one, two) = (running(&store, task()).await, running(&store, task()).await);
    let reports =
        [Progress { done: u64::MAX, total: None, message: None }, Progress::of(1, 2).message("写 \"½\" 'ok'")];
    let leases = [one.running.lease, two.running.lease];
    let report = |place: usize| progress_report(leases[place], reports[place].clone());
    store.report(&[report(0), report(1)]).await.unwrap();
    let largest = Progress { done: i64::MAX as u64, ..reports[0].clone() };
    assert_eq!(get(&store, &one.task.unique_id).await.progress, Some(largest));
    assert_eq!(get(&store, &two.task.unique_id).await.progress.as_ref(), Some(&reports[1]));
    // A later report without total or message takes them away.
    let bare = progress_report(leases[1], Progress::from(2));
    store.report(&[bare]).await.unwrap();
    assert_eq!(get(&store, &two.task.unique_id).await.progress, Some(Progress::from(2)));

    store.cancel(&one.task.unique_id).await.unwrap();
    succeed(&store, &two).await;
    let mut watched = store.watch(&leases).await.unwrap();
    watched.sort_by_key(|watched| watched.id);
    assert_eq!((watched[0].state, watched[0].cancel_requested), (State::Executing, true));
    assert_eq!((watched[1].state, watched[1].token), (State::Success, two.running.lease.token));
    store.delete(&two.task.unique_id).await.unwrap();
    assert_eq!(store.watch(&leases).await.unwrap().len(), 1, "what is gone is left out");
}

async fn a_settle_that_is_repeated_counts_as_settled(db: Database) {
    let store = open(&db).await;
    let (ended, waiting) = (running(&store, task()).await, running(&store, task()).await);
    let group = [ending(&ended, State::Fail, "no"), waiting_again(&waiting, Some(Duration::from_secs(60)))];
    let both = [Verdict::Settled, Verdict::Settled];
    assert_eq!(store.settle(&group).await.unwrap(), both);
    let before = (get(&store, &ended.task.unique_id).await, get(&store, &waiting.task.unique_id).await);
    assert_eq!(store.settle(&group).await.unwrap(), both);
    let after = (get(&store, &ended.task.unique_id).await, get(&store, &waiting.task.unique_id).await);
    assert_eq!(after, before);
}

async fn an_ended_task_cannot_be_settled_otherwise(db: Database) {
    let store = open(&db).await;
    let claimed = running(&store, task()).await;
    succeed(&store, &claimed).await;
    assert_eq!(store.settle(&[ending(&claimed, State::Fail, "no")]).await.unwrap(), [Verdict::Lost]);
    assert_eq!(store.settle(&[waiting_again(&claimed, None)]).await.unwrap(), [Verdict::Lost]);
    assert_eq!(get(&store, &claimed.task.unique_id).await.content.as_deref(), Some("done"));
}

async fn of_racing_ends_one_is_accepted(db: Database) {
    let stores = open_several(&db, 4).await;
    let states = [State::Success, State::Fail, State::Cancelled, State::Init];
    for _ in 0..5 {
        let claimed = running(&stores[0], task()).await;
        let verdicts = race(&stores, 4, |store, number| {
            let end = ending(&claimed, states[number], states[number].as_str());
            async move { store.settle(&[end]).await.unwrap()[0] }
        })
        .await;
        let accepted: Vec<_> = (0..4).filter(|place| verdicts[*place] == Verdict::Settled).collect();
        assert_eq!(accepted.len(), 1, "{verdicts:?}");
        let task = get(&stores[0], &claimed.task.unique_id).await;
        assert_eq!((task.state, task.content.as_deref()), (states[accepted[0]], Some(states[accepted[0]].as_str())));
    }
}

async fn a_task_that_waits_again_keeps_its_key_and_gets_its_due_time_from_the_databases_clock(db: Database) {
    let store = open(&db).await;
    let claimed = running(&store, task().key("nightly")).await;
    let before = store.now().await.unwrap();
    store.settle(&[waiting_again(&claimed, Some(Duration::from_secs(60)))]).await.unwrap();
    let waiting = get(&store, &claimed.task.unique_id).await;
    let wait = waiting.run_at.since(before);
    assert!((Duration::from_secs(60)..Duration::from_secs(80)).contains(&wait), "{wait:?}");
    assert_eq!((waiting.state, waiting.worker_id), (State::Init, None));
    assert!(store.push(&task().key("nightly")).await.unwrap().is_existing);

    let again = store.claim_one(&claimed.task.unique_id, WORKER).await.unwrap().unwrap();
    store.settle(&[waiting_again(&again, None)]).await.unwrap();
    assert_eq!(
        get(&store, &claimed.task.unique_id).await.run_at,
        waiting.run_at,
        "a hand-over keeps the place in front"
    );
}

async fn a_task_that_was_asked_to_end_is_cancelled_where_it_would_wait_again(db: Database) {
    let store = open(&db).await;
    for wait in [None, Some(Duration::from_secs(60))] {
        let claimed = running(&store, task().key("nightly")).await;
        let id = &claimed.task.unique_id;
        assert_eq!(store.cancel(id).await.unwrap(), Cancelled::Requested);
        // As a worker writes it that has not looked since the cancel.
        let again = waiting_again(&claimed, wait);
        assert_eq!(store.settle(std::slice::from_ref(&again)).await.unwrap(), [Verdict::Settled]);
        let cancelled = get(&store, id).await;
        assert_eq!((cancelled.state, cancelled.reason), (State::Cancelled, Some(Reason::Cancelled)));
        assert_eq!((cancelled.content.as_deref(), cancelled.worker_id), (Some("handed over"), None));
        assert!(cancelled.cancel_requested, "it tells who cancelled it");
        assert_eq!(store.claim_one(id, WORKER).await.unwrap(), None, "it does not run again");
        assert_eq!(store.settle(&[again]).await.unwrap(), [Verdict::Settled], "a repeated try finds its end");
        assert_eq!(get(&store, id).await, cancelled);
        // The next round pushes a task with its key: it has given it back.
    }
}

async fn a_cancel_that_its_worker_did_not_hear_of_changes_no_end(db: Database) {
    let store = open(&db).await;
    for state in [State::Success, State::Fail] {
        let claimed = running(&store, task()).await;
        store.cancel(&claimed.task.unique_id).await.unwrap();
        assert_eq!(store.settle(&[ending(&claimed, state, "the end")]).await.unwrap(), [Verdict::Settled]);
        let ended = get(&store, &claimed.task.unique_id).await;
        assert_eq!((ended.state, ended.content.as_deref(), ended.cancel_requested), (state, Some("the end"), false));
    }
}

async fn of_a_group_only_those_are_cancelled_that_were_asked_to_end(db: Database) {
    let store = open(&db).await;
    push_many(&store, 4).await;
    let claimed = claim(&store, 4).await;
    for asked in &claimed[..2] {
        store.cancel(&asked.task.unique_id).await.unwrap();
    }
    let mut group: Vec<_> = claimed.iter().map(|claimed| waiting_again(claimed, None)).collect();
    // One is lost, so that each of the others is judged by its row.
    group[3].lease.token = LeaseToken(0);
    let verdicts = store.settle(&group).await.unwrap();
    assert_eq!(verdicts, [Verdict::Settled, Verdict::Settled, Verdict::Settled, Verdict::Lost]);
    let mut states = Vec::new();
    for claimed in &claimed {
        states.push(get(&store, &claimed.task.unique_id).await.state);
    }
    assert_eq!(states, [State::Cancelled, State::Cancelled, State::Init, State::Executing]);
}

async fn five_hundred_are_settled_together_and_the_one_that_was_lost_is_named(db: Database) {
    let store = open(&db).await;
    push_many(&store, 500).await;
    let claimed = claim(&store, 500).await;
    let mut group: Vec<_> = claimed.iter().map(|claimed| ending(claimed, State::Success, "ok")).collect();
    group[123].lease.token = LeaseToken(0);
    let verdicts = store.settle(&group).await.unwrap();
    let lost: Vec<_> = (0..500).filter(|place| verdicts[*place] == Verdict::Lost).collect();
    assert_eq!(lost, [123]);
    assert_eq!(
        number(&db, "select count(*) from mission_tasks where state = 'success' and content = 'ok';").await,
        499
    );
    assert_eq!(get(&store, &claimed[123].task.unique_id).await.state, State::Executing);
}

async fn of_a_group_of_any_size_each_end_is_written_and_the_one_that_was_lost_is_named(db: Database) {
    let store = open(&db).await;
    // On MySQL the forms of the statement have room for 1, 4, 16, 64 and 512.
    for size in [1, 3, 4, 5, 17, 65, 500] {
        for differ in [false, true] {
            push_many(&store, size + 1).await;
            let claimed = claim(&store, size + 1).await;
            let content = |place: usize| if differ { format!("{size} {place}") } else { format!("{size}") };
            let group: Vec<_> = claimed
                .iter()
                .enumerate()
                .map(|(place, claimed)| ending(claimed, State::Success, &content(place)))
                .collect();
            // Somebody else holds it by now; to us it looks like the others.
            let lost = size / 2;
            store.settle(&[waiting_again(&claimed[lost], None)]).await.unwrap();
            store.claim_one(&claimed[lost].task.unique_id, mission_core::WorkerId(8)).await.unwrap().unwrap();
            let verdicts = store.settle(&group).await.unwrap();
            for (place, verdict) in verdicts.iter().enumerate() {
                let task = get(&store, &claimed[place].task.unique_id).await;
                let expected =
                    if place == lost { (Verdict::Lost, None) } else { (Verdict::Settled, Some(content(place))) };
                assert_eq!((*verdict, task.content), expected, "{place} of {size}, differ: {differ}");
                assert_eq!(task.state == State::Success, place != lost);
            }
        }
    }
}

async fn a_group_larger_than_a_statement_is_settled_all_the_same(db: Database) {
    let store = open(&db).await;
    let count = limits::BATCH_ROWS_MAX + 20;
    push_many(&store, count).await;
    let claimed = claim(&store, count).await;
    // Ten of the largest contents pass the limit on bytes; control characters are written with six bytes each.
    let large = "\u{1}".repeat(limits::CONTENT_BYTES_MAX / 4);
    let content = |place: usize| if place.is_multiple_of(52) { large.as_str() } else { "small" };
    let group: Vec<_> =
        claimed.iter().enumerate().map(|(place, claimed)| ending(claimed, State::Success, content(place))).collect();
    let verdicts = store.settle(&group).await.unwrap();
    assert_eq!(verdicts, vec![Verdict::Settled; count]);
    for place in [0, 1, 52, count - 1] {
        let stored = get(&store, &claimed[place].task.unique_id).await.content;
        assert!(stored.as_deref() == Some(content(place)), "task {place}");
    }
    let ids: HashSet<_> = claimed.iter().map(|claimed| claimed.task.id).collect();
    assert_eq!(ids.len(), count);
}

/// Makes the database refuse a word in a column, in words of its own that hold the name.
pub(crate) async fn refuse(db: &Database, column: &str, word: &str, name: &str) {
    let statement = match db.kind() {
        Kind::Sqlite => ["insert", "update"]
            .map(|write| {
                format!(
                    "create trigger {name}_{write} before {write} on mission_tasks when new.{column} like '%{word}%'
                     begin select raise(abort, '{name}: nicht für mich'); end;"
                )
            })
            .concat(),
        _ => format!("alter table mission_tasks add constraint {name} check ({column} not like '%{word}%');"),
    };
    db.sql(&statement).await.unwrap();
}

async fn an_end_is_recorded_even_where_the_database_refuses_its_content(db: Database) {
    let store = open(&db).await;
    refuse(&db, "content", "venom", "no_v3nom").await;
    refuse(&db, "content", "poison", "no_poison").await;
    push_many(&store, 4).await;
    let claimed = claim(&store, 4).await;
    let texts = ["first", "venom", "poison", "last"];
    let group: Vec<_> = claimed.iter().zip(texts).map(|(claimed, text)| ending(claimed, State::Fail, text)).collect();
    assert_eq!(store.settle(&group).await.unwrap(), [Verdict::Settled; 4]);
    let mut contents = Vec::new();
    for claimed in &claimed {
        let task = get(&store, &claimed.task.unique_id).await;
        assert_eq!((task.state, task.reason), (State::Fail, Some(Reason::Error)));
        contents.push(task.content.unwrap());
    }
    assert_eq!((contents[0].as_str(), contents[3].as_str()), ("first", "last"));
    assert!(contents[1].starts_with("the content could not be stored: the database refused"), "{}", contents[1]);
    assert!(contents[1].contains("no_v3nom") && contents[1].is_ascii(), "{}", contents[1]);
    // The refusal names the poison, so its words are refused as well.
    assert_eq!(contents[2], "the content could not be stored");
}
