//! The methods that are run: one that does nothing, one that says when it began, one that waits, one that reports.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mission_core::Failure;
use mission_engine::Method;
use serde::de::IgnoredAny;

/// Does nothing, and answers as many bytes as the floor writes.
pub(crate) const EMPTY: &str = "mission.bench.empty";
/// Answers when it began.
pub(crate) const STAMP: &str = "mission.bench.stamp";
/// Waits for a minute, or until it is told to end.
pub(crate) const WAIT: &str = "mission.bench.wait";
/// Reports progress each 50 milliseconds and makes checkpoints, for as many milliseconds as its params say.
pub(crate) const REPORT: &str = "mission.bench.report";

/// So far ahead is the time of tasks that no worker is to take.
pub(crate) const FAR: Duration = Duration::from_secs(9_000_000_000);

/// How often the one that reports does.
pub(crate) const REPORT_EVERY_MS: u64 = 50;

const ANSWER: &str = "as many bytes as the answer of a usual method has: about sixty";

pub(crate) fn methods() -> [Method; 4] {
    [
        Method::from_fn(EMPTY, |_, _: IgnoredAny| async { Ok::<_, Failure>(ANSWER) }),
        Method::from_fn(STAMP, |_, _: IgnoredAny| async { Ok::<_, Failure>(now_us()) }),
        Method::from_fn(WAIT, |_, _: IgnoredAny| async {
            tokio::time::sleep(Duration::from_secs(60)).await;
            Ok::<_, Failure>(())
        }),
        Method::from_fn(REPORT, |ctx, for_ms: u64| async move {
            for step in 0..for_ms / REPORT_EVERY_MS {
                tokio::time::sleep(Duration::from_millis(REPORT_EVERY_MS)).await;
                ctx.checkpoint(&step, (step, for_ms / REPORT_EVERY_MS)).await?;
            }
            Ok::<_, Failure>(())
        }),
    ]
}

/// Microseconds since 1970 by this host's clock, which all processes here share.
pub(crate) fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
