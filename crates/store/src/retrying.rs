//! Running a whole transaction again where the database asks for it, bounded and with jitter.

use std::time::{Duration, Instant};

use mission_core::{Backoff, Chance, Error};

/// How long deadlocks, busy databases and broken connections are met with another try before the caller hears of them.
const PATIENCE: Duration = Duration::from_secs(8);
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(4), longest: Duration::from_millis(400) };

/// Tries an operation that may safely run twice, until it succeeds, fails for good or patience ends.
pub(crate) async fn retrying<T, F, Fut>(mut operation: F) -> Result<T, Error>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, Error>>,
{
    let start = Instant::now();
    let mut tries = 0;
    loop {
        let error = match operation().await {
            Err(error) if error.is_retryable() || error.is_unreachable() => error,
            ended => return ended,
        };
        tries += 1;
        if start.elapsed() > PATIENCE {
            return Err(error);
        }
        tracing::debug!(tries, %error, "trying again");
        tokio::time::sleep(BACKOFF.wait(tries, Chance::random())).await;
    }
}

/// The same for an operation whose outcome must not stay unknown: a broken connection is the caller's to look into.
pub(crate) async fn retrying_conflicts<T, F, Fut>(mut operation: F) -> Result<T, Error>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, Error>>,
{
    let start = Instant::now();
    let mut tries = 0;
    loop {
        match operation().await {
            Err(error) if error.is_retryable() && start.elapsed() < PATIENCE => {
                tries += 1;
                tokio::time::sleep(BACKOFF.wait(tries, Chance::random())).await;
            }
            ended => return ended,
        }
    }
}
