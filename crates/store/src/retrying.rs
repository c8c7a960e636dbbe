//! Running a whole transaction again where the database asks for it, bounded and with jitter.

use std::time::{Duration, Instant};

use mission_core::{Backoff, Chance, Error};

/// How long deadlocks, busy databases and broken connections are met with another try before the caller hears of them.
const PATIENCE: Duration = Duration::from_secs(8);
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(4), longest: Duration::from_millis(400) };

/// Tries an operation that may safely run twice, until it succeeds, fails for good or patience ends.
pub(crate) async fn retrying<T, F, Fut>(operation: F) -> Result<T, Error>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, Error>>,
{
    again_while(|error| error.is_retryable() || error.is_unreachable(), operation).await
}

/// The same for an operation whose outcome must not stay unknown: a broken connection is the caller's to look into.
pub(crate) async fn retrying_conflicts<T, F, Fut>(operation: F) -> Result<T, Error>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, Error>>,
{
    again_while(Error::is_retryable, operation).await
}

/// Whether the database said no to what was written, and would again.
pub(crate) fn is_refusal(error: &Error) -> bool {
    !(error.is_retryable() || error.is_unreachable())
}

async fn again_while<T, F, Fut>(is_worth_it: fn(&Error) -> bool, mut operation: F) -> Result<T, Error>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, Error>>,
{
    let start = Instant::now();
    let mut tries = 0;
    loop {
        match operation().await {
            Err(error) if is_worth_it(&error) && start.elapsed() <= PATIENCE => {
                tries += 1;
                tracing::debug!(tries, %error, "trying again");
                tokio::time::sleep(BACKOFF.wait(tries, Chance::random())).await;
            }
            ended => return ended,
        }
    }
}
