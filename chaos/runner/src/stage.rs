//! The stage of a run: a fresh database with tables and witness, and a folder for the papers.

use std::path::Path;
use std::time::Duration;

use mission::Mission;
use mission_testkit::{Database, Kind};
use mission_verifier::{Outcome, Papers, Tables};

/// A fresh database, its witness called, and the papers.
pub struct Stage {
    /// The database; gone with the stage.
    pub db: Database,
    /// The URL by which workers and producers go; a proxy's, where there is one.
    pub url: String,
    /// The intent log, the ledger, the exits.
    pub papers: Papers,
}

impl Stage {
    /// Makes the database, the tables and the witness.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn set(kind: Kind) -> Outcome<Self> {
        Self::on(Database::fresh(kind).await).await
    }

    /// The same on a database that is there already.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn on(db: Database) -> Outcome<Self> {
        let url = db.url().to_owned();
        Mission::open(&url).await?.migrate().await?;
        Tables::open(&url).await?.call_witness().await?;
        let papers = Papers::in_folder(db.folder());
        Ok(Self { db, url, papers })
    }

    /// A connection of the verifier's own, past any proxy; waits for a server that is coming back.
    ///
    /// # Errors
    /// The server stays away.
    pub async fn tables(&self) -> Outcome<Tables> {
        let mut tries = 0;
        loop {
            match Tables::open(self.db.url()).await {
                Err(_) if tries < 100 => tokio::time::sleep(Duration::from_millis(100)).await,
                outcome => return outcome,
            }
            tries += 1;
        }
    }

    /// Where papers and logs are.
    pub fn folder(&self) -> &Path {
        self.papers.folder()
    }
}
