//! The chaos command: servers of its own, then the runner with what was asked for.

use std::process::{Command, ExitCode, Stdio};

use crate::Outcome;
use crate::fleet::Fleet;
use crate::kind::{Cause, Kind};
use crate::packages;

/// Runs the scenarios; green only if every one held and none was void.
pub(crate) fn run(arguments: &[String]) -> Outcome<ExitCode> {
    let (kinds, words) = split(arguments)?;
    let missing = packages::ensure(&kinds);
    let mut fleet = Fleet::start(&kinds, missing)?;
    let lost: Vec<Kind> = fleet.missing().iter().map(|missing| missing.kind).collect();
    let on: Vec<&str> = kinds.iter().filter(|kind| !lost.contains(kind)).map(|kind| kind.name()).collect();
    let scratch = fleet.folder().join("chaos");
    std::fs::create_dir(&scratch).map_err(|error| format!("cannot make {}: {error}", scratch.display()))?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["run", "--quiet", "--package", "mission-chaos"]);
    // Figures are published of what users run.
    if words.windows(2).any(|pair| pair == ["--size", "full"]) {
        command.arg("--release");
    }
    let mut child = command
        .arg("--")
        .args(&words)
        .args(["--on", &on.join(",")])
        .envs(fleet.environment())
        // What a killed run leaves goes with the servers' folder.
        .env("TMPDIR", &scratch)
        .stdin(Stdio::null())
        .spawn()
        .map_err(|error| format!("cannot run the chaos: {error}"))?;
    fleet.watch(&mut child)?;
    let status = child.wait().map_err(|error| format!("the chaos was lost: {error}"))?;
    fleet.unwatch()?;
    for missing in fleet.stop().iter().filter(|missing| missing.cause != Cause::NotAsked) {
        println!("NOT RUN on {}: {}", missing.kind.name(), missing.cause);
    }
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The kinds of `--on`, and the other words, which are the runner's.
fn split(arguments: &[String]) -> Outcome<(Vec<Kind>, Vec<String>)> {
    // A cluster has tests of its own.
    let (mut kinds, mut words) = (Kind::ALL.to_vec(), Vec::new());
    kinds.retain(|kind| *kind != Kind::Galera);
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if argument == "--on" {
            kinds = Kind::parse_list(arguments.next().ok_or("--on needs a list of kinds")?)?;
        } else {
            words.push(argument.clone());
        }
    }
    Ok((kinds, words))
}

#[cfg(test)]
mod tests {
    use super::{Kind, split};

    #[test]
    fn the_kinds_are_taken_out_of_the_words() {
        let words = ["kill", "--on", "sqlite,mysql", "--seed", "7"].map(str::to_owned);
        let (kinds, rest) = split(&words).unwrap();
        assert_eq!(kinds, [Kind::Sqlite, Kind::Mysql]);
        assert_eq!(rest, ["kill", "--seed", "7"]);
        assert_eq!(split(&[]).unwrap().0, [Kind::Sqlite, Kind::Mariadb, Kind::Mysql, Kind::Postgres]);
    }
}
