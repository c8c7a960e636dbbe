//! The moment in which a worker on demand leaves: no push falls between.

use std::time::Duration;

use mission_testkit::{Database, conformance, eventually};

use crate::on_demand::count;
use crate::stage::{Stage, pause_up_to};

conformance![a_thousand_pushes_around_the_leaving_of_workers_all_run];

const CLIENTS: usize = 4;
const PUSHES: usize = 1000;

/// The worker stays for so short a time, and the pushes come at such pauses, that many meet it on its way out.
async fn a_thousand_pushes_around_the_leaving_of_workers_all_run(db: Database) {
    let stage = Stage::set(db).await.linger_ms(25);
    let client = async || {
        for _ in 0..PUSHES / CLIENTS {
            stage.add(&["noop"]).await;
            pause_up_to(Duration::from_millis(120)).await;
        }
    };
    tokio::join!(client(), client(), client(), client());
    eventually("none is left waiting", async || count(&stage, "state = 'success'").await == 1000).await;
    assert_eq!(count(&stage, "attempt = 1").await, 1000, "each ran once");
    let workers = stage.db.sql("select count(*) from mission_workers;").await.unwrap();
    stage.left_alone().await;
    let log = std::fs::read_dir(stage.home.path().join("state/mission")).unwrap().flatten();
    let started: usize = log
        .filter(|entry| entry.path().extension().is_some_and(|ending| ending != "lock"))
        .map(|entry| std::fs::read_to_string(entry.path()).unwrap().matches("worker started").count())
        .sum();
    assert!(started > 10, "only {started} workers came and went: the moment was not met ({workers})");
}
