//! From a URL to pools: which database it is, and how its connections are taken.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use mission_core::{Error, ErrorKind};
use sqlx::Connection as _;

use super::held::{Link, Open};
#[cfg(feature = "sqlite")]
use super::level::Level;
use super::trust::Trust;
#[cfg(feature = "sqlite")]
use super::turn::{Turns, in_turn};
use super::{Conn, Dialect, Held, Tx, translate};

/// How long to look for the reason of a connection that does not come.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Which database: the words of URLs, messages and tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// SQLite, embedded.
    Sqlite,
    /// MySQL 8.0.13 or later, or MariaDB 10.6 or later.
    Mysql,
    /// PostgreSQL 14 or later.
    Postgres,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Kind::Sqlite => "sqlite",
            Kind::Mysql => "mysql",
            Kind::Postgres => "postgres",
        })
    }
}

impl Kind {
    /// The kind a URL names by its scheme. A server's URL has `//` behind it: without, the driver would look for its
    /// host elsewhere.
    pub fn of_url(url: &str) -> Result<Self, Error> {
        let (scheme, rest) = url.split_once(':').unwrap_or(("", url));
        match scheme {
            "sqlite" => Ok(Kind::Sqlite),
            // What stands behind the scheme may hold a password: it is not repeated.
            "mysql" | "mariadb" | "postgres" | "postgresql" if !rest.starts_with("//") => Err(Error::invalid(format!(
                "the database URL has no // behind {scheme}: use {scheme}://user:password@host/database"
            ))),
            "mysql" | "mariadb" => Ok(Kind::Mysql),
            "postgres" | "postgresql" => Ok(Kind::Postgres),
            "" => Err(Error::invalid(
                "the database URL has no scheme: use sqlite://FILE, mysql://…, mariadb://… or postgres://…",
            )),
            other => Err(Error::invalid(format!(
                "the database URL has the unknown scheme {other:?}: use sqlite, mysql, mariadb or postgres"
            ))),
        }
    }

    pub(crate) fn dialect(self) -> Dialect {
        match self {
            Kind::Sqlite => Dialect::Sqlite,
            Kind::Mysql => Dialect::MySql,
            Kind::Postgres => Dialect::Postgres,
        }
    }
}

/// What to do where a SQLite file is not there yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnMissing {
    /// Make it: for pushing and working.
    Create,
    /// Say so: for reading.
    Refuse,
}

/// How long statements wait for rows that others have locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(any(feature = "mysql", feature = "postgres")), allow(dead_code))] // A file is locked as a whole.
pub(crate) enum Patience {
    /// As long as the server says.
    AsSet,
    /// About a second.
    Brief,
}

impl Patience {
    /// Connections at the most: what is brief has few users.
    #[cfg(any(feature = "mysql", feature = "postgres"))]
    pub(super) fn connections_max(self, usual: u32) -> u32 {
        match self {
            Patience::AsSet => usual,
            Patience::Brief => 2,
        }
    }
}

/// The open database.
#[derive(Debug, Clone)]
pub(crate) struct Db {
    pub(super) pools: Pools,
    pub(super) trust: Arc<Trust>,
}

#[derive(Debug, Clone)]
pub(super) enum Pools {
    #[cfg(feature = "sqlite")]
    Sqlite(super::sqlite::SqlitePools),
    #[cfg(feature = "mysql")]
    MySql(sqlx::MySqlPool),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::PgPool),
}

impl Db {
    /// Opens a URL. Servers are met at the first statement; a SQLite file is opened at once.
    #[cfg_attr(not(feature = "sqlite"), allow(unused_variables))] // Only a file can be made.
    pub(crate) async fn open(url: &str, on_missing: OnMissing) -> Result<Self, Error> {
        match Kind::of_url(url)? {
            #[cfg(feature = "sqlite")]
            Kind::Sqlite => Self::open_sqlite(super::sqlite::options(url)?, on_missing).await,
            #[cfg(feature = "mysql")]
            Kind::Mysql => Ok(Self::open_mysql(super::mysql::options(url)?)),
            #[cfg(feature = "postgres")]
            Kind::Postgres => Ok(Self::open_postgres(super::postgres::options(url)?)),
            #[allow(unreachable_patterns)] // Reached where a feature is off.
            kind => Err(Error::new(
                ErrorKind::Setup,
                format!("this program is built without {kind}: enable the feature {kind} of the crate mission"),
            )),
        }
    }

    #[cfg(feature = "sqlite")]
    pub(crate) async fn open_sqlite(
        options: sqlx::sqlite::SqliteConnectOptions,
        on_missing: OnMissing,
    ) -> Result<Self, Error> {
        let pools = super::sqlite::open(options, on_missing).await?;
        Ok(Self { pools: Pools::Sqlite(pools), trust: Arc::default() })
    }

    #[cfg(feature = "mysql")]
    pub(crate) fn open_mysql(options: sqlx::mysql::MySqlConnectOptions) -> Self {
        let trust = Arc::default();
        Self { pools: Pools::MySql(super::mysql::open(options, &trust, Patience::AsSet)), trust }
    }

