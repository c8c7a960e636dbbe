//! The commands that keep the database in order: doctor, migrate, import, prune.

use std::time::Duration;

use clap::Args;
use mission_core::ZoneOffset;

use super::values::kept;

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {}

#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    /// Only say how the tables stand.
    #[arg(long, conflicts_with = "sql")]
    pub(crate) status: bool,

    /// Only print the SQL; `--database mysql` is enough to name the database's kind.
    #[arg(long)]
    pub(crate) sql: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The database with the original's table: mysql://user:password@host/database.
    #[arg(long, value_name = "URL")]
    pub(crate) from: String,

    /// The table's name.
    #[arg(long, value_name = "NAME", default_value = "admin_background_tasks")]
    pub(crate) table: String,

    /// Take over waiting tasks too; else only finished rows, as history.
    #[arg(long)]
    pub(crate) pending: bool,

    /// The zone in which its dates were written, as the distance from UTC: +08:00.
    #[arg(long, value_name = "OFFSET", default_value = "UTC", value_parser = ZoneOffset::parse, allow_hyphen_values = true)]
    pub(crate) time_zone: ZoneOffset,

    /// Only say what would be taken over.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PruneArgs {
    /// Remove what succeeded or was cancelled longer ago than this [default: as workers do, 30d unless `keep` is set].
    #[arg(long, value_name = "SPAN", value_parser = kept, allow_hyphen_values = true)]
    pub(crate) older_than: Option<Duration>,

    /// Remove what failed longer ago than this [default: as workers do, 90d unless `keep_failed` is set].
    #[arg(long, value_name = "SPAN", value_parser = kept, allow_hyphen_values = true)]
    pub(crate) failed_older_than: Option<Duration>,

    /// Only say how many would be removed.
    #[arg(long)]
    pub(crate) dry_run: bool,
}
