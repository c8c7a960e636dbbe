//! The moment in which a worker on demand leaves: no push falls between.

use std::time::Duration;

use mission_core::{Filter, State};
use mission_engine::Mission;
use mission_testkit::{Database, Kind, conformance, eventually_within};

use crate::stage::{Stage, pause_up_to};

conformance![pushes_around_the_leaving_of_workers_are_never_left_waiting];

/// A worker stays so long without work, and leaves a few looks later.
const LINGER_MS: u64 = 20;
/// Within this span after the last task ended its worker has said that it leaves, looked for the last time, and gone.
const AROUND: Duration = Duration::from_millis(120);
/// Far longer than a worker takes to start, and far shorter than anybody would wait.
const WAITING_MAX: Duration = Duration::from_secs(10);

/// After each round nobody pushes until all have ended: a task that fell between would have nobody to save it.
async fn pushes_around_the_leaving_of_workers_are_never_left_waiting(db: Database) {
    // A thousand pushes; fewer on servers, where the same code only looks at another database.
    let rounds = if db.kind() == Kind::Sqlite { 400 } else { 60 };
    let stage = Stage::set(db).await.linger_ms(LINGER_MS);
    let mission = Mission::open(stage.db.url()).await.unwrap();
    let waiting = Filter::all().state(State::Init).state(State::Executing);
    for round in 0..rounds {
        pause_up_to(AROUND).await;
        let push = || stage.add(&["noop"]);
        // One alone has nobody to save it; several see each other start a worker.
        if round % 2 == 0 {
            push().await;
        } else {
            tokio::join!(push(), push(), push(), push());
        }
        eventually_within(WAITING_MAX, &format!("all tasks of round {round} have ended"), async || {
            mission.records(&waiting, 1).await.unwrap().is_empty()
        })
        .await;
    }
    let ran = mission.records(&Filter::all().state(State::Success), 2000).await.unwrap();
    assert_eq!(ran.len(), rounds / 2 * 5);
    assert!(ran.iter().all(|task| task.counts.attempt == 1), "each ran once");
    mission.close().await;
    stage.left_alone().await;
    let started = workers_started(&stage);
    println!("{started} workers came and went");
    assert!(started > rounds / 10, "only {started} workers came and went: the moment was not met");
}

fn workers_started(stage: &Stage) -> usize {
    let logs = std::fs::read_dir(stage.home.path().join("state/mission")).unwrap().flatten();
    let logs = logs.filter(|entry| entry.path().extension().is_some_and(|ending| ending != "lock"));
    logs.map(|entry| std::fs::read_to_string(entry.path()).unwrap().matches("worker started").count()).sum()
}
