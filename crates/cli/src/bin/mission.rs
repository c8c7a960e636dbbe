//! The program `mission`: the commands, with the methods for demos and measuring.
#![forbid(unsafe_code)]

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    mission_cli::Cli::new().builtin_methods().run().await
}
