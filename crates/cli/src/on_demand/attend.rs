//! Seeing to it, while somebody waits for the task that was just pushed, that there is a worker for it: all that ran it may
//! have been killed, the keeper too.

use std::convert::Infallible;
use std::process::Child;
use std::time::{Duration, SystemTime};

use mission_core::{Result, State, Task, UniqueId};

use super::start::ensure_child;
use crate::app::App;

/// How often it looks. With the rescue of a dead worker's tasks this stays far below the promised fifteen seconds.
const EVERY: Duration = Duration::from_secs(2);

/// Waits, and starts a worker for the task whenever it has none.
pub(crate) async fn attended<T>(app: &App, id: &UniqueId, waiting: impl Future<Output = T>) -> T {
    tokio::select! {
        waited = waiting => waited,
        never = attend(app, id) => match never {},
    }
}

/// Whoever pushed has just looked, so it begins with a pause. Of an outage whoever waits hears by the wait itself.
async fn attend(app: &App, id: &UniqueId) -> Infallible {
    let mut started: Option<Child> = None;
    let mut is_troubled = false;
    loop {
        tokio::time::sleep(EVERY).await;
        // While the process that was started lives, it sees to everything itself.
        if started.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None))) {
            continue;
        }
        match look(app, id).await {
            Ok(child) => started = child.or(started),
            Err(fault) if !is_troubled && !fault.is_unreachable() => {
                is_troubled = true;
                app.note(fault);
            }
            Err(_) => {}
        }
    }
}

async fn look(app: &App, id: &UniqueId) -> Result<Option<Child>> {
    match app.open_existing().await?.get(id).await? {
        Some(task) if is_left_alone(app, &task).await? => ensure_child(app, &task.method, &task.task_type).await,
        _ => Ok(None),
    }
}

/// Whether it waits and is due, or its worker is gone.
async fn is_left_alone(app: &App, task: &Task) -> Result<bool> {
    match task.state {
        // The row's date is by the database's clock, so this host's is only nearly right: a start too many does no harm.
        State::Init => Ok(task.run_at <= SystemTime::now().into()),
        State::Executing => {
            let live = app.open_existing().await?.live_workers().await?;
            Ok(live.iter().all(|worker| Some(worker.id) != task.worker_id))
        }
        State::Success | State::Fail | State::Cancelled => Ok(false),
    }
}
