//! `test`: runs a method here and now, and stores nothing.

use mission_core::{Error, ErrorKind, NewTask, Result, State};

use super::params;
use crate::app::App;
use crate::args::TestArgs;
use crate::config::nearest;
use crate::exit::Exit;
use crate::interrupt::interruptible;

pub(crate) async fn run(app: &App, args: &TestArgs) -> Result<Exit> {
    let Some(method) = args.method.as_deref() else {
        let sample = app.method_names().into_iter().next().unwrap_or_else(|| "helloWorld".to_owned());
        return Err(app.usage(format!("name a method: `mission test {sample}`")));
    };
    let mut task = NewTask::new(method);
    if let Some(json) = params::read(&args.params)? {
        task = task.params_json(&json);
    }
    task.check()?;
    check_known(app, method)?;
    interruptible(test(app, task)).await
}

/// In a database of its own, which goes when this is over.
async fn test(app: &App, task: NewTask) -> Result<Exit> {
    let mission = app.testing().open().await?;
    let task = mission.push(task).await?.get().await?;
    mission.close().await;
    let content = task.content.as_deref().unwrap_or("");
    if task.state == State::Success {
        app.output.one(&task, task.unique_id.as_str(), "")?;
        if app.output.is_for_people() && !content.is_empty() {
            app.output.foreign_text(content)?;
        }
        return Ok(Exit::Ok);
    }
    if !app.output.is_for_people() {
        app.output.one(&task, task.unique_id.as_str(), "")?;
    }
    let reason = task.reason.map_or(String::new(), |reason| format!(" ({reason})"));
    app.fault(format_args!("{} failed{reason}: {content}", task.method));
    Ok(Exit::Failed)
}

fn check_known(app: &App, method: &str) -> Result<()> {
    let known = app.method_names();
    if known.iter().any(|name| name == method) {
        return Ok(());
    }
    let meant = nearest(method, known.iter().map(String::as_str));
    let meant = meant.map_or(String::new(), |meant| format!(" did you mean {meant:?}?"));
    let sentence = format!("this program does not have the method {method:?}:{meant} it has {}", known.join(", "));
    Err(Error::new(ErrorKind::NotFound, sentence))
}
