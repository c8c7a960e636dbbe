//! Private database servers for tests: which kinds there are, and the command that keeps them running.

pub(crate) mod launch;
pub(crate) mod mariadb;
pub(crate) mod mysql;
pub(crate) mod mysql_unpack;
pub(crate) mod postgres;

use std::fmt;
use std::process::ExitCode;

use crate::Outcome;
use crate::fleet::Fleet;
use crate::packages;

/// A database that the conformance suite runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Mariadb,
    Mysql,
    Postgres,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Sqlite, Self::Mariadb, Self::Mysql, Self::Postgres];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Mariadb => "mariadb",
            Self::Mysql => "mysql",
            Self::Postgres => "postgres",
        }
    }

    /// The variable that carries the server's admin URL; SQLite has no server.
    pub(crate) fn url_variable(self) -> Option<String> {
        (self != Self::Sqlite).then(|| format!("MISSION_TEST_{}_URL", self.name().to_uppercase()))
    }

    pub(crate) fn parse(name: &str) -> Outcome<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| format!("unknown database kind {name}: use sqlite, mariadb, mysql or postgres"))
    }

    pub(crate) fn parse_list(list: &str) -> Outcome<Vec<Self>> {
        list.split(',').filter(|name| !name.is_empty()).map(|name| Self::parse(name.trim())).collect()
    }
}

/// A kind that is not tested, and why.
#[derive(Debug)]
pub(crate) struct Missing {
    pub(crate) kind: Kind,
    pub(crate) cause: Cause,
}

/// Why a kind is missing: by wish, or by misfortune.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    NotAsked,
    CannotBeHad(String),
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAsked => formatter.write_str("not asked for (--only)"),
            Self::CannotBeHad(reason) => formatter.write_str(&reason.replace('\n', " / ")),
        }
    }
}

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
