//! What the database says about itself, and whether its settings keep what it commits.

use mission_core::{Error, Timestamp};
use serde::Serialize;

use crate::Store;
use crate::db::{Dialect, Kind, Row, Statement};
use crate::retrying::retrying;

mod mysql;
mod postgres;
mod sqlite;

/// How good or bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// As it should be.
    Good,
    /// Worth knowing.
    Note,
    /// Something is wrong.
    Wrong,
}

/// One thing that was found, in words for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How good or bad it is.
    pub grade: Grade,
    /// What it is about, in a word or two.
    pub about: &'static str,
    /// What was found, and what to do if it is not good.
    pub sentence: String,
}

impl Finding {
    /// All is well.
    pub fn good(about: &'static str, sentence: impl Into<String>) -> Self {
        Self { grade: Grade::Good, about, sentence: sentence.into() }
    }

    /// Worth knowing.
    pub fn note(about: &'static str, sentence: impl Into<String>) -> Self {
        Self { grade: Grade::Note, about, sentence: sentence.into() }
    }

    /// Something is wrong.
    pub fn wrong(about: &'static str, sentence: impl Into<String>) -> Self {
        Self { grade: Grade::Wrong, about, sentence: sentence.into() }
    }
}

/// What the database says about itself, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseHealth {
    /// Its name and version.
    pub product: String,
    /// Its clock.
    pub now: Timestamp,
    /// What was found.
    pub findings: Vec<Finding>,
}

static SETTINGS: Statement = Statement::new("health_settings", include_str!("../sql/health_settings.sqlite.sql"))
    .mysql(include_str!("../sql/health_settings.mysql.sql"))
    .postgres(include_str!("../sql/health_settings.postgres.sql"));
/// How many transactions have been open for long; SQLite knows of none but its own.
static LONG: Statement = Statement::new("health_long", include_str!("../sql/health_long.postgres.sql"))
    .mysql(include_str!("../sql/health_long.mysql.sql"));

/// The database's settings by name, as text.
struct Settings(Vec<(String, String)>);

impl Settings {
    fn of(rows: &[Row]) -> Result<Self, Error> {
        let pair = |row: &Row| {
            let value = row.text_or_null("Value")?.unwrap_or_default();
            Ok((row.text("Variable_name")?.to_lowercase(), value))
        };
        rows.iter().map(pair).collect::<Result<Vec<_>, Error>>().map(Self)
    }

    /// A setting in lower case; empty where this database has none of that name.
    fn get(&self, name: &str) -> String {
        self.raw(name).to_lowercase()
    }

    fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
    }

    fn is_on(&self, name: &str) -> bool {
        matches!(self.get(name).as_str(), "on" | "1" | "yes" | "true")
    }

    fn number(&self, name: &str) -> i64 {
        self.raw(name).parse().unwrap_or(0)
    }
}

impl Store {
    /// What the database says about itself. Needs no tables and changes nothing.
    pub async fn health(&self) -> Result<DatabaseHealth, Error> {
        let now = self.now().await?;
        let settings = retrying(|| async {
            let rows = self.db.reader().await?.conn().rows(&SETTINGS, &[]).await?;
            Settings::of(&rows)
        })
        .await?;
        let (product, mut findings) = match self.kind() {
            Kind::Sqlite => sqlite::judge(&settings),
            Kind::Mysql => mysql::judge(&settings),
            Kind::Postgres => postgres::judge(&settings),
        };
        if self.kind().dialect() != Dialect::Sqlite {
            findings.push(self.long_transactions().await);
        }
        Ok(DatabaseHealth { product, now, findings })
    }

    /// Transactions left open keep dead rows alive, and every claim walks over them.
    async fn long_transactions(&self) -> Finding {
        let about = "transactions";
        let found = async {
            let row = self.db.reader().await?.conn().row(&LONG, &[]).await?;
            row.map_or(Ok::<_, Error>((0, 0)), |row| Ok((row.int("transactions")?, row.int("longest_s")?)))
        };
        match found.await {
            Ok((0, _)) => Finding::good(about, "none has been open for longer than five minutes"),
            Ok((count, longest_s)) => {
                let sentence = format!(
                    "{count} open for longer than five minutes, the longest for {longest_s} s: they make every claim slower; end them"
                );
                Finding::note(about, sentence)
            }
            Err(_) => Finding::note(about, "this user may not see whether others have been open for long"),
        }
    }
}

/// The numbers at the beginning of a version such as `10.11.19-MariaDB`.
fn version(text: &str) -> (u32, u32, u32) {
    let mut parts = text.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next())
}
