//! Every line a worker logs, in one place.

use std::time::{Duration, Instant};

use mission_core::{Error, Lease, Settlement, State, Task, WorkerId};
use mission_files::Swept;
use mission_store::{Line, Worker};
use tracing::{debug, error, info, warn};

use crate::base::Base;
use crate::limits;
use crate::stop::Stop;

/// The target of the lines that say how a task ended, so that who says it in another way can leave them out.
const ENDED: &str = "mission_worker::ended";

/// A fault that lasts: it is said at once, then now and again until it is over.
#[derive(Debug, Default)]
pub(crate) struct Lasting {
    said: Option<Instant>,
}

impl Lasting {
    /// Notes that it is there; answers whether it is to be said now.
    pub(crate) fn goes_on(&mut self, now: Instant) -> bool {
        let is_due = self.said.is_none_or(|said| now.saturating_duration_since(said) >= limits::SAY_AGAIN);
        if is_due {
            self.said = Some(now);
        }
        is_due
    }

    /// Notes that it is over; answers whether there was one.
    pub(crate) fn ends(&mut self) -> bool {
        self.said.take().is_some()
    }
}

pub(crate) fn started(base: &Base) {
    let methods: Vec<&str> = base.registry.names().collect();
    info!(
        worker = base.tenure.worker().0,
        name = base.entry.name,
        concurrency = base.settings.concurrency,
        methods = methods.join(", "),
        "worker started"
    );
}

pub(crate) fn draining(base: &Base, running: usize) {
    info!(worker = base.tenure.worker().0, running, grace_s = base.settings.grace.as_secs(), "worker stops");
}

pub(crate) fn stopped(worker: WorkerId, unsettled: usize) {
    if unsettled == 0 {
        info!(worker = worker.0, "worker stopped");
    } else {
        warn!(worker = worker.0, unsettled, "worker stopped before the outcomes of its tasks could be written");
    }
}

/// What a method itself logs stands within this. At the gravest level, so that few filters hide it from the task log.
pub(crate) fn span(task: &Task) -> tracing::Span {
    tracing::error_span!("task", unique_id = %task.unique_id, method = task.method)
}

pub(crate) fn began(task: &Task) {
    debug!(unique_id = %task.unique_id, method = task.method, attempt = task.counts.attempt, "task began");
}

