//! The kit itself: each kind gives a fresh database that the system's clients can use.

use mission_testkit::{Database, conformance, eventually};

conformance![
    a_fresh_database_is_empty_and_usable,
    two_databases_do_not_see_each_other,
    python_speaks_to_it,
    a_client_complains_with_its_own_words,
    a_database_goes_with_its_value,
];

async fn a_fresh_database_is_empty_and_usable(db: Database) {
    db.sql("create table t (n integer, s varchar(20)); insert into t values (7, '数据'), (8, 'b');").await.unwrap();
    assert_eq!(db.sql("select n, s from t order by n;").await.unwrap(), "7\t数据\n8\tb\n");
}

async fn two_databases_do_not_see_each_other(db: Database) {
    let other = Database::fresh(db.kind()).await;
    assert_ne!(db.url(), other.url());
    db.sql("create table t (n integer);").await.unwrap();
    other.sql("create table t (n integer);").await.unwrap();
}

async fn python_speaks_to_it(db: Database) {
    let program = "
cursor = db.cursor()
cursor.execute('create table t (n integer)')
cursor.execute('insert into t values (' + mark + ')', (42,))
db.commit()
cursor.execute('select n from t')
print(cursor.fetchone()[0])";
    assert_eq!(db.python(program).await.unwrap(), "42\n");
}

async fn a_client_complains_with_its_own_words(db: Database) {
    let complaint = db.sql("select n from nothing_here;").await.unwrap_err();
    assert!(complaint.contains("nothing_here"), "{complaint}");
    assert!(db.python("raise SystemExit('no')").await.unwrap_err().contains("no"));
}

async fn a_database_goes_with_its_value(db: Database) {
    let kind = db.kind();
    let other = Database::fresh(kind).await;
    other.sql("create table t (n integer);").await.unwrap();
    let folder = other.folder().to_owned();
    let name = other.url().rsplit('/').next().unwrap().to_owned();
    drop(other);
    assert!(!folder.exists());
    let left = match kind {
        mission_testkit::Kind::Sqlite => return,
        mission_testkit::Kind::Postgres => format!("select count(*) from pg_database where datname = '{name}';"),
        _ => format!("select count(*) from information_schema.schemata where schema_name = '{name}';"),
    };
    assert_eq!(db.sql(&left).await.unwrap(), "0\n");
}

#[test]
fn a_condition_that_holds_ends_the_wait() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let mut asked = 0;
    runtime.block_on(eventually("the third question", async || {
        asked += 1;
        asked == 3
    }));
    assert_eq!(asked, 3);
}

#[test]
#[should_panic(expected = "not within 20ms: pigs fly")]
fn a_condition_that_never_holds_is_named() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let limit = std::time::Duration::from_millis(20);
    runtime.block_on(mission_testkit::eventually_within(limit, "pigs fly", async || false));
}
