//! What a worker promises, told in sentences, on every kind of database.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A test may.

mod life;
mod stage;
