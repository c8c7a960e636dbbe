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
static CLUSTER_STATUS: Statement = Statement::new("health_cluster", include_str!("../sql/health_cluster.mysql.sql"));
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
            let mut held = self.db.reader().await?;
            let mut conn = held.conn();
            let mut rows = conn.rows(&SETTINGS, &[]).await?;
            if conn.dialect() == Dialect::MySql {
                rows.extend(conn.rows(&CLUSTER_STATUS, &[]).await?);
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        Settings(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    /// What is wrong, by what it is about.
    fn wrong((_, findings): (String, Vec<Finding>)) -> Vec<&'static str> {
        findings.iter().filter(|finding| finding.grade == Grade::Wrong).map(|finding| finding.about).collect()
    }

    #[test]
    fn mysql_is_sound_only_where_commits_are_kept_and_can_be_made() {
        let sound = [
            ("version", "10.11.19-MariaDB"),
            ("innodb_flush_log_at_trx_commit", "1"),
            ("max_allowed_packet", "16777216"),
            ("sql_mode", "STRICT_TRANS_TABLES"),
            ("log_bin", "ON"),
            ("binlog_format", "MIXED"),
        ];
        assert_eq!(wrong(mysql::judge(&settings(&sound))), [""; 0]);
        for (name, value, about) in [
            ("version", "10.5.1-MariaDB", "version"),
            ("version", "8.0.12", "version"),
            ("innodb_flush_log_at_trx_commit", "2", "durability"),
            ("max_allowed_packet", "1048576", "packets"),
            ("binlog_format", "STATEMENT", "binary log"),
        ] {
            let changed = sound.map(|(known, usual)| (known, if known == name { value } else { usual }));
            assert_eq!(wrong(mysql::judge(&settings(&changed))), [about], "{name}={value}");
        }
        let replica = [&sound[..], &[("read_only", "ON")]].concat();
        assert_eq!(wrong(mysql::judge(&settings(&replica))), ["writing"]);
    }

    #[test]
    fn postgres_is_sound_only_where_commits_are_kept_and_can_be_made() {
        let sound = [
            ("server_version_num", "140001"),
            ("synchronous_commit", "on"),
            ("fsync", "on"),
            ("full_page_writes", "on"),
            ("in_recovery", "off"),
        ];
        assert_eq!(wrong(postgres::judge(&settings(&sound))), [""; 0]);
        for (name, value, about) in [
            ("server_version_num", "130009", "version"),
            ("synchronous_commit", "off", "durability"),
            ("fsync", "off", "durability"),
            ("in_recovery", "on", "writing"),
        ] {
            let changed = sound.map(|(known, usual)| (known, if known == name { value } else { usual }));
            assert_eq!(wrong(postgres::judge(&settings(&changed))), [about], "{name}={value}");
        }
    }

    fn graded((_, findings): (String, Vec<Finding>), about: &str) -> Vec<(Grade, String)> {
        let of = findings.into_iter().filter(|finding| finding.about == about);
        of.map(|finding| (finding.grade, finding.sentence)).collect()
    }

    #[test]
    fn a_galera_cluster_is_as_good_as_its_nodes() {
        let node = |size, status, format| {
            let pairs = [
                ("version", "10.11.19-MariaDB"),
                ("wsrep_on", "ON"),
                ("wsrep_cluster_size", size),
                ("wsrep_cluster_status", status),
                ("wsrep_local_state_comment", "Synced"),
                ("binlog_format", format),
                ("innodb_flush_log_at_trx_commit", "2"),
            ];
            let findings = graded(mysql::judge(&settings(&pairs)), "nodes");
            let durability = graded(mysql::judge(&settings(&pairs)), "durability");
            assert_eq!(durability[0].0, Grade::Note, "the other nodes have what one loses");
            findings.iter().map(|(grade, _)| *grade).collect::<Vec<_>>()
        };
        assert_eq!(node("3", "Primary", "ROW"), [Grade::Good]);
        assert_eq!(node("2", "Primary", "ROW"), [Grade::Note]);
        assert_eq!(node("1", "Primary", "ROW"), [Grade::Note]);
        assert_eq!(node("3", "non-Primary", "ROW"), [Grade::Wrong]);
        assert_eq!(node("3", "Primary", "MIXED"), [Grade::Good, Grade::Wrong]);
    }

    #[test]
    fn a_standby_counts_where_commits_wait_for_it() {
        let grade = |names, commit, standbys| {
            let pairs = [
                ("server_version_num", "150018"),
                ("synchronous_standby_names", names),
                ("synchronous_commit", commit),
                ("standbys_in_step", standbys),
            ];
            let found = graded(postgres::judge(&settings(&pairs)), "nodes");
            (found.len(), found[0].0, found[0].1.contains("only"))
        };
        assert_eq!(grade("", "on", "0"), (1, Grade::Good, true));
        assert_eq!(grade("standby", "on", "1"), (1, Grade::Good, false));
        assert_eq!(grade("standby", "on", "0"), (1, Grade::Note, false));
        assert_eq!(grade("standby", "local", "1"), (1, Grade::Note, false));
    }

    #[test]
    fn sqlite_is_sound_only_with_a_library_that_keeps_a_wal() {
        let with = |version, mode, synchronous| {
            let pairs = [("version", version), ("journal_mode", mode), ("synchronous", synchronous)];
            wrong(sqlite::judge(&settings(&pairs)))
        };
        assert_eq!(with("3.51.3", "wal", "2"), [""; 0]);
        assert_eq!(with("3.51.2", "wal", "2"), ["version"]);
        assert_eq!(with("3.52.0", "off", "1"), ["journal", "durability"]);
    }
}
