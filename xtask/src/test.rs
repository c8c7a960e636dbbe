//! The test command: servers up, every test, servers down, and closing lines that tell the truth.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use mission_servers::s3;

use crate::Outcome;
use crate::fleet::Fleet;
use crate::kind::{Cause, Kind, Missing};
use crate::packages;
use crate::tally::{PerKind, Reader, Tally};

/// What the caller asked for.
struct Request {
    kinds: Vec<Kind>,
    cargo: Vec<String>,
}

/// Runs all tests; the last line that it prints is the tally.
pub(crate) fn run(arguments: &[String]) -> Outcome<ExitCode> {
    run_after(Vec::new(), arguments)
}

/// As [`run`], after steps that left complaints: the tally is still the last line.
pub(crate) fn run_after(mut complaints: Vec<String>, arguments: &[String]) -> Outcome<ExitCode> {
    let request = Request::parse(arguments)?;
    let missing = packages::ensure(&request.kinds);
    let outcome = Fleet::start(&request.kinds, missing).and_then(|mut fleet| {
        let report = Report::of(&mut fleet, &request);
        // The servers are gone before the closing lines, so that nothing is printed after them.
        report.map(|report| (report, fleet.stop()))
    });
    let (report, missing) = outcome.unwrap_or_else(|message| {
        eprintln!("xtask: {message}");
        (Report::default(), Vec::new())
    });
    complaints.extend(report.complaints(&missing));
    report.print(&missing, &complaints);
    Ok(if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Request {
    fn parse(arguments: &[String]) -> Outcome<Self> {
        let mut request = Self { kinds: Kind::ALL.to_vec(), cargo: Vec::new() };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--only" => request.kinds = Kind::parse_list(arguments.next().ok_or("--only needs a list of kinds")?)?,
                "--" => request.cargo = arguments.by_ref().cloned().collect(),
                other => {
                    return Err(format!("test does not know {other}; what belongs to cargo test stands behind --"));
                }
            }
        }
        Ok(request)
    }

    /// The whole workspace, unless the caller chose packages.
    fn cargo_arguments(&self) -> Vec<&str> {
        let mut arguments = vec!["test", "--all-features", "--no-fail-fast"];
        let chosen = self.cargo.iter().any(|word| word == "-p" || word.starts_with("--package"));
        if !chosen {
            arguments.push("--workspace");
        }
        arguments.extend(self.cargo.iter().map(String::as_str));
        arguments
    }
}

/// What came out of a run.
#[derive(Default)]
struct Report {
    tally: Tally,
    /// Each test that was left out, and why.
    left_out: Vec<String>,
    kinds: Vec<(Kind, PerKind)>,
    /// Whether the caller chose among the tests: then none on a kind is no sign of anything.
    is_choice: bool,
    /// Why there was no S3 server.
    bucket: Option<String>,
    cargo_succeeded: bool,
}

