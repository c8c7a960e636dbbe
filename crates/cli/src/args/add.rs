//! `add`: a task to be pushed.

use std::time::{Duration, SystemTime};

use clap::Args;

use super::values::{moment, span};

#[derive(Debug, Args)]
#[command(after_help = "\
key=value becomes a field of the params. A value that reads as a number, true, false, null, an array or
an object is taken as such; everything else is a string. For a string that reads like a number write
its quotes: zip='\"01234\"'.")]
pub(crate) struct AddArgs {
    /// The method that is to run.
    pub(crate) method: Option<String>,

    #[command(flatten)]
    pub(crate) params: ParamsArgs,

    /// The task's category, your own word [default: system].
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) task_type: Option<String>,

    /// Who submits it, your own word.
    #[arg(long)]
    pub(crate) creator: Option<String>,

    /// Not before this time: RFC 3339, or "2026-11-22 10:00:00" taken as UTC.
    #[arg(long, value_name = "TIME", value_parser = moment, allow_hyphen_values = true, conflicts_with = "after")]
    pub(crate) at: Option<SystemTime>,

    /// Not before this span has passed, such as 90s or 1h30m.
    #[arg(long = "in", id = "after", value_name = "SPAN", value_parser = span, allow_hyphen_values = true)]
    pub(crate) after: Option<Duration>,

    /// From -9 (last) to 9 (first).
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    pub(crate) priority: i64,

    /// Refuse while a task of the method with this key waits or runs.
    #[arg(long)]
    pub(crate) key: Option<String>,

    /// Refuse while any task of the method waits or runs.
    #[arg(long)]
    pub(crate) without_repeat_method: bool,

    /// Longest run of one attempt.
    #[arg(long, value_name = "SPAN", value_parser = span, allow_hyphen_values = true)]
    pub(crate) timeout: Option<Duration>,

    /// Longest time without progress.
    #[arg(long, value_name = "SPAN", value_parser = span, allow_hyphen_values = true)]
    pub(crate) stall_timeout: Option<Duration>,

    /// Retries after a failure.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) retries: Option<i64>,

    /// How long its result files are kept after its success, such as 7d.
    #[arg(long, value_name = "SPAN", value_parser = span, allow_hyphen_values = true)]
    pub(crate) keep_files: Option<Duration>,

    /// Only store it; a worker that runs, or comes, takes it.
    #[arg(long)]
    pub(crate) no_start: bool,

    /// Store it even if nobody is known to have the method, or it does not take these params here.
    #[arg(long)]
    pub(crate) force: bool,

    /// Wait until it has ended, and print what it answered.
    #[arg(long, conflicts_with = "watch")]
    pub(crate) wait: bool,

    /// Watch it run until it has ended.
    #[arg(long)]
    pub(crate) watch: bool,
}

/// The params of a task, typed as fields or given as JSON.
#[derive(Debug, Args)]
pub(crate) struct ParamsArgs {
    /// Fields of the params.
    #[arg(value_name = "key=value")]
    pub(crate) fields: Vec<String>,

    /// The params as JSON, from a file (@FILE) or from standard input (-).
    #[arg(long = "params", value_name = "JSON|@FILE|-", conflicts_with = "fields", allow_hyphen_values = true)]
    pub(crate) json: Option<String>,
}
