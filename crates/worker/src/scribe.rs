//! The scribe: takes the lines that methods have logged to the database, those of all attempts together.

use std::sync::Arc;

use mission_core::limits as rules;
use mission_store::NewLogLines;

use crate::attempts::Attempt;
use crate::base::Base;
use crate::log;

/// Writes the lines that wait; where the database is away they wait on.
pub(crate) async fn write(base: &Base, attempts: &[Arc<Attempt>]) {
    loop {
        let mut logged = Vec::new();
        for attempt in attempts {
            let lines = attempt.shared.lines().unwritten(rules::BATCH_ROWS_MAX);
            if !lines.is_empty() {
                logged.push((attempt, NewLogLines { lease: attempt.running.lease, lines }));
            }
        }
        if logged.is_empty() {
            return;
        }
        let (attempts, logged): (Vec<_>, Vec<_>) = logged.into_iter().unzip();
        if let Err(fault) = base.store.log(&logged).await {
            return log::lines_failed(&fault);
        }
        for (attempt, logged) in attempts.into_iter().zip(logged) {
            if let Some(last) = logged.lines.last() {
                attempt.shared.lines().mark_written(last.number);
            }
        }
    }
}
