//! Ctrl-C: how a command that waits or asks is ended by it.

use mission_core::Result;

use crate::exit::Exit;

/// Ends with 130 at Ctrl-C. What was sent to the database ends there by itself.
pub(crate) async fn interruptible(command: impl Future<Output = Result<Exit>>) -> Result<Exit> {
    tokio::select! {
        done = command => done,
        Ok(()) = tokio::signal::ctrl_c() => Ok(Exit::Interrupted),
    }
}
