//! The hands of Mission: methods and how they are called; claim, run, renew, settle, keep house.
//!
//! The method's side, as the machine side uses it:
//!
//! * `Registry::collect(given) -> Result<Registry, Error>`: all methods by name; `get(name) -> Option<&Arc<Method>>`,
//!   `names()`, `check_states(&States)`, which names missing state at the start.
//! * `Method { name, body, origin, policy, timeout, stall_timeout, states }`; a task's own retries and timeouts win.
//! * `Shared::new(task, surroundings)` is one attempt, begun now. `Call::new(Arc<Shared>, Arc<States>)` is what `Body::Async` and
//!   `Body::Blocking` take; both give `Result<String, Fault>`. A panic comes out of the future's poll, or of the call.
//! * `shared.stop(Stop) -> bool` ends it, the first cause stays; `cause() -> Option<Stop>`, `stopped().await -> Stop`.
//!   On a hand-over `leave()` lets a method end at its next checkpoint; `stop(Stop::HandOver)` comes when the grace is over.
//! * `shared.unwritten() -> Option<Unwritten>` is what remains to be written, `mark_written(version)` says that it is;
//!   `idle_for() -> Duration` since the last report or the beginning, for the stall timeout.
#![forbid(unsafe_code)]

mod answer;
mod apart;
mod artifact;
mod attempts;
mod base;
pub mod blocking;
mod body;
mod call;
mod checkpoint;
mod cleaner;
mod clock;
mod context;
mod decode;
mod ear;
mod execute;
mod fetcher;
mod foreign;
mod foresight;
mod glance;
mod going_on;
mod handle;
mod heart;
mod hints;
mod housekeeper;
mod identity;
mod intake;
mod limits;
mod lines;
mod log;
mod method;
mod record;
mod registry;
mod reported;
mod runner;
mod scribe;
mod service;
mod settings;
mod settler;
mod shared;
mod shift;
mod state;
mod stop;
mod storage;
mod surroundings;
mod sweeper;
mod task_files;
mod task_lines;
mod task_log;
mod tenure;
mod together;
mod wake;
mod watcher;
mod worker;

pub use answer::{Answer, answer};
pub use artifact::ArtifactWriter;
pub use call::{AwaitingContext, BlockingContext, Call, Fault};
pub use checkpoint::{BadCursor, CheckpointError};
pub use context::Context;
pub use execute::Which;
pub use going_on::{GoThrough, Walk};
pub use handle::{WorkerHandle, run_until_signalled, stop_signal};
pub use hints::Hints;
pub use identity::is_known_gone;
pub use method::{AnswerFuture, AsyncBody, BlockingBody, Body, Method};
pub use registry::{Registered, Registry};
pub use settings::{OnLostLease, WhenEmpty, WorkerSettings};
pub use state::{State, States};
pub use stop::Interrupted;
pub use storage::FilesSettings;
pub use task_log::task_log;
pub use wake::Wake;
pub use worker::Worker;
