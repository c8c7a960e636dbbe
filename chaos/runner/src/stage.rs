//! The stage of a run: a fresh database with tables and witness, perhaps a server or a proxy of its own, and the papers.

use std::path::Path;
use std::time::Duration;

use mission::Mission;
use mission_testkit::{Database, Durability, Kind, PrivateServer, Proxy, TempDir};
use mission_verifier::{Outcome, Papers, Tables};
use tokio::task::spawn_blocking;

/// How long a server that was killed may take until it answers a new connection.
const BACK_MAX: Duration = Duration::from_secs(30);

/// What stands between the processes and the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// Nothing.
    Plain,
    /// A server of the run's own, which it may kill.
    OwnServer,
    /// A proxy, which loses or cuts.
    Proxy,
}

/// A fresh database, its witness called, and the papers.
pub struct Stage {
    /// The database; gone with the stage.
    pub db: Database,
    /// The URL by which workers and producers go; the proxy's, where there is one.
    pub url: String,
    /// The intent log, the ledger, the exits.
    pub papers: Papers,
    /// The server, where it is the run's own.
    pub server: Option<PrivateServer>,
    /// The proxy, where there is one.
    pub proxy: Option<Proxy>,
    // Behind all that writes into it.
    _folder: TempDir,
}

impl Stage {
    /// Makes the database, the tables and the witness.
    ///
    /// # Errors
    /// The database refuses, or no server can be started.
    pub async fn set(kind: Kind, setting: Setting) -> Outcome<Self> {
        let server = match kind.brand().filter(|_| setting == Setting::OwnServer) {
            Some(brand) => Some(spawn_blocking(move || PrivateServer::start(brand, Durability::Durable)).await??),
            None => None,
        };
        let db = match &server {
            Some(server) => Database::on_server(kind, server.url()).await,
            None => Database::fresh(kind).await,
        };
        Mission::open(db.url()).await?.migrate().await?;
        Tables::open(db.url()).await?.call_witness().await?;
        let proxy = if setting == Setting::Proxy { Proxy::before(&db).await } else { None };
        let url = proxy.as_ref().map_or(db.url(), Proxy::url).to_owned();
        let folder = papers_folder()?;
        let papers = Papers::in_folder(folder.path());
        Ok(Self { db, url, papers, server, proxy, _folder: folder })
    }

    /// A connection of the verifier's own, past any proxy; waits for a server that is coming back.
    ///
    /// # Errors
    /// The server stays away.
    pub async fn tables(&self) -> Outcome<Tables> {
        let began = std::time::Instant::now();
        loop {
            match Tables::open(self.db.url()).await {
                Err(_) if began.elapsed() < BACK_MAX => tokio::time::sleep(Duration::from_millis(50)).await,
                outcome => return outcome,
            }
        }
    }

    /// Where papers and logs are.
    pub fn folder(&self) -> &Path {
        self.papers.folder()
    }
}

/// Apart from the database's folder: the ledger must have room where the database has none.
fn papers_folder() -> Outcome<TempDir> {
    match std::env::var_os("MISSION_CHAOS_PAPERS") {
        Some(folder) => Ok(TempDir::with_prefix_in("papers-", folder)?),
        None => Ok(mission_testkit::folder()),
    }
}
