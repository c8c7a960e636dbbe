//! `work`: runs as a worker until stopped.

use std::time::Duration;

use mission_core::Result;
use mission_engine::{WhenEmpty, WorkerBuilder};

use crate::app::App;
use crate::args::WorkArgs;
use crate::exit::Exit;
use crate::on_demand;

pub(crate) async fn run(app: &App, args: &WorkArgs) -> Result<Exit> {
    if args.on_demand && !args.kept {
        return on_demand::keep(app).await;
    }
    let methods = app.registry()?.names().collect::<Vec<_>>().join(", ");
    let mission = app.open_or_create().await?;
    let types = if args.types.is_empty() { app.config.types.clone() } else { args.types.clone() };
    let served = if types.is_empty() { "all types".to_owned() } else { format!("the types {}", types.join(", ")) };
    app.note(format_args!("works for {served}, with the methods {methods}"));
    let when_empty = if args.kept {
        WhenEmpty::Linger(on_demand::linger())
    } else if args.stop_when_empty {
        WhenEmpty::Stop
    } else {
        WhenEmpty::Stay
    };
    // One that a push started serves everything, whatever the settings say of workers in general: it is counted on.
    let types = if args.kept { Vec::new() } else { types };
    bounded(app, args, app.worker(mission), types).settings(|settings| settings.when_empty = when_empty).run().await?;
    Ok(Exit::Ok)
}

/// The worker within the bounds of flags and settings.
fn bounded(app: &App, args: &WorkArgs, worker: WorkerBuilder, types: Vec<String>) -> WorkerBuilder {
    let first = |flag: Option<Duration>, setting: Option<Duration>| flag.or(setting);
    let (grace, lease) = (first(args.grace, app.config.grace), first(args.lease, app.config.lease));
    worker.settings(|settings| {
        settings.types = Some(types).filter(|types| !types.is_empty());
        settings.concurrency = args.concurrency.or(app.config.concurrency).unwrap_or(settings.concurrency);
        settings.grace = grace.unwrap_or(settings.grace);
        settings.lease = lease.or(settings.lease);
        settings.takes_hints = !args.no_hints;
    })
}
