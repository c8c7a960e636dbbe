//! The commands that fetch what a method left beside its answer: logs and download.

use std::path::PathBuf;

use clap::{Args, ValueHint};

#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// Its unique_id, or the beginning of it.
    #[arg(value_name = "ID")]
    pub(crate) id: String,

    /// Go on until the task has ended.
    #[arg(short, long)]
    pub(crate) follow: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The file goes into the current folder under its own name and never replaces another one; with -O it goes where you say
and replaces what is there. What arrives is compared with the SHA-256 that was stored with it.")]
pub(crate) struct DownloadArgs {
    /// The task's unique_id, or the beginning of it.
    #[arg(value_name = "ID")]
    pub(crate) id: String,

    /// The file's name; not needed where the task has one file.
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,

    /// Write to this file, or to standard output (-).
    #[arg(short = 'O', long = "to", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) to: Option<PathBuf>,
}
