//! The sqlx pools that a handle can be made from.

use mission_core::Result;
use mission_store::Store;

mod sealed {
    pub trait Sealed {}
}

/// A sqlx pool of SQLite, MySQL or PostgreSQL, for [`Mission::from_pool`](crate::Mission::from_pool).
pub trait IntoStore: sealed::Sealed + Send {
    #[doc(hidden)]
    fn into_store(self) -> impl Future<Output = Result<Store>> + Send + 'static;
}

macro_rules! from_pool {
    ($feature:literal, $pool:ident, $open:ident) => {
        #[cfg(feature = $feature)]
        impl sealed::Sealed for mission_store::pools::$pool {}
        #[cfg(feature = $feature)]
        impl IntoStore for mission_store::pools::$pool {
            async fn into_store(self) -> Result<Store> {
                Store::$open(&self).await
            }
        }
    };
}

from_pool!("sqlite", SqlitePool, from_sqlite_pool);
from_pool!("mysql", MySqlPool, from_mysql_pool);
from_pool!("postgres", PgPool, from_postgres_pool);
