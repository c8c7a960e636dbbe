//! Running database work in a task of its own, so that a caller who goes away cannot cut it off in the middle.

use mission_core::{Error, ErrorKind};

/// Runs a future to its end even if the one who awaits this is dropped: SQL cut off within a transaction leaves its
/// connection in an unknown state (launchbadge/sqlx#563).
pub(crate) async fn detached<T, F>(work: F) -> Result<T, Error>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Error>> + Send + 'static,
{
    match tokio::spawn(work).await {
        Ok(done) => done,
        Err(fault) => match fault.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(fault) => Err(Error::new(ErrorKind::Setup, "the runtime was shut down in the middle of the call").with_source(fault)),
        },
    }
}
