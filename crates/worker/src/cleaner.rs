//! The cleaner: removes ended tasks and result files whose time is over. It may take minutes, and nobody's rescue waits for it.

use std::sync::Arc;

use mission_core::Error;

use crate::base::{Base, Phase, pause};
use crate::{limits, log, sweeper};

/// Cleans at the start of the worker and now and then, until it stops.
pub(crate) async fn run(base: Arc<Base>) {
    let mut phase = base.phase();
    loop {
        if let Err(fault) = prune(&base).await {
            log::housekeeping_failed(&fault);
        }
        // Where the worker is over the store may be closed already, and the next one sweeps.
        if let Err(fault) = sweeper::sweep(&base).await
            && !base.has_reached(Phase::Draining)
        {
            log::sweep_failed(&fault);
        }
        if !pause(limits::CLEAN_EVERY, &mut phase, Phase::Draining).await {
            return;
        }
    }
}

async fn prune(base: &Base) -> Result<(), Error> {
    let (mut removed, mut after) = (0, 0);
    let mut phase = base.phase();
    loop {
        let step = base.store.prune_step(base.settings.keep, after).await?;
        removed += step.removed;
        let Some(next) = step.next else { break };
        after = next;
        if !pause(limits::PRUNE_PAUSE, &mut phase, Phase::Draining).await {
            break;
        }
    }
    if removed > 0 {
        log::pruned(removed);
    }
    Ok(())
}
