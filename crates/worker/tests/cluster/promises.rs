//! What the database's settings promise, said by the store's health: real servers with their settings switched.

use mission_store::{Grade, Store};
use mission_testkit::{Database, Kind, eventually, on_galera, on_private, on_standby_pair};

use crate::scene::open;

/// Grade and sentence of the first finding about something.
async fn finding(store: &Store, about: &str) -> (Grade, String) {
    let health = store.health().await.unwrap();
    let found = health.findings.into_iter().find(|finding| finding.about == about);
    found.map(|finding| (finding.grade, finding.sentence)).unwrap_or_else(|| panic!("nothing about {about}"))
}

#[track_caller]
fn assert_says((grade, sentence): (Grade, String), expected: Grade, words: &str) {
    assert!(grade == expected && sentence.contains(words), "{grade:?}: {sentence}");
}

async fn mysql_says_what_a_commit_survives(kind: Kind, admin: &str) {
    let db = Database::on_server(kind, admin).await;
    let store = open(db.url()).await;
    assert_says(finding(&store, "durability").await, Grade::Good, "survives a power loss");
    assert_says(finding(&store, "nodes").await, Grade::Good, "on this server only");
    db.sql("set global innodb_flush_log_at_trx_commit = 2;").await.unwrap();
    assert_says(finding(&store, "durability").await, Grade::Wrong, "survives a crash of the server, but a power loss");
    db.sql("set global innodb_flush_log_at_trx_commit = 0;").await.unwrap();
    assert_says(finding(&store, "durability").await, Grade::Wrong, "a crash of the server takes");
    db.sql("set global read_only = 1;").await.unwrap();
    assert_says(finding(&store, "writing").await, Grade::Wrong, "read-only");
}

#[test]
fn mariadb_says_what_a_commit_survives() {
    on_private(Kind::Mariadb, async |server| mysql_says_what_a_commit_survives(Kind::Mariadb, server.url()).await);
}

#[test]
fn mysql_itself_says_what_a_commit_survives() {
    on_private(Kind::Mysql, async |server| mysql_says_what_a_commit_survives(Kind::Mysql, server.url()).await);
}

#[test]
fn postgres_says_what_a_commit_survives() {
    on_standby_pair(async |mut pair| {
        let db = Database::on_server(Kind::Postgres, pair.primary_url()).await;
        let store = open(db.url()).await;
        assert_says(finding(&store, "durability").await, Grade::Good, "survives a power loss");
        assert_says(finding(&store, "nodes").await, Grade::Good, "survives the loss of this server");
        let database = db.url().rsplit('/').next().unwrap();
        let standby = open(&pair.standby_url().replace("/postgres", &format!("/{database}"))).await;
        eventually("the standby has the database", async || standby.health().await.is_ok()).await;
        assert_says(finding(&standby, "writing").await, Grade::Wrong, "read-only");
        let switch = |setting: &str| format!("alter database {database} set {setting};");
        db.sql(&switch("synchronous_commit = 'local'")).await.unwrap();
        let store = open(db.url()).await;
        assert_says(finding(&store, "nodes").await, Grade::Note, "do not wait");
        db.sql(&switch("synchronous_commit = 'off'")).await.unwrap();
        let store = open(db.url()).await;
        assert_says(finding(&store, "durability").await, Grade::Wrong, "half second");
        pair.fail_over().unwrap();
        assert_says(finding(&standby, "nodes").await, Grade::Good, "on this server only");
    });
}

#[test]
fn a_node_says_how_many_there_are_and_whether_it_is_cut_off() {
    on_galera(async |cluster| {
        let db = Database::on_server(Kind::Mariadb, &cluster.url(0)).await;
        let store = open(db.url()).await;
        assert_says(finding(&store, "nodes").await, Grade::Good, "a Galera cluster of 3");
        assert!(store.is_cluster().await.unwrap());
    });
}
