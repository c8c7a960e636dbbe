//! The store against a model of it: random lives on every kind of database, each answer and each row compared.
//!
//! `MISSION_MODEL_LIVES` says how many lives a database is led through (for a long run: 2000), `MISSION_MODEL_STEPS` how
//! long one may be, and `MISSION_MODEL_SEED` repeats a run: each run prints its seed.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed expectation ends the test")]

mod bad_input;
mod beside;
mod crowd;
mod found;
mod kept;
mod play;
mod settling;
mod step;
mod terms;
mod world;

use mission_store::{OnMissing, Store};
use mission_testkit::{Database, conformance};
use proptest::test_runner::{Config, RngSeed, TestError, TestRunner};
use tokio::runtime::Handle;

conformance![the_store_does_what_its_model_does];

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is not a number: {text:?}")))
}

async fn the_store_does_what_its_model_does(db: Database) {
    let store = Store::open(db.url(), OnMissing::Create).await.unwrap();
    store.migrate().await.unwrap();
    let seed = number("MISSION_MODEL_SEED").unwrap_or_else(rand::random);
    let lives = number("MISSION_MODEL_LIVES").unwrap_or(32);
    let steps_max = usize::try_from(number("MISSION_MODEL_STEPS").unwrap_or(80)).unwrap();
    println!("MISSION_MODEL_SEED={seed} MISSION_MODEL_LIVES={lives} MISSION_MODEL_STEPS={steps_max}");
    let config = Config {
        cases: u32::try_from(lives).unwrap(),
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_time: 120_000,
        ..Config::default()
    };
    let mut stage = play::Stage::new(db, store).await;
    let stage = std::cell::RefCell::new(&mut stage);
    let outcome = tokio::task::block_in_place(|| {
        TestRunner::new(config)
            .run(&step::life(steps_max), |life| Handle::current().block_on(stage.borrow_mut().lead(&life)))
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Abort(reason)) => panic!("MISSION_MODEL_SEED={seed}: {reason}"),
        Err(TestError::Fail(reason, life)) => {
            let steps: String = life.iter().map(|step| format!("\n  {step:?}")).collect();
            panic!("{reason}\nMISSION_MODEL_SEED={seed}; the shortest life found that shows it:{steps}\n");
        }
    }
    stage.into_inner().report();
}
