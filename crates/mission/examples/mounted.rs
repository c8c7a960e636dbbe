//! An application that mounts the commands in its own program: `myapp mission add greet`, `myapp mission records`.
//!
//! `cargo run --example mounted --features cli -- mission add greet name=Ada --wait`

use std::process::ExitCode;

use mission::Failure;
use mission::cli::Cli;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Greet {
    name: String,
}

/// Greets somebody.
#[mission::method]
async fn greet(params: Greet) -> Result<String, Failure> {
    Ok(format!("hello {}", params.name))
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    match args.next() {
        Some(word) if word == "mission" => Cli::new().run_from(args).await,
        _ => {
            println!("This is the application itself. Try: mission add greet name=Ada --wait");
            ExitCode::SUCCESS
        }
    }
}
