//! `execute`: runs what is waiting now, in this process, then exits.

use std::time::Duration;

use mission_core::{Result, State, Task};
use mission_engine::{Mission, Which};

use crate::app::App;
use crate::args::ExecuteArgs;
use crate::exit::Exit;
use crate::interrupt::Signals;
use crate::output::{Listing, records_row, records_table};

const LOOK_AGAIN: Duration = Duration::from_millis(100);

pub(crate) async fn run(app: &App, args: &ExecuteArgs) -> Result<Exit> {
    let mission = app.open_existing().await?;
    let which = match &args.id {
        Some(id) => Which::One(mission.find(id.trim()).await?.unique_id),
        None => Which::All { limit: args.limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX)) },
    };
    let grace = app.config.grace;
    let worker = app.worker(mission).settings(|settings| settings.grace = grace.unwrap_or(settings.grace));
    let mut signals = Signals::listen()?;
    let executed = tokio::select! {
        executed = worker.execute(which) => executed?,
        exit = signals.next() => {
            app.note("told to end: what runs may end, or is handed back; once more ends at once");
            tokio::select! {
                () = handed_over(mission) => {}
                _ = signals.next() => {}
            }
            return Ok(exit);
        }
    };
    if executed.is_empty() {
        app.note("nothing waits");
    }
    let mut listing = Listing::begin(app.output, records_table());
    executed.iter().try_for_each(|task| listing.add(task, task.unique_id.as_str(), || records_row(task)))?;
    listing.end()?;
    Ok(executed.iter().map(end_of).max().unwrap_or(Exit::Ok))
}

/// One that failed and waits to be retried has not failed for good.
fn end_of(task: &Task) -> Exit {
    if task.state == State::Init { Exit::Ok } else { Exit::of_task(task) }
}

/// Dropping the run has asked its worker to stop; it takes itself off the list when it holds nothing any more.
async fn handed_over(mission: &Mission) {
    let own = i64::from(std::process::id());
    while mission.live_workers().await.is_ok_and(|workers| workers.iter().any(|worker| worker.pid == own)) {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
