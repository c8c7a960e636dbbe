//! One fresh, empty database, which goes when the test is over.

use std::path::Path;

use tempfile::TempDir;

use crate::kind::{Found, Kind};
use crate::{folder, server};

/// A fresh, empty database; dropped with the value.
#[derive(Debug)]
pub struct Database {
    kind: Kind,
    url: String,
    folder: TempDir,
    server: Option<server::Place>,
}

impl Database {
    /// Makes an empty database of this kind.
    ///
    /// # Panics
    /// If the kind's server is missing or refuses.
    pub async fn fresh(kind: Kind) -> Self {
        let admin = match kind.find() {
            Found::At(admin) => admin,
            Found::Skipped => panic!("{kind} is named in MISSION_TEST_SKIP, so no database of it can be made"),
        };
        if kind == Kind::Sqlite {
            let folder = folder();
            let url = format!("sqlite://{}", folder.path().join("mission.db").display());
            return Self { kind, url, folder, server: None };
        }
        Self::on_server(kind, &admin).await
    }

    /// Makes an empty database on a server of this kind, by its administrator's URL.
    ///
    /// # Panics
    /// If the server refuses.
    pub async fn on_server(kind: Kind, admin: &str) -> Self {
        let place = server::Place::create(kind, admin.to_owned()).await;
        Self { kind, url: place.url(), folder: folder(), server: Some(place) }
    }

    /// Which kind it is.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Its URL, without a password. SQLite's file is not there before somebody makes it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A folder of its own, for files that belong to the test. SQLite's file is `mission.db` in it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(place) = self.server.take() {
            place.remove();
        }
    }
}
