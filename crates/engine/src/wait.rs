//! Waiting for the end of a task.

use std::time::{Duration, Instant};

use mission_core::{Error, ErrorKind, Result, Task, UniqueId, format_span};

use crate::Mission;
use crate::detached::detached;
use crate::mission::no_task;

/// First pause between two looks, and from a push to the first one; it grows by half up to [`PAUSE_MAX`], so that short tasks are seen at once and
/// long ones cost little.
const PAUSE_FIRST: Duration = Duration::from_millis(4);
const PAUSE_MAX: Duration = Duration::from_millis(250);

impl Mission {
    /// Waits until a task has ended, however long that takes, through outages of the database too.
    ///
    /// # Errors
    /// There is no such task, or it was deleted meanwhile ([`Error::is_not_found`]).
    pub async fn wait(&self, unique_id: impl AsRef<str>) -> Result<Task> {
        self.wait_until(&UniqueId::parse(unique_id.as_ref())?, None).await
    }

    /// The same for a task that was stored then: right after its push nobody has run it yet, and a look would only be in the way of who does.
    pub(crate) async fn wait_since(&self, id: &UniqueId, stored: Option<Instant>) -> Result<Task> {
        let rest = stored.and_then(|stored| PAUSE_FIRST.checked_sub(stored.elapsed()));
        if let Some(rest) = rest {
            tokio::time::sleep(rest).await;
        }
        self.wait_until(id, None).await
    }

    /// Waits until a task has ended, but no longer than this.
    ///
    /// # Errors
    /// The time is over ([`Error::is_timed_out`]), or there is no such task.
    pub async fn wait_for(&self, unique_id: impl AsRef<str>, timeout: Duration) -> Result<Task> {
        self.wait_until(&UniqueId::parse(unique_id.as_ref())?, Some(timeout)).await
    }

    async fn wait_until(&self, id: &UniqueId, timeout: Option<Duration>) -> Result<Task> {
        let start = Instant::now();
        let mut pause = PAUSE_FIRST;
        loop {
            match self.ended(id).await {
                Ok(Some(task)) => return Ok(task),
                Ok(None) => {}
                Err(error) if error.is_unreachable() && timeout.is_none() => {}
                Err(error) => return Err(error),
            }
            let left = timeout.map(|timeout| timeout.saturating_sub(start.elapsed()));
            if left.is_some_and(|left| left.is_zero()) {
                let span = format_span(timeout.unwrap_or_default());
                return Err(Error::new(
                    ErrorKind::TimedOut,
                    format!("task {id} has not ended within {span}: it goes on"),
                ));
            }
            tokio::time::sleep(pause.min(left.unwrap_or(pause))).await;
            pause = (pause * 3 / 2).min(PAUSE_MAX);
        }
    }

    /// The task, once it has ended. Until then only its state is read: it may have much content.
    async fn ended(&self, id: &UniqueId) -> Result<Option<Task>> {
        let (store, unique_id) = (self.store(), id.clone());
        let state = detached(async move { store.state(&unique_id).await }).await?.ok_or_else(|| no_task(id))?;
        if !state.is_final() {
            return Ok(None);
        }
        let task = self.get(id).await?.ok_or_else(|| no_task(id))?;
        // It may wait again by now.
        Ok(task.state.is_final().then_some(task))
    }
}
