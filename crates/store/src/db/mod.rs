//! The narrow layer over sqlx: pools, connections, transactions and rows that look alike on every database.

#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

#[cfg(feature = "sqlite")]
mod at_once;
mod classify;
mod conn;
#[cfg(feature = "sqlite")]
mod disk;
#[cfg(feature = "mysql")]
mod flat;
mod held;
mod kept;
mod lead;
#[cfg(feature = "sqlite")]
mod level;
mod meaning;
mod open;
#[cfg(any(feature = "mysql", feature = "postgres"))]
mod pool;
#[cfg(any(feature = "mysql", feature = "postgres"))]
mod replan;
mod statement;
mod trust;
#[cfg(feature = "sqlite")]
mod turn;
mod value;
#[cfg(feature = "sqlite")]
mod writer;

pub(crate) use classify::{
    is_duplicate_column, is_in_trouble, is_locked, is_outside_transaction, is_unique_violation, is_within_transaction,
    translate,
};
#[allow(unreachable_pub)] // See the type.
pub use conn::Conn;
pub(crate) use held::{Held, Tx};
pub use lead::{Lead, Leading};
#[cfg(feature = "mysql")]
pub(crate) use mysql::options as mysql_options;
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) use open::Patience;
pub(crate) use open::{Db, Dedicated};
pub use open::{Kind, OnMissing};
#[cfg(feature = "postgres")]
pub(crate) use postgres::options as postgres_options;
#[cfg(feature = "sqlite")]
pub(crate) use sqlite::{SqlitePools, options as sqlite_options};
pub(crate) use statement::{Dialect, Statement};
#[cfg(feature = "sqlite")]
pub(crate) use turn::Turns;
pub(crate) use value::{Row, Value};
