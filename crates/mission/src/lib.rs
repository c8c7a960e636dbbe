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
#![forbid(unsafe_code)]

pub use mission_core::{
    Counts, Error, ErrorKind, Failure, Filter, LeaseToken, NewTask, OnCrash, Priority, Progress, Reason, Result,
    State as TaskState, Task, Timestamp, UniqueId, WorkerId,
};
pub use mission_engine::{
    Bounded, Cancelled, DatabaseKind, Found, IntoStore, Keep, Mission, OnMissing, Page, PushConnection, Pushed,
    SchemaStatus, TypeRule, Worker, WorkerBuilder, migration_sql, testing,
};
pub use mission_macros::method;
pub use mission_worker::{
    Answer, Context, Interrupted, Method, State, WhenEmpty, WorkerHandle, WorkerSettings, blocking,
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
