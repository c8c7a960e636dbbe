//! The judge of a chaos run. It shares no code with Mission: its own SQL, the papers that producers and methods wrote, the
//! files, and a witness in the database that records every change of every task.
//!
//! * [`Papers`]: the intent log, the effect ledger and the log of exits: append-only files beside the database.
//! * [`Tables`]: the database by its own SQL; [`Tables::call_witness`] sets the triggers before the run.
//! * [`Evidence`]: all of it, read once at the end.
//! * [`judge`]: from evidence to [`Finding`]s, pure.

mod changes;
mod efforts;
mod evidence;
mod expect;
mod files;
mod finding;
mod judge;
mod papers;
mod tables;
mod witness;

pub use evidence::Evidence;
pub use expect::Expect;
pub use files::{Artifact, EXPORT_ROWS, FileSeen, export_row};
pub use finding::{Fault, Finding};
pub use judge::judge;
pub use papers::{Effect, Effort, Exit, Intent, Papers, now_us};
pub use tables::{Change, Row, Tables};

/// What every step answers: the fault with its source.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
