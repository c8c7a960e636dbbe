//! Success inside the caller's own transaction: his effect, the success and what it brings commit together.

use mission_core::{NewTask, Progress, State, WorkerId};
use mission_store::{Store, Verdict};
use mission_testkit::{Database, Kind, conformance};
use sqlx::{Connection, MySqlConnection, PgConnection, SqliteConnection};

use crate::effects::{brought, rich};
use crate::push_in::{begin, connected};
use crate::settle::refuse;
use crate::stage::{get, number, open, progress_report, running, task, waiting_again};

conformance![
    effect_and_success_are_seen_together_or_not_at_all,
    a_lost_lease_is_named_and_changes_nothing,
    a_success_that_was_committed_before_is_not_written_twice,
    what_is_refused_leaves_the_transaction_usable,
    a_last_report_that_is_refused_leaves_the_transaction_usable,
    a_connection_outside_of_a_transaction_succeeds_at_once,
];

async fn orders(db: &Database) -> i64 {
    number(db, "select count(*) from orders;").await
}

async fn effect_and_success_are_seen_together_or_not_at_all(db: Database) {
    let store = open(&db).await;
    db.sql("create table orders (n integer);").await.unwrap();
    let claimed = running(&store, task()).await;
    let before = get(&store, &claimed.task.unique_id).await;
    connected!(db, connection => {
        for ends in ["rollback", "commit"] {
            let mut tx = connection.begin_with(begin(db.kind())).await.unwrap();
            sqlx::query("insert into orders values (1)").execute(&mut *tx).await.unwrap();
            let verdict = Store::succeed_in(&mut tx, &rich(&claimed, "1.csv"), None).await.unwrap();
            assert_eq!(verdict, Verdict::Settled);
            assert_eq!(get(&store, &claimed.task.unique_id).await, before, "not before the commit");
            assert_eq!(brought(&db).await, (0, 0, 0));
            if ends == "commit" { tx.commit().await.unwrap() } else { tx.rollback().await.unwrap() }
            let (state, seen) = if ends == "commit" { (State::Success, 1) } else { (State::Executing, 0) };
            assert_eq!(get(&store, &claimed.task.unique_id).await.state, state, "{ends}");
            assert_eq!((orders(&db).await, brought(&db).await), (seen, (seen, seen, seen)), "{ends}");
        }
    });
}

async fn a_lost_lease_is_named_and_changes_nothing(db: Database) {
    let store = open(&db).await;
    db.sql("create table orders (n integer);").await.unwrap();
    let stale = running(&store, task()).await;
    store.settle(&[waiting_again(&stale, None)]).await.unwrap();
    store.claim_one(&stale.task.unique_id, WorkerId(8)).await.unwrap().unwrap();
    let before = get(&store, &stale.task.unique_id).await;
    connected!(db, connection => {
        let mut tx = connection.begin_with(begin(db.kind())).await.unwrap();
        sqlx::query("insert into orders values (1)").execute(&mut *tx).await.unwrap();
        assert_eq!(Store::succeed_in(&mut tx, &rich(&stale, "1.csv"), None).await.unwrap(), Verdict::Lost);
        // A caller who commits all the same has his effect, but no success.
        tx.commit().await.unwrap();
    });
    assert_eq!(get(&store, &stale.task.unique_id).await, before);
    assert_eq!((orders(&db).await, brought(&db).await), (1, (0, 0, 0)));
}

async fn a_success_that_was_committed_before_is_not_written_twice(db: Database) {
    let store = open(&db).await;
    db.sql("create table orders (n integer);").await.unwrap();
    let claimed = running(&store, task()).await;
    // The answer to the first commit was lost, so the caller runs his transaction again.
    connected!(db, connection => {
        for expected in [Verdict::Settled, Verdict::Lost] {
            let mut tx = connection.begin_with(begin(db.kind())).await.unwrap();
            sqlx::query("insert into orders values (1)").execute(&mut *tx).await.unwrap();
            let verdict = Store::succeed_in(&mut tx, &rich(&claimed, "1.csv"), None).await.unwrap();
            assert_eq!(verdict, expected);
            if verdict == Verdict::Settled { tx.commit().await.unwrap() } else { tx.rollback().await.unwrap() }
        }
    });
    assert_eq!((orders(&db).await, brought(&db).await), (1, (1, 1, 1)));
    assert_eq!(store.settle(&[rich(&claimed, "1.csv")]).await.unwrap(), [Verdict::Settled], "it stands");
}

async fn what_is_refused_leaves_the_transaction_usable(db: Database) {
    let store = open(&db).await;
    db.sql("create table orders (n integer);").await.unwrap();
    let claimed = running(&store, task()).await;
    let mut bad = rich(&claimed, "1.csv");
    bad.effects.follow_ups.push(NewTask::new("mail").priority(99));
    connected!(db, connection => {
        let mut tx = connection.begin_with(begin(db.kind())).await.unwrap();
        sqlx::query("insert into orders values (1)").execute(&mut *tx).await.unwrap();
        assert!(Store::succeed_in(&mut tx, &bad, None).await.unwrap_err().is_invalid());
        assert_eq!(Store::succeed_in(&mut tx, &rich(&claimed, "1.csv"), None).await.unwrap(), Verdict::Settled);
        tx.commit().await.unwrap();
    });
    assert_eq!((orders(&db).await, brought(&db).await), (1, (1, 1, 1)));
}

async fn a_last_report_that_is_refused_leaves_the_transaction_usable(db: Database) {
    let store = open(&db).await;
    db.sql("create table orders (n integer);").await.unwrap();
    refuse(&db, "progress_message", "forbidden", "no_message").await;
    let claimed = running(&store, task()).await;
    let report = |message: &str| progress_report(claimed.running.lease, Progress::of(1, 2).message(message));
    let success = rich(&claimed, "1.csv");
    connected!(db, connection => {
        let mut tx = connection.begin_with(begin(db.kind())).await.unwrap();
        sqlx::query("insert into orders values (1)").execute(&mut *tx).await.unwrap();
        let refused = Store::succeed_in(&mut tx, &success, Some(&report("forbidden"))).await.unwrap_err();
        assert!(!refused.is_retryable(), "{refused}");
        assert_eq!(Store::succeed_in(&mut tx, &success, Some(&report("fine"))).await.unwrap(), Verdict::Settled);
        tx.commit().await.unwrap();
    });
    assert_eq!((orders(&db).await, brought(&db).await), (1, (1, 1, 1)));
    let task = get(&store, &claimed.task.unique_id).await;
    assert_eq!((task.state, task.progress), (State::Success, Some(Progress::of(1, 2).message("fine"))));
}

async fn a_connection_outside_of_a_transaction_succeeds_at_once(db: Database) {
    let store = open(&db).await;
    let claimed = running(&store, task()).await;
    connected!(db, connection => {
        let verdict = Store::succeed_in(&mut connection, &rich(&claimed, "1.csv"), None).await.unwrap();
        assert_eq!(verdict, Verdict::Settled);
    });
    assert_eq!(get(&store, &claimed.task.unique_id).await.state, State::Success);
    assert_eq!(brought(&db).await, (1, 1, 1));
}
