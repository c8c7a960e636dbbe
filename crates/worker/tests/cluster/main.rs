//! What a worker promises where servers die: a database that is killed and comes back, clusters that lose a node.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A test may.

mod galera;
mod moved;
mod promises;
mod restart;
mod scene;
mod standby;