    #[cfg(feature = "postgres")]
    pub(crate) fn open_postgres(options: sqlx::postgres::PgConnectOptions) -> Self {
        let trust = Arc::default();
        Self { pools: Pools::Postgres(super::postgres::open(options, &trust, Patience::AsSet)), trust }
    }

    /// The same database over a few connections of its own, whose statements wait but briefly for a locked row.
    pub(crate) fn brief(&self) -> Self {
        match &self.pools {
            // A file is locked as a whole, and whoever waits for it waits for all.
            #[cfg(feature = "sqlite")]
            Pools::Sqlite(_) => self.clone(),
            #[cfg(feature = "mysql")]
            Pools::MySql(pool) => {
                let options = pool.connect_options().as_ref().clone();
                let trust = Arc::clone(&self.trust);
                Self { pools: Pools::MySql(super::mysql::open(options, &trust, Patience::Brief)), trust }
            }
            #[cfg(feature = "postgres")]
            Pools::Postgres(pool) => {
                let options = pool.connect_options().as_ref().clone();
                let trust = Arc::clone(&self.trust);
                Self { pools: Pools::Postgres(super::postgres::open(options, &trust, Patience::Brief)), trust }
            }
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        match &self.pools {
            #[cfg(feature = "sqlite")]
            Pools::Sqlite(_) => Kind::Sqlite,
            #[cfg(feature = "mysql")]
            Pools::MySql(_) => Kind::Mysql,
            #[cfg(feature = "postgres")]
            Pools::Postgres(_) => Kind::Postgres,
        }
    }

    /// What there is where it is SQLite.
    #[cfg(feature = "sqlite")]
    pub(crate) fn sqlite(&self) -> Option<&super::SqlitePools> {
        match &self.pools {
            Pools::Sqlite(pools) => Some(pools),
            #[cfg(any(feature = "mysql", feature = "postgres"))]
            _ => None,
        }
    }

    /// The file of an SQLite database, where it is one.
    pub(crate) fn file(&self) -> Option<std::path::PathBuf> {
        #[cfg(feature = "sqlite")]
        let file = self.sqlite().map(|pools| pools.writer.options().get_filename().to_owned());
        #[cfg(not(feature = "sqlite"))]
        let file = None::<std::path::PathBuf>;
        // One in memory has a name of its own there, and no file of that name.
        file.filter(|file| file.is_file())
    }

    /// A connection for reading, or for one statement that is a transaction of its own.
    pub(crate) async fn reader(&self) -> Result<Held, Error> {
        let held = match &self.pools {
            #[cfg(feature = "sqlite")]
            Pools::Sqlite(pools) => pools.take_reader().await,
            #[cfg(feature = "mysql")]
            Pools::MySql(pool) => pool.acquire().await.map(Link::MySql),
            #[cfg(feature = "postgres")]
            Pools::Postgres(pool) => pool.acquire().await.map(Link::Postgres),
        };
        match held {
            Ok(link) => Ok(Held { link, trust: Arc::clone(&self.trust) }),
            Err(fault) => Err(self.why_not_taken(fault).await),
        }
    }

    /// A connection for one writing statement that is a transaction of its own.
    pub(crate) async fn writer(&self) -> Result<Held, Error> {
        match &self.pools {
            #[cfg(feature = "sqlite")]
            Pools::Sqlite(pools) => {
                let link = Link::SqliteWriter(pools.take_writer().await?, pools.turns.clone(), Level::Full);
                Ok(Held { link, trust: Arc::clone(&self.trust) })
            }
            #[allow(unreachable_patterns)] // Reached where a server's feature is on.
            _ => self.reader().await,
        }
    }

    /// The same, but on SQLite what is written is not on the disk yet when it is committed: see to that with [`keep`](Self::keep)
    /// or [`keep_soon`](Self::keep_soon). Nobody waits for the disk while the file is locked.
    pub(crate) async fn writer_before_disk(&self) -> Result<Held, Error> {
        #[cfg(feature = "sqlite")]
        if let Some(pools) = self.sqlite() {
            // Without a log of its own SQLite sees to each commit.
            let level = if pools.has_log() { Level::Normal } else { Level::Full };
            let link = Link::SqliteWriter(pools.take_writer().await?, pools.turns.clone(), level);
            return Ok(Held { link, trust: Arc::clone(&self.trust) });
        }
        self.writer().await
    }

    /// Returns once what was committed by [`writer_before_disk`](Self::writer_before_disk) is on the disk. Servers see to that.
    #[cfg_attr(not(feature = "sqlite"), allow(clippy::unused_async))]
    pub(crate) async fn keep(&self) -> Result<(), Error> {
        match &self.pools {
            #[cfg(feature = "sqlite")]
            Pools::Sqlite(pools) => pools.disk.keep().await,
            #[cfg(any(feature = "mysql", feature = "postgres"))]
            _ => Ok(()),
        }
    }

    /// Sees to it that this is so soon.
    pub(crate) fn keep_soon(&self) {
        match &self.pools {
            #[cfg(feature = "sqlite")]
            Pools::Sqlite(pools) => pools.disk.keep_soon(),
            #[cfg(any(feature = "mysql", feature = "postgres"))]
            _ => {}
        }
    }

    /// A writing transaction.
    pub(crate) async fn begin(&self) -> Result<Tx, Error> {
        let begun = match &self.pools {
            #[cfg(feature = "sqlite")]
            Pools::Sqlite(pools) => {
                let mut writing = pools.take_writer().await?;
                writing.begin(&pools.turns).await.map(|()| Open::Sqlite(writing))
            }
            #[cfg(feature = "mysql")]
            Pools::MySql(pool) => self.trust.answer(pool.begin()).await.map(Open::MySql),
            #[cfg(feature = "postgres")]
            Pools::Postgres(pool) => self.trust.answer(pool.begin()).await.map(Open::Postgres),
        };
        match begun {
            Ok(open) => Ok(Tx { open, trust: Arc::clone(&self.trust) }),
            Err(fault) => Err(self.why_not_taken(fault).await),
        }
    }

    /// The pool waits while a server refuses connections and then says only that time is over: ask for the reason.
    async fn why_not_taken(&self, fault: sqlx::Error) -> Error {
        if matches!(fault, sqlx::Error::PoolTimedOut)
            && let Ok(Err(error)) = tokio::time::timeout(CONNECT_TIMEOUT, self.dedicated()).await
        {
            return error;
        }
        self.at_address(translate(fault))
    }

    /// Names the server that cannot be reached.
    fn at_address(&self, error: Error) -> Error {
        let Some(address) = self.address().filter(|_| error.is_unreachable()) else { return error };
        let message = format!("{error} (at {address}: check that it runs there and that the URL is right)");
        Error::new(error.kind(), message).with_source(error)
    }

    fn address(&self) -> Option<String> {
        match &self.pools {
            #[cfg(feature = "sqlite")]
            Pools::Sqlite(_) => None,
            #[cfg(feature = "mysql")]
            Pools::MySql(pool) => Some(super::mysql::address(&pool.connect_options())),
            #[cfg(feature = "postgres")]
            Pools::Postgres(pool) => Some(super::postgres::address(&pool.connect_options())),
        }
    }

    /// The address from which this host would speak to the server; nothing is sent. `None` where the database is a file, or its
    /// server is spoken to by a file.
    pub(crate) async fn address_towards(&self) -> Option<IpAddr> {
        let address = self.address()?;
        for server in tokio::net::lookup_host(address).await.ok()? {
            let unspecified: IpAddr = match server {
                SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
                SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
            };
            let Ok(socket) = UdpSocket::bind((unspecified, 0)) else { continue };
            if socket.connect(server).is_ok()
                && let Ok(own) = socket.local_addr()
            {
                return Some(own.ip());
            }
        }
        None
    }

    /// One connection of its own, outside the pool: for the heartbeat, which must never wait for others.
    pub(crate) async fn dedicated(&self) -> Result<Dedicated, Error> {
        match &self.pools {
            #[cfg(feature = "sqlite")]
            Pools::Sqlite(pools) => {
                let options = pools.writer.options();
                in_turn!(Some(&pools.turns), sqlx::SqliteConnection::connect_with(options))
                    .map(|conn| Dedicated::Sqlite(Box::new(conn), pools.turns.clone()))
            }
            #[cfg(feature = "mysql")]
            Pools::MySql(pool) => {
                let options = pool.connect_options();
                sqlx::MySqlConnection::connect_with(&options).await.map(|conn| Dedicated::MySql(Box::new(conn)))
            }
            #[cfg(feature = "postgres")]
            Pools::Postgres(pool) => {
                let options = pool.connect_options();
                sqlx::PgConnection::connect_with(&options).await.map(|conn| Dedicated::Postgres(Box::new(conn)))
            }
        }
        .map_err(|fault| self.at_address(translate(fault)))
    }

    pub(crate) async fn close(&self) {
        match &self.pools {
            #[cfg(feature = "sqlite")]
            Pools::Sqlite(pools) => pools.close().await,
            #[cfg(feature = "mysql")]
            Pools::MySql(pool) => pool.close().await,
            #[cfg(feature = "postgres")]
            Pools::Postgres(pool) => pool.close().await,
        }
    }
}

/// A connection outside the pool.
pub(crate) enum Dedicated {
    #[cfg(feature = "sqlite")]
    Sqlite(Box<sqlx::SqliteConnection>, Turns),
    #[cfg(feature = "mysql")]
    MySql(Box<sqlx::MySqlConnection>),
    #[cfg(feature = "postgres")]
    Postgres(Box<sqlx::PgConnection>),
}

impl Dedicated {
    pub(crate) fn conn(&mut self) -> Conn<'_> {
        match self {
            #[cfg(feature = "sqlite")]
            Dedicated::Sqlite(conn, turns) => Conn::from(&mut **conn).waiting(turns),
            #[cfg(feature = "mysql")]
            Dedicated::MySql(conn) => Conn::from(&mut **conn),
            #[cfg(feature = "postgres")]
            Dedicated::Postgres(conn) => Conn::from(&mut **conn),
        }
    }
}