pub(crate) fn ended(task: &Task, settlement: &Settlement, took: Duration) {
    let (unique_id, method) = (&task.unique_id, task.method.as_str());
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let content = settlement.content.as_ref().map_or("", |content| content.text.as_str());
    let content = &content[..content.floor_char_boundary(500)];
    let reason = settlement.reason.map_or("", |reason| reason.as_str());
    match settlement.state {
        State::Fail => warn!(target: ENDED, %unique_id, method, took_ms, reason, content, "task failed"),
        State::Init => {
            let wait_ms = settlement.wait.map_or(0, |wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
            info!(target: ENDED, %unique_id, method, took_ms, reason, content, wait_ms, "task waits again");
        }
        state => debug!(target: ENDED, %unique_id, method, took_ms, %state, "task ended"),
    }
}

pub(crate) fn stopping(task: &Task, cause: Stop) {
    info!(unique_id = %task.unique_id, method = task.method, cause = ?cause, "task is to end");
}

pub(crate) fn still_running(task: &Task) {
    let (unique_id, method) = (&task.unique_id, task.method.as_str());
    warn!(%unique_id, method, "the method does not end; its outcome is recorded, its slot stays taken until it returns");
}

pub(crate) fn returned_late(task: &Task) {
    info!(unique_id = %task.unique_id, method = task.method, "the method has returned after all; its slot is free");
}

pub(crate) fn dropped(task: &Task) {
    warn!(unique_id = %task.unique_id, method = task.method, "the task is not this worker's any more: nothing is recorded");
}

pub(crate) fn outcome_held(lease: Lease) {
    warn!(id = lease.id, "an outcome waits: somebody else holds the lock of the task's row");
}

pub(crate) fn outcome_lost(task: Option<&Task>) {
    let (unique_id, method) = task.map_or(("", ""), |task| (task.unique_id.as_str(), task.method.as_str()));
    warn!(unique_id, method, "an outcome was refused: the task is not this worker's any more");
}

pub(crate) fn bucket_away(fault: &Error) {
    warn!(%fault, "the bucket of the result files is away: tasks go on, without checkpoints of what they write");
}

pub(crate) fn swept(expired: u64, missing: u64, swept: &Swept) {
    let (left_over, bytes) = (swept.files, swept.bytes);
    info!(
        expired,
        missing, left_over, bytes, "result files whose time is over, and what ended attempts left, are removed"
    );
}

pub(crate) fn aborts(running: usize) {
    error!(running, "methods still run at the end of the lease: the process ends, as on_lost_lease says");
}

pub(crate) fn file_left(task: &Task, fault: &Error) {
    warn!(unique_id = %task.unique_id, error = %fault, "a file of an ended attempt could not be removed: the next sweep tries again");
}

pub(crate) fn settle_failed(waiting: usize, fault: &Error) {
    warn!(waiting, error = %fault, "outcomes cannot be written now; they are kept and tried again");
}

pub(crate) fn settle_recovered(written: usize) {
    info!(written, "outcomes that were kept are written");
}

pub(crate) fn progress_failed(fault: &Error) {
    debug!(error = %fault, "progress cannot be written now");
}

pub(crate) fn lines_failed(fault: &Error) {
    debug!(error = %fault, "what methods log cannot be written now");
}

pub(crate) fn lines_left_out(tasks: usize) {
    warn!(tasks, "what methods logged cannot be written for long: lines of further tasks are left out");
}

pub(crate) fn watch_failed(fault: &Error) {
    debug!(error = %fault, "running tasks cannot be looked up now");
}

pub(crate) fn fetch_failed(fault: &Error) {
    warn!(error = %fault, "nothing can be claimed now; trying again");
}

pub(crate) fn claim_refused(line: &Line, fault: &Error) {
    let (method, task_type) = (line.method.as_str(), line.task_type.as_str());
    let pause_s = limits::ASIDE_PAUSE.as_secs();
    warn!(
        method,
        r#type = task_type,
        priority = line.priority,
        pause_s,
        error = %fault,
        "the database refuses to have the first due task of this method, type and priority claimed: what is behind it \
         waits, others go on; mend or remove that row"
    );
}

pub(crate) fn fetch_recovered() {
    info!("tasks can be claimed again");
}

pub(crate) fn adopted(task: &Task) {
    info!(unique_id = %task.unique_id, method = task.method, "task was claimed by a claim whose answer was lost");
}

pub(crate) fn no_ear(fault: &std::io::Error) {
    info!(error = %fault, "no socket for hints of other processes can be had: what they push is found by looking, within a second");
}

pub(crate) fn beat_failed(fault: &str, left: Duration) {
    let left_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
    warn!(error = fault, left_ms, "the lease cannot be renewed now; trying again");
}

pub(crate) fn lapsed(running: usize) {
    error!(running, "the lease could not be renewed in time: what runs is stopped and kept for later");
}

pub(crate) fn recovered() {
    info!("the lease holds again");
}

pub(crate) fn removed(worker: WorkerId, running: usize) {
    error!(worker = worker.0, running, "this worker was taken for dead: what runs is stopped, and it registers anew");
}

pub(crate) fn registered_anew(worker: WorkerId) {
    info!(worker = worker.0, "worker registered anew");
}

pub(crate) fn register_failed(fault: &Error) {
    warn!(error = %fault, "the worker cannot register anew now; trying again");
}

pub(crate) fn rescuing(worker: &Worker, why: &str) {
    warn!(worker = worker.id.0, name = worker.name, host = worker.host, why, "rescuing the tasks of a dead worker");
}

pub(crate) fn rescued(worker: WorkerId, tasks: usize) {
    info!(worker = worker.0, tasks, "the tasks of a dead worker are rescued");
}

pub(crate) fn housekeeping_failed(fault: &Error) {
    debug!(error = %fault, "housekeeping must wait");
}

pub(crate) fn sweep_failed(fault: &Error) {
    warn!(error = %fault, "the folder of result files cannot be swept now");
}

pub(crate) fn pruned(tasks: u64) {
    info!(tasks, "ended tasks whose time was over are removed");
}

pub(crate) fn handle_failed(what: &str, fault: &Error) {
    debug!(error = %fault, what, "a last word to the database failed");
}

pub(crate) fn notify_failed(what: &str, fault: &std::io::Error) {
    warn!(error = %fault, what, "the service manager cannot be told how this process stands");
}

pub(crate) fn broke(fault: &tokio::task::JoinError) {
    error!(error = %fault, "a loop of the worker broke: please report this");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_that_lasts_is_said_at_once_and_then_once_a_minute() {
        let (mut lasting, start) = (Lasting::default(), Instant::now());
        let said: Vec<u64> = (0..150).filter(|second| lasting.goes_on(start + Duration::from_secs(*second))).collect();
        assert_eq!(said, [0, 60, 120]);
        assert!(lasting.ends() && !lasting.ends());
        assert!(lasting.goes_on(start + Duration::from_secs(151)), "the next one is said at once");
    }
}
