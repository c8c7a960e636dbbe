//! Opening: by URL or by the user's pool, in memory or on a server that goes away and comes back.

use std::time::Duration;

use mission_core::{ErrorKind, Filter};
use mission_store::{OnMissing, Renewal, Store};
use mission_testkit::{Database, Kind, Proxy, conformance, eventually, on};
use sqlx::{MySqlPool, PgPool, SqlitePool};

use crate::stage::{WORKER, get, new_worker, open, push, push_many, race, race_alone, succeed, task};

conformance![
    a_store_of_the_users_pool_is_on_the_same_database,
    the_isolation_that_the_server_prefers_changes_nothing,
    broken_connections_are_replaced_without_a_word,
    a_heart_beats_again_once_its_connection_is_back,
];

/// The switch to a write-ahead log does not wait for others as statements do: a file that eight make at once is busy.
#[test]
fn a_file_that_is_not_there_yet_may_be_opened_by_many_at_once() {
    on(Kind::Sqlite, |db| async move {
        for round in 0..8 {
            let url = format!("sqlite://{}", db.folder().join(format!("{round}.db")).display());
            let open = |_| {
                let url = url.clone();
                async move { Store::open(&url, OnMissing::Create).await.map(|_| ()) }
            };
            for opened in race_alone(24, open).await {
                opened.unwrap();
            }
        }
    });
}

async fn a_store_of_the_users_pool_is_on_the_same_database(db: Database) {
    let id = push(&open(&db).await, task()).await;
    let store = match db.kind() {
        Kind::Sqlite => Store::from_sqlite_pool(&SqlitePool::connect(db.url()).await.unwrap()).await,
        Kind::Mariadb | Kind::Mysql => Store::from_mysql_pool(&MySqlPool::connect(db.url()).await.unwrap()).await,
        Kind::Postgres => Store::from_postgres_pool(&PgPool::connect(db.url()).await.unwrap()).await,
    }
    .unwrap();
    store.ping().await.unwrap();
    assert_eq!(get(&store, &id).await.unique_id, id);
    store.close().await;
    let refused = store.get(&id).await.unwrap_err();
    assert!(refused.kind() == ErrorKind::Setup && refused.to_string().contains("store was closed"), "{refused}");
}

async fn the_isolation_that_the_server_prefers_changes_nothing(db: Database) {
    // Each pushed row tells under which isolation it was written. MySQL prefers REPEATABLE READ anyway.
    let telling = match db.kind() {
        Kind::Sqlite => return, // It knows one isolation.
        Kind::Mariadb => {
            "create trigger telling before insert on mission_tasks for each row set new.reason = @@tx_isolation;"
        }
        Kind::Mysql => {
            "create trigger telling before insert on mission_tasks for each row set new.reason = @@transaction_isolation;"
        }
        Kind::Postgres => {
            "alter table mission_tasks alter column reason set default current_setting('transaction_isolation');"
        }
    };
    open(&db).await;
    db.sql(telling).await.unwrap();
    if db.kind() == Kind::Postgres {
        let name = db.url().rsplit('/').next().unwrap();
        db.sql(&format!("alter database {name} set default_transaction_isolation = 'serializable';")).await.unwrap();
    }
    let store = open(&db).await;
    push(&store, task()).await;
    push(&store, mission_core::NewTask::new("import").without_repeat_method()).await;
    push_many(&store, 2).await;
    let told = db.sql("select distinct reason from mission_tasks;").await.unwrap();
    assert_eq!(told.trim().to_lowercase().replace('-', " "), "read committed");
}

async fn broken_connections_are_replaced_without_a_word(db: Database) {
    let Some(proxy) = Proxy::before(&db).await else { return };
    open(&db).await;
    let store = Store::open(proxy.url(), OnMissing::Refuse).await.unwrap();
    // Many connections lie ready when they break.
    let readers = race(std::slice::from_ref(&store), 10, |store, _| async move { store.now().await });
    assert!(readers.await.iter().all(Result::is_ok));
    let ids = push_many(&store, 3).await;
    proxy.cut();
    proxy.restore();
    push(&store, task().key("nightly")).await;
    proxy.cut();
    proxy.restore();
    store.cancel(&ids[0]).await.unwrap();
    proxy.cut();
    proxy.restore();
    assert_eq!(store.list(&Filter::all(), 10, None).await.unwrap().tasks.len(), 4);
    // A claim tells, because it may have been committed; the next one goes on.
    proxy.cut();
    proxy.restore();
    let line = crate::stage::only_line(&store).await;
    eventually("a claim comes through", async || match store.claim(&line, WORKER, 1).await {
        Ok(claimed) => claimed.len() == 1,
        Err(error) => {
            assert!(error.is_unreachable(), "{error}");
            false
        }
    })
    .await;
}

async fn a_heart_beats_again_once_its_connection_is_back(db: Database) {
    let Some(proxy) = Proxy::before(&db).await else { return };
    open(&db).await;
    let store = Store::open(proxy.url(), OnMissing::Refuse).await.unwrap();
    let worker = store.register(&new_worker(&["export"])).await.unwrap();
    let mut heart = store.heart(worker, Duration::from_secs(60));
    assert_eq!(heart.beat().await.unwrap(), Renewal::Renewed);
    proxy.cut();
    let error = heart.beat().await.unwrap_err();
    assert!(error.is_unreachable(), "{error}");
    assert!(heart.beat().await.is_err());
    proxy.restore();
    assert_eq!(heart.beat().await.unwrap(), Renewal::Renewed);
}

#[test]
fn a_database_in_memory_is_one_database() {
    on(Kind::Sqlite, async |_: Database| {
        let urls = ["sqlite::memory:", "sqlite://:memory:", "sqlite:file:shared?mode=memory&cache=shared"];
        for url in urls {
            use_in_memory(&Store::open(url, OnMissing::Refuse).await.unwrap()).await;
        }
        let pool = SqlitePool::connect("sqlite::memory:").await.unwrap();
        let store = Store::from_sqlite_pool(&pool).await.unwrap();
        use_in_memory(&store).await;
        let count = sqlx::query_scalar::<_, i64>("select count(*) from mission_tasks").fetch_one(&pool).await.unwrap();
        assert_eq!(count, 1, "the user's pool sees it, too");
    });
}

async fn use_in_memory(store: &Store) {
    let id = push(store, task().without_repeat_method()).await;
    assert_eq!(get(store, &id).await.unique_id, id);
    let worker = store.register(&new_worker(&["export"])).await.unwrap();
    assert_eq!(store.heart(worker, Duration::from_secs(60)).beat().await.unwrap(), Renewal::Renewed);
    let claimed = store.claim_one(&id, worker).await.unwrap().unwrap();
    succeed(store, &claimed).await;
}
