//! What people do to single tasks: cancel, retry, delete.

use mission_core::{Error, ErrorKind, State, UniqueId};

use crate::Store;
use crate::batch::Batches;
use crate::db::{Statement, is_unique_violation};
use crate::prune::{IdRow, prune_history};
use crate::retrying::retrying;

/// What a cancel did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// The task waited; it is cancelled.
    Now,
    /// The task runs; its worker ends it within about a second.
    Requested,
}

static CANCEL_WAITING: Statement = Statement::new("cancel_waiting", include_str!("sql/cancel_waiting.sql"));
static CANCEL_RUNNING: Statement = Statement::new("cancel_running", include_str!("sql/cancel_running.sql"));
static RETRY: Statement = Statement::new("retry", include_str!("sql/retry.sql"));
static RETIRE: Statement = Statement::new("artifacts_retire", include_str!("sql/artifacts_retire.sql"));
static DELETE: Statement = Statement::new("delete", include_str!("sql/delete.sql"));

impl Store {
    /// Cancels a task: at once if it waits, by its worker if it runs.
    ///
    /// # Errors
    /// No such task, or it has ended.
    pub async fn cancel(&self, unique_id: &UniqueId) -> Result<Cancelled, Error> {
        // A task may be claimed or released between the two statements: look again.
        for _ in 0..20 {
            if self.hit(&CANCEL_WAITING, unique_id).await? {
                return Ok(Cancelled::Now);
            }
            if self.hit(&CANCEL_RUNNING, unique_id).await? {
                return Ok(Cancelled::Requested);
            }
            let state = self.state_of(unique_id).await?;
            if state.is_final() {
                return Err(wrong_state(unique_id, state, "it cannot be cancelled any more"));
            }
        }
        Err(Error::new(ErrorKind::Retryable, format!("task {unique_id} keeps changing its state: try again")))
    }

    /// Lets an ended task run again from its beginning, with its counts of failures and crashes at zero; its attempts and
    /// logs stay, its result files expire.
    ///
    /// # Errors
    /// No such task, it has not ended, or another task with its key waits or runs.
    pub async fn retry(&self, unique_id: &UniqueId) -> Result<(), Error> {
        let values = [("unique_id", unique_id.as_str().into())];
        let retried = retrying(|| async {
            let mut tx = self.db.begin().await?;
            let is_hit = tx.conn().run(&RETRY, &values).await? > 0;
            if is_hit {
                tx.conn().run(&RETIRE, &values).await?;
            }
            tx.commit().await?;
            Ok(is_hit)
        });
        match retried.await {
            Ok(true) => Ok(()),
            Ok(false) => {
                let state = self.state_of(unique_id).await?;
                Err(wrong_state(unique_id, state, "only a task that has ended can be retried"))
            }
            Err(error) if is_unique_violation(&error) => Err(Error::new(
                ErrorKind::Duplicate,
                format!("task {unique_id} cannot be retried: another task with its key waits or runs"),
            )
            .with_source(error)),
            Err(error) => Err(error),
        }
    }

    /// Removes a task that does not run, with its attempts and logs; its result files go when their storage is swept.
    ///
    /// # Errors
    /// No such task, or it runs: cancel it first.
    pub async fn delete(&self, unique_id: &UniqueId) -> Result<(), Error> {
        if let Some(task) = self.get(unique_id).await? {
            let values = [("unique_id", unique_id.as_str().into())];
            let batch = Batches::one(&[IdRow { id: task.id }])?;
            let is_deleted = retrying(|| async {
                let mut tx = self.db.begin().await?;
                let is_deleted = tx.conn().run(&DELETE, &values).await? > 0;
                if is_deleted {
                    prune_history(&mut tx.conn(), &batch).await?;
                }
                tx.commit().await?;
                Ok(is_deleted)
            });
            if is_deleted.await? {
                return Ok(());
            }
        }
        let state = self.state_of(unique_id).await?;
        Err(wrong_state(unique_id, state, "cancel it before deleting it"))
    }

    async fn hit(&self, statement: &'static Statement, unique_id: &UniqueId) -> Result<bool, Error> {
        let values = [("unique_id", unique_id.as_str().into())];
        retrying(|| async { self.db.writer().await?.conn().run(statement, &values).await.map(|hit| hit > 0) }).await
    }

    async fn state_of(&self, unique_id: &UniqueId) -> Result<State, Error> {
        match self.get(unique_id).await? {
            Some(task) => Ok(task.state),
            None => Err(Error::new(ErrorKind::NotFound, format!("there is no task {unique_id}"))),
        }
    }
}

fn wrong_state(unique_id: &UniqueId, state: State, sentence: &str) -> Error {
    Error::new(ErrorKind::WrongState, format!("task {unique_id} is {state}: {sentence}"))
}
