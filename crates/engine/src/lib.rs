//! The handle of Mission: push, read, wait, cancel, retry, and workers; and testing.
#![forbid(unsafe_code)]

pub mod bench;
mod detached;
mod health;
mod import;
mod mission;
mod operate;
mod pool;
mod push;
mod results;
mod serving;
mod stuck;
pub mod testing;
mod wait;
mod worker;

pub use health::Health;
pub use import::{Import, ImportReport, ImportSource};
pub use mission::Mission;
pub use mission_files::{BucketKeys, BucketSettings, VerifiedFile, check_file_name};
pub use mission_store::{
    Bounded, Cancelled, Finding, Found, Grade, Keep, Kind as DatabaseKind, OnMissing, Page, PushConnection,
    SchemaStatus, TypeRule, Worker, migration_sql,
};
pub use pool::IntoStore;
pub use push::Pushed;
pub use worker::WorkerBuilder;

// The outer crates know the engine only, so it hands on the words of the worker that they need.
pub use mission_worker::{
    ArtifactWriter, Context, FilesSettings, Method, OnLostLease, Registry, State, States, WhenEmpty, Which,
    WorkerHandle, WorkerSettings, blocking, task_log,
};
