//! Running database work in a task of its own, so that a caller who goes away cannot cut it off in the middle.

use mission_core::{Error, ErrorKind};

/// Runs a future to its end even if the one who awaits this is dropped: SQL cut off within a transaction leaves its
/// connection in an unknown state (launchbadge/sqlx#563).
///
/// It is spawned before the first await, so that the caller's own future does not hold it: nested futures of a
/// database are deeper than the compiler looks into a user's program.
pub(crate) fn detached<T, F>(work: F) -> impl Future<Output = Result<T, Error>> + Send
where
    T: Send + 'static,
    F: Future<Output = Result<T, Error>> + Send + 'static,
{
    let handle = tokio::spawn(work);
    async move {
        match handle.await {
            Ok(done) => done,
            Err(fault) => match fault.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(fault) => {
                    let sentence = "the runtime was shut down in the middle of the call";
                    Err(Error::new(ErrorKind::Setup, sentence).with_source(fault))
                }
            },
        }
    }
}