impl Report {
    fn of(fleet: &mut Fleet, request: &Request) -> Outcome<Self> {
        let scratch = fleet.folder().join("tests");
        fs::create_dir(&scratch).map_err(|error| format!("cannot make {}: {error}", scratch.display()))?;
        let notes = fleet.folder().join("tally");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let bucket = s3::ensure_program(Path::new("target/tools")).and_then(|program| {
            program.canonicalize().map_err(|fault| format!("cannot find {}: {fault}", program.display()))
        });
        let mut child = Command::new(cargo)
            .args(request.cargo_arguments())
            .envs(fleet.environment())
            .envs(bucket.as_ref().ok().map(|program| (s3::PROGRAM_VARIABLE, program)))
            .env("MISSION_TEST_TALLY", &notes)
            // What a killed test leaves goes with the servers' folder.
            .env("TMPDIR", &scratch)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot run cargo test: {error}"))?;
        fleet.watch(&mut child)?;
        let mut reader = Reader::default();
        let mut output = BufReader::new(child.stdout.take().ok_or("cargo test has no output")?);
        let mut line = Vec::new();
        while output.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            reader.read(String::from_utf8_lossy(&line).trim_end());
            // A reader that went away does not end the tests.
            let _ = std::io::stdout().write_all(&line);
            line.clear();
        }
        let status = child.wait().map_err(|error| format!("cargo test was lost: {error}"))?;
        fleet.unwatch()?;
        let Reader { mut tally, left_out, .. } = reader;
        let notes = fs::read_to_string(notes).unwrap_or_default();
        let kinds: Vec<_> = Kind::ALL.into_iter().map(|kind| (kind, PerKind::read(&notes, kind))).collect();
        tally.move_to_skipped(kinds.iter().map(|(_, count)| count.skipped).sum());
        let is_choice = !request.cargo.is_empty();
        Ok(Self { tally, left_out, kinds, is_choice, bucket: bucket.err(), cargo_succeeded: status.success() })
    }

    fn print(&self, missing: &[Missing], complaints: &[String]) {
        println!();
        for test in &self.left_out {
            println!("left out: {test}");
        }
        for (kind, count) in &self.kinds {
            println!("{}", self.line(*kind, *count, missing));
        }
        if let Some(reason) = &self.bucket {
            println!("S3 NOT TESTED: {reason}");
        }
        for complaint in complaints {
            println!("NOT GREEN: {complaint}");
        }
        println!("{}", self.tally.closing_line());
    }

    /// What became of the tests on one kind of database.
    fn line(&self, kind: Kind, count: PerKind, missing: &[Missing]) -> String {
        let name = kind.name().to_uppercase();
        match (missing.iter().find(|missing| missing.kind == kind), count.tested) {
            (Some(missing), _) => format!("{name} NOT TESTED: {}", missing.cause),
            (None, 0) if self.is_choice => format!("{name}: none of the chosen tests uses it"),
            (None, tested) => format!("{name} tested: {tested} tests"),
        }
    }

    /// Why the run is not green; empty if it is.
    fn complaints(&self, missing: &[Missing]) -> Vec<String> {
        let mut complaints = Vec::new();
        if !self.cargo_succeeded {
            complaints.push("cargo test did not succeed".to_owned());
        }
        if self.tally.passed == 0 {
            complaints.push("no test ran".to_owned());
        }
        if std::env::var("CI").is_ok_and(|value| value == "true") {
            let lost = missing.iter().filter(|missing| missing.cause != Cause::NotAsked && missing.kind != Kind::Mysql);
            complaints.extend(lost.map(|missing| format!("{} is missing", missing.kind.name())));
        }
        complaints
    }
}

#[cfg(test)]
mod tests {
    use super::{Cause, Kind, Missing, PerKind, Report, Request, Tally};

    fn report(passed: u64) -> Report {
        Report { tally: Tally { passed, ..Tally::default() }, cargo_succeeded: true, ..Report::default() }
    }

    #[test]
    fn a_run_without_tests_is_not_green() {
        assert_eq!(report(0).complaints(&[]), ["no test ran"]);
        assert!(report(1).complaints(&[]).is_empty());
    }

    #[test]
    fn a_failed_build_is_not_green() {
        let report = Report { cargo_succeeded: false, ..report(1) };
        assert_eq!(report.complaints(&[]), ["cargo test did not succeed"]);
    }

    #[test]
    fn a_database_that_was_not_asked_for_is_no_loss() {
        let missing = Missing { kind: Kind::Mariadb, cause: Cause::NotAsked };
        assert!(report(1).complaints(&[missing]).is_empty());
    }

    #[test]
    fn a_choice_that_uses_no_database_of_a_kind_is_told_from_one_that_was_not_tested() {
        let line = |is_choice, tested| {
            Report { is_choice, ..report(1) }.line(Kind::Sqlite, PerKind { tested, skipped: 0 }, &[])
        };
        assert_eq!(line(true, 0), "SQLITE: none of the chosen tests uses it");
        assert_eq!(line(false, 0), "SQLITE tested: 0 tests", "of all tests some should");
        assert_eq!(line(true, 2), "SQLITE tested: 2 tests");
    }

    #[test]
    fn chosen_packages_take_the_place_of_the_workspace() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let all = Request::parse(&words(&["--", "a_name"])).map(|request| request.cargo_arguments().join(" "));
        assert_eq!(all.as_deref(), Ok("test --all-features --no-fail-fast --workspace a_name"));
        let one = Request::parse(&words(&["--", "-p", "x"])).map(|request| request.cargo_arguments().join(" "));
        assert_eq!(one.as_deref(), Ok("test --all-features --no-fail-fast -p x"));
    }
}
