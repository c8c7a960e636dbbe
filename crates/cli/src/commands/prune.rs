//! `prune`: removes ended tasks whose time is over.

use mission_core::{Result, format_span};
use mission_engine::Keep;
use serde::Serialize;

use crate::app::App;
use crate::args::PruneArgs;
use crate::exit::Exit;

/// What was removed, for programs.
#[derive(Debug, Serialize)]
struct Removed {
    removed: u64,
}

pub(crate) async fn run(app: &App, args: &PruneArgs) -> Result<Exit> {
    let usual = app.config.keep;
    let keep =
        Keep { ended: args.older_than.unwrap_or(usual.ended), failed: args.failed_older_than.unwrap_or(usual.failed) };
    let removed = app.open_existing().await?.prune(keep).await?;
    let sentence = format!(
        "removed {removed} tasks: those that ended more than {} ago, failed ones {}\n",
        format_span(keep.ended),
        format_span(keep.failed)
    );
    app.output.one(&Removed { removed }, &removed.to_string(), &sentence)?;
    Ok(Exit::Ok)
}
