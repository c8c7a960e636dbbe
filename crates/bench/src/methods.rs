//! The methods that are run: one that does nothing, one that says when it began, one that waits.

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

const ANSWER: &str = "as many bytes as the answer of a usual method has: about sixty";

pub(crate) fn methods() -> [Method; 3] {
    [
        Method::from_fn(EMPTY, |_, _: IgnoredAny| async { Ok::<_, Failure>(ANSWER) }),
        Method::from_fn(STAMP, |_, _: IgnoredAny| async { Ok::<_, Failure>(now_us()) }),
        Method::from_fn(WAIT, |_, _: IgnoredAny| async {
            tokio::time::sleep(Duration::from_secs(60)).await;
            Ok::<_, Failure>(())
        }),
    ]
}

/// Microseconds since 1970 by this host's clock, which all processes here share.
pub(crate) fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
