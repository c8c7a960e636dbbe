//! The kinds of database that every promise is tested on, and where the environment says they are.

use std::env;
use std::fmt;

use mission_servers::Brand;

/// A kind of database, told apart by how it behaves: MariaDB and MySQL are two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A file in a temporary folder.
    Sqlite,
    /// MariaDB 10.6 or later.
    Mariadb,
    /// MySQL 8.0.13 or later.
    Mysql,
    /// PostgreSQL 14 or later.
    Postgres,
}

/// What the environment says about a kind.
pub(crate) enum Found {
    /// A server's admin URL, empty for SQLite.
    At(String),
    /// The caller of the tests knows that it is missing and answers for it.
    Skipped,
}

impl Kind {
    /// Every kind, in the order in which they are reported.
    pub const ALL: [Self; 4] = [Self::Sqlite, Self::Mariadb, Self::Mysql, Self::Postgres];

    /// The lower-case name that the environment, test names and reports use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Mariadb => "mariadb",
            Self::Mysql => "mysql",
            Self::Postgres => "postgres",
        }
    }

    /// Whether it speaks the MySQL protocol and dialect.
    pub const fn is_mysql_like(self) -> bool {
        matches!(self, Self::Mariadb | Self::Mysql)
    }

    /// Whose server it is; SQLite has none.
    pub const fn brand(self) -> Option<Brand> {
        match self {
            Self::Sqlite => None,
            Self::Mariadb => Some(Brand::Mariadb),
            Self::Mysql => Some(Brand::Mysql),
            Self::Postgres => Some(Brand::Postgres),
        }
    }

    /// A missing server is a failed test, unless `MISSION_TEST_SKIP` names the kind.
    pub(crate) fn find(self) -> Found {
        if is_skipped(self.name()) {
            return Found::Skipped;
        }
        if self == Self::Sqlite {
            return Found::At(String::new());
        }
        let variable = format!("MISSION_TEST_{}_URL", self.name().to_uppercase());
        match env::var(&variable) {
            Ok(url) if !url.is_empty() => Found::At(url),
            _ => panic!(
                "no {self} server: {variable} is not set. Run `cargo xtask test`, or keep servers with \
                 `cargo xtask servers` and take over the variables it prints"
            ),
        }
    }
}

/// Whether the caller of the tests answers for the absence of what has this name.
pub(crate) fn is_skipped(name: &str) -> bool {
    let skipped = env::var("MISSION_TEST_SKIP").unwrap_or_default();
    skipped.split(',').any(|skipped| skipped.trim() == name)
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
