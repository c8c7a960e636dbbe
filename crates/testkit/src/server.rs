//! A database on a server: made and removed by its administrator.

use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use sqlx::{AssertSqlSafe, Connection, MySqlConnection, PgConnection};

use crate::kind::Kind;

/// A removal that waits for a lock a test left behind is given up: the servers are temporary.
const REMOVE_MAX: Duration = Duration::from_secs(5);

/// Where on which server a test's database lives.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    kind: Kind,
    admin: String,
    name: String,
}

impl Place {
    pub(crate) async fn create(kind: Kind, admin: String) -> Self {
        let place = Self { kind, admin, name: unused_name() };
        if let Err(error) = place.administer(&format!("create database {}", place.name)).await {
            panic!("cannot make a {kind} database on {}: {error}", place.admin);
        }
        place
    }

    /// The admin's URL with this database in the place of the admin's own.
    pub(crate) fn url(&self) -> String {
        let (address, options) = match self.admin.split_once('?') {
            Some((address, options)) => (address, format!("?{options}")),
            None => (self.admin.as_str(), String::new()),
        };
        let authority = address.find("://").map_or(0, |at| at + 3);
        let end = address[authority..].find('/').map_or(address.len(), |at| authority + at);
        format!("{}/{}{options}", &address[..end], self.name)
    }

    /// Called where a value is dropped, possibly inside a runtime: hence a thread with its own.
    pub(crate) fn remove(self) {
        let removal = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let statement = match self.kind {
                Kind::Postgres => format!("drop database {} with (force)", self.name),
                _ => format!("drop database {}", self.name),
            };
            if let Ok(runtime) = runtime {
                // A database that stays is only clutter; the test has already said what it found.
                let _ = runtime.block_on(async { tokio::time::timeout(REMOVE_MAX, self.administer(&statement)).await });
            }
        });
        let _ = removal.join();
    }

    async fn administer(&self, statement: &str) -> sqlx::Result<()> {
        // Prepared: sqlx sets no TCP_NODELAY, and an unprepared statement took 43 ms on loopback.
        let statement = AssertSqlSafe(statement.to_owned());
        if self.kind == Kind::Postgres {
            let mut connection = PgConnection::connect(&self.admin).await?;
            sqlx::query(statement).execute(&mut connection).await?;
            connection.close().await
        } else {
            let mut connection = MySqlConnection::connect(&self.admin).await?;
            sqlx::query(statement).execute(&mut connection).await?;
            connection.close().await
        }
    }
}

/// Unused on a server that outlives many runs, too.
fn unused_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |elapsed| elapsed.as_micros());
    format!("t{now:x}_{}_{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::{Kind, Place};

    fn url(admin: &str) -> String {
        Place { kind: Kind::Postgres, admin: admin.to_owned(), name: "fresh".to_owned() }.url()
    }

    #[test]
    fn the_database_takes_the_place_of_the_admins_own() {
        assert_eq!(url("postgres://me@host:1/postgres"), "postgres://me@host:1/fresh");
        assert_eq!(url("mysql://me@host:1/"), "mysql://me@host:1/fresh");
        assert_eq!(url("mysql://me@host:1"), "mysql://me@host:1/fresh");
        assert_eq!(url("postgres://me@host/postgres?sslmode=disable"), "postgres://me@host/fresh?sslmode=disable");
    }
}
