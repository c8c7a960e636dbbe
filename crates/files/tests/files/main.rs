//! The shelf on a real folder: writing, committing, resuming, publishing, sweeping.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed expectation ends the test")]
mod kit;

mod cost;
mod hostile;
mod limits;
mod processes;
mod publishing;
mod resuming;
mod sweeping;
