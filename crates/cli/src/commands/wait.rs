//! `wait`: waits until tasks have ended, and prints what they answered.

use std::time::{Duration, Instant};

use mission_core::{Result, State, Task, UniqueId};

use crate::app::App;
use crate::args::{OutputFormat, WaitArgs};
use crate::exit::Exit;
use crate::ids;
use crate::output::{Listing, records_row, records_table};

pub(crate) async fn run(app: &App, args: &WaitArgs) -> Result<Exit> {
    let tasks = ids::find_all(app, &args.ids).await?;
    let ids: Vec<UniqueId> = tasks.into_iter().map(|task| task.unique_id).collect();
    until_ended(app, &ids, args.timeout).await
}

/// Waits for all of them, prints them, and ends as the gravest of them did.
pub(crate) async fn until_ended(app: &App, ids: &[UniqueId], timeout: Option<Duration>) -> Result<Exit> {
    let mission = app.open_existing().await?;
    let start = Instant::now();
    let mut exit = Exit::Ok;
    let mut ended = Vec::new();
    for id in ids {
        let left = timeout.map(|timeout| timeout.saturating_sub(start.elapsed()));
        let waited = match left {
            Some(left) => mission.wait_for(id, left).await,
            None => mission.wait(id).await,
        };
        match waited {
            Ok(task) => {
                exit = exit.max(Exit::of_task(&task));
                ended.push(task);
            }
            Err(error) if error.is_timed_out() => {
                app.note(format_args!("task {id} has not ended in time: it goes on"));
                exit = exit.max(Exit::TimedOut);
            }
            Err(error) => return Err(error),
        }
    }
    match ended.as_slice() {
        [task] if ids.len() == 1 => print_one(app, task)?,
        tasks => print_all(app, tasks)?,
    }
    Ok(exit)
}

/// One task's answer alone, so that a script can take it; why it failed goes to stderr.
fn print_one(app: &App, task: &Task) -> Result<()> {
    if app.output.format != OutputFormat::Table {
        return app.output.one(task, task.unique_id.as_str(), "");
    }
    let content = task.content.as_deref().unwrap_or("");
    match task.state {
        State::Success if content.is_empty() => Ok(()),
        State::Success => app.output.foreign_text(content),
        state => {
            app.fault(format_args!("task {} ended as {state}: {content}", task.unique_id));
            Ok(())
        }
    }
}

fn print_all(app: &App, tasks: &[Task]) -> Result<()> {
    if tasks.is_empty() && app.output.format == OutputFormat::Table {
        return Ok(());
    }
    let mut listing = Listing::begin(app.output, records_table());
    tasks.iter().try_for_each(|task| listing.add(task, task.unique_id.as_str(), || records_row(task)))?;
    listing.end()
}
