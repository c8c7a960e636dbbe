//! A database of its own beside a given one: an SQLite file, a MySQL database, a PostgreSQL schema.

use std::path::PathBuf;

use mission_core::{Error, UniqueId};

use crate::db::{Db, Kind, OnMissing};
use crate::retrying::retrying_conflicts;

/// A database for measuring, on the same server or disk as the given one and touching nothing of it.
#[derive(Debug)]
pub struct Scratch {
    name: String,
    url: String,
    place: Place,
}

#[derive(Debug)]
enum Place {
    File(PathBuf),
    /// What the administrator's statement removes, and where to say it.
    OnServer {
        given: String,
        drop: String,
    },
}

impl Scratch {
    /// Makes one.
    ///
    /// # Errors
    /// The URL is wrong, the server cannot be reached, or its user may not make a database (MySQL) or a schema (PostgreSQL).
    pub async fn beside(url: &str) -> Result<Self, Error> {
        let name = format!("mission_bench_{}", UniqueId::random());
        match Kind::of_url(url)? {
            Kind::Sqlite => {
                let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")).unwrap_or_default();
                let path = path.split('?').next().unwrap_or_default();
                let folder = PathBuf::from(path).parent().map(PathBuf::from).unwrap_or_default();
                let file = folder.join(format!("{name}.db"));
                let url = format!("sqlite://{}", file.display());
                Ok(Self { name, url, place: Place::File(file) })
            }
            Kind::Mysql => {
                say(url, &format!("create database {name}")).await?;
                let drop = format!("drop database {name}");
                let own = of_database(url, &name);
                Ok(Self { name, url: own, place: Place::OnServer { given: url.to_owned(), drop } })
            }
            Kind::Postgres => {
                say(url, &format!("create schema {name}")).await?;
                let drop = format!("drop schema {name} cascade");
                let sign = if url.contains('?') { '&' } else { '?' };
                let own = format!("{url}{sign}options=-c%20search_path%3D{name}");
                Ok(Self { name, url: own, place: Place::OnServer { given: url.to_owned(), drop } })
            }
        }
    }

    /// What the database, the schema or the file is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Removes it with all that is in it. Close what is connected to it before.
    ///
    /// # Errors
    /// The server cannot be reached, or the file cannot be removed.
    pub async fn remove(self) -> Result<(), Error> {
        match self.place {
            // A statement under way in it may meet the removal, and PostgreSQL refuses either.
            Place::OnServer { given, drop } => retrying_conflicts(|| say(&given, &drop)).await,
            Place::File(file) => {
                for end in ["-wal", "-shm"] {
                    let mut beside = file.clone().into_os_string();
                    beside.push(end);
                    // They are there only while it is open.
                    let _ = std::fs::remove_file(beside);
                }
                match std::fs::remove_file(&file) {
                    // Nobody has opened it yet.
                    Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => Ok(()),
                    removed => removed.map_err(|fault| {
                        Error::invalid(format!("cannot remove {}: {fault}", file.display())).with_source(fault)
                    }),
                }
            }
        }
    }
}

async fn say(url: &str, statement: &str) -> Result<(), Error> {
    let db = Db::open(url, OnMissing::Refuse).await?;
    let mut connection = db.dedicated().await?;
    let said = connection.conn().text(statement).await;
    db.close().await;
    said
}

/// The URL with another database's name in the place of its own.
fn of_database(url: &str, name: &str) -> String {
    let (address, query) = url.split_once('?').map_or((url, None), |(address, query)| (address, Some(query)));
    let begin = address.find("//").map_or(0, |at| at + 2);
    let end = address[begin..].find('/').map_or(address.len(), |at| begin + at);
    let query = query.map_or(String::new(), |query| format!("?{query}"));
    format!("{}/{name}{query}", &address[..end])
}

#[cfg(test)]
mod tests {
    use super::of_database;

    #[test]
    fn the_name_in_a_url_is_replaced_and_nothing_else() {
        assert_eq!(
            of_database("mysql://u:p@h:3306/app?ssl-mode=required", "x"),
            "mysql://u:p@h:3306/x?ssl-mode=required"
        );
        assert_eq!(of_database("mysql://u@h", "x"), "mysql://u@h/x");
    }
}
