//! The memory of Mission: one [`Store`] on SQLite, MySQL, MariaDB and PostgreSQL.
//!
//! The store decides nothing: the rules of `mission-core` compute what follows, the store writes it under the
//! lease token, and reads. Every time is the database's own.
#![forbid(unsafe_code)]

#[cfg(not(any(feature = "sqlite", feature = "mysql", feature = "postgres")))]
compile_error!("a store needs a database: enable at least one of the features sqlite, mysql and postgres");

mod artifacts;
mod batch;
pub mod bench;
mod claim;
mod cluster;
mod control;
mod db;
mod dives;
mod effects;
mod health;
mod history;
mod import;
mod lines;
mod migrate;
mod one_writer;
mod outlook;
mod prune;
mod push;
mod push_begun;
mod push_guarded;
mod push_in;
mod push_rows;
mod push_together;
mod records;
mod reports;
mod rescue;
mod retrying;
mod rows;
mod settle;
mod settle_and_claim;
#[cfg(feature = "sqlite")]
mod settle_counted;
mod settle_plainer;
mod store;
mod types;
mod unlocked;
mod workers;

pub use artifacts::{Orphans, Standing};
pub use claim::{Claimed, Suspects, Terms};
pub use control::Cancelled;
pub use db::{Kind, Lead, Leading, OnMissing};
pub use health::{DatabaseHealth, Finding, Grade};
pub use history::NewLogLines;
pub use import::OriginalTable;
pub use lines::Line;
pub use migrate::{SchemaStatus, migration_sql};
pub use outlook::Outlook;
pub use prune::{Keep, Pruned};
pub use push::Pushed;
pub use push_begun::Offered;
pub use push_in::PushConnection;
pub use push_together::WhenSeen;
pub use records::{Bounded, Found, Page};
pub use reports::{Report, Reported, Watched};
pub use settle::Verdict;
pub use store::Store;
pub use types::TypeRule;
pub use workers::{Heart, NewWorker, Renewal, RollCall, Worker};

/// The pools of sqlx that a store can be made from.
pub mod pools {
    #[cfg(feature = "mysql")]
    pub use sqlx::MySqlPool;
    #[cfg(feature = "postgres")]
    pub use sqlx::PgPool;
    #[cfg(feature = "sqlite")]
    pub use sqlx::SqlitePool;
}
