//! Execute: running what waits now in this process, and handing back the records.

use std::sync::Arc;

use mission_core::{Error, ErrorKind, Result, Task, UniqueId};
use mission_store::Store;
use tokio::sync::oneshot;

use crate::base::Base;
use crate::fetcher::Fetcher;
use crate::handle::WorkerHandle;
use crate::settings::WhenEmpty;
use crate::worker::Worker;
use crate::{Registry, shift};

/// What to execute.
#[derive(Debug, Clone)]
pub enum Which {
    /// What is due now, in the order of a worker; at most so many.
    All {
        /// How many at the most; `None` for all.
        limit: Option<usize>,
    },
    /// This task, due or not.
    One(UniqueId),
}

impl Worker {
    /// Runs what waits now in this process and answers the records as they stand then, in the order in which they began.
    ///
    /// A task that is to be retried later stands there as waiting. Dropping the future stops it in order.
    ///
    /// # Errors
    /// As [`Worker::start`]; also no such task, one that does not wait, or one whose method is not here.
    pub async fn execute(mut self, which: Which) -> Result<Vec<Task>> {
        self.settings.when_empty = WhenEmpty::Stop;
        let store = self.store.clone();
        if let Which::One(unique_id) = &which {
            check(&store, &self.registry, unique_id).await?;
        }
        let (sender, ran) = oneshot::channel();
        let fetching = |base: Arc<Base>| async move {
            let ran = match which {
                Which::All { limit } => Ok(Fetcher::counting(Arc::clone(&base), limit).run().await),
                Which::One(unique_id) => Fetcher::counting(Arc::clone(&base), None).run_one(&unique_id).await,
            };
            // What runs now ends as it ends: nobody has asked for a stop.
            base.until_idle().await;
            let _ = sender.send(ran);
        };
        let (base, bell) = shift::begin(self, fetching).await?;
        let handle = WorkerHandle { base, bell };
        handle.finished().await;
        let ran = ran.await.map_err(|_| Error::new(ErrorKind::Setup, "the run was interrupted"))??;
        records(&store, &ran).await
    }
}

async fn check(store: &Store, registry: &Registry, unique_id: &UniqueId) -> Result<()> {
    let found = store.get(unique_id).await?;
    let task = found.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no task {unique_id}")))?;
    if registry.get(&task.method).is_none() {
        let message = format!("task {unique_id} calls {:?}, which this program has not", task.method);
        return Err(Error::new(ErrorKind::NotFound, message));
    }
    Ok(())
}

async fn records(store: &Store, ran: &[UniqueId]) -> Result<Vec<Task>> {
    let mut records = Vec::with_capacity(ran.len());
    for unique_id in ran {
        records.extend(store.get(unique_id).await?);
    }
    Ok(records)
}
