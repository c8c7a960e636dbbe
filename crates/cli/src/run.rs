//! From arguments to an exit: parse, resolve, dispatch, report.

use std::error::Error as _;
use std::ffi::OsString;
use std::io;

use clap::{CommandFactory, FromArgMatches};
use mission_core::Result;
use tracing_subscriber::EnvFilter;

use crate::app::App;
use crate::args::{Args, Command};
use crate::cli::{Cli, Program};
use crate::commands;
use crate::commands::many::Act;
use crate::exit::Exit;
use crate::output;

/// Runs one command and says how it ended.
pub(crate) async fn run(cli: Cli, program: Program, words: Vec<OsString>) -> Exit {
    let args = match parse(&program, words) {
        Ok(args) => args,
        Err(refusal) => {
            let _ = refusal.print();
            return if refusal.use_stderr() { Exit::Usage } else { Exit::Ok };
        }
    };
    let name = program.name.clone();
    let app = match App::new(cli, program, &args.global) {
        Ok(app) => app,
        Err(error) => {
            output::say(format_args!("{name}: {error}"));
            return Exit::of_error(&error);
        }
    };
    log(&app, &args.command);
    // Boxed: the futures of all commands in one are deeper than the compiler looks.
    let exit = match Box::pin(dispatch(&app, &args.command)).await {
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

/// The program as help and completions know it.
pub(crate) fn command_line(program: &Program) -> clap::Command {
    Args::command().no_binary_name(true).name(program.name.clone()).bin_name(program.name.clone())
}

fn parse(program: &Program, words: Vec<OsString>) -> Result<Args, clap::Error> {
    let matches = command_line(program).try_get_matches_from(words)?;
    Args::from_arg_matches(&matches)
}

async fn dispatch(app: &App, command: &Command) -> Result<Exit> {
    match command {
        // These answer to signals in their own way.
        Command::Work(args) => commands::work::run(app, args).await,
        Command::Execute(args) => commands::execute::run(app, args).await,
        Command::Test(args) => commands::test_method::run(app, args).await,
        Command::Demo(args) => commands::demo::run(app, args).await,
        // These may ask on the terminal first, where Ctrl-C must end them at once.
        Command::Add(args) => commands::add::run(app, args).await,
        Command::Retry(args) => commands::many::run(app, args, Act::Retry).await,
        Command::Cancel(args) => commands::many::run(app, args, Act::Cancel).await,
        Command::Delete(args) => commands::many::run(app, args, Act::Delete).await,
        other => interruptible(Box::pin(plain(app, other))).await,
    }
}

async fn plain(app: &App, command: &Command) -> Result<Exit> {
    match command {
        Command::Records(args) => commands::records::run(app, args).await,
        Command::Show(args) => commands::show::run(app, args).await,
        Command::Watch(args) => commands::watch::run(app, args).await,
        Command::Wait(args) => commands::wait::run(app, args).await,
        Command::Methods => commands::methods::run(app).await,
        Command::Workers => commands::workers::run(app).await,
        Command::Pause(args) => commands::types::pause(app, args).await,
        Command::Resume(args) => commands::types::resume(app, args).await,
        Command::Limit(args) => commands::types::limit(app, args).await,
        Command::Types => commands::types::list(app).await,
        Command::Doctor(args) => commands::doctor::run(app, args).await,
        Command::Migrate(args) => commands::migrate::run(app, args).await,
        Command::Import(args) => commands::import::run(app, args).await,
        Command::Prune(args) => commands::prune::run(app, args).await,
        Command::Config => commands::config::run(app),
        Command::Completions(args) => commands::completions::run(app, args),
        // proof: `dispatch` runs all others itself.
        _ => Ok(Exit::Ok),
    }
}

/// Ends with 130 at Ctrl-C. What was sent to the database ends there by itself.
pub(crate) async fn interruptible(command: impl Future<Output = Result<Exit>>) -> Result<Exit> {
    tokio::select! {
        done = command => done,
        Ok(()) = tokio::signal::ctrl_c() => Ok(Exit::Interrupted),
    }
}

/// Whether the reader went away, as in `records | head`: that is no error.
fn is_broken_pipe(error: &mission_core::Error) -> bool {
    let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    source.is_some_and(|source| source.kind() == io::ErrorKind::BrokenPipe)
}

/// Lets the worker's log go to stderr; an application that has set up its own keeps it.
fn log(app: &App, command: &Command) {
    let usual = if matches!(command, Command::Work(_)) { "info,sqlx=error" } else { "warn,sqlx=error" };
    let filter = app.config.log.as_deref().unwrap_or(usual);
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new(usual));
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(output::is_colour_wanted())
        .try_init();
}
