//! Measures Mission on a database, side by side with plain SQL in the same run: shares of a floor, not absolute figures.
//!
//! Nothing of the given database is touched: everything happens in [`Scratch`](mission_engine::bench::Scratch) databases beside it.
#![forbid(unsafe_code)]

mod crew;
mod cycle;
mod drain;
mod history;
mod idle;
mod methods;
mod pick_up;
mod plan;
mod process;
mod report;
mod reports;
mod run;
mod scratches;
mod singles;

pub use crew::{CONCURRENCY, serve};
pub use plan::{Part, Plan};
pub use report::{Figure, Report, Series, Unit};
pub use run::{Ending, Measured, run};
