//! Running a whole transaction again where the database asks for it, bounded and with jitter.

use std::time::{Duration, Instant};

use mission_core::{Backoff, Chance, Error};

use crate::db::{is_in_trouble, is_locked};

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

/// The same for a write about many rows: one that somebody else holds is to be left out rather than waited for again.
pub(crate) async fn retrying_unless_locked<T, F, Fut>(operation: F) -> Result<T, Error>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, Error>>,
{
    again_while(|error| (error.is_retryable() || error.is_unreachable()) && !is_locked(error), operation).await
}

/// Whether less at once may be taken: it is there, and does not ask for another try.
pub(crate) fn is_answer(error: &Error) -> bool {
    !(error.is_retryable() || error.is_unreachable())
}

/// Whether the database said no to what was written, and would again: not where it only lacks room or was broken off.
pub(crate) fn is_refusal(error: &Error) -> bool {
    is_answer(error) && !is_in_trouble(error)
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

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use sqlx::Connection as _;

    use super::*;

    #[tokio::test]
    async fn a_full_disk_is_no_word_about_what_was_written() {
        let mut conn = sqlx::SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let mut fault = async |statement: &'static str| {
            crate::db::translate(sqlx::raw_sql(statement).execute(&mut conn).await.unwrap_err())
        };
        let full = fault("pragma max_page_count = 1; create table a (b text); create table c (d text);").await;
        assert!(full.to_string().contains("full") && full.to_string().contains("make room"), "{full}");
        assert!(!is_refusal(&full), "{full}");
        assert!(is_refusal(&fault("insert into a values (raise(abort, 'no'))").await));
    }
}
