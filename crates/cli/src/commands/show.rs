//! `show`: shows one task with everything that is known about it, and why it waits.

use std::time::SystemTime;

use mission_core::{Artifact, Attempt, Result, State, Task, Timestamp, format_span};
use mission_engine::Mission;
use serde::Serialize;

use crate::app::App;
use crate::args::ShowArgs;
use crate::exit::Exit;
use crate::output::{Table, columns_max, describe};

pub(crate) async fn run(app: &App, args: &ShowArgs) -> Result<Exit> {
    let mission = app.open_existing().await?;
    let task = mission.find(args.id.trim()).await?;
    let standing = standing(mission, &task).await?;
    let (artifacts, attempts) = (mission.artifacts(&task.unique_id).await?, mission.attempts(&task.unique_id).await?);
    let shown = Shown { task: &task, artifacts: &artifacts, attempts: &attempts };
    let text = [describe(&task, &standing), files_text(&artifacts), attempts_text(&attempts)].concat();
    app.output.one(&shown, task.unique_id.as_str(), &text)?;
    Ok(Exit::Ok)
}

/// A task with what belongs to it.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    task: &'a Task,
    artifacts: &'a [Artifact],
    attempts: &'a [Attempt],
}

/// The result files, if there are any.
fn files_text(artifacts: &[Artifact]) -> String {
    let mut table = Table::new(["file", "bytes", "rows", "media_type", "sha256", "kept until"]);
    for file in artifacts {
        let until = match file.expires_date {
            _ if file.is_expired => "expired".to_owned(),
            Some(date) => date.to_seconds_text(),
            None => "for ever".to_owned(),
        };
        let rows = file.row_count.map_or(String::new(), |rows| rows.to_string());
        let cells =
            [file.name.clone(), file.bytes.to_string(), rows, file.media_type.clone(), file.sha256.clone(), until];
        table.row(cells);
    }
    if artifacts.is_empty() { String::new() } else { format!("\n{}", table.draw(columns_max())) }
}

/// The attempts that did not succeed, if there were any.
fn attempts_text(attempts: &[Attempt]) -> String {
    let mut table = Table::new(["attempt", "worker", "started_date", "ran", "outcome", "content"]);
    for attempt in attempts {
        table.row([
            attempt.attempt.to_string(),
            attempt.worker.clone(),
            attempt.started_date.to_seconds_text(),
            format_span(attempt.ended_date.since(attempt.started_date)),
            attempt.outcome.clone(),
            attempt.content.clone().unwrap_or_default(),
        ]);
    }
    if attempts.is_empty() { String::new() } else { format!("\n{}", table.draw(columns_max())) }
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
    let rule = rules.iter().find(|rule| rule.task_type == task.task_type);
    if rule.is_some_and(|rule| rule.is_paused) {
        return Ok(format!("paused: the type {0} is, `mission resume {0}` lets it run", task.task_type));
    }
    if task.run_at > Timestamp::from(SystemTime::now()) {
        let word = if task.counts.failures > 0 { "waits for its next attempt" } else { "scheduled" };
        return Ok(format!("{word} until {}", task.run_at));
    }
    if !mission.is_served(&task.method, &task.task_type).await? {
        return Ok("waits: no live worker has its method and takes its type, `mission workers` lists them".to_owned());
    }
    Ok(match rule.and_then(|rule| rule.running_limit) {
        None => "waits for a free worker".to_owned(),
        Some(limit) => format!(
            "waits for its turn: at most {limit} of the type {0} run at once, `mission limit {0} none` changes that",
            task.task_type
        ),
    })
}
