//! Push inside the caller's own transaction: it commits with it, and a duplicate never aborts it.

use std::time::Duration;

use mission_core::NewTask;
use mission_store::{Pushed, Store};
use mission_testkit::{Database, Kind, conformance};
use sqlx::{Connection, MySqlConnection, PgConnection, SqliteConnection};

use crate::stage::{number, open, push, race_alone, task};

conformance![
    a_push_is_seen_if_and_only_if_the_transaction_commits,
    a_duplicate_gives_the_existing_task_and_the_transaction_goes_on,
    a_duplicate_committed_after_the_transaction_began_does_not_abort_it,
    a_task_that_ended_after_the_transaction_began_is_no_duplicate,
    a_refused_push_in_a_transaction_that_stays_open_holds_up_no_push_of_another_method,
    transactions_with_duplicates_do_not_stand_in_each_others_way_under_serializable,
    a_connection_outside_of_a_transaction_gets_one,
    a_transaction_begun_by_hand_stays_the_callers,
    racing_transactions_without_repeat_store_one_task,
    racing_connections_without_repeat_store_one_task,
];

/// Runs a body with a connection of the database's own type.
macro_rules! connected {
    ($db:expr, $connection:ident => $body:expr) => {
        match $db.kind() {
            Kind::Sqlite => {
                let mut $connection = SqliteConnection::connect($db.url()).await.unwrap();
                $body
            }
            Kind::Mariadb | Kind::Mysql => {
                let mut $connection = MySqlConnection::connect($db.url()).await.unwrap();
                $body
            }
            Kind::Postgres => {
                let mut $connection = PgConnection::connect($db.url()).await.unwrap();
                $body
            }
        }
    };
}

pub(crate) use connected;

/// How a caller begins where he means to be isolated; MySQL's default is that already.
pub(crate) fn begin(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => "begin immediate",
        Kind::Mariadb | Kind::Mysql => "start transaction",
        Kind::Postgres => "begin isolation level repeatable read",
    }
}

async fn a_push_is_seen_if_and_only_if_the_transaction_commits(db: Database) {
    let store = open(&db).await;
    db.sql("create table orders (n integer);").await.unwrap();
    let tasks = || [task(), task().key("nightly"), task().without_repeat_method(), task()];
    connected!(db, connection => {
        for (ends, seen) in [("rollback", 0), ("commit", 3)] {
            let mut tx = connection.begin_with(begin(db.kind())).await.unwrap();
            sqlx::query("insert into orders values (1)").execute(&mut *tx).await.unwrap();
            let pushed = Store::push_in(&mut tx, &tasks()).await.unwrap();
            assert_eq!(pushed.iter().filter(|pushed| pushed.is_existing).count(), 1);
            assert!(store.get(&pushed[0].unique_id).await.unwrap().is_none(), "not before the commit");
            if ends == "commit" { tx.commit().await.unwrap() } else { tx.rollback().await.unwrap() }
            assert_eq!(number(&db, "select count(*) from mission_tasks;").await, seen, "{ends}");
            assert_eq!(number(&db, "select count(*) from orders;").await, seen.min(1), "{ends}");
        }
    });
}

async fn a_duplicate_gives_the_existing_task_and_the_transaction_goes_on(db: Database) {
    let store = open(&db).await;
    db.sql("create table orders (n integer);").await.unwrap();
    let existing = Pushed { unique_id: push(&store, task().key("nightly")).await, is_existing: true };
    connected!(db, connection => {
        let mut tx = connection.begin_with(begin(db.kind())).await.unwrap();
        sqlx::query("insert into orders values (1)").execute(&mut *tx).await.unwrap();
        for duplicate in [task().key("nightly"), task().without_repeat_method()] {
            let pushed = Store::push_in(&mut tx, &[duplicate]).await.unwrap();
            assert_eq!(pushed, std::slice::from_ref(&existing));
        }
        let refused = Store::push_in(&mut tx, &[task(), task().priority(10)]).await.unwrap_err();
        assert!(refused.is_invalid());
        Store::push_in(&mut tx, &[task()]).await.unwrap();
        tx.commit().await.unwrap();
    });
    assert_eq!(number(&db, "select count(*) from mission_tasks;").await, 2);
    assert_eq!(number(&db, "select count(*) from orders;").await, 1);
}

