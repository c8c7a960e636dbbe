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
        Err(error) => return report(&name, &error),
    };
    log(&app, &args.command);
    let exit = match dispatch(&app, &args.command).await {
        Ok(exit) => exit,
        Err(error) => report(&name, &error),
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
        Command::Add(args) => commands::add::run(app, args).await,
        other => interruptible(plain(app, other)).await,
    }
}

async fn plain(app: &App, command: &Command) -> Result<Exit> {
    match command {
        Command::Records(args) => commands::records::run(app, args).await,
        Command::Show(args) => commands::show::run(app, args).await,
        Command::Watch(args) => commands::watch::run(app, args).await,
        Command::Wait(args) => commands::wait::run(app, args).await,
        Command::Retry(args) => commands::retry::run(app, args).await,
        Command::Cancel(args) => commands::cancel::run(app, args).await,
        Command::Delete(args) => commands::delete::run(app, args).await,
        Command::Methods => commands::methods::run(app).await,
        Command::Workers => commands::workers::run(app).await,
        Command::Pause(args) => commands::pause::run(app, args).await,
        Command::Resume(args) => commands::resume::run(app, args).await,
        Command::Limit(args) => commands::limit::run(app, args).await,
        Command::Types => commands::types::run(app).await,
        Command::Doctor(args) => commands::doctor::run(app, args).await,
        Command::Migrate(args) => commands::migrate::run(app, args).await,
        Command::Import(args) => commands::import::run(app, args).await,
        Command::Prune(args) => commands::prune::run(app, args).await,
        Command::Config => commands::config::run(app),
        Command::Completions(args) => commands::completions::run(app, args),
        Command::Add(_) | Command::Work(_) | Command::Execute(_) | Command::Test(_) | Command::Demo(_) => Ok(Exit::Ok),
    }
}

/// Ends with 130 at Ctrl-C. What was sent to the database ends there by itself.
pub(crate) async fn interruptible(command: impl Future<Output = Result<Exit>>) -> Result<Exit> {
    tokio::select! {
        done = command => done,
        Ok(()) = tokio::signal::ctrl_c() => Ok(Exit::Interrupted),
    }
}

/// Says on stderr what went wrong. A reader that went away, as in `records | head`, is no error.
fn report(name: &str, error: &mission_core::Error) -> Exit {
    let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    if source.is_some_and(|source| source.kind() == io::ErrorKind::BrokenPipe) {
        return Exit::Ok;
    }
    // Hints name commands; in a mounted program they are typed in another way.
    let message = error.to_string().replace("`mission ", &format!("`{name} "));
    output::say(format_args!("{name}: {message}"));
    Exit::of_error(error)
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
