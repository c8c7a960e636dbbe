//! Migrations: one at a time, none where they are not needed, and a word on tables that do not fit.

use mission_core::Filter;
use mission_store::{Kind as StoreKind, OnMissing, SchemaStatus, Store, migration_sql};
use mission_testkit::{Database, Kind, conformance};

use crate::stage::{claim, number, open, push, race_alone, succeed, task};

conformance![
    eight_may_migrate_at_once,
    migrating_again_changes_nothing,
    tables_that_are_missing_are_named_with_the_way_out,
    tables_of_a_newer_major_version_are_refused,
    tables_of_a_newer_minor_version_fit,
    older_tables_are_named_and_brought_up_to_date,
    the_printed_migration_makes_tables_that_work,
    a_user_without_the_right_to_change_tables_can_use_them,
];

async fn version(db: &Database) -> i64 {
    number(db, "select max(version) from mission_migrations;").await
}

async fn eight_may_migrate_at_once(db: Database) {
    let url = db.url().to_owned();
    // A store each, as processes have; those of SQLite migrate when they open.
    let versions = race_alone(8, |_| {
        let url = url.clone();
        async move {
            let store = Store::open(&url, OnMissing::Create).await.unwrap();
            let version = store.migrate().await.unwrap();
            assert!(!store.push(&task()).await.unwrap().is_existing);
            version
        }
    })
    .await;
    assert_eq!(versions, vec![version(&db).await; 8]);
    assert_eq!(number(&db, "select count(*) from mission_migrations;").await, 3);
    assert_eq!(number(&db, "select count(*) from mission_settings where name = 'database_id';").await, 1);
    assert_eq!(number(&db, "select count(*) from mission_tasks;").await, 8);
}

async fn migrating_again_changes_nothing(db: Database) {
    let store = open(&db).await;
    let id = push(&store, task()).await;
    assert_eq!(store.migrate().await.unwrap(), store.migrate().await.unwrap());
    assert!(open(&db).await.get(&id).await.unwrap().is_some());
    store.check_schema().await.unwrap();
}

async fn tables_that_are_missing_are_named_with_the_way_out(db: Database) {
    if db.kind() == Kind::Sqlite {
        // Its file is made, with its tables, by the first who opens it to push or to work.
        let refused = Store::open(db.url(), OnMissing::Refuse).await.unwrap_err();
        assert!(refused.is_not_found() && refused.to_string().contains("mission.db"), "{refused}");
        return;
    }
    let store = Store::open(db.url(), OnMissing::Create).await.unwrap();
    assert_eq!(store.schema().await.unwrap(), SchemaStatus::Missing);
    let errors = [
        store.check_schema().await.unwrap_err(),
        store.push(&task()).await.unwrap_err(),
        store.lines().await.unwrap_err(),
        store.list(&Filter::all(), 10, None).await.unwrap_err(),
    ];
    for error in errors {
        assert!(error.is_schema() && error.to_string().contains("run `mission migrate`"), "{error}");
    }
}

async fn tables_of_a_newer_major_version_are_refused(db: Database) {
    let store = open(&db).await;
    db.sql("insert into mission_migrations (version) values (2001);").await.unwrap();
    assert_eq!(store.schema().await.unwrap(), SchemaStatus::Newer(2001));
    for error in [store.check_schema().await.unwrap_err(), store.migrate().await.unwrap_err()] {
        let sentence = error.to_string();
        assert!(error.is_schema() && sentence.contains("2001") && sentence.contains("update Mission"), "{sentence}");
    }
    if db.kind() == Kind::Sqlite {
        assert!(Store::open(db.url(), OnMissing::Create).await.unwrap_err().is_schema());
    }
}

async fn tables_of_a_newer_minor_version_fit(db: Database) {
    let store = open(&db).await;
    let newer = version(&db).await + 1;
    // Such a version has grown: a column that this program does not know.
    db.sql("alter table mission_tasks add column colour varchar(9);").await.unwrap();
    db.sql(&format!("insert into mission_migrations (version) values ({newer});")).await.unwrap();
    assert_eq!(store.schema().await.unwrap(), SchemaStatus::Current(newer));
    store.check_schema().await.unwrap();
    assert_eq!(store.migrate().await.unwrap(), newer);
    let store = open(&db).await;
    push(&store, task()).await;
    succeed(&store, &claim(&store, 1).await[0]).await;
}

async fn older_tables_are_named_and_brought_up_to_date(db: Database) {
    let store = open(&db).await;
    let id = push(&store, task()).await;
    let current = version(&db).await;
    db.sql("delete from mission_migrations; insert into mission_migrations (version) values (1000);").await.unwrap();
    assert_eq!(store.schema().await.unwrap(), SchemaStatus::Older(1000));
    let sentence = store.check_schema().await.unwrap_err().to_string();
    assert!(sentence.contains("1000") && sentence.contains("run `mission migrate`"), "{sentence}");
    assert_eq!(store.migrate().await.unwrap(), current);
    assert!(store.get(&id).await.unwrap().is_some(), "what was there is still there");
}

async fn the_printed_migration_makes_tables_that_work(db: Database) {
    let kind = match db.kind() {
        Kind::Sqlite => StoreKind::Sqlite,
        Kind::Mariadb | Kind::Mysql => StoreKind::Mysql,
        Kind::Postgres => StoreKind::Postgres,
    };
    db.sql(&migration_sql(kind)).await.unwrap();
    let again = db.sql(&migration_sql(kind)).await;
    // SQLite knows no "if not exists" for columns; it migrates by itself.
    assert!(again.is_ok() || db.kind() == Kind::Sqlite, "it may run twice: {again:?}");
    let store = Store::open(db.url(), OnMissing::Refuse).await.unwrap();
    assert!(matches!(store.schema().await.unwrap(), SchemaStatus::Current(_)));
    push(&store, task().without_repeat_method().key("nightly")).await;
    succeed(&store, &claim(&store, 1).await[0]).await;
}

async fn a_user_without_the_right_to_change_tables_can_use_them(db: Database) {
    if db.kind() == Kind::Sqlite {
        return; // It knows no users.
    }
    open(&db).await;
    let name = db.url().rsplit('/').next().unwrap().to_owned();
    let grants = match db.kind() {
        Kind::Postgres => format!(
            "create role {name} login; grant usage on schema public to {name};
             grant select, insert, update, delete on all tables in schema public to {name};"
        ),
        _ => format!(
            "create user {name}@'%' identified by ''; grant select, insert, update, delete on {name}.* to {name}@'%';"
        ),
    };
    db.sql(&grants).await.unwrap();
    let store = Store::open(&db.url().replacen("mission@", &format!("{name}@"), 1), OnMissing::Create).await.unwrap();
    store.migrate().await.unwrap();
    push(&store, task().without_repeat_method().key("nightly")).await;
    store.register(&crate::stage::new_worker(&["export"])).await.unwrap();
    store.pause("report").await.unwrap();
    succeed(&store, &claim(&store, 1).await[0]).await;
    // Where tables had to be changed, the database's refusal says what is missing.
    db.sql("delete from mission_migrations; insert into mission_migrations (version) values (1000);").await.unwrap();
    let refused = store.migrate().await.unwrap_err();
    assert!(refused.to_string().contains("rights"), "{refused}");
    store.close().await;
    let drop = match db.kind() {
        Kind::Postgres => format!("drop owned by {name}; drop role {name};"),
        _ => format!("drop user {name}@'%';"),
    };
    db.sql(&drop).await.unwrap();
}
