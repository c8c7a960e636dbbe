//! The rules of Mission: what a task is and how it lives; pure, without IO, async or SQL.
#![forbid(unsafe_code)]

mod attempt;
mod draft;
mod error;
mod failure;
mod import;
mod lease;
mod lifecycle;
pub mod limits;
mod outcome;
mod params;
mod priority;
mod progress;
mod retry;
mod select;
mod span;
mod state;
mod task;
mod text;
mod time;
mod unique_id;

pub use attempt::Counts;
pub use draft::{CheckedTask, Due, NewTask};
pub use error::{Error, ErrorKind, Result};
pub use failure::Failure;
pub use import::{ImportCounts, ImportedTask, Importer, OriginalRow, Pending, ZoneOffset};
pub use lease::{Lease, LeaseToken, WorkerId};
pub use lifecycle::{OnCrash, Policy, Running, Settlement, settle};
pub use outcome::{Outcome, Reason};
pub use params::Params;
pub use priority::Priority;
pub use progress::Progress;
pub use retry::{Backoff, Chance};
pub use select::Filter;
pub use span::{format_span, parse_span};
pub use state::State;
pub use task::Task;
pub use text::{Content, checked_name, clean_text};
pub use time::Timestamp;
pub use unique_id::UniqueId;
