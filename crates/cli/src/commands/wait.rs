//! `wait`: waits until tasks have ended, and prints what they answered.

use std::time::Duration;

use mission_core::{Result, State, Task, UniqueId};

use super::looking;
use crate::app::App;
use crate::args::{OutputFormat, WaitArgs};
use crate::exit::Exit;
use crate::ids;
use crate::output::{Listing, records_row, records_table, waits_for_later};

pub(crate) async fn run(app: &App, args: &WaitArgs) -> Result<Exit> {
    let tasks = ids::find_all(app, &args.ids).await?;
    let ids: Vec<UniqueId> = tasks.into_iter().map(|task| task.unique_id).collect();
    until_ended(app, &ids, args.timeout).await
}

/// Waits for all of them, prints them, and ends as the gravest of them did.
pub(super) async fn until_ended(app: &App, ids: &[UniqueId], timeout: Option<Duration>) -> Result<Exit> {
    let mut ended: Vec<Option<Task>> = vec![None; ids.len()];
    let mut attempts = vec![None; ids.len()];
    let late = looking::until_ended(app, ids, timeout, |place, task| {
        if let Some(why) = waits_for_later(&task)
            && attempts[place].replace(task.counts.attempt) != Some(task.counts.attempt)
        {
            app.note(format_args!("task {} {why}", task.unique_id));
        }
        ended[place] = task.state.is_final().then_some(task);
        Ok(())
    })
    .await?;
    let ended: Vec<Task> = ended.into_iter().flatten().collect();
    let mut exit = ended.iter().map(Exit::of_task).max().unwrap_or(Exit::Ok);
    for id in late {
        app.fault(format_args!("task {id} has not ended in time: it goes on"));
        exit = exit.max(Exit::TimedOut);
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
