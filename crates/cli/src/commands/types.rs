//! `pause`, `resume`, `limit`, `fair`, `types`: what is set for types, and listing it.

use mission_core::Result;
use mission_engine::TypeRule;

use crate::app::App;
use crate::args::{FairArgs, LimitArgs, TypesArgs};
use crate::exit::Exit;
use crate::output::{Listing, Table};

/// Lets the waiting tasks of types wait on.
pub(crate) async fn pause(app: &App, args: &TypesArgs) -> Result<Exit> {
    let mission = app.open_or_create().await?;
    for task_type in &args.types {
        mission.pause(task_type).await?;
        app.note(format_args!("paused {task_type:?}: running tasks end as they would, no other begins"));
    }
    list(app).await
}

/// Lets the tasks of paused types run again.
pub(crate) async fn resume(app: &App, args: &TypesArgs) -> Result<Exit> {
    let mission = app.open_existing().await?;
    for task_type in &args.types {
        mission.resume(task_type).await?;
        app.note(format_args!("resumed {task_type:?}"));
    }
    list(app).await
}

/// Sets how many tasks of a type may run at once.
pub(crate) async fn limit(app: &App, args: &LimitArgs) -> Result<Exit> {
    app.open_or_create().await?.set_running_limit(&args.task_type, args.limit.0).await?;
    list(app).await
}

/// Lets the creators of a type take turns, or not any more.
pub(crate) async fn fair(app: &App, args: &FairArgs) -> Result<Exit> {
    app.open_or_create().await?.set_fair(&args.task_type, args.switch.is_on()).await?;
    app.note(format_args!(
        "this holds for tasks that are pushed from now on: those that wait take their turn as they are"
    ));
    list(app).await
}

/// Lists the types for which something is set.
pub(crate) async fn list(app: &App) -> Result<Exit> {
    let rules = app.open_existing().await?.type_rules().await?;
    let mut listing = Listing::begin(app.output, Table::new(["type", "paused", "running_limit", "fair"]));
    rules.iter().try_for_each(|rule| listing.add(rule, &rule.task_type, || row(rule)))?;
    listing.end()?;
    Ok(Exit::Ok)
}

fn row(rule: &TypeRule) -> Vec<String> {
    let yes_or_no = |flag: bool| if flag { "yes" } else { "no" }.to_owned();
    let limit = rule.running_limit.map_or("none".to_owned(), |limit| limit.to_string());
    vec![rule.task_type.clone(), yes_or_no(rule.is_paused), limit, yes_or_no(rule.is_fair)]
}
