//! `prune`: removes ended tasks whose time is over, or says how many those are.

use mission_core::{Result, format_span};
use mission_engine::Keep;
use serde::Serialize;

use crate::app::App;
use crate::args::PruneArgs;
use crate::exit::Exit;
use crate::output::tasks_of;

/// How many tasks were removed, or would be, for programs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Report {
    Removed(u64),
    WouldRemove(u64),
}

pub(crate) async fn run(app: &App, args: &PruneArgs) -> Result<Exit> {
    let usual = app.config.keep;
    let keep =
        Keep { ended: args.older_than.unwrap_or(usual.ended), failed: args.failed_older_than.unwrap_or(usual.failed) };
    let mission = app.open_existing().await?;
    let (done, tasks, report) = if args.dry_run {
        let tasks = mission.count_prunable(keep).await?;
        ("would remove", tasks, Report::WouldRemove(tasks))
    } else {
        let tasks = mission.prune(keep).await?;
        ("removed", tasks, Report::Removed(tasks))
    };
    let (ended, failed) = (format_span(keep.ended), format_span(keep.failed));
    let count = tasks_of(tasks);
    let sentence = format!("{done} {count}: those that ended more than {ended} ago, failed ones {failed}\n");
    app.output.one(&report, &tasks.to_string(), &sentence)?;
    Ok(Exit::Ok)
}
