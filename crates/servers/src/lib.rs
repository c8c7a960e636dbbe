//! Private database servers for tests: how each kind is laid out, started, killed and started again.
//!
//! The test command keeps a fleet of them ([`launch::Server`], owned by a guard process); a test that kills its
//! server makes one of its own ([`PrivateServer`]), which goes with the test's process, however that ends.

mod galera;
pub mod launch;
pub mod mariadb;
pub mod mysql;
pub mod mysql_unpack;
mod nest;
pub mod postgres;
mod private;
pub mod process;
pub mod programs;
pub mod s3;
mod standby;

pub use galera::{GaleraCluster, missing_for_galera};
pub use private::{Brand, Durability, PrivateServer};
pub use standby::StandbyPair;

/// What everything here answers: a message for the reader when it cannot go on.
pub type Outcome<T> = Result<T, String>;
