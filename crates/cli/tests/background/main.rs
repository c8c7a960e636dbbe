//! Tasks in the background as people at a terminal meet them: pushes without any worker set up, the export, and what keeps
//! the database in order; each on every kind of database.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A failed expectation ends the test.

mod bench;
mod doctor;
mod export;
mod import;
mod interrupted;
mod leaving;
mod migrate;
mod on_demand;
mod stage;
mod work;
