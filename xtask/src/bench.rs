//! The bench command: a private, durable server for each kind, then `mission bench` of a release build on it.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use mission_servers::Durability;

use crate::Outcome;
use crate::fleet::Fleet;
use crate::kind::Kind;
use crate::packages;

/// What the caller asked for.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    kinds: Vec<Kind>,
    /// Where reports go as JSON, if anywhere.
    json: Option<PathBuf>,
    /// Another build of `mission` to measure, such as that of the commit before; else one is made.
    program: Option<PathBuf>,
    /// What belongs to `mission bench`.
    words: Vec<String>,
}

/// Measures on each kind, one after another, so that none stands in another's way.
pub(crate) fn run(arguments: &[String]) -> Outcome<ExitCode> {
    let request = Request::parse(arguments)?;
    let missing = packages::ensure(&request.kinds);
    let program = request.program.clone().map_or_else(build, Ok)?;
    let mut is_whole = true;
    for kind in &request.kinds {
        if let Some(missing) = missing.iter().find(|missing| missing.kind == *kind) {
            println!("NOT MEASURED on {}: {}", kind.name(), missing.cause);
            is_whole = false;
            continue;
        }
        println!("== {}", kind.name());
        is_whole &= measure(&program, *kind, &request)?;
    }
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A release build of `mission`.
pub(crate) fn build() -> Outcome<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--release", "--package", "mission-cli", "--bin", "mission"])
        .stdin(Stdio::null())
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if !status.success() {
        return Err("the release build failed".to_owned());
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let program = target.join("release/mission");
    program.canonicalize().map_err(|error| format!("cannot find {}: {error}", program.display()))
}

/// The fleet's guard ends the server and the measuring, and removes what both made, however this process ends.
fn measure(program: &PathBuf, kind: Kind, request: &Request) -> Outcome<bool> {
    let mut fleet = Fleet::start_with(Durability::Durable, &[kind], Vec::new())?;
    let url = match fleet.server(kind) {
        // A database must be named; nothing is done in it.
        Some((_, url)) if url.ends_with('/') => format!("{url}mysql"),
        Some((_, url)) => url.to_owned(),
        None => match fleet.missing().iter().find(|missing| missing.kind == kind) {
            Some(missing) => return Err(format!("{} cannot be started: {}", kind.name(), missing.cause)),
            None => format!("sqlite://{}/mission.db", fleet.folder().display()),
        },
    };
    let mut command = Command::new(program);
    command.arg("--database").arg(url).stdin(Stdio::null());
    if let Some(json) = &request.json {
        let file = json.join(format!("{}.json", kind.name()));
        let made = fs::create_dir_all(json).and_then(|()| fs::File::create(&file));
        let out = made.map_err(|error| format!("cannot write {}: {error}", file.display()))?;
        command.args(["--output", "json"]).stdout(out);
    }
    command.arg("bench").args(&request.words);
    if let Some((pid, _)) = fleet.server(kind) {
        command.arg("--server-pid").arg(pid.to_string());
    }
    let mut child = command.spawn().map_err(|error| format!("cannot run mission bench: {error}"))?;
    fleet.watch(&mut child)?;
    let status = child.wait().map_err(|error| format!("mission bench was lost: {error}"))?;
    fleet.unwatch()?;
    Ok(status.success())
}

impl Request {
    fn parse(arguments: &[String]) -> Outcome<Self> {
        let mut request = Self { kinds: Kind::ALL.to_vec(), json: None, program: None, words: Vec::new() };
        request.kinds.retain(|kind| *kind != Kind::Galera);
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--on" => request.kinds = Kind::parse_list(arguments.next().ok_or("--on needs a list of kinds")?)?,
                "--json" => request.json = Some(arguments.next().ok_or("--json needs a folder")?.into()),
                "--program" => request.program = Some(arguments.next().ok_or("--program needs a file")?.into()),
                _ => request.words.push(argument.clone()),
            }
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Request};

    #[test]
    fn what_is_not_for_the_program_is_taken_out_of_the_words() {
        let words = ["cycle", "--on", "sqlite,mysql", "--rounds", "3", "--json", "here", "--program", "a/mission"]
            .map(str::to_owned);
        let request = Request::parse(&words).unwrap();
        assert_eq!(request.kinds, [Kind::Sqlite, Kind::Mysql]);
        assert_eq!(request.json, Some("here".into()));
        assert_eq!(request.program, Some("a/mission".into()));
        assert_eq!(request.words, ["cycle", "--rounds", "3"]);
    }
}
