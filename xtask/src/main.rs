//! The workspace's own commands: this file is their table of contents.

mod bench;
mod chaos;
mod ci;
mod deny;
mod fleet;
mod guard;
mod keep;
mod kind;
mod packages;
mod tally;
mod test;
mod tidy;

use std::process::ExitCode;

/// What every command answers: a message for the reader when it cannot go on.
type Outcome<T> = Result<T, String>;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test [--only KINDS] [-- CARGO TEST ARGUMENTS]
                                             run every test on private servers
  chaos [SCENARIO…] [--on KINDS] [--seed N] [--size small|full] [--seconds N] [--keep FOLDER]
                                             faults on purpose, judged from outside: see docs/reliability.md
  bench [PART…] [--on KINDS] [--thousands N] [--concurrency N] [--rounds N] [--history MILLIONS] [--json FOLDER] [--program FILE]
                                             what tasks cost, beside plain SQL: see docs/performance.md
  ci                                         everything: format, tidy, clippy, licences, documents, demo, chaos, test
  tidy                                       check the rules of the house
  servers [--only KINDS] [--env-file PATH]   start private servers, keep them until Ctrl-C

KINDS is a comma list of sqlite, mariadb, mysql, postgres, galera.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", &[][..]),
    };
    let outcome = match command {
        "test" => test::run(rest),
        "bench" => bench::run(rest),
        "chaos" => chaos::run(rest),
        "ci" => ci::run(),
        "tidy" => tidy::run(),
        "servers" => keep::run(rest),
        guard::COMMAND => guard::run(rest),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        other => Err(format!("unknown command {other}\n{USAGE}")),
    };
    outcome.unwrap_or_else(|message| {
        eprintln!("xtask: {message}");
        ExitCode::FAILURE
    })
}
