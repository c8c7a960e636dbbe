//! What people do to tasks and types: cancel, retry, delete, pause, resume, limit, fair, prune.

use mission_core::{Result, UniqueId};
use mission_store::{Cancelled, Keep, TypeRule};

use crate::Mission;
use crate::detached::detached;

impl Mission {
    /// Cancels a task: at once if it waits; its worker ends it within about a second if it runs.
    ///
    /// # Errors
    /// No such task, or it has ended ([`is_wrong_state`](mission_core::Error::is_wrong_state)).
    pub async fn cancel(&self, unique_id: impl AsRef<str>) -> Result<Cancelled> {
        let (store, id) = (self.store(), UniqueId::parse(unique_id.as_ref())?);
        detached(async move { store.cancel(&id).await }).await
    }

    /// Lets an ended task run again, as if it had just been pushed.
    ///
    /// # Errors
    /// No such task, it has not ended, or another task with its key waits or runs
    /// ([`is_duplicate`](mission_core::Error::is_duplicate)).
    pub async fn retry(&self, unique_id: impl AsRef<str>) -> Result<()> {
        let (store, id) = (self.store(), UniqueId::parse(unique_id.as_ref())?);
        detached(async move { store.retry(&id).await }).await?;
        self.wake();
        Ok(())
    }

    /// Removes a task that does not run.
    ///
    /// # Errors
    /// No such task, or it runs: cancel it first.
    pub async fn delete(&self, unique_id: impl AsRef<str>) -> Result<()> {
        let (store, id) = (self.store(), UniqueId::parse(unique_id.as_ref())?);
        detached(async move { store.delete(&id).await }).await
    }

    /// Lets the waiting tasks of a type wait on; running ones end as they would.
    pub async fn pause(&self, task_type: &str) -> Result<()> {
        let (store, task_type) = (self.store(), task_type.to_owned());
        detached(async move { store.pause(&task_type).await }).await
    }

    /// Lets the tasks of a paused type run again.
    pub async fn resume(&self, task_type: &str) -> Result<()> {
        let (store, name) = (self.store(), task_type.to_owned());
        detached(async move { store.resume(&name).await }).await?;
        self.wake();
        Ok(())
    }

    /// Sets how many tasks of a type may run at once, over all workers; `None` for no limit.
    pub async fn set_running_limit(&self, task_type: &str, limit: Option<i64>) -> Result<()> {
        let (store, name) = (self.store(), task_type.to_owned());
        detached(async move { store.set_running_limit(&name, limit).await }).await?;
        self.wake();
        Ok(())
    }

    /// Lets the creators of a type take turns ([`NewTask::creator`](mission_core::NewTask::creator)), or not any more: a single task
    /// of one starts next, however many another has pushed before. It decides about tasks that are pushed from now on; those that
    /// wait already take their turn together.
    pub async fn set_fair(&self, task_type: &str, is_fair: bool) -> Result<()> {
        let (store, name) = (self.store(), task_type.to_owned());
        detached(async move { store.set_fair(&name, is_fair).await }).await
    }

    /// The types for which something is set.
    pub async fn type_rules(&self) -> Result<Vec<TypeRule>> {
        let store = self.store();
        detached(async move { store.type_rules().await }).await
    }

    /// Removes ended tasks whose time is over; answers how many. Workers do it by themselves once an hour.
    pub async fn prune(&self, keep: Keep) -> Result<u64> {
        self.pruned(keep, Pruning::Removes).await
    }

    /// How many tasks [`prune`](Mission::prune) would remove now; it removes none.
    pub async fn count_prunable(&self, keep: Keep) -> Result<u64> {
        self.pruned(keep, Pruning::Looks).await
    }

    async fn pruned(&self, keep: Keep, pruning: Pruning) -> Result<u64> {
        let store = self.store();
        detached(async move {
            let (mut tasks, mut after) = (0, 0);
            loop {
                let step = match pruning {
                    Pruning::Removes => store.prune_step(keep, after).await?,
                    Pruning::Looks => store.prune_look(keep, after).await?,
                };
                tasks += step.removed;
                match step.next {
                    Some(next) => after = next,
                    None => return Ok(tasks),
                }
            }
        })
        .await
    }
}

/// Whether tasks whose time is over go, or are counted.
#[derive(Debug, Clone, Copy)]
enum Pruning {
    Removes,
    Looks,
}
