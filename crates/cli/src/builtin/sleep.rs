//! `sleep`: passes the time, reports how much of it, and ends early when it is told to.

use std::time::{Duration, Instant};

use mission_core::{Failure, Progress};
use mission_engine::{Context, Method};
use serde::Deserialize;

/// How often it says how far it has come: the last word is never older than a watcher notices.
const STEP: Duration = Duration::from_millis(100);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sleep {
    ms: u64,
}

pub(super) fn method() -> Method {
    Method::from_fn("sleep", sleep)
}

async fn sleep(ctx: Context, Sleep { ms }: Sleep) -> Result<String, Failure> {
    let began = Instant::now();
    loop {
        let slept_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX).min(ms);
        ctx.progress(Progress::of(slept_ms, ms)).await?;
        if slept_ms == ms {
            return Ok(format!("slept {ms} ms"));
        }
        let rest = Duration::from_millis(ms - slept_ms);
        tokio::select! {
            interrupted = ctx.stopped() => return Err(interrupted.into()),
            () = tokio::time::sleep(rest.min(STEP)) => {}
        }
    }
}
