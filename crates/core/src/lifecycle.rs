//! What follows from an outcome: the one place that decides a task's next state.

use std::time::Duration;

use crate::{Backoff, Chance, Content, Counts, Effects, Lease, Outcome, Reason, State, format_span, limits};

/// What a method does after its process died under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnCrash {
    /// Run again: the default, and the meaning of at-least-once.
    #[default]
    RunAgain,
    /// Fail at once: for work that must never run twice.
    Fail,
}

/// The rules a method sets for its tasks; the task's own retries win over them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    /// Retries after an ordinary failure.
    pub retries: i64,
    /// How long to wait between them.
    pub backoff: Backoff,
    /// What a crash means.
    pub on_crash: OnCrash,
}

/// A claimed task as far as the rules need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// The right to write about it.
    pub lease: Lease,
    /// Its counters as the claim left them: the running attempt included, crashes before a checkpoint forgotten.
    pub counts: Counts,
    /// The task's own retries, which win over the method's.
    pub retries: Option<i64>,
    /// Why it waited, if it did.
    pub last_reason: Option<Reason>,
    /// Whether someone asked to cancel it.
    pub cancel_requested: bool,
}

/// The next state of a task, ready to be written under its lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The right to write it.
    pub lease: Lease,
    /// Where the task goes.
    pub state: State,
    /// Why, unless it succeeded.
    pub reason: Option<Reason>,
    /// The answer, or the error.
    pub content: Option<Content>,
    /// The counters from now on.
    pub counts: Counts,
    /// With state `init`: how long to wait from now; `None` keeps the due time, so that the task stands in front again.
    pub wait: Option<Duration>,
    /// What is written with it, or not at all.
    pub effects: Effects,
}

impl Running {
    /// A checkpoint of this attempt is stored: what crashed before it is no longer held against the task.
    pub fn checkpointed(&mut self) {
        self.counts.crashes = 0;
    }

    /// The end of a task whose method never wants to run after a crash, decided before it runs.
    pub fn refused_after_crash(&self, policy: &Policy) -> Option<Settlement> {
        let refused = self.counts.is_suspect() && policy.on_crash == OnCrash::Fail;
        refused.then(|| {
            self.end(
                State::Fail,
                Some(Reason::Crashed),
                "the worker's process died, and the method is not to run again after a crash",
            )
        })
    }

    fn end(&self, state: State, reason: Option<Reason>, content: impl AsRef<str>) -> Settlement {
        Settlement {
            lease: self.lease,
            state,
            reason,
            content: Some(Content::new(content)),
            counts: self.counts,
            wait: None,
            effects: Effects::NONE,
        }
    }

    fn wait_again(
        &self,
        reason: Reason,
        content: impl AsRef<str>,
        counts: Counts,
        wait: Option<Duration>,
    ) -> Settlement {
        Settlement {
            lease: self.lease,
            state: State::Init,
            reason: Some(reason),
            content: Some(Content::new(content)),
            counts,
            wait,
            effects: Effects::NONE,
        }
    }
}

/// What follows from an outcome: pure, so that every worker and every rescuer decides alike.
///
/// A cancel that was asked for wins over every outcome but success: the work is done then, and saying
/// otherwise would be a lie.
pub fn settle(running: &Running, policy: &Policy, outcome: Outcome, chance: Chance) -> Settlement {
    let cancelled = |content: &str| running.end(State::Cancelled, Some(Reason::Cancelled), content);
    match outcome {
        Outcome::Success(content) => running.end(State::Success, None, content),
        Outcome::Cancelled => cancelled("cancelled while it ran"),
        _ if running.cancel_requested => cancelled("cancelled while it ran"),
        Outcome::Failed(failure) => {
            let retry = (!failure.is_fatal()).then(|| failure.wait());
            after_failure(running, policy, Reason::Error, failure.message(), retry, chance)
        }
        Outcome::Panicked(message) => {
            after_failure(running, policy, Reason::Panic, &format!("panicked: {message}"), Some(None), chance)
        }
        Outcome::TimedOut(limit) => {
            let message = format!("ran longer than its timeout of {}", format_span(limit));
            after_failure(running, policy, Reason::Timeout, &message, Some(None), chance)
        }
        Outcome::Stalled(limit) => {
            let message = format!("made no progress for {}", format_span(limit));
            after_failure(running, policy, Reason::Stalled, &message, Some(None), chance)
        }
        Outcome::BadParams(message) => after_bad_params(running, &message),
        Outcome::HandedOver => after_hand_over(running),
        Outcome::Died => after_death(running),
    }
}

/// `retry` is `None` for a fatal failure, else the wait the method asked for, if any.
fn after_failure(
    running: &Running,
    policy: &Policy,
    reason: Reason,
    message: &str,
    retry: Option<Option<Duration>>,
    chance: Chance,
) -> Settlement {
    let counts = Counts { failures: running.counts.failures + 1, ..running.counts };
    let retries = running.retries.unwrap_or(policy.retries);
    match retry {
        Some(asked) if counts.failures <= retries => {
            let wait = asked.unwrap_or_else(|| policy.backoff.wait(counts.failures, chance));
            running.wait_again(reason, message, counts, Some(wait))
        }
        _ => Settlement { counts, ..running.end(State::Fail, Some(reason), message) },
    }
}

/// In a rolling deploy an older worker may meet params it does not know yet: once more, later, then it is the params.
fn after_bad_params(running: &Running, message: &str) -> Settlement {
    if running.last_reason == Some(Reason::BadParams) {
        return running.end(State::Fail, Some(Reason::BadParams), message);
    }
    running.wait_again(Reason::BadParams, message, running.counts, Some(limits::BAD_PARAMS_WAIT))
}

fn after_hand_over(running: &Running) -> Settlement {
    let counts = Counts { attempt: (running.counts.attempt - 1).max(0), ..running.counts };
    running.wait_again(Reason::HandedOver, "handed over by a worker that stopped", counts, None)
}

fn after_death(running: &Running) -> Settlement {
    let counts = Counts { crashes: running.counts.crashes + 1, ..running.counts };
    if counts.is_poison() {
        let message = format!("the worker's process died under this task {} times", counts.crashes);
        return Settlement { counts, ..running.end(State::Fail, Some(Reason::Crashed), message) };
    }
    running.wait_again(Reason::Crashed, "the worker's process died", counts, None)
}
