//! The kinds of databases that tests run on, and why one is missing.

use std::fmt;

use mission_servers::Brand;

use crate::Outcome;

/// A database that the conformance suite runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Mariadb,
    Mysql,
    Postgres,
    /// Three nodes that the tests start by themselves.
    Galera,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] = [Self::Sqlite, Self::Mariadb, Self::Mysql, Self::Postgres, Self::Galera];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Mariadb => "mariadb",
            Self::Mysql => "mysql",
            Self::Postgres => "postgres",
            Self::Galera => "galera",
        }
    }

    /// Whose server the test command keeps for all tests: SQLite has none, and those of a cluster are killed too often.
    pub(crate) const fn brand(self) -> Option<Brand> {
        match self {
            Self::Mariadb => Some(Brand::Mariadb),
            Self::Mysql => Some(Brand::Mysql),
            Self::Postgres => Some(Brand::Postgres),
            Self::Sqlite | Self::Galera => None,
        }
    }

    /// The variable that carries the server's admin URL.
    pub(crate) fn url_variable(self) -> Option<String> {
        self.brand().map(|_| format!("MISSION_TEST_{}_URL", self.name().to_uppercase()))
    }

    pub(crate) fn parse(name: &str) -> Outcome<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| format!("unknown database kind {name}: use sqlite, mariadb, mysql, postgres or galera"))
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
