//! `demo`: runs the original's example for real, a CSV of ten million rows, in the background.

use std::path::Path;
use std::time::{Duration, Instant};

use mission_core::{Error, ErrorKind, NewTask, Result, State, Task, UniqueId, format_span};
use mission_engine::{Mission, SchemaStatus};

use super::follow;
use crate::app::App;
use crate::args::DemoArgs;
use crate::exit::Exit;
use crate::interrupt::interruptible;
use crate::on_demand::{attended, ensure};
use crate::output::{Listing, records_row, records_table};

const METHOD: &str = "helloWorld";
/// What stands before the path in the content, as the original wrote it.
const BEFORE_PATH: &str = "output target file dir: ";
const LOOK_AGAIN: Duration = Duration::from_millis(20);

pub(crate) async fn run(app: &App, args: &DemoArgs) -> Result<Exit> {
    interruptible(demo(app, args)).await
}

async fn demo(app: &App, args: &DemoArgs) -> Result<Exit> {
    if !app.method_names().iter().any(|name| name == METHOD) {
        let sentence =
            format!("this program does not have the demo's method {METHOD:?}: run the demo by `mission` itself");
        return Err(Error::new(ErrorKind::Setup, sentence));
    }
    let mission = app.open_or_create().await?;
    if mission.schema().await? == SchemaStatus::Missing {
        mission.migrate().await?;
        app.note("made the tables");
    }
    let began = Instant::now();
    let task = NewTask::new(METHOD).params(&serde_json::json!({ "rows": args.rows })).creator("demo");
    let pushed = mission.push(task).await?;
    let id = pushed.unique_id();
    app.note(format_args!("pushed {id}: {METHOD} with {} rows", args.rows));
    ensure(app, METHOD, "system").await?;
    attended(app, id, watch(app, mission, id)).await?;
    let took = began.elapsed();
    let task = pushed.get().await?;
    print(app, &task)?;
    if task.state != State::Success {
        app.fault(format_args!("the export ended as {}: {}", task.state, task.content.as_deref().unwrap_or("")));
        return Ok(Exit::of_task(&task));
    }
    say_file(app, &task, args.rows, took);
    Ok(Exit::Ok)
}

/// Shows the record while it runs, and its progress until it has ended.
async fn watch(app: &App, mission: &Mission, id: &UniqueId) -> Result<()> {
    loop {
        match mission.get(id).await? {
            Some(task) if task.state == State::Init => tokio::time::sleep(LOOK_AGAIN).await,
            Some(task) => {
                if task.state == State::Executing {
                    print(app, &task)?;
                }
                break;
            }
            None => break,
        }
    }
    follow::follow(app, std::slice::from_ref(id)).await.map(drop)
}

fn print(app: &App, task: &Task) -> Result<()> {
    let mut listing = Listing::begin(app.output, records_table());
    listing.add(task, task.unique_id.as_str(), || records_row(task))?;
    listing.end()
}

/// The file, where it can be seen from here: a worker on another host has written it there.
fn say_file(app: &App, task: &Task, rows: u64, took: Duration) {
    let path = task.content.as_deref().and_then(|content| content.strip_prefix(BEFORE_PATH)).map(Path::new);
    let Some((path, file)) = path.and_then(|path| Some((path, path.metadata().ok()?))) else { return };
    let resumed = match task.resumed {
        0 => String::new(),
        1 => format!(", interrupted and resumed once with {} rows done again", task.redone),
        times => format!(", interrupted and resumed {times} times with {} rows done again", task.redone),
    };
    app.note(format_args!("{rows} rows, {} bytes, in {}{resumed}: {}", file.len(), format_span(took), path.display()));
}
