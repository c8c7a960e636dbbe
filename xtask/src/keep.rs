//! The command that starts private servers and keeps them running.

use std::process::ExitCode;

use crate::fleet::Fleet;
use crate::kind::{Cause, Kind};
use crate::{Outcome, packages};

/// Starts the servers, says where they are, and keeps them until this process ends.
pub(crate) fn run(arguments: &[String]) -> Outcome<ExitCode> {
    let mut kinds = Kind::ALL.to_vec();
    let mut env_file = None;
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--only" => kinds = Kind::parse_list(value()?)?,
            "--env-file" => env_file = Some(value()?.clone()),
            other => return Err(format!("servers does not know {other}")),
        }
    }
    let missing = packages::ensure(&kinds);
    let fleet = Fleet::start(&kinds, missing)?;
    let lines = fleet.export_lines();
    print!("{lines}");
    if let Some(path) = env_file {
        write_whole(&path, &lines)?;
    }
    let lost = fleet.missing().iter().filter(|missing| missing.cause != Cause::NotAsked);
    for missing in lost {
        eprintln!("{} is not there: {}", missing.kind.name(), missing.cause);
    }
    if fleet.is_empty() {
        return Err("no server could be started".to_owned());
    }
    eprintln!("servers are up; Ctrl-C stops them");
    fleet.wait()
}

/// A reader of the file never sees half of it.
fn write_whole(path: &str, lines: &str) -> Outcome<()> {
    let beside = format!("{path}.new");
    std::fs::write(&beside, lines)
        .and_then(|()| std::fs::rename(&beside, path))
        .map_err(|error| format!("cannot write {path}: {error}"))
}
