//! A push that is alone beside a worker of its process that rests: its task is stored as one that this worker has begun, where nothing stands in front of
//! it. One commit in place of two, and no way between them.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mission_core::{CheckedTask, Due, Error, ErrorKind, WorkerId};
use tokio::sync::oneshot::{self, error::TryRecvError};

use crate::claim::{Claimed, unread};
use crate::db::{Dialect, Statement, is_unique_violation};
use crate::lines::Line;
use crate::{Pushed, Store, rows};

static BEGUN: Statement =
    Statement::new("push_begun", include_str!("sql/push_begun.sql")).mysql(include_str!("sql/push_begun.mysql.sql"));
static BEGUN_ROW: Statement = Statement::new("push_begun_row", include_str!("sql/push_begun_row.mysql.sql"));

/// Whether the worker may take a task now.
type MayTake = Box<dyn Fn() -> bool + Send + Sync>;
/// What was begun.
type Answer = Result<Option<Claimed>, Error>;

/// What workers of this process at rest have offered to begin.
#[derive(Debug, Default)]
pub(crate) struct Offers {
    standing: Mutex<Vec<Offer>>,
    /// How many there ever were.
    made: AtomicU64,
}

/// That a worker at rest begins a task of this line.
pub(crate) struct Offer {
    number: u64,
    line: Line,
    worker: WorkerId,
    may_take: MayTake,
    answer: oneshot::Sender<Answer>,
}

/// An offer, until this is dropped, or a push has taken it.
#[derive(Debug)]
pub struct Offered {
    offers: Arc<Offers>,
    number: u64,
    line: Line,
    heard: oneshot::Receiver<Answer>,
    answer: Option<Answer>,
}

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of {:?}", self.line, self.worker)
    }
}

impl Offers {
    fn all(&self) -> MutexGuard<'_, Vec<Offer>> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One for the line in which the task will wait, from a worker that may take it now.
    pub(crate) fn take_for(&self, task: &CheckedTask<'_>) -> Option<Offer> {
        let mut all = self.all();
        let place = all.iter().position(|offer| offer.is_for(task) && (offer.may_take)())?;
        Some(all.remove(place))
    }
}

impl Offer {
    fn is_for(&self, task: &CheckedTask<'_>) -> bool {
        let line = &self.line;
        task.due == Due::Now
            && task.method == line.method
            && task.task_type == line.task_type
            && task.priority.get() == line.priority
            && line.lane == 0
    }
}

impl Offered {
    /// Of which line.
    pub fn line(&self) -> &Line {
        &self.line
    }

    /// Returns once a push has taken it, and knows what became of it. May be given up and called again.
    pub async fn answered(&mut self) {
        if self.answer.is_none() {
            self.answer = Some((&mut self.heard).await.unwrap_or_else(|_| Err(lost())));
        }
    }

    /// Whether a push has taken it, and knows what became of it.
    pub fn is_answered(&mut self) -> bool {
        if self.answer.is_none() {
            match self.heard.try_recv() {
                Ok(answer) => self.answer = Some(answer),
                Err(TryRecvError::Closed) => self.answer = Some(Err(lost())),
                Err(TryRecvError::Empty) => {}
            }
        }
        self.answer.is_some()
    }

    /// Takes it back. What was begun, as soon as that is known, where a push has it; `None` where none has. May be given up and called again.
    ///
    /// # Errors
    /// As of [`claim`](Store::claim): one that is not retryable leaves it open whether something was begun.
    pub async fn end(&mut self) -> Option<Answer> {
        if self.answer.is_none() {
            if self.is_taken_back() {
                return None;
            }
            self.answered().await;
        }
        self.answer.take()
    }

    /// Whether no push has taken it yet.
    pub fn stands(&self) -> bool {
        self.offers.all().iter().any(|offer| offer.number == self.number)
    }

    fn is_taken_back(&self) -> bool {
        let mut all = self.offers.all();
        let place = all.iter().position(|offer| offer.number == self.number);
        place.map(|place| all.remove(place)).is_some()
    }
}

