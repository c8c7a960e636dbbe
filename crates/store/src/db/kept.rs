//! Whether one who goes from statement to statement may keep its connection: others have some, too, and the pool is not being closed.

use super::Db;
use super::open::Pools;

impl Db {
    /// Asked before each further statement on a connection of the pool.
    pub(crate) fn may_go_on(&self) -> bool {
        match &self.pools {
            #[cfg(feature = "sqlite")]
            // Without a file's one writer nobody writes, and who keeps it may stand still.
            Pools::Sqlite(_) => false,
            #[cfg(feature = "mysql")]
            Pools::MySql(pool) => !pool.is_closed(),
            #[cfg(feature = "postgres")]
            Pools::Postgres(pool) => !pool.is_closed(),
        }
    }
}
