//! What is kept about an attempt that did not end in success.

use std::time::Duration;

use mission_core::{AttemptRecord, Settlement, State, WorkerId};

/// An attempt that ran.
pub(crate) struct Ran<'a> {
    /// Its number as the claim gave it: a hand-over takes it back, and still it was that one.
    pub(crate) attempt: i64,
    pub(crate) worker_id: WorkerId,
    pub(crate) worker: &'a str,
    pub(crate) ran: Duration,
}

/// The settlement with the record of its attempt, unless it is a success: that one the task itself tells.
pub(crate) fn with_attempt(mut settlement: Settlement, of: Ran<'_>) -> Settlement {
    if settlement.state == State::Success {
        return settlement;
    }
    let record = AttemptRecord {
        attempt: of.attempt,
        worker_id: of.worker_id,
        worker: of.worker.to_owned(),
        ran: of.ran,
        outcome: settlement.reason.map_or(settlement.state.as_str(), |reason| reason.as_str()).to_owned(),
        content: None,
    };
    let content = settlement.content.as_ref().map_or("", |content| content.text.as_str());
    settlement.effects.attempt_record = Some(record.content(content));
    settlement
}
