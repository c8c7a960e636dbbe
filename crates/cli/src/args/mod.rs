//! What can be typed: every command with its arguments, one file for each group of commands.

mod add;
mod global;
mod keep;
mod operate;
mod read;
mod results;
mod run;
pub(crate) mod values;

use clap::{CommandFactory, Parser, Subcommand};

use crate::program::Program;

pub(crate) use add::{AddArgs, ParamsArgs};
pub(crate) use global::{GlobalArgs, OutputFormat};
pub(crate) use keep::{DoctorArgs, ImportArgs, MigrateArgs, PruneArgs};
pub(crate) use operate::{FairArgs, LimitArgs, ManyArgs, TypesArgs};
pub(crate) use read::{CompletionsArgs, FilterArgs, RecordsArgs, ShowArgs, WaitArgs, WatchArgs};
pub(crate) use results::{DownloadArgs, LogsArgs};
pub(crate) use run::{BenchArgs, DemoArgs, ExecuteArgs, KEPT, ON_DEMAND, TestArgs, WorkArgs};

/// Runs slow code in the background, on the SQL database you already have.
///
/// Push a method, watch it run, get the result.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true, max_term_width = 100)]
#[command(after_help = "\
Exit codes: 0 ok · 1 error · 2 usage · 3 not found · 4 waited task failed · 5 waited task cancelled ·
            6 refused as a duplicate · 124 wait timed out · 130 interrupted (143 by SIGTERM);
            of several the gravest.
Settings:   flags, then MISSION_… and DATABASE_URL, then .env, then mission.toml, then defaults.")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant)] // There is one, and it is parsed once.
pub(crate) enum Command {
    /// Push a task, and start it in the background at once.
    Add(AddArgs),
    /// List the tasks, newest first.
    #[command(visible_alias = "list")]
    Records(RecordsArgs),
    /// Show one task with everything that is known about it.
    Show(ShowArgs),
    /// Watch tasks run until they have ended.
    Watch(WatchArgs),
    /// Wait until tasks have ended, and print what they answered.
    Wait(WaitArgs),
    /// Print what a task's method logged.
    Logs(LogsArgs),
    /// Fetch a result file of a task.
    Download(DownloadArgs),
    /// Let ended tasks run again.
    Retry(ManyArgs),
    /// Cancel tasks that wait or run.
    Cancel(ManyArgs),
    /// Remove tasks that do not run.
    Delete(ManyArgs),
    /// Run as a worker until stopped.
    Work(WorkArgs),
    /// Run what is waiting now, in this process, then exit.
    Execute(ExecuteArgs),
    /// Run a method here and now, and store nothing.
    Test(TestArgs),
    /// Run the example: export ten million rows to a CSV, with live progress.
    Demo(DemoArgs),
    /// Measure what tasks cost on this database, beside plain SQL in the same run.
    Bench(BenchArgs),
    /// List the methods that can be run.
    Methods,
    /// List the workers.
    Workers,
    /// Let the waiting tasks of a type wait on.
    Pause(TypesArgs),
    /// Let the tasks of a paused type run again.
    Resume(TypesArgs),
    /// Set how many tasks of a type may run at once, over all workers.
    Limit(LimitArgs),
    /// Let the creators of a type take turns, or not any more.
    Fair(FairArgs),
    /// List the types for which something is set.
    Types,
    /// Say what this database and this machine promise, and what is wrong.
    Doctor(DoctorArgs),
    /// Make the tables, or bring them up to date.
    Migrate(MigrateArgs),
    /// Take over the records of the original's table.
    Import(ImportArgs),
    /// Remove ended tasks whose time is over.
    Prune(PruneArgs),
    /// Show each setting, its value and where it came from.
    Config,
    /// Print the completions for a shell.
    Completions(CompletionsArgs),
}

/// The program as help and completions know it.
pub(crate) fn command_line(program: &Program) -> clap::Command {
    Args::command().no_binary_name(true).name(program.name.clone()).bin_name(program.name.clone())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_definitions_are_sound() {
        super::Args::command().debug_assert();
    }
}
