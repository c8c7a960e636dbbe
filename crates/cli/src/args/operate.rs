//! The commands that act on tasks and types: retry, cancel, delete, pause, resume, limit, fair.

use clap::Args;

use super::FilterArgs;
use super::values::{Limit, Switch, limit, switch, task_type};

/// Tasks by their ids, or by a filter.
#[derive(Debug, Args)]
pub(crate) struct ManyArgs {
    /// The tasks' unique_ids, or the beginnings of them.
    #[arg(value_name = "ID", conflicts_with_all = ["state", "method", "task_type", "creator", "since"])]
    pub(crate) ids: Vec<String>,

    #[command(flatten)]
    pub(crate) filter: FilterArgs,

    /// Only say which tasks are meant.
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Do not ask.
    #[arg(short, long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TypesArgs {
    /// The types.
    #[arg(value_name = "TYPE", required = true, value_parser = task_type)]
    pub(crate) types: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct LimitArgs {
    /// The type.
    #[arg(value_name = "TYPE", value_parser = task_type)]
    pub(crate) task_type: String,

    /// How many of its tasks may run at once, or `none` for no limit.
    #[arg(value_name = "N|none", value_parser = limit, allow_negative_numbers = true)]
    pub(crate) limit: Limit,
}

#[derive(Debug, Args)]
pub(crate) struct FairArgs {
    /// The type.
    #[arg(value_name = "TYPE", value_parser = task_type)]
    pub(crate) task_type: String,

    /// Whether its creators take turns: one with a single task waits for none of those that another pushed before.
    #[arg(value_name = "on|off", value_parser = switch)]
    pub(crate) switch: Switch,
}
