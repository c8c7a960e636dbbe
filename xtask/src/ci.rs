//! The whole check: style, rules, lints, licences, documents, the demo, a short chaos, and the tests last.

use std::process::{Command, ExitCode, Stdio};

use crate::guard::Folder;
use crate::{Outcome, bench, chaos, deny, test, tidy};

/// The scenarios that a check of every change can afford: four and a half minutes together. The others mostly wait.
const CHAOS: [&str; 9] =
    ["kill", "application", "restart", "commit-loss", "sqlite-crowd", "deadlock-storm", "sigterm-storm", "--seed", "1"];

/// Runs every step, also after one that failed, so that one run shows all there is to mend.
pub(crate) fn run() -> Outcome<ExitCode> {
    let mut failed = Vec::new();
    let mut note = |name: &str, outcome: Outcome<ExitCode>| match outcome {
        Ok(ExitCode::SUCCESS) => {}
        Ok(_) => failed.push(format!("{name} failed")),
        Err(message) => failed.push(format!("{name} failed: {message}")),
    };
    note("the format check", cargo(&["fmt", "--all", "--check"], None));
    announce("tidy");
    note("tidy", tidy::run());
    let clippy = ["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"];
    note("clippy", cargo(&clippy, None));
    announce("cargo deny");
    note("cargo deny", deny::run());
    let documents = ["doc", "--workspace", "--all-features", "--no-deps"];
    note("cargo doc", cargo(&documents, Some(("RUSTDOCFLAGS", "-D warnings"))));
    announce("mission demo");
    note("the demo", demo());
    announce("chaos");
    note("chaos", chaos::run(&CHAOS.map(str::to_owned)));
    announce("test");
    test::run_after(failed, &[])
}

fn cargo(arguments: &[&str], variable: Option<(&str, &str)>) -> Outcome<ExitCode> {
    announce(&format!("cargo {}", arguments.join(" ")));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(arguments)
        .envs(variable)
        .stdin(Stdio::null())
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if status.success() { Ok(ExitCode::SUCCESS) } else { Err(status.to_string()) }
}

/// The first command of the README, on a release build: what the compiler finds too deep it says there alone.
fn demo() -> Outcome<ExitCode> {
    let program = bench::build()?;
    let folder = Folder::make()?;
    let status = Command::new(program)
        .arg("demo")
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .status()
        .map_err(|error| format!("cannot run mission demo: {error}"))?;
    if status.success() { Ok(ExitCode::SUCCESS) } else { Err(status.to_string()) }
}

fn announce(step: &str) {
    println!("\n== {step}");
}