impl Drop for Offered {
    fn drop(&mut self) {
        self.is_taken_back();
    }
}

/// The push that had it went away in the middle.
fn lost() -> Error {
    Error::new(ErrorKind::Unreachable, "the runtime of a push has ended with an offer in hand")
}

impl Store {
    /// Offers to pushes of this process that are alone that this worker begins their task. Of a worker one offer stands at a time; whether it may take
    /// a task then is asked just before.
    pub fn offer(&self, line: Line, worker: WorkerId, may_take: impl Fn() -> bool + Send + Sync + 'static) -> Offered {
        let (answer, heard) = oneshot::channel();
        let offers = Arc::clone(&self.meeting.offers);
        let number = offers.made.fetch_add(1, Ordering::Relaxed);
        offers.all().push(Offer { number, line: line.clone(), worker, may_take: Box::new(may_take), answer });
        Offered { offers, number, line, heard, answer: None }
    }

    /// Stores a task as one that the worker has begun who offered it; `None` where another comes first, or its type has a rule, and nothing is stored.
    ///
    /// # Errors
    /// Then nothing is known of the push, as of any of those that met.
    pub(crate) async fn push_begun(&self, task: &CheckedTask<'_>, offer: Offer) -> Result<Option<Pushed>, Error> {
        let begun = self.begun(task, &offer).await;
        let told = match &begun {
            Ok(begun) => Ok(begun.is_some()),
            Err(fault) => Err(Error::new(fault.kind(), fault.to_string())),
        };
        // Nobody there: the worker's runtime has ended.
        let _ = offer.answer.send(begun);
        if matches!(told, Ok(false)) {
            return Ok(None);
        }
        // It may be committed, whatever came behind it: then the push that has the last word finds it, and it is to be on the disk.
        let kept = self.db.keep().await;
        told.and(kept)?;
        Ok(Some(Pushed { unique_id: task.unique_id.clone(), is_existing: false }))
    }

    async fn begun(&self, task: &CheckedTask<'_>, Offer { line, worker, .. }: &Offer) -> Answer {
        let id = ("unique_id", task.unique_id.as_str().into());
        let values = [
            id,
            ("method", task.method.into()),
            ("params", task.params.into()),
            ("type", task.task_type.into()),
            ("creator", task.creator.into()),
            ("priority", task.priority.get().into()),
            ("head", line.head.0.into()),
            ("retries", task.retries.into()),
            ("timeout_ms", task.timeout_ms.into()),
            ("stall_timeout_ms", task.stall_timeout_ms.into()),
            ("keep_files_ms", task.keep_files_ms.into()),
            ("worker_id", worker.0.into()),
        ];
        let there_already = |fault| if is_unique_violation(&fault) { there_already() } else { fault };
        let mut held = self.db.writer_before_disk().await?;
        let mut conn = held.conn();
        if conn.dialect() != Dialect::MySql {
            let rows = conn.rows(&BEGUN, &values).await.map_err(there_already)?;
            drop(held);
            return Ok(self.claimed_of(&rows, line, *worker).await?.pop());
        }
        if conn.run(&BEGUN, &values).await.map_err(there_already)? == 0 {
            return Ok(None);
        }
        let row = conn.row(&BEGUN_ROW, &[id, ("worker_id", worker.0.into())]).await.map_err(unread)?;
        let Some(row) = row else { return Ok(None) };
        let mut begun = rows::claimed_task(&row, line).map_err(unread)?;
        begun.retries = task.retries;
        begun.timeout_ms = task.timeout_ms;
        begun.stall_timeout_ms = task.stall_timeout_ms;
        begun.keep_files_ms = task.keep_files_ms;
        Ok(Some(Claimed::of(begun, *worker)))
    }
}

/// Its push has the last word; nothing was begun.
pub(crate) fn there_already() -> Error {
    Error::new(ErrorKind::Retryable, "one of them is there already")
}
