//! The commands that read: records, show, watch, wait; and the filter that others share.

use std::time::Duration;

use clap::{Args, ValueHint};
use clap_complete::Shell;
use mission_core::{Filter, State, limits};

use super::values::{Since, count, since, span, state};

/// Which tasks are meant; what is left out matches everything.
#[derive(Debug, Args)]
pub(crate) struct FilterArgs {
    /// In one of these states: init, executing, success, fail, cancelled.
    #[arg(long, value_name = "STATE", value_parser = state, value_delimiter = ',')]
    pub(crate) state: Vec<State>,

    /// Of this method.
    #[arg(long)]
    pub(crate) method: Option<String>,

    /// Of this type.
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) task_type: Option<String>,

    /// Submitted by this creator.
    #[arg(long)]
    pub(crate) creator: Option<String>,

    /// Pushed since then: a time, or a span such as 2h.
    #[arg(long, value_name = "TIME|SPAN", value_parser = since, allow_hyphen_values = true)]
    pub(crate) since: Option<Since>,
}

impl FilterArgs {
    pub(crate) fn filter(&self) -> Filter {
        let mut filter = Filter::all();
        filter.states.clone_from(&self.state);
        filter.method.clone_from(&self.method);
        filter.task_type.clone_from(&self.task_type);
        filter.creator.clone_from(&self.creator);
        filter.since = self.since.map(|since| since.moment());
        filter
    }
}

#[derive(Debug, Args)]
pub(crate) struct RecordsArgs {
    #[command(flatten)]
    pub(crate) filter: FilterArgs,

    /// How many.
    #[arg(long, value_name = "N", default_value_t = limits::RECORDS_DEFAULT as u64)]
    #[arg(value_parser = count, allow_negative_numbers = true, conflicts_with = "all")]
    pub(crate) limit: u64,

    /// All of them.
    #[arg(long)]
    pub(crate) all: bool,

    /// Show them anew every second until interrupted.
    #[arg(long, conflicts_with = "all")]
    pub(crate) watch: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Its unique_id, or the beginning of it.
    #[arg(value_name = "ID")]
    pub(crate) id: String,
}

#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// The tasks' unique_ids, or the beginnings of them; none for all that wait or run now.
    #[arg(value_name = "ID", value_hint = ValueHint::Other)]
    pub(crate) ids: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct WaitArgs {
    /// The tasks' unique_ids, or the beginnings of them.
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<String>,

    /// Wait no longer than this for all of them together.
    #[arg(long, value_name = "SPAN", value_parser = span, allow_hyphen_values = true)]
    pub(crate) timeout: Option<Duration>,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    pub(crate) shell: Shell,
}
