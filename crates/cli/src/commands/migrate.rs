//! `migrate`: makes the tables or brings them up to date, says how they stand, or prints their SQL.

use mission_core::{Error, Result};
use mission_engine::{DatabaseKind, SchemaStatus, migration_sql};
use serde::Serialize;

use crate::app::App;
use crate::args::MigrateArgs;
use crate::exit::Exit;

/// How the tables stand, for programs.
#[derive(Debug, Serialize)]
struct Standing {
    tables: &'static str,
    version: Option<i64>,
}

pub(crate) async fn run(app: &App, args: &MigrateArgs) -> Result<Exit> {
    if args.sql {
        app.output.text(&migration_sql(kind(app.config.database.url())?))?;
        return Ok(Exit::Ok);
    }
    if args.status {
        return status(app).await;
    }
    let version = app.open_or_create().await?.migrate().await?;
    say(app, &Standing { tables: "current", version: Some(version) }, &format!("the tables are of version {version}"))?;
    Ok(Exit::Ok)
}

/// A kind's word is enough where nothing is opened.
fn kind(database: &str) -> Result<DatabaseKind> {
    if database.contains(':') {
        return DatabaseKind::of_url(database);
    }
    DatabaseKind::of_url(&format!("{database}://")).map_err(|_| {
        Error::invalid(format!("no kind of database is called {database:?}: use sqlite, mysql, mariadb or postgres"))
    })
}

async fn status(app: &App) -> Result<Exit> {
    let (standing, sentence, exit) = match app.open_existing().await?.schema().await? {
        SchemaStatus::Current(version) => (
            Standing { tables: "current", version: Some(version) },
            format!("the tables are of version {version}"),
            Exit::Ok,
        ),
        SchemaStatus::Missing => {
            let sentence = "there are no tables: run `mission migrate`".to_owned();
            (Standing { tables: "missing", version: None }, sentence, Exit::Error)
        }
        SchemaStatus::Older(version) => {
            let sentence =
                format!("the tables are of version {version}, older than this program: run `mission migrate`");
            (Standing { tables: "older", version: Some(version) }, sentence, Exit::Error)
        }
        SchemaStatus::Newer(version) => {
            let sentence = format!("the tables are of version {version}, newer than this program: update it");
            (Standing { tables: "newer", version: Some(version) }, sentence, Exit::Error)
        }
    };
    say(app, &standing, &sentence)?;
    Ok(exit)
}

fn say(app: &App, standing: &Standing, sentence: &str) -> Result<()> {
    let version = standing.version.map_or(String::new(), |version| version.to_string());
    app.output.one(standing, &version, &format!("{}\n", app.hint(sentence)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_named_by_its_word_or_by_a_url() {
        for (text, expected) in [
            ("sqlite", DatabaseKind::Sqlite),
            ("mysql", DatabaseKind::Mysql),
            ("mariadb", DatabaseKind::Mysql),
            ("postgresql://db/app", DatabaseKind::Postgres),
        ] {
            assert_eq!(kind(text).unwrap(), expected);
        }
        assert!(kind("oracle").unwrap_err().to_string().contains("use sqlite, mysql"));
    }
}
