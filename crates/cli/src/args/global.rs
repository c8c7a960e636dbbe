//! What every command takes.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
#[command(next_help_heading = "For every command")]
pub(crate) struct GlobalArgs {
    /// The database: sqlite://FILE, mysql://…, mariadb://… or postgres://… [default: sqlite://mission.db].
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) database: Option<String>,

    /// Read the settings from this file instead of mission.toml.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// How results are printed [default: table].
    #[arg(short, long, global = true, value_name = "FORMAT")]
    pub(crate) output: Option<OutputFormat>,

    /// Print errors and results only.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// For people.
    Table,
    /// One JSON value.
    Json,
    /// One JSON value a line.
    Jsonl,
    /// Only ids or names, one a line.
    Id,
}
