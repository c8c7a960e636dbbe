//! The store's conformance suite: one behaviour, told in sentences, on every kind of database.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed expectation ends the test")]

mod crowd;
mod stage;
mod texts;

mod artifacts;
mod both;
mod checkpoint;
mod claim;
mod contract;
mod control;
mod cost;
mod effects;
mod errors;
mod fair;
mod held;
mod history;
mod hostile;
mod life;
mod migrate;
mod moved;
mod numbers;
mod offered;
mod opening;
mod plans;
mod prune;
mod push;
mod push_in;
mod push_together;
mod records;
mod settle;
mod statements;
mod succeed_in;
mod types;
mod upgrade;
mod workers;
