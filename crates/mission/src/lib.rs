//! Background tasks on the SQL database you already have: push a method, watch it run, get the result.
//!
//! ```
//! use mission::{Context, Failure};
//!
//! #[mission::method(retries = 3)]
//! async fn count(ctx: Context, to: u64) -> Result<String, Failure> {
//!     for n in 0..to {
//!         ctx.progress((n + 1, to)).await?;
//!     }
//!     Ok(format!("counted to {to}"))
//! }
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> mission::Result<()> {
//!     // A handle for tests, which runs what is pushed at once; a program opens its database instead.
//!     let mission = mission::testing::mission().await?;
//!     let task = mission.push(count::task(3)).await?.get().await?;
//!     assert_eq!(task.content_as::<String>()?, "counted to 3");
//!     Ok(())
//! }
//! ```
//!
//! Where to find what:
//!
//! * [`Mission`]: open a database, push, read, wait, cancel, retry, start a worker.
//! * [`method`](macro@method): the attribute that makes a function a method. Its arguments: a [`Context`] (in a plain `fn` a
//!   [`blocking::Context`]), any number of [`State`] extractors, and at most one other argument, the params.
//! * [`NewTask`]: what `export::task(…)` gives: key, priority, due time, retries, timeout, creator.
//! * [`Context::checkpoint`] keeps where a method is, [`Context::resume_at`] goes on from there, [`Context::artifact`] writes a
//!   file its user can download, [`Context::go_through`] and [`Context::walk`] do the common loops.
//! * [`Task`]: a task as its row shows it; where it stands is a [`TaskState`] ([`State`] is what methods share).
//! * [`Failure`]: why a method failed; any error by `?`. [`Error`]: why a call on the handle failed.
//! * [`task_log`]: a layer for `tracing` that keeps with each task what its method logs.
//! * [`stop_signal`]: SIGTERM or Ctrl-C, for a program that runs a worker beside other things.
//! * [`testing`]: a handle for your own tests.
//!
//! State, a key and a blocking method:
//!
//! ```standalone_crate
//! use mission::{Failure, State, blocking, testing};
//!
//! struct Greeting(&'static str);
//!
//! #[mission::method(retries = 2, timeout = "5m")]
//! fn greet(_ctx: blocking::Context, greeting: State<Greeting>, name: String) -> Result<String, Failure> {
//!     Ok(format!("{} {name}", greeting.0.0))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> mission::Result<()> {
//! let mission = testing::methods([]).state(Greeting("hello")).open().await?;
//! let task = mission.push(greet::task("Ada".into()).key("greet-ada")).await?.wait().await?;
//! assert_eq!(task.content.as_deref(), Some("hello Ada"));
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

pub use mission_core::{
    Artifact, Attempt, Counts, Error, ErrorKind, Failure, Filter, LeaseToken, LogLine, NewTask, OnCrash, Priority,
    Progress, Reason, Result, State as TaskState, Task, Timestamp, UniqueId, WorkerId,
};
pub use mission_engine::{
    Bounded, BucketKeys, BucketSettings, Cancelled, DatabaseKind, Found, IntoStore, Keep, Mission, OnMissing, Page,
    PushConnection, Pushed, SchemaStatus, TypeRule, VerifiedFile, Worker, WorkerBuilder, migration_sql, testing,
};
pub use mission_macros::method;
pub use mission_worker::{
    Answer, ArtifactWriter, BadCursor, CheckpointError, Context, FilesSettings, GoThrough, Interrupted, Method,
    OnLostLease, State, Walk, WhenEmpty, WorkerHandle, WorkerSettings, blocking, stop_signal, task_log,
};

/// The commands of Mission, to be mounted in your own program, so that `myapp mission records` works.
#[cfg(feature = "cli")]
pub mod cli {
    pub use mission_cli::Cli;
}

/// What `#[mission::method]` writes into your program; not for use by hand, and free to change.
#[doc(hidden)]
pub mod __private {
    pub use inventory;
    pub use mission_worker::{AwaitingContext, BlockingContext, Call, Registered, answer};
}
