//! Rescue: taking a dead worker's lease away, so that its tasks can be settled as what happened to them.

use mission_core::{Error, WorkerId};

use crate::Store;
use crate::db::Statement;
use crate::retrying::retrying;

static CONDEMN: Statement = Statement::new("worker_condemn", include_str!("sql/worker_condemn.sql"));
static CONDEMN_GONE: Statement = Statement::new("worker_condemn_gone", include_str!("sql/worker_condemn_gone.sql"));
static ORPHANS: Statement =
    Statement::new("orphans", include_str!("sql/orphans.sql")).mysql(include_str!("sql/orphans.mysql.sql"));

impl Store {
    /// Ends the lease of a worker whose term is over by the database's clock; false if it has renewed it.
    /// From then on it cannot renew, so its tasks ([`executing`](Self::executing)) can be settled.
    pub async fn condemn_expired(&self, worker: WorkerId) -> Result<bool, Error> {
        self.condemn(&CONDEMN, worker).await
    }

    /// Ends the lease of a worker whose process is known to be gone, whatever time it had left.
    pub async fn condemn_gone(&self, worker: WorkerId) -> Result<bool, Error> {
        self.condemn(&CONDEMN_GONE, worker).await
    }

    async fn condemn(&self, statement: &'static Statement, worker: WorkerId) -> Result<bool, Error> {
        let values = [("worker_id", worker.0.into())];
        retrying(|| async { self.db.writer().await?.conn().run(statement, &values).await.map(|hit| hit > 0) }).await
    }

    /// Workers that hold tasks but are not on the list: they claimed after they had been taken off it.
    pub async fn orphan_holders(&self) -> Result<Vec<WorkerId>, Error> {
        retrying(|| async {
            let rows = self.db.reader().await?.conn().rows(&ORPHANS, &[]).await?;
            rows.iter().map(|row| row.int("worker_id").map(WorkerId)).collect()
        })
        .await
    }
}
