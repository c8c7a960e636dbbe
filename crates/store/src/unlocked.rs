//! Writing past rows that somebody else holds: those that are free now, the others later.

use std::collections::HashSet;

use mission_core::{Error, Lease};

use crate::Store;
use crate::batch::Batches;
use crate::db::{Conn, Dialect, Statement};

static UNLOCKED: Statement =
    Statement::new("unlocked", include_str!("sql/unlocked.postgres.sql")).mysql(include_str!("sql/unlocked.mysql.sql"));

impl Store {
    /// The same database over two connections of its own on which no statement waits longer than about a second for a row
    /// that somebody else has locked: for writes about many tasks at once, which must not stand behind one of them.
    ///
    /// [`report`](Self::report) and [`settle`](Self::settle) leave such rows out and say so.
    #[must_use]
    pub fn brief(&self) -> Self {
        Self {
            db: self.db.brief(),
            is_cluster: std::sync::Arc::clone(&self.is_cluster),
            meeting: std::sync::Arc::default(),
            dives: self.dives.clone(),
        }
    }
}

/// The rows among these that nobody else holds; the transaction holds them from now on. On SQLite it holds them all.
pub(crate) async fn unlocked_on(conn: &mut Conn<'_>, leases: &[Lease]) -> Result<HashSet<i64>, Error> {
    if conn.dialect() == Dialect::Sqlite {
        return Ok(leases.iter().map(|lease| lease.id).collect());
    }
    let batch = Batches::one(leases)?;
    let rows = conn.rows(&UNLOCKED, &[("batch", (&batch).into())]).await?;
    rows.iter().map(|row| row.int("id")).collect()
}
