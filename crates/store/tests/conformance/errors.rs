//! Errors: what is wrong with a database is named with the way out, and never with a password.

use std::time::{Duration, Instant};

use mission_core::{Error, ErrorKind, NewTask};
use mission_store::{OnMissing, Store};
use mission_testkit::{Database, Kind, conformance, eventually, on};

use crate::stage::{number, open, push, task};

conformance![
    a_database_that_does_not_exist_is_named_with_the_way_out,
    a_server_that_is_not_there_is_named_at_once,
    a_url_that_is_wrong_says_how_one_looks,
    a_session_that_the_server_closed_because_it_was_idle_is_replaced,
];

/// The error of a store that cannot be opened, or answers its ping with it.
async fn refusal(url: &str, on_missing: OnMissing) -> Error {
    match Store::open(url, on_missing).await {
        Err(error) => error,
        Ok(store) => store.ping().await.expect_err("the database is not usable"),
    }
}

/// Neither its sentence nor what is printed for programmers may hold a password.
fn assert_says(error: &Error, kind: ErrorKind, words: &[&str]) {
    let (sentence, debug) = (error.to_string(), format!("{error:?}"));
    assert_eq!(error.kind(), kind, "{sentence}");
    for word in words {
        assert!(sentence.contains(word), "{word:?} is not in: {sentence}");
    }
    assert!(!sentence.contains("geheim") && !debug.contains("geheim"), "{debug}");
}

async fn a_database_that_does_not_exist_is_named_with_the_way_out(db: Database) {
    match db.kind() {
        Kind::Sqlite => {
            let url = format!("sqlite://{}", db.folder().join("missing.db").display());
            let error = refusal(&url, OnMissing::Refuse).await;
            assert_says(&error, ErrorKind::NotFound, &["missing.db", "mission migrate"]);
            assert!(!db.folder().join("missing.db").exists(), "looking makes nothing");
            let url = format!("sqlite://{}", db.folder().join("no/folder/mission.db").display());
            let error = refusal(&url, OnMissing::Create).await;
            assert_says(&error, ErrorKind::Database, &["no/folder/mission.db", "check that its folder is there"]);
        }
        _ => {
            let error = refusal(&format!("{}_not", db.url()), OnMissing::Create).await;
            assert_says(&error, ErrorKind::NotFound, &["_not", "create it first"]);
        }
    }
}

async fn a_session_that_the_server_closed_because_it_was_idle_is_replaced(db: Database) {
    if db.kind() != Kind::Postgres {
        return; // The others have no such limit that a session may set.
    }
    let store = open(&db).await;
    push(&store, task()).await;
    store.close().await;
    let limited = format!("{}?options[idle_session_timeout]=200", db.url());
    let store = Store::open(&limited, OnMissing::Refuse).await.unwrap();
    push(&store, task()).await;
    let sessions =
        "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid();";
    eventually("the server has closed them", async || number(&db, sessions).await == 0).await;
    push(&store, task()).await;
    assert_eq!(number(&db, "select count(*) from mission_tasks;").await, 3);
}

async fn a_server_that_is_not_there_is_named_at_once(db: Database) {
    let scheme = match db.kind() {
        Kind::Sqlite => return, // It has no server.
        Kind::Mariadb => "mariadb",
        Kind::Mysql => "mysql",
        Kind::Postgres => "postgres",
    };
    // A port that was free a moment ago refuses.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("{scheme}://root:geheim@127.0.0.1:{port}/mission");
    let start = Instant::now();
    let error = refusal(&url, OnMissing::Create).await;
    assert!(start.elapsed() < Duration::from_secs(2));
    let address = format!("127.0.0.1:{port}");
    assert_says(&error, ErrorKind::Unreachable, &["refused", &address, "check that it runs there"]);
    if db.kind().is_mysql_like() {
        let url = db.url().replacen("mission@", "nobody:geheim@", 1);
        let error = refusal(&url, OnMissing::Create).await;
        assert_says(&error, ErrorKind::Database, &["Access denied", "check user and password"]);
    }
}

async fn a_url_that_is_wrong_says_how_one_looks(db: Database) {
    let wrong: &[(&str, &str)] = match db.kind() {
        Kind::Sqlite => &[
            ("mission.db", "use sqlite://FILE"),
            ("", "use sqlite://FILE"),
            ("oracle://root:geheim@host/x", "unknown scheme \"oracle\""),
            ("root:geheim@host", "unknown scheme"),
            ("sqlite://mission.db?mode=rubbish", "use sqlite://mission.db"),
        ],
        Kind::Mariadb | Kind::Mysql => &[
            ("mysql://root:geheim@127.0.0.1", "names no database"),
            ("mysql://root:geheim@127.0.0.1/", "names no database"),
            ("mysql://root:geheim@127.0.0.1:port/mission", "use mysql://user:password@host:3306/database"),
            ("mysql://root:geheim@[/mission", "use mysql://user:password@host:3306/database"),
        ],
        Kind::Postgres => &[
            ("postgres://root:geheim@127.0.0.1:port/mission", "use postgres://user:password@host:5432/database"),
            ("postgres://root:geheim@127.0.0.1/mission?sslmode=perhaps", "use postgres://user:password@host"),
        ],
    };
    for (url, way_out) in wrong {
        let error = Store::open(url, OnMissing::Create).await.unwrap_err();
        assert_says(&error, ErrorKind::Invalid, &[way_out]);
    }
}

#[test]
fn a_file_that_is_no_database_or_may_not_be_written_is_named() {
    on(Kind::Sqlite, async |db: Database| {
        let notes = db.folder().join("notes.txt");
        std::fs::write(&notes, "no database, but a text of more than a hundred bytes: ".repeat(4)).unwrap();
        let error = refusal(&format!("sqlite://{}", notes.display()), OnMissing::Create).await;
        assert_says(&error, ErrorKind::Database, &["notes.txt", "not a database", "check the path"]);
        let error = refusal(&format!("sqlite://{}", db.folder().display()), OnMissing::Create).await;
        assert_says(&error, ErrorKind::Database, &["cannot open the file"]);

        let id = push(&open(&db).await, task()).await;
        let read_only = Store::open(&format!("{}?mode=ro", db.url()), OnMissing::Refuse).await.unwrap();
        assert!(read_only.get(&id).await.unwrap().is_some(), "reading is not writing");
        let error = read_only.push(&task()).await.unwrap_err();
        assert_says(&error, ErrorKind::Database, &["readonly", "check the rights"]);
    });
}

#[test]
fn a_transaction_that_the_database_itself_ended_does_not_stand_in_the_way() {
    on(Kind::Sqlite, async |db| {
        let store = open(&db).await;
        store.migrate().await.unwrap();
        // As a full disk does it: the whole transaction is gone, and a rollback fails.
        let trigger = "create trigger full before insert on mission_tasks when new.method = 'large' \
                       begin select raise(rollback, 'no room'); end;";
        db.sql(trigger).await.unwrap();
        let many = [task(), NewTask::new("large")];
        let refusal = store.push_all(&many).await.expect_err("the trigger refuses");
        assert!(refusal.to_string().contains("no room"), "{refusal}");
        store.push_all(&[task(), task()]).await.expect("what follows is stored");
    });
}
