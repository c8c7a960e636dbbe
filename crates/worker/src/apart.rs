//! Tasks that succeed in a transaction of their method: their row may be locked by it, so nothing of the worker touches it
//! until the method has ended, and then the row says what became of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mission_core::{Content, Effects, Error, ErrorKind, Failure, Lease, Settlement, State};
use mission_store::{Kind, PushConnection, Store, Verdict, Watched};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::shared::Shared;
use crate::stop::Stop;

/// Who may write about a task: the worker's groups take it for one write, its method's transaction for good.
#[derive(Default)]
pub(crate) struct Pen {
    free: Arc<Mutex<()>>,
    is_taken: AtomicBool,
    has_succeeded: AtomicBool,
}

/// What a row says of a task that stood apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stands {
    /// The transaction was committed.
    Succeeded,
    /// The task is another's, or gone.
    Lost,
    /// Nothing was committed.
    Open,
}

impl Pen {
    /// The pen for one write, unless the method's transaction has it.
    pub(crate) fn borrow(&self) -> Option<OwnedMutexGuard<()>> {
        let pen = Arc::clone(&self.free).try_lock_owned().ok()?;
        // Looked at only now: who takes it says so first, and waits then.
        (!self.is_taken()).then_some(pen)
    }

    /// Whether the method's transaction has it.
    pub(crate) fn is_taken(&self) -> bool {
        self.is_taken.load(Ordering::Acquire)
    }

    /// Whether the success was written into the method's transaction.
    pub(crate) fn has_succeeded(&self) -> bool {
        self.has_succeeded.load(Ordering::Relaxed)
    }

    /// Takes it for good, once a write that is under way has ended: that one needs the row, and must not wait for it.
    async fn take(&self, kind: Kind) {
        if !self.is_taken.swap(true, Ordering::AcqRel) && kind != Kind::Sqlite {
            // On SQLite a write that is under way may wait for this very transaction: it is refused by its token later.
            drop(self.free.lock().await);
        }
    }
}

impl Shared {
    /// Writes the success into the method's own transaction, with files and follow-up tasks.
    pub(crate) async fn succeed_in(
        self: &Arc<Self>,
        connection: &mut impl PushConnection,
        content: String,
    ) -> Result<(), Error> {
        let interrupted = |interrupted: crate::Interrupted| Error::new(ErrorKind::WrongState, interrupted.to_string());
        self.check().map_err(interrupted)?;
        self.pen().take(self.kind()).await;
        let keep = self.keep_files();
        let files = if self.files().is_empty() {
            Vec::new()
        } else {
            self.on_disk(move |shared| shared.files().finish(shared.task(), keep)).await?
        };
        let effects = Effects { files, attempt_record: None, follow_ups: self.follow_ups() };
        let settlement = self.success(content, effects);
        // On SQLite the transaction may hold the whole database, and the wait would be for nothing.
        if self.kind() != Kind::Sqlite {
            self.write_lines().await;
        }
        let last = self.unwritten().map(|(_, report)| report);
        match Store::succeed_in(connection, &settlement, last.as_ref()).await? {
            Verdict::Settled => {
                self.pen().has_succeeded.store(true, Ordering::Relaxed);
                Ok(())
            }
            // A success in a transaction is written whole or not at all, and waits for locks as its owner says.
            Verdict::Lost | Verdict::SettledAsFailure | Verdict::Held => {
                self.stop(Stop::LostLease);
                self.check().map_err(interrupted)
            }
        }
    }

    fn success(&self, content: String, effects: Effects) -> Settlement {
        let task = self.task();
        let mut counts = task.counts;
        if self.is_safe() {
            counts.crashes = 0;
        }
        Settlement {
            lease: self.lease(),
            state: State::Success,
            reason: None,
            content: Some(Content::new(content)),
            counts,
            wait: None,
            effects,
        }
    }
}

/// What the row says.
pub(crate) fn stands(lease: Lease, watched: Option<&Watched>) -> Stands {
    match watched {
        Some(row) if row.token == lease.token && row.state == State::Success => Stands::Succeeded,
        Some(row) if row.token == lease.token && row.state == State::Executing => Stands::Open,
        _ => Stands::Lost,
    }
}

/// What is recorded of a method that succeeded in a transaction which it did not commit.
pub(crate) fn not_committed() -> Failure {
    Failure::new("the transaction in which the task succeeded was not committed")
}
