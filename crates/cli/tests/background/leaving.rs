//! The moment in which a worker on demand leaves: no push falls between.

use std::time::{Duration, Instant};

use mission_core::{Filter, State};
use mission_engine::Mission;
use mission_testkit::{Database, Kind, conformance, eventually_within};

use crate::stage::{Stage, pause_up_to};

conformance![pushes_around_the_leaving_of_workers_are_never_left_waiting];

/// A worker stays so many times as long without work as a run of the program takes here, and leaves a few looks later.
const LINGER_RUNS: u32 = 2;
/// Within this span after the last task ended a worker on a quiet machine has said that it leaves, looked for the last time, and gone.
const AROUND: Duration = Duration::from_millis(60);
/// Shortest and longest such span beyond its stay: longer than a worker on the busiest machine takes to leave.
const AROUND_MIN: Duration = Duration::from_millis(1);
const AROUND_MAX: Duration = Duration::from_secs(1);
/// Far longer than a worker takes to start, and far shorter than anybody would wait.
const WAITING_MAX: Duration = Duration::from_secs(10);

/// After each round nobody pushes until all have ended: a task that fell between would have nobody to save it.
async fn pushes_around_the_leaving_of_workers_are_never_left_waiting(db: Database) {
    // A thousand pushes; fewer on servers, where the same code only looks at another database.
    let rounds = if db.kind() == Kind::Sqlite { 400 } else { 60 };
    let stage = Stage::set(db).await;
    let mut linger = WAITING_MAX;
    for _ in 0..3 {
        let began = Instant::now();
        stage.run(&["list"]).await.ok();
        linger = linger.min(began.elapsed() * LINGER_RUNS);
    }
    let stage = stage.linger_ms(u64::try_from(linger.as_millis()).unwrap());
    let mission = Mission::open(stage.db.url()).await.unwrap();
    let waiting = Filter::all().state(State::Init).state(State::Executing);
    let (mut around, mut started) = (AROUND, 0);
    for round in 0..rounds {
        pause_up_to(around).await;
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
        // As often before the worker is gone as after, however long that takes here.
        let started_before = std::mem::replace(&mut started, workers_started(&stage));
        around = if started > started_before { around * 4 / 5 } else { around * 5 / 4 };
        around = around.clamp(AROUND_MIN, linger + AROUND_MAX);
    }
    let ran = mission.records(&Filter::all().state(State::Success), 2000).await.unwrap();
    assert_eq!(ran.len(), rounds / 2 * 5);
    assert!(ran.iter().all(|task| task.counts.attempt == 1), "each ran once");
    mission.close().await;
    stage.left_alone().await;
    println!("{started} workers came and went, staying {linger:?}, the last pause up to {around:?}");
    assert!(started > rounds / 10, "only {started} workers came and went: the moment was not met");
}

fn workers_started(stage: &Stage) -> usize {
    let logs = std::fs::read_dir(stage.home.path().join("state/mission")).unwrap().flatten();
    let logs = logs.filter(|entry| entry.path().extension().is_some_and(|ending| ending != "lock"));
    logs.map(|entry| std::fs::read_to_string(entry.path()).unwrap().matches("worker started").count()).sum()
}
