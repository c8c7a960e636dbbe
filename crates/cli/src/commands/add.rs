//! `add`: pushes a task and starts it in the background.

use std::pin::Pin;
use std::time::{Duration, SystemTime};

use mission_core::{Error, ErrorKind, NewTask, Result};
use mission_engine::Pushed;

use super::{follow, params, wait};
use crate::app::App;
use crate::args::{AddArgs, OutputFormat};
use crate::config::nearest;
use crate::exit::Exit;
use crate::interrupt::interruptible;
use crate::on_demand::{self, attended};

/// A task due later than this gets no worker started for it: that would leave again before.
const START_WITHIN: Duration = Duration::from_secs(600);

pub(crate) async fn run(app: &App, args: &AddArgs) -> Result<Exit> {
    let Some(method) = args.method.as_deref() else {
        return Err(app.usage(format!("name a method: `mission add {}`", sample_method(app))));
    };
    let task = new_task(args, method)?;
    let params = task.check()?.params;
    check_known(app, args, method).await?;
    check_fits(app, args, method, params)?;

    let pushed = app.open_or_create().await?.push(task).await?;
    if pushed.is_existing() {
        print(app, &pushed).await?;
        app.note(format_args!("refused as a duplicate: {}", whose(args, method, &pushed).await));
        return Ok(Exit::Duplicate);
    }
    if !args.no_start {
        start(app, args, method).await;
    }
    if args.wait {
        app.note(format_args!("pushed {}", pushed.unique_id()));
    } else {
        print(app, &pushed).await?;
    }
    let ids = [pushed.unique_id().clone()];
    let ended: Pin<Box<dyn Future<Output = Result<Exit>>>> = match (args.wait, args.watch) {
        (true, _) => Box::pin(wait::until_ended(app, &ids, None)),
        (_, true) => Box::pin(follow::follow(app, &ids)),
        _ => return Ok(Exit::Ok),
    };
    // Whoever only stores it has other plans for running it.
    if args.no_start { interruptible(ended).await } else { interruptible(attended(app, &ids[0], ended)).await }
}

fn sample_method(app: &App) -> String {
    let names = app.method_names();
    let original = names.iter().find(|name| *name == "helloWorld").or(names.first());
    original.cloned().unwrap_or_else(|| "helloWorld".to_owned())
}

fn new_task(args: &AddArgs, method: &str) -> Result<NewTask> {
    let mut task = NewTask::new(method).priority(args.priority);
    if let Some(json) = params::read(&args.params)? {
        task = task.params_json(&json);
    }
    if let Some(task_type) = &args.task_type {
        task = task.task_type(task_type);
    }
    if let Some(creator) = &args.creator {
        task = task.creator(creator);
    }
    if let Some(moment) = args.at {
        task = task.at(moment);
    }
    if let Some(wait) = args.after {
        task = task.after(wait);
    }
    if let Some(key) = &args.key {
        task = task.key(key);
    }
    if args.without_repeat_method {
        task = task.without_repeat_method();
    }
    if let Some(timeout) = args.timeout {
        task = task.timeout(timeout);
    }
    if let Some(timeout) = args.stall_timeout {
        task = task.stall_timeout(timeout);
    }
    if let Some(retries) = args.retries {
        task = task.retries(retries);
    }
    if let Some(keep) = args.keep_files {
        task = task.keep_files(keep);
    }
    Ok(task)
}

/// A method is known if this program has it, or a live worker has published it.
async fn check_known(app: &App, args: &AddArgs, method: &str) -> Result<()> {
    let mut known = app.method_names();
    if args.force || known.iter().any(|name| name == method) {
        return Ok(());
    }
    match app.open_existing().await {
        Ok(mission) => known.extend(mission.methods().await?.into_iter().map(|(name, _)| name)),
        // Without a database there is no worker.
        Err(error) if error.is_not_found() => {}
        Err(error) => return Err(error),
    }
    if known.iter().any(|name| name == method) {
        return Ok(());
    }
    known.sort();
    known.dedup();
    let meant = nearest(method, known.iter().map(String::as_str));
    let meant = meant.map_or(String::new(), |meant| format!(" did you mean {meant:?}?"));
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Err(Error::new(
        ErrorKind::Setup,
        format!(
            "nobody is known to have the method {method:?}:{meant} known are {known}; start a worker that has it, or \
             store the task all the same with --force"
        ),
    ))
}

/// Where this program has the method, it knows its params. With `--force` a worker that knows others may take them.
fn check_fits(app: &App, args: &AddArgs, method: &str, params: Option<&str>) -> Result<()> {
    let registry = app.registry().unwrap_or_default();
    match registry.get(method).filter(|_| !args.force) {
        Some(method) => method.check_params(params),
        None => Ok(()),
    }
}

/// Starts a worker if nobody else would run the task now. The task is stored: what fails here is said, not returned.
async fn start(app: &App, args: &AddArgs, method: &str) {
    let wait = args.after.or_else(|| args.at.and_then(|moment| moment.duration_since(SystemTime::now()).ok()));
    if wait.is_some_and(|wait| wait > START_WITHIN) {
        app.note("it is due later: a worker must run then (`mission work`)");
    } else {
        start_worker(app, method, args.task_type.as_deref().unwrap_or("system")).await;
    }
}

/// Starts a worker if no live one serves the method and this program has it.
pub(super) async fn start_worker(app: &App, method: &str, task_type: &str) {
    if let Err(error) = on_demand::ensure(app, method, task_type).await {
        app.note(format_args!("it is stored, but no worker could be started: {error}; run `mission work`"));
    }
}

/// Which task stands in the way, and by which of its rules. One that is gone again can be asked no more.
async fn whose(args: &AddArgs, method: &str, pushed: &Pushed) -> String {
    let id = pushed.unique_id();
    let its_key = pushed.get().await.ok().and_then(|task| task.task_key);
    match &args.key {
        Some(key) if !args.without_repeat_method || its_key.as_ref() == Some(key) => {
            format!("task {id} of {method} waits or runs with the key {key:?}")
        }
        _ => format!("another task of {method}, {id}, waits or runs"),
    }
}

/// The id for people and scripts alike; JSON gives the whole record.
async fn print(app: &App, pushed: &Pushed) -> Result<()> {
    let id = pushed.unique_id().as_str();
    match app.output.format {
        OutputFormat::Table | OutputFormat::Id => app.output.line(id),
        OutputFormat::Json | OutputFormat::Jsonl => app.output.one(&pushed.get().await?, id, ""),
    }
}
