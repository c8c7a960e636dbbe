//! The commands that act on tasks and types: retry, cancel, delete, pause, resume, limit.

use clap::Args;

use super::FilterArgs;

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
    #[arg(value_name = "TYPE", required = true)]
    pub(crate) types: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct LimitArgs {
    /// The type.
    #[arg(value_name = "TYPE")]
    pub(crate) task_type: String,

    /// How many of its tasks may run at once, or `none` for no limit.
    #[arg(value_name = "N|none", value_parser = super::values::limit)]
    pub(crate) limit: super::values::Limit,
}
