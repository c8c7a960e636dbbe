//! The program itself, run as a shell runs it: each command, each exit code, each kind of bad input.
#![allow(clippy::unwrap_used, clippy::expect_used)] // The whole file tree is test code: a failed expectation ends the test.

mod add;
mod bad_input;
mod config;
mod contract;
mod operate;
mod output;
mod records;
mod results;
mod scene;
mod terminal;
mod wait;
