//! A server becomes read-only with its connections open: the worker asks its address anew, and goes on where it may write.

use std::collections::BTreeSet;
use std::time::Duration;

use mission_testkit::{Database, Kind, PrivateServer, eventually, eventually_within, on_private};
use mission_worker::WorkerSettings;

use crate::scene::{Counts, assert_all_succeeded, open, open_tasks, push_numbers, settings, tasks, worker_at};

/// The sessions of the worker, its heart's included; the administrator is another user, whom read_only does not bind.
async fn sessions(db: &Database) -> BTreeSet<String> {
    let sql = "select id from information_schema.processlist where user = 'plain';";
    db.sql(sql).await.unwrap().lines().map(str::to_owned).collect()
}

async fn connections_to_a_read_only_server_are_replaced(kind: Kind, server: PrivateServer) {
    const TASKS: u64 = 300;
    let db = Database::on_server(kind, server.url()).await;
    let (_, name) = db.url().rsplit_once('/').unwrap();
    db.sql(&format!("create user plain@'%'; grant all on {name}.* to plain@'%';")).await.unwrap();
    let url = db.url().replacen("mission@", "plain@", 1);
    let store = open(db.url()).await;
    store.migrate().await.unwrap();
    let counts = Counts::default();
    // The heart beats, and meets the change, before the lease is over.
    let brisk = WorkerSettings { lease: Some(Duration::from_secs(9)), ..settings(4) };
    let worker = worker_at(&url, brisk, [counts.method(Duration::from_millis(20))]).await;
    let pushed = push_numbers(&store, TASKS).await;
    eventually("a part has begun", async || counts.distinct() > 50).await;
    let before = sessions(&db).await;
    assert!(before.len() > 1, "a heart's and the pool's");
    db.sql("set global read_only = 1;").await.unwrap();
    let is_replaced = async || sessions(&db).await.is_disjoint(&before);
    eventually_within(Duration::from_secs(7), "every connection is a new one", is_replaced).await;
    let begun = counts.distinct();
    db.sql("set global read_only = 0;").await.unwrap();
    eventually_within(Duration::from_secs(5), "work goes on", async || counts.distinct() > begun + 10).await;
    eventually("all have ended", async || open_tasks(&store).await == Some(0)).await;
    let tasks = tasks(&store, &pushed).await;
    assert_all_succeeded(&tasks);
    assert!(tasks.iter().all(|task| task.counts.attempt == 1), "it counts nothing");
    assert_eq!((counts.distinct() as u64, counts.again()), (TASKS, 0));
    worker.stop().await;
}

#[test]
fn connections_to_a_read_only_mariadb_are_replaced() {
    on_private(Kind::Mariadb, |server| connections_to_a_read_only_server_are_replaced(Kind::Mariadb, server));
}

#[test]
fn connections_to_a_read_only_mysql_are_replaced() {
    on_private(Kind::Mysql, |server| connections_to_a_read_only_server_are_replaced(Kind::Mysql, server));
}
