//! Chaos: real worker processes of Mission under faults that are made on purpose, judged by `mission-verifier`.
//!
//! * [`Stage`]: a fresh database with the witness in it, and the papers of the run.
//! * [`Crew`]: the worker processes; they are killed, stopped and replaced.
//! * [`Load`]: the producers, wave after wave.
//! * [`Scenario`]: what is done to them; [`run_all`] runs scenarios and prints what came out.
//! * [`Sabotage`]: a fault brought into a run by plain SQL, to put the verifier itself to the test.
//! * [`worker`], [`producer`]: the parts that this program plays as a process of its own.

mod arguments;
mod chance;
mod crew;
mod load;
mod outcome;
mod process;
pub mod producer;
mod run;
mod saboteur;
mod scenario;
mod scenarios;
mod stage;
mod transfer;
pub mod worker;

pub use arguments::{Arguments, Size};
pub use chance::Chance;
pub use crew::{Crew, Duty};
pub use load::{Load, Order};
pub use mission_verifier::Outcome;
pub use outcome::{Faults, Report};
pub use run::run_all;
pub use saboteur::{Sabotage, run_sabotaged};
pub use scenario::Scenario;
pub use stage::{Setting, Stage};
