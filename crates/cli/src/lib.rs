//! The commands of Mission, as a library that an application mounts in its own program.
//!
//! ```no_run
//! #[tokio::main]
//! async fn main() -> std::process::ExitCode {
//!     // `myapp mission records` comes here; everything else is the application's own.
//!     mission_cli::Cli::new().run_from(std::env::args().skip(2)).await
//! }
//! ```
//!
//! The way of a command: [`Cli`] takes the arguments → `args` parses them → `config` resolves every setting and says
//! where it came from → `App` opens the database when a command asks for it → `run` dispatches to one file of `commands`
//! → `output` prints results on stdout, notes on stderr → `exit` gives the code of the contract.
#![forbid(unsafe_code)]

mod app;
mod args;
mod builtin;
mod cli;
mod commands;
mod config;
mod exit;
mod ids;
mod interrupt;
mod on_demand;
mod output;
mod program;
mod run;

pub use cli::Cli;
