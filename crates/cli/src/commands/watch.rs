//! `watch`: shows tasks run until they have ended.

use std::time::{Duration, SystemTime};

use mission_core::{Filter, Result, State, Timestamp};

use super::follow;
use crate::app::App;
use crate::args::WatchArgs;
use crate::exit::Exit;
use crate::ids;

/// As many bars as a screen can hold, with room to spare.
const TASKS_MAX: usize = 100;
/// Tasks due later than this are not waited for unless they are named.
const DUE_WITHIN: Duration = Duration::from_secs(60);

pub(crate) async fn run(app: &App, args: &WatchArgs) -> Result<Exit> {
    let tasks = if args.ids.is_empty() { active(app).await? } else { ids::find_all(app, &args.ids).await? };
    if tasks.is_empty() {
        app.note("no task waits or runs now");
    }
    let ids: Vec<_> = tasks.into_iter().map(|task| task.unique_id).collect();
    follow::follow(app, &ids).await
}

/// What runs now or is about to, the oldest first.
async fn active(app: &App) -> Result<Vec<mission_core::Task>> {
    let filter = Filter::all().state(State::Init).state(State::Executing);
    let mut tasks = app.open_existing().await?.records(&filter, TASKS_MAX).await?;
    let soon = Timestamp::from(SystemTime::now() + DUE_WITHIN);
    tasks.retain(|task| task.run_at <= soon);
    tasks.reverse();
    Ok(tasks)
}
