//! `show`: shows one task with everything that is known about it, and why it waits.

use std::time::SystemTime;

use mission_core::{Result, State, Task, Timestamp};
use mission_engine::Mission;

use crate::app::App;
use crate::args::ShowArgs;
use crate::exit::Exit;
use crate::output::describe;

pub(crate) async fn run(app: &App, args: &ShowArgs) -> Result<Exit> {
    let mission = app.open_existing().await?;
    let task = mission.find(args.id.trim()).await?;
    let standing = standing(mission, &task).await?;
    app.output.one(&task, task.unique_id.as_str(), &describe(&task, &standing))?;
    Ok(Exit::Ok)
}

/// Why a task stands where it stands, in words for people; nothing where the state says it all.
async fn standing(mission: &Mission, task: &Task) -> Result<String> {
    if task.state == State::Executing && task.cancel_requested {
        return Ok("its worker was asked to cancel it".to_owned());
    }
    if task.state != State::Init {
        return Ok(String::new());
    }
    let rules = mission.type_rules().await?;
    if rules.iter().any(|rule| rule.task_type == task.task_type && rule.is_paused) {
        return Ok(format!("paused: the type {0} is, `mission resume {0}` lets it run", task.task_type));
    }
    if task.run_at > Timestamp::from(SystemTime::now()) {
        let word = if task.counts.failures > 0 { "waits for its next attempt" } else { "scheduled" };
        return Ok(format!("{word} until {}", task.run_at));
    }
    let methods = mission.methods().await?;
    if !methods.iter().any(|(name, _)| *name == task.method) {
        return Ok("waits: no live worker has its method, `mission workers` lists them".to_owned());
    }
    Ok("waits for a free worker".to_owned())
}
