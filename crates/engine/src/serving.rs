//! Who serves a method now: whether a task that waits is about to run, or needs a worker to be started.

use mission_core::Result;
use mission_store::Worker;

use crate::Mission;

impl Mission {
    /// The workers that live: their leases hold, and their processes, where they can be seen from here, are there.
    pub async fn live_workers(&self) -> Result<Vec<Worker>> {
        let mut workers = self.workers().await?;
        workers.retain(|worker| worker.is_live);
        Ok(workers)
    }

    /// Whether a live worker that is not about to leave runs tasks of this method and type.
    ///
    /// Asked after a push was committed, a yes means that the task will be run: a worker says that it leaves before it looks
    /// for the last time.
    pub async fn is_served(&self, method: &str, task_type: &str) -> Result<bool> {
        Ok(self.live_workers().await?.iter().any(|worker| serves(worker, method, task_type)))
    }
}

pub(crate) fn serves(worker: &Worker, method: &str, task_type: &str) -> bool {
    let has_type = worker.types.as_ref().is_none_or(|types| types.iter().any(|served| served == task_type));
    worker.is_live && !worker.is_leaving && has_type && worker.methods.iter().any(|known| known == method)
}