async fn a_duplicate_committed_after_the_transaction_began_does_not_abort_it(db: Database) {
    if db.kind() == Kind::Sqlite {
        return; // One writes at a time there: nothing can be committed meanwhile.
    }
    let store = open(&db).await;
    connected!(db, connection => {
        let mut tx = connection.begin_with(begin(db.kind())).await.unwrap();
        // The first read fixes what the transaction sees.
        sqlx::query("select count(*) from mission_tasks").fetch_one(&mut *tx).await.unwrap();
        let id = push(&store, task().key("nightly").without_repeat_method()).await;
        for duplicate in [task().key("nightly"), task().without_repeat_method()] {
            match Store::push_in(&mut tx, &[duplicate]).await {
                Ok(pushed) => assert_eq!(pushed, [Pushed { unique_id: id.clone(), is_existing: true }]),
                // PostgreSQL shows such a task to nobody who began before: the way out is to run again.
                Err(error) => assert!(error.is_retryable() && db.kind() == Kind::Postgres, "{error}"),
            }
        }
        Store::push_in(&mut tx, &[task()]).await.unwrap();
        tx.commit().await.unwrap();
    });
    assert_eq!(number(&db, "select count(*) from mission_tasks;").await, 2);
}

async fn a_task_that_ended_after_the_transaction_began_is_no_duplicate(db: Database) {
    if db.kind() == Kind::Sqlite {
        return; // One writes at a time there: nothing can end meanwhile.
    }
    let store = open(&db).await;
    for (is_by_method, duplicate) in [(false, task().key("nightly")), (true, task().without_repeat_method())] {
        let before = push(&store, task().key("nightly")).await;
        connected!(db, connection => {
            let mut tx = connection.begin_with(begin(db.kind())).await.unwrap();
            sqlx::query("select count(*) from mission_tasks").fetch_one(&mut *tx).await.unwrap();
            store.cancel(&before).await.unwrap();
            let pushed = Store::push_in(&mut tx, std::slice::from_ref(&duplicate)).await.unwrap();
            // PostgreSQL shows such a task as it was to all who began before, but for what an index decides.
            let own = Pushed { unique_id: duplicate.unique_id().clone(), is_existing: false };
            assert!(pushed == [own] || is_by_method && db.kind() == Kind::Postgres, "{pushed:?}");
            tx.commit().await.unwrap();
        });
        store.cancel(duplicate.unique_id()).await.ok();
    }
}

async fn a_refused_push_in_a_transaction_that_stays_open_holds_up_no_push_of_another_method(db: Database) {
    if db.kind() == Kind::Sqlite {
        return; // One writes at a time there.
    }
    let store = open(&db).await;
    let existing = push(&store, task().key("nightly")).await;
    for (guard, duplicate) in [("key", task().key("nightly")), ("without repeat", task().without_repeat_method())] {
        connected!(db, connection => {
            let mut tx = connection.begin_with(begin(db.kind())).await.unwrap();
            let pushed = Store::push_in(&mut tx, &[duplicate]).await.unwrap();
            assert_eq!(pushed, [Pushed { unique_id: existing.clone(), is_existing: true }]);
            // Their ids lie on both sides of those that are there.
            let others = async {
                for _ in 0..20 {
                    push(&store, NewTask::new("another")).await;
                }
            };
            let in_time = tokio::time::timeout(Duration::from_secs(10), others).await;
            assert!(in_time.is_ok(), "they wait for the transaction: {guard}");
            tx.commit().await.unwrap();
        });
    }
}

async fn transactions_with_duplicates_do_not_stand_in_each_others_way_under_serializable(db: Database) {
    if db.kind() != Kind::Postgres {
        return; // SQLite has one writer, and InnoDB's SERIALIZABLE locks whatever is read.
    }
    let store = open(&db).await;
    push(&store, task().key("one")).await;
    push(&store, task().key("other")).await;
    let mut connections =
        [PgConnection::connect(db.url()).await.unwrap(), PgConnection::connect(db.url()).await.unwrap()];
    let [one, other] = &mut connections;
    let mut one = one.begin_with("begin isolation level serializable").await.unwrap();
    let mut other = other.begin_with("begin isolation level serializable").await.unwrap();
    for (tx, key) in [(&mut one, "one"), (&mut other, "other")] {
        let pushed = Store::push_in(tx, &[task().key(key)]).await.unwrap();
        assert!(pushed[0].is_existing);
    }
    for tx in [&mut one, &mut other] {
        Store::push_in(tx, &[NewTask::new("another")]).await.unwrap();
    }
    one.commit().await.unwrap();
    other.commit().await.unwrap();
}

