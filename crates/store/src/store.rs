//! The store itself: the open database, and the ways to open it.

use std::sync::Arc;
use std::time::Duration;

use mission_core::{Error, ErrorKind, Timestamp};
use tokio::sync::OnceCell;

use crate::db::{Db, Kind, OnMissing, Statement};
use crate::dives::Dives;
use crate::push_together::Meeting;
use crate::retrying::retrying;

/// How long a ping waits for a server that is silent.
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// The memory of Mission on one database. Cheap to clone: clones share connections.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) db: Db,
    /// Asked once: whether locks hold on one node only.
    pub(crate) is_cluster: Arc<OnceCell<bool>>,
    pub(crate) meeting: Arc<Meeting>,
    /// Where the last look at the lines dived.
    pub(crate) dives: Arc<Dives>,
}

static NOW: Statement = Statement::new("now", include_str!("sql/now.sql"));

impl Store {
    /// Opens a database by its URL and, on SQLite, brings its tables up to date.
    ///
    /// # Errors
    /// The URL is wrong, the database is missing ([`OnMissing::Refuse`]) or cannot be opened.
    pub async fn open(url: &str, on_missing: OnMissing) -> Result<Self, Error> {
        Self::ready(Db::open(url, on_missing).await?).await
    }

    /// Opens connections of its own to the database of the user's pool.
    #[cfg(feature = "sqlite")]
    pub async fn from_sqlite_pool(pool: &sqlx::SqlitePool) -> Result<Self, Error> {
        Self::ready(Db::open_sqlite(pool.connect_options().as_ref().clone(), OnMissing::Create).await?).await
    }

    /// Opens connections of its own to the database of the user's pool.
    #[cfg(feature = "mysql")]
    pub async fn from_mysql_pool(pool: &sqlx::MySqlPool) -> Result<Self, Error> {
        Self::ready(Db::open_mysql(pool.connect_options().as_ref().clone())).await
    }

    /// Opens connections of its own to the database of the user's pool.
    #[cfg(feature = "postgres")]
    pub async fn from_postgres_pool(pool: &sqlx::PgPool) -> Result<Self, Error> {
        Self::ready(Db::open_postgres(pool.connect_options().as_ref().clone())).await
    }

    async fn ready(db: Db) -> Result<Self, Error> {
        let store = Self { db, is_cluster: Arc::default(), meeting: Arc::default(), dives: Arc::default() };
        if store.kind() == Kind::Sqlite {
            store.migrate().await?;
        }
        Ok(store)
    }

    /// Which database it is.
    pub fn kind(&self) -> Kind {
        self.db.kind()
    }

    /// The file of an SQLite database; `None` for a server and for a database in memory.
    pub fn file(&self) -> Option<std::path::PathBuf> {
        self.db.file()
    }

    /// Connects once, to say at once what stands in the way; other calls wait for a database that is away.
    ///
    /// # Errors
    /// The server does not answer, or refuses user, password or database.
    pub async fn ping(&self) -> Result<(), Error> {
        let connected = tokio::time::timeout(PING_TIMEOUT, self.db.dedicated()).await;
        let silence = |_| Error::new(ErrorKind::Unreachable, "the database does not answer within 5 s");
        connected.map_err(silence)?.map(|_| ())
    }

    /// The database's clock: the only one that decides what is due or expired.
    pub async fn now(&self) -> Result<Timestamp, Error> {
        retrying(|| async {
            let row = self.db.reader().await?.conn().row(&NOW, &[]).await?;
            row.map_or(Ok(Timestamp(0)), |row| row.int("now_us").map(Timestamp))
        })
        .await
    }

    /// Closes all connections; what runs on them ends first, and what comes later is refused.
    pub async fn close(&self) {
        self.db.close().await;
    }
}
