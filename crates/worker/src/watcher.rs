//! The watcher: looks up running tasks, to stop those that somebody cancelled or that are not ours any more.

use std::collections::HashMap;
use std::sync::Arc;

use mission_core::{Lease, State};
use mission_store::Watched;

use crate::attempts::Attempt;
use crate::base::{Base, Phase, pause};
use crate::stop::Stop;
use crate::{limits, log};

/// Looks twice a second while tasks run, until the worker is over.
pub(crate) async fn run(base: Arc<Base>) {
    let (mut phase, mut load) = (base.phase(), base.attempts.load());
    loop {
        tokio::select! {
            // The sender lives in the base.
            _ = load.wait_for(|load| load.running > 0) => {}
            _ = phase.wait_for(|phase| *phase == Phase::Over) => return,
        }
        if !pause(limits::WATCH_EVERY, &mut phase, Phase::Over).await {
            return;
        }
        look(&base).await;
    }
}

async fn look(base: &Base) {
    let mut attempts = base.attempts.running();
    attempts.retain(|attempt| {
        // One that stands apart may have succeeded, and no cancel reaches a row that is locked.
        let is_apart = attempt.shared.pen().is_taken();
        attempt.age() >= limits::WATCH_AGE_MIN && attempt.shared.cause().is_none() && !is_apart
    });
    if attempts.is_empty() {
        return;
    }
    let leases: Vec<Lease> = attempts.iter().map(|attempt| attempt.running.lease).collect();
    match base.store.watch(&leases).await {
        Ok(watched) => {
            let stands: HashMap<i64, Watched> = watched.into_iter().map(|watched| (watched.id, watched)).collect();
            for attempt in attempts {
                if let Some(cause) = cause(&attempt, stands.get(&attempt.running.lease.id)) {
                    // An attempt that has ended meanwhile does not hear it.
                    attempt.shared.stop(cause);
                }
            }
        }
        Err(fault) => log::watch_failed(&fault),
    }
}

/// Why an attempt is to end, going by its row.
fn cause(attempt: &Attempt, stands: Option<&Watched>) -> Option<Stop> {
    let Some(stands) = stands else { return Some(Stop::LostLease) };
    if stands.token != attempt.running.lease.token || stands.state != State::Executing {
        return Some(Stop::LostLease);
    }
    stands.cancel_requested.then_some(Stop::Cancelled)
}
