//! `retry`, `cancel`, `delete`: the same act on several tasks, named by their ids or by a filter.

use std::io::{self, BufRead as _, IsTerminal as _};

use mission_core::{Error, Filter, Result, State, Task};
use mission_engine::{Cancelled, Mission};
use serde::Serialize;

use super::{add, records};
use crate::app::App;
use crate::args::ManyArgs;
use crate::exit::Exit;
use crate::ids;
use crate::output::{Listing, Table, records_row, records_table, say, tasks_of};

/// What is to be done with each task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Retry,
    Cancel,
    Delete,
}

/// What was done with one task.
#[derive(Debug, Serialize)]
struct Done {
    unique_id: String,
    method: String,
    done: &'static str,
}

pub(crate) async fn run(app: &App, args: &ManyArgs, act: Act) -> Result<Exit> {
    let mission = app.open_existing().await?;
    let filter = args.filter.filter();
    let by_filter = args.ids.is_empty();
    if by_filter && filter.is_empty() {
        return Err(app.usage(format!("say which: `mission {0} ID…`, or a filter such as --state fail", act.word())));
    }
    if args.dry_run {
        return would(app, mission, args, act).await;
    }
    let tasks =
        if by_filter { fitting(mission, filter, act).await? } else { ids::find_all_to_act(app, &args.ids).await? };
    if by_filter && !args.yes && !tasks.is_empty() {
        confirm(app, tasks.len() as u64, act)?;
    }
    if tasks.is_empty() {
        app.note(format_args!("no task fits: nothing to {}", act.word()));
    }
    act_on(app, mission, &tasks, act, by_filter).await
}

impl Act {
    const fn word(self) -> &'static str {
        match self {
            Act::Retry => "retry",
            Act::Cancel => "cancel",
            Act::Delete => "delete",
        }
    }

    const fn fits(self, state: State) -> bool {
        match self {
            Act::Retry => state.is_final(),
            Act::Cancel => state.is_active(),
            Act::Delete => !matches!(state, State::Executing),
        }
    }

    async fn apply(self, mission: &Mission, task: &Task) -> Result<&'static str> {
        match self {
            Act::Retry => mission.retry(&task.unique_id).await.map(|()| "waits again"),
            Act::Delete => mission.delete(&task.unique_id).await.map(|()| "deleted"),
            Act::Cancel => mission.cancel(&task.unique_id).await.map(|cancelled| match cancelled {
                Cancelled::Now => "cancelled",
                Cancelled::Requested => "cancel requested",
            }),
        }
    }
}

/// The tasks that fit the filter and that this can be done with at all, without what they carry: there may be many.
async fn fitting(mission: &Mission, filter: Filter, act: Act) -> Result<Vec<Task>> {
    let mut tasks = Vec::new();
    each_fitting(mission, filter, act, |task| {
        let mut task = task.clone();
        (task.params, task.content) = (None, None);
        tasks.push(task);
        Ok(())
    })
    .await?;
    Ok(tasks)
}

async fn each_fitting(
    mission: &Mission,
    mut filter: Filter,
    act: Act,
    take: impl FnMut(&Task) -> Result<()>,
) -> Result<()> {
    let asked = if filter.states.is_empty() { State::ALL.to_vec() } else { filter.states };
    filter.states = asked.into_iter().filter(|state| act.fits(*state)).collect();
    // No state at all would mean every state.
    if filter.states.is_empty() { Ok(()) } else { records::each(mission, &filter, u64::MAX, take).await }
}

/// Lists the tasks that are meant.
async fn would(app: &App, mission: &Mission, args: &ManyArgs, act: Act) -> Result<Exit> {
    let mut listing = Listing::begin(app.output, records_table());
    let mut tasks = 0;
    let mut add = |task: &Task| {
        tasks += 1;
        listing.add(task, task.unique_id.as_str(), || records_row(task))
    };
    if args.ids.is_empty() {
        each_fitting(mission, args.filter.filter(), act, add).await?;
    } else {
        ids::find_all_to_act(app, &args.ids).await?.iter().try_for_each(&mut add)?;
    }
    listing.end()?;
    app.note(format_args!("would {} {}: nothing is changed", act.word(), tasks_of(tasks)));
    Ok(Exit::Ok)
}

/// Asks on the terminal; where there is none, nobody can answer.
fn confirm(app: &App, tasks: u64, act: Act) -> Result<()> {
    if !io::stdin().is_terminal() {
        let message = format!("this would {} {}: say --yes, or look first with --dry-run", act.word(), tasks_of(tasks));
        return Err(app.usage(message));
    }
    say(format_args!("{} {}? [y/N]", act.word(), tasks_of(tasks)));
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    match (read, answer.trim()) {
        (Ok(_), "y" | "Y" | "yes") => Ok(()),
        _ => Err(Error::new(mission_core::ErrorKind::Setup, "not confirmed: nothing is changed")),
    }
}

async fn act_on(app: &App, mission: &Mission, tasks: &[Task], act: Act, by_filter: bool) -> Result<Exit> {
    let mut exit = Exit::Ok;
    let mut revived: Vec<(&str, &str)> = Vec::new();
    let mut listing = Listing::begin(app.output, Table::new(["unique_id", "method", "done"]).whole(1));
    for task in tasks {
        match act.apply(mission, task).await {
            Ok(done) => {
                let done = Done { unique_id: task.unique_id.to_string(), method: task.method.clone(), done };
                listing.add(&done, &done.unique_id, || {
                    vec![done.unique_id.clone(), done.method.clone(), done.done.into()]
                })?;
                let served = (task.method.as_str(), task.task_type.as_str());
                if act == Act::Retry && !revived.contains(&served) {
                    revived.push(served);
                }
            }
            // It moved on since it was listed; it was not named, so nobody misses it.
            Err(error) if by_filter && (error.is_wrong_state() || error.is_not_found()) => {}
            Err(error) if error.is_unreachable() => return Err(error),
            Err(error) => {
                app.fault(&error);
                exit = exit.max(Exit::of_error(&error));
            }
        }
    }
    listing.end_unless_empty()?;
    for (method, task_type) in revived {
        add::start_worker(app, method, task_type).await;
    }
    Ok(exit)
}
