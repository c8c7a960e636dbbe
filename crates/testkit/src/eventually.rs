//! Waiting for a condition with a deadline, instead of sleeping and hoping.

use std::panic::Location;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(5);

/// Returns as soon as `check` holds; it is asked every few milliseconds.
///
/// # Panics
/// After 20 s, with `what` was waited for.
#[track_caller]
pub fn eventually(what: &str, check: impl AsyncFnMut() -> bool) -> impl Future<Output = ()> {
    eventually_within(LIMIT, what, check)
}

/// As [`eventually`], for promises with a figure of their own.
///
/// # Panics
/// After `limit`, with `what` was waited for.
#[track_caller]
pub fn eventually_within(
    limit: Duration,
    what: &str,
    mut check: impl AsyncFnMut() -> bool,
) -> impl Future<Output = ()> {
    let caller = Location::caller();
    async move {
        let start = Instant::now();
        while !check().await {
            assert!(start.elapsed() < limit, "not within {limit:?}: {what} (waited for at {caller})");
            tokio::time::sleep(POLL).await;
        }
    }
}
