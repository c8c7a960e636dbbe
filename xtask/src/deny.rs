//! Licences, sources and advisories of what comes in from outside, judged by cargo-deny.

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use mission_servers::programs::find_program;

use crate::Outcome;

/// What cargo-deny says where the advisory database is out of reach: then nothing was judged, and nothing is wrong.
const NO_DATABASE: &str = "failed to fetch advisory database";

/// Checks licences, bans and sources, and advisories where their database can be had. A check of the whole build installs
/// cargo-deny where it is missing.
pub(crate) fn run() -> Outcome<ExitCode> {
    let Some(deny) = program()? else {
        println!("NOT CHECKED: licences and advisories (cargo-deny is not installed)");
        return Ok(ExitCode::SUCCESS);
    };
    let status = command(&deny, &["licenses", "bans", "sources"])
        .status()
        .map_err(|error| format!("cannot run {}: {error}", deny.display()))?;
    if !status.success() {
        return Err(status.to_string());
    }
    let output = command(&deny, &["advisories"])
        .stderr(Stdio::piped())
        .output()
        .map_err(|error| format!("cannot run {}: {error}", deny.display()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        return Ok(ExitCode::SUCCESS);
    }
    if said.contains(NO_DATABASE) {
        println!("NOT CHECKED: advisories (their database is out of reach)");
        return Ok(ExitCode::SUCCESS);
    }
    eprint!("{said}");
    Err(output.status.to_string())
}

fn command(deny: &PathBuf, checks: &[&str]) -> Command {
    let mut command = Command::new(deny);
    command.args(["deny", "--all-features", "check"]).args(checks).stdin(Stdio::null());
    command
}

fn program() -> Outcome<Option<PathBuf>> {
    if let Some(installed) = find_program("cargo-deny") {
        return Ok(Some(installed));
    }
    if std::env::var_os("CI").is_none() {
        return Ok(None);
    }
    eprintln!("installing cargo-deny, once ...");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["install", "cargo-deny", "--locked", "--quiet"])
        .stdin(Stdio::null())
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if !status.success() {
        return Err("cargo-deny cannot be installed: try `cargo install cargo-deny --locked`".to_owned());
    }
    Ok(find_program("cargo-deny").or_else(|| {
        let home = std::env::var_os("HOME").map(PathBuf::from)?;
        Some(home.join(".cargo/bin/cargo-deny")).filter(|file| file.is_file())
    }))
}
