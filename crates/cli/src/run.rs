//! From arguments to an exit: parse, resolve, dispatch, report.

use std::error::Error as _;
use std::ffi::OsString;
use std::future::ready;
use std::io;
use std::pin::Pin;

use clap::FromArgMatches;
use mission_core::Result;
use mission_engine::task_log;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::prelude::*;

use crate::app::{App, Given};
use crate::args::{Args, Command, command_line};
use crate::commands;
use crate::commands::many::Act;
use crate::exit::Exit;
use crate::interrupt::interruptible;
use crate::output;
use crate::program::Program;

/// Runs one command and says how it ended.
pub(crate) async fn run(given: Given, program: Program, words: Vec<OsString>) -> Exit {
    let args = match parse(&program, words) {
        Ok(args) => args,
        Err(refusal) => {
            let _ = refusal.print();
            return if refusal.use_stderr() { Exit::Usage } else { Exit::Ok };
        }
    };
    let name = program.name.clone();
    let app = match App::new(given, program, &args) {
        Ok(app) => app,
        Err(error) => {
            output::say(format_args!("{name}: {error}"));
            return Exit::of_error(&error);
        }
    };
    log(&app, &args.command);
    let exit = match dispatch(&app, &args.command).await {
        Ok(exit) => exit,
        Err(error) if is_broken_pipe(&error) => Exit::Ok,
        Err(error) => {
            app.fault(&error);
            Exit::of_error(&error)
        }
    };
    app.close().await;
    exit
}

fn parse(program: &Program, words: Vec<OsString>) -> Result<Args, clap::Error> {
    let matches = command_line(program).try_get_matches_from(words)?;
    Args::from_arg_matches(&matches)
}

/// A running command. Boxed: the futures of all commands in one are deeper than the compiler looks.
type Running<'a> = Pin<Box<dyn Future<Output = Result<Exit>> + 'a>>;

fn dispatch<'a>(app: &'a App, command: &'a Command) -> Running<'a> {
    match command {
        // These answer to signals in their own way.
        Command::Work(args) => Box::pin(commands::work::run(app, args)),
        Command::Execute(args) => Box::pin(commands::execute::run(app, args)),
        Command::Test(args) => Box::pin(commands::test_method::run(app, args)),
        Command::Demo(args) => Box::pin(commands::demo::run(app, args)),
        Command::Bench(args) => Box::pin(commands::bench::run(app, args)),
        // These may read the terminal first, where Ctrl-C must end them at once.
        Command::Add(args) => Box::pin(commands::add::run(app, args)),
        Command::Retry(args) => Box::pin(commands::many::run(app, args, Act::Retry)),
        Command::Cancel(args) => Box::pin(commands::many::run(app, args, Act::Cancel)),
        Command::Delete(args) => Box::pin(commands::many::run(app, args, Act::Delete)),
        other => Box::pin(interruptible(plain(app, other))),
    }
}

fn plain<'a>(app: &'a App, command: &'a Command) -> Running<'a> {
    match command {
        Command::Records(args) => Box::pin(commands::records::run(app, args)),
        Command::Show(args) => Box::pin(commands::show::run(app, args)),
        Command::Watch(args) => Box::pin(commands::watch::run(app, args)),
        Command::Wait(args) => Box::pin(commands::wait::run(app, args)),
        Command::Logs(args) => Box::pin(commands::logs::run(app, args)),
        Command::Download(args) => Box::pin(commands::download::run(app, args)),
        Command::Methods => Box::pin(commands::methods::run(app)),
        Command::Workers => Box::pin(commands::workers::run(app)),
        Command::Pause(args) => Box::pin(commands::types::pause(app, args)),
        Command::Resume(args) => Box::pin(commands::types::resume(app, args)),
        Command::Limit(args) => Box::pin(commands::types::limit(app, args)),
        Command::Fair(args) => Box::pin(commands::types::fair(app, args)),
        Command::Types => Box::pin(commands::types::list(app)),
        Command::Doctor(args) => Box::pin(commands::doctor::run(app, args)),
        Command::Migrate(args) => Box::pin(commands::migrate::run(app, args)),
        Command::Import(args) => Box::pin(commands::import::run(app, args)),
        Command::Prune(args) => Box::pin(commands::prune::run(app, args)),
        Command::Config => Box::pin(ready(commands::config::run(app))),
        Command::Completions(args) => Box::pin(ready(commands::completions::run(app, args))),
        // proof: `dispatch` runs all others itself.
        _ => Box::pin(ready(Ok(Exit::Ok))),
    }
}

/// Whether the reader went away, as in `records | head`: that is no error.
fn is_broken_pipe(error: &mission_core::Error) -> bool {
    let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    source.is_some_and(|source| source.kind() == io::ErrorKind::BrokenPipe)
}

/// Lets the log go to stderr, and what methods say to their tasks; an application that has set up its own keeps it. The
/// database driver's warnings are left out: they repeat the parameters of a URL, a password perhaps among them.
fn log(app: &App, command: &Command) {
    let usual = match command {
        Command::Work(_) => "info,sqlx=error",
        // It says itself how the one task ended.
        Command::Test(_) => "warn,mission_worker::ended=error,sqlx=error",
        _ => "warn,sqlx=error",
    };
    let filter = app.config.log.as_deref().unwrap_or(usual);
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new(usual));
    let to_stderr = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(output::is_colour_wanted());
    let _ = tracing_subscriber::registry().with(to_stderr.with_filter(filter)).with(task_log()).try_init();
}
