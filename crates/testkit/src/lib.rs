//! Databases for tests: a fresh, empty one per test, on each kind, on real servers only.
//!
//! ```no_run
//! use mission_testkit::{Database, conformance};
//!
//! conformance![a_table_holds_what_was_put_in];
//!
//! async fn a_table_holds_what_was_put_in(db: Database) {
//!     db.sql("create table t (n integer); insert into t values (7);").await.unwrap();
//!     assert_eq!(db.sql("select n from t;").await.unwrap(), "7\n");
//! }
//! ```
//!
//! `cargo xtask test` starts the servers; `cargo xtask servers` keeps them for a quick round with `cargo test`.

mod clients;
mod conformance;
mod database;
mod eventually;
mod galera;
mod giving_up;
mod kind;
mod proxy;
mod server;

pub use conformance::{on, on_private, on_standby_pair};
pub use database::Database;
pub use eventually::{eventually, eventually_within};
pub use galera::on_galera;
pub use giving_up::give_up_after;
pub use kind::Kind;
pub use mission_servers::s3;
pub use mission_servers::{Brand, Durability, GaleraCluster, PrivateServer, StandbyPair};
pub use proxy::Proxy;
pub use tempfile::TempDir;

/// An empty folder that goes when the value is dropped.
pub fn folder() -> TempDir {
    tempfile::Builder::new().prefix("mission-").tempdir().expect("a temporary folder can be made")
}
