//! Push: one task, many, or within the caller's own transaction.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use mission_core::{NewTask, Result, Task, UniqueId};
use mission_store::{PushConnection, Store};

use crate::Mission;
use crate::detached::detached;
use crate::mission::no_task;

/// A task that was pushed, or the one that stood in its way.
#[derive(Clone)]
pub struct Pushed {
    mission: Mission,
    pushed: mission_store::Pushed,
    /// When it was stored, where this push did that and did not run it.
    stored: Option<Instant>,
}

impl Pushed {
    /// Its public id.
    pub fn unique_id(&self) -> &UniqueId {
        &self.pushed.unique_id
    }

    /// Whether a task with the same key, or of the same method, was waiting or running already: this is that one.
    pub fn is_existing(&self) -> bool {
        self.pushed.is_existing
    }

    /// The task as it stands now.
    pub async fn get(&self) -> Result<Task> {
        let task = self.mission.get(self.unique_id()).await?;
        task.ok_or_else(|| no_task(self.unique_id()))
    }

    /// Waits until it has ended.
    pub async fn wait(&self) -> Result<Task> {
        self.mission.wait_since(self.unique_id(), self.stored).await
    }
}

impl fmt::Debug for Pushed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pushed.fmt(f)
    }
}

impl Mission {
    /// Stores a task and wakes workers; when it returns, the task is committed.
    ///
    /// # Errors
    /// The task breaks a rule ([`is_invalid`](mission_core::Error::is_invalid)), or the database refuses. After
    /// [`is_unreachable`](mission_core::Error::is_unreachable) look the task up by the id of the `NewTask`, or push the same
    /// `NewTask` again: it is stored once.
    pub async fn push(&self, task: NewTask) -> Result<Pushed> {
        let task = Arc::new(task);
        let pushed = match self.inner.store.push_together(&task, &self.inner.when_seen).await {
            Some(pushed) => pushed,
            None => {
                let store = self.store();
                let pushed = detached(async move { store.push(&task).await }).await?;
                self.wake();
                pushed
            }
        };
        self.run_inline(std::slice::from_ref(&pushed)).await?;
        Ok(self.pushed(pushed))
    }

    /// Stores many tasks in one transaction, in their order: all or none.
    ///
    /// # Errors
    /// As [`push`](Self::push); one task that breaks a rule refuses them all.
    pub async fn push_all(&self, tasks: impl IntoIterator<Item = NewTask>) -> Result<Vec<Pushed>> {
        let store = self.store();
        let tasks: Vec<NewTask> = tasks.into_iter().collect();
        let pushed = detached(async move { store.push_all(&tasks).await }).await?;
        self.wake();
        self.run_inline(&pushed).await?;
        Ok(pushed.into_iter().map(|pushed| self.pushed(pushed)).collect())
    }

    /// Stores a task in the caller's own transaction of sqlx 0.9: there if and only if that commits. A worker sees it within a
    /// second after the commit; call [`wake`](Self::wake) then to have it seen at once.
    ///
    /// A duplicate never aborts the transaction. On MySQL and MariaDB under REPEATABLE READ, their default, a task without repeat of which
    /// no other is active locks the gap beside its method, so that pushes of the methods next to it by name wait for the
    /// commit: keep such a transaction short, or begin it READ COMMITTED.
    ///
    /// # Errors
    /// As [`push`](Self::push). A deadlock or a serialization failure is the caller's to retry:
    /// [`is_retryable`](mission_core::Error::is_retryable) says so, and the whole transaction runs again.
    pub async fn push_in(&self, connection: &mut impl PushConnection, task: NewTask) -> Result<Pushed> {
        let mut pushed = Store::push_in(connection, std::slice::from_ref(&task)).await?;
        // proof: one task in, one answer out; the fallback names the task itself.
        let pushed =
            pushed.pop().unwrap_or(mission_store::Pushed { unique_id: task.unique_id().clone(), is_existing: false });
        Ok(self.pushed(pushed))
    }

    /// Lets workers look for new tasks at once, those of this process and a few others: after a transaction with [`push_in`](Self::push_in) committed.
    pub fn wake(&self) {
        (self.inner.when_seen)();
    }

    async fn run_inline(&self, pushed: &[mission_store::Pushed]) -> Result<()> {
        match &self.inner.inline {
            // Only tests have it; unboxed, each push would carry the many kilobytes of running a task, and copy them.
            Some(inline) => Box::pin(inline.run(self, pushed)).await,
            None => Ok(()),
        }
    }

    fn pushed(&self, pushed: mission_store::Pushed) -> Pushed {
        let stored = (!pushed.is_existing && self.inner.inline.is_none()).then(Instant::now);
        Pushed { mission: self.clone(), pushed, stored }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_future_of_a_push_is_small_enough_to_be_copied_from_hand_to_hand() {
        let mission = Mission::open("sqlite::memory:").await.unwrap();
        let bytes = size_of_val(&mission.push(NewTask::new("export")));
        assert!(bytes <= 1024, "{bytes} bytes");
    }
}
