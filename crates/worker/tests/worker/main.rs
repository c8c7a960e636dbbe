//! What a worker promises, told in sentences, on every kind of database.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A test may.

mod apart;
mod artifacts;
#[cfg(feature = "s3")]
mod bucket;
mod checkpoints;
mod crash;
mod fair;
mod leaving;
mod life;
mod locked;
mod methods;
mod offered;
mod outage;
mod picking;
mod refused;
mod stage;
mod stopping;
mod task_log;