async fn a_connection_outside_of_a_transaction_gets_one(db: Database) {
    let store = open(&db).await;
    connected!(db, connection => {
        let tasks = [task(), task().key("nightly"), task().without_repeat_method()];
        let pushed = Store::push_in(&mut connection, &tasks).await.unwrap();
        assert_eq!(pushed.iter().map(|pushed| pushed.is_existing).collect::<Vec<_>>(), [false, false, true]);
        assert!(store.get(&pushed[1].unique_id).await.unwrap().is_some(), "committed");
        assert!(Store::push_in(&mut connection, &[task().key("nightly")]).await.unwrap()[0].is_existing);
        assert!(!Store::push_in(&mut connection, &[task().key("weekly")]).await.unwrap()[0].is_existing);
    });
    assert_eq!(number(&db, "select count(*) from mission_tasks;").await, 3);
}

async fn a_transaction_begun_by_hand_stays_the_callers(db: Database) {
    open(&db).await;
    connected!(db, connection => {
        sqlx::raw_sql("begin").execute(&mut connection).await.unwrap();
        Store::push_in(&mut connection, &[task(), task().without_repeat_method()]).await.unwrap();
        Store::push_in(&mut connection, &[task().key("nightly")]).await.unwrap();
        sqlx::raw_sql("rollback").execute(&mut connection).await.unwrap();
    });
    assert_eq!(number(&db, "select count(*) from mission_tasks;").await, 0);
}

async fn racing_transactions_without_repeat_store_one_task(db: Database) {
    open(&db).await;
    race_pushes(&db, Way::Transaction).await;
}

async fn racing_connections_without_repeat_store_one_task(db: Database) {
    open(&db).await;
    race_pushes(&db, Way::Connection).await;
}

/// How a racer pushes: within a transaction of his own, or on a connection that is in none.
#[derive(Clone, Copy)]
enum Way {
    Transaction,
    Connection,
}

async fn race_pushes(db: &Database, way: Way) {
    let (kind, url) = (db.kind(), db.url().to_owned());
    let pushed = race_alone(16, |_| {
        let url = url.clone();
        async move {
            // The loop of the documentation: what the database asks to run again is run again.
            for _ in 0..200 {
                match push_once(kind, &url, way).await {
                    Err(error) if error.is_retryable() => {}
                    pushed => return pushed.unwrap(),
                }
            }
            panic!("the push never came through");
        }
    })
    .await;
    assert_eq!(pushed.iter().filter(|pushed| !pushed.is_existing).count(), 1);
    assert!(pushed.iter().all(|other| other.unique_id == pushed[0].unique_id));
    assert_eq!(number(db, "select count(*) from mission_tasks;").await, 1);
}

async fn push_once(kind: Kind, url: &str, way: Way) -> Result<Pushed, mission_core::Error> {
    let tasks = [task().without_repeat_method()];
    macro_rules! pushed {
        ($connection:ty) => {{
            let mut connection = <$connection>::connect(url).await.unwrap();
            let pushed = match way {
                Way::Connection => Store::push_in(&mut connection, &tasks).await?,
                Way::Transaction => {
                    let mut tx = connection.begin_with(begin(kind)).await.unwrap();
                    let pushed = Store::push_in(&mut tx, &tasks).await?;
                    tx.commit().await.unwrap();
                    pushed
                }
            };
            Ok(pushed.into_iter().next().unwrap())
        }};
    }
    match kind {
        Kind::Sqlite => pushed!(SqliteConnection),
        Kind::Mariadb | Kind::Mysql => pushed!(MySqlConnection),
        Kind::Postgres => pushed!(PgConnection),
    }
}
