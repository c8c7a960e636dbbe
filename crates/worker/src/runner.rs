//! The runner: one claimed task from its method to the settlement, a pipe of small steps on one `Run`.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mission_core::{Chance, Effects, FinishedFile, Outcome, Policy, Running, Settlement, State, settle};
use mission_store::{Claimed, Verdict};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{sleep, timeout};

use crate::apart::{self, Stands};
use crate::attempts::{Attempt, SuspectPermit};
use crate::base::{Base, Phase};
use crate::body::{Ended, RunningBody};
use crate::call::{Call, Fault};
use crate::method::Method;
use crate::record::Ran;
use crate::settler::{self, tidy_files};
use crate::shared::Shared;
use crate::stop::Stop;
use crate::{limits, log, record, scribe, task_log};

/// The room a running body takes, given back when it has really ended.
pub(crate) struct Slot {
    pub(crate) _place: OwnedSemaphorePermit,
    /// Held by the one suspect of the process.
    pub(crate) suspect: Option<Arc<SuspectPermit>>,
}

/// One attempt on its way. Thousands of them wait at once: what few need has a box of its own, so that the others stay small.
struct Run {
    base: Arc<Base>,
    attempt: Arc<Attempt>,
    slot: Slot,
}

/// Begins to run a claimed task.
pub(crate) fn begin(base: &Arc<Base>, claimed: Claimed, slot: Slot) {
    let around = base.surroundings(&claimed.task.method);
    let attempt = base.attempts.begin(claimed, slot.suspect.clone(), around);
    if !base.tenure.holds() {
        // The lease may have been lost between the claim and here, after everything that ran was stopped.
        attempt.shared.stop(Stop::OutOfReach);
    }
    if base.has_reached(Phase::Draining) {
        // Those that were known then are told already.
        attempt.shared.leave();
    }
    tokio::spawn(Run { base: Arc::clone(base), attempt, slot }.run());
}

/// The way back to the waiting tasks for one that this worker claimed and cannot run: nothing is counted.
pub(crate) fn put_back(running: &Running, why: &str, wait: Option<Duration>) -> Settlement {
    let handed_over = settle(running, &Policy::default(), Outcome::HandedOver, Chance::fixed(0.0));
    let content = Some(mission_core::Content::new(why));
    Settlement { reason: running.last_reason, content, wait, ..handed_over }
}

impl Run {
    async fn run(self) {
        log::began(self.attempt.shared.task());
        let Some(method) = self.base.registry.get(&self.attempt.shared.task().method).cloned() else {
            let settlement = put_back(&self.attempt.running, "this worker has no such method", Some(limits::POLL_MAX));
            return self.queue(settlement);
        };
        match self.attempt.running.refused_after_crash(&method.policy) {
            Some(settlement) => self.queue(self.recorded(settlement)),
            None => self.call(&method).await,
        }
    }

    /// Runs the body until it ends or is to end.
    async fn call(self, method: &Method) {
        if self.attempt.shared.cause().is_some() {
            return drop(self.settle(method, Ended::Dropped).await);
        }
        let task = self.attempt.shared.task();
        let call = Call::new(Arc::clone(&self.attempt.shared), Arc::clone(&self.base.states));
        let span = task_log::opening(self.attempt.shared.lines(), || log::span(task));
        let mut body = RunningBody::begin(&method.body, call, &method.name, span);
        let stopped = tokio::select! {
            ended = body.ended() => Err(ended),
            cause = self.stop_or_limit(method) => Ok(cause),
        };
        match stopped {
            Err(ended) => drop(self.settle(method, ended).await),
            Ok(cause) => {
                log::stopping(self.attempt.shared.task(), cause);
                match body.end().await {
                    Some(ended) => drop(self.settle(method, ended).await),
                    None => self.leave(method, body).await,
                }
            }
        }
    }

    /// Waits until somebody stops the attempt, or it has used up its time.
    async fn stop_or_limit(&self, method: &Method) -> Stop {
        let shared = &self.attempt.shared;
        let own = tokio::select! {
            cause = shared.stopped() => return cause,
            () = self.out_of_time(method) => Stop::TimedOut,
            () = self.stalled(method) => Stop::Stalled,
        };
        shared.stop(own);
        shared.cause().unwrap_or(own)
    }

    async fn out_of_time(&self, method: &Method) {
        match self.timeout(method) {
            Some(limit) => sleep(limit.saturating_sub(self.attempt.age())).await,
            None => pending().await,
        }
    }

    async fn stalled(&self, method: &Method) {
        let Some(limit) = self.stall_timeout(method) else { return pending().await };
        loop {
            let left = limit.saturating_sub(self.attempt.shared.idle_for());
            if left.is_zero() {
                return;
            }
            sleep(left).await;
        }
    }

    fn timeout(&self, method: &Method) -> Option<Duration> {
        of_row(self.attempt.shared.task().timeout_ms).or(method.timeout)
    }

    fn stall_timeout(&self, method: &Method) -> Option<Duration> {
        of_row(self.attempt.shared.task().stall_timeout_ms).or(method.stall_timeout)
    }

    /// A body that does not end: its outcome is recorded without it, its slot stays taken.
    async fn leave(self, method: &Method, mut body: RunningBody) {
        log::still_running(self.attempt.shared.task());
        let (base, attempt) = (Arc::clone(&self.base), Arc::clone(&self.attempt));
        let slot = self.settle(method, Ended::Dropped).await;
        let mut phase = base.phase();
        let lost = usize::from(attempt.shared.cause().is_some_and(Stop::is_loss));
        base.lingering.fetch_add(lost, Ordering::Relaxed);
        tokio::spawn(async move {
            tokio::select! {
                _ = body.ended() => log::returned_late(attempt.shared.task()),
                _ = phase.wait_for(|phase| *phase == Phase::Over) => {}
            }
            base.lingering.fetch_sub(lost, Ordering::Relaxed);
            drop(slot);
        });
    }

    /// Names the outcome and hands it to the settler; the slot is the caller's to give back.
    async fn settle(self, method: &Method, ended: Ended) -> Slot {
        if let Ended::NotStarted(fault) = &ended {
            let why = format!("no thread could be started for the method: {fault}");
            self.queue(put_back(&self.attempt.running(), &why, Some(limits::POLL_MAX)));
            return self.slot;
        }
        if self.attempt.shared.pen().is_taken() {
            return Box::pin(self.settle_apart(method, ended)).await;
        }
        let is_lost = self.attempt.shared.cause() == Some(Stop::LostLease);
        // An answer that comes too late is refused in the end; its files would lie about until then.
        let ended = if is_lost && !self.attempt.shared.files().is_empty() { Ended::Dropped } else { ended };
        let (ended, files) = if self.attempt.shared.files().is_empty() {
            (ended, Vec::new())
        } else {
            Box::pin(self.finish_files(ended)).await
        };
        let Some(outcome) = self.outcome(method, ended) else {
            log::dropped(self.attempt.shared.task());
            self.base.attempts.forget(self.attempt.running.lease);
            tidy_files(&self.attempt, Verdict::Lost, State::Init);
            return self.slot;
        };
        let mut settlement = self.settlement(method, outcome);
        if settlement.state == State::Success {
            settlement.effects = Effects { files, attempt_record: None, follow_ups: self.attempt.shared.follow_ups() };
        } else if !settlement.state.is_final() {
            // Closed before anybody else may claim the task.
            self.leave_files().await;
        }
        self.queue(settlement);
        self.slot
    }

    /// The next state, with what is kept about an attempt that did not succeed.
    fn settlement(&self, method: &Method, outcome: Outcome) -> Settlement {
        self.recorded(settle(&self.attempt.running(), &method.policy, outcome, Chance::random()))
    }

    fn recorded(&self, settlement: Settlement) -> Settlement {
        let of = Ran {
            attempt: self.attempt.running.counts.attempt,
            // The number it was claimed under: the worker may have another one by now.
            worker_id: self.attempt.shared.task().worker_id.unwrap_or(self.base.tenure.worker()),
            worker: &self.base.entry.name,
            ran: self.attempt.age(),
        };
        record::with_attempt(settlement, of)
    }

    /// An answer counts only with its files.
    async fn finish_files(&self, ended: Ended) -> (Ended, Vec<FinishedFile>) {
        let shared = &self.attempt.shared;
        if !matches!(ended, Ended::Returned(Ok(_))) {
            return (ended, Vec::new());
        }
        let keep = shared.keep_files();
        let finished = tokio::select! {
            biased;
            finished = shared.on_disk(move |shared| shared.files().finish(shared.task(), keep)) => finished,
            // Disk or bucket stand still and the worker's time is over: the answer is given up, and nothing is counted.
            () = self.out_of_patience() => return (Ended::Dropped, Vec::new()),
        };
        match finished {
            Ok(files) => (ended, files),
            Err(fault) => (Ended::Returned(Err(Fault::Failed(fault.into()))), Vec::new()),
        }
    }

    /// Waits until the attempt was told to end, and a moment more.
    async fn out_of_patience(&self) {
        self.attempt.shared.stopped().await;
        sleep(limits::FILES_MOMENT).await;
    }

    async fn leave_files(&self) {
        Box::pin(self.on_disk_a_moment(|shared| shared.files().leave(shared.task()))).await;
    }

    /// Lets files be tidied beside the runtime. A disk that stands still holds up no outcome: an attempt that finds them open
    /// copies them.
    async fn on_disk_a_moment(&self, tidy: impl FnOnce(&Shared) + Send + 'static) {
        if self.attempt.shared.files().is_empty() {
            return;
        }
        let tidied = self.attempt.shared.on_disk(move |shared| {
            tidy(shared);
            Ok(())
        });
        // What it could not do, it has logged.
        let _ = timeout(limits::FILES_MOMENT, tidied).await;
    }

    /// The method wrote its success into a transaction of its own: the row tells whether that was committed. Whatever is
    /// to be written waits by itself, as that transaction may still hold the row.
    async fn settle_apart(self, method: &Method, ended: Ended) -> Slot {
        let (base, attempt) = (&self.base, &self.attempt);
        let lease = attempt.running.lease;
        base.attempts.end(attempt);
        attempt.shared.lines().close();
        scribe::write(base, std::slice::from_ref(attempt)).await;
        let end = self.end_apart(method, ended).await;
        base.attempts.forget(lease);
        match end {
            Some((verdict, state)) => tidy_files(attempt, verdict, state),
            // The transaction may be committed yet, and then its files are results: those that no row names, the sweep takes.
            None => self.on_disk_a_moment(|shared| shared.files().close()).await,
        }
        base.wake.wake();
        self.slot
    }

    /// What became of a task that stood apart, and in which state it is; `None` where nobody can tell any more.
    async fn end_apart(&self, method: &Method, ended: Ended) -> Option<(Verdict, State)> {
        let lease = self.attempt.running.lease;
        let stands = settler::look_up(&self.base, lease).await?;
        if stands != Stands::Open {
            return self.stood(stands);
        }
        let Some(outcome) = self.outcome_apart(method, ended) else {
            log::dropped(self.attempt.shared.task());
            return None;
        };
        let settlement = self.settlement(method, outcome);
        log::ended(self.attempt.shared.task(), &settlement, self.attempt.age());
        if !settlement.state.is_final() {
            self.on_disk_a_moment(|shared| shared.files().close()).await;
        }
        match settler::settle_one(&self.base, &settlement).await? {
            // A commit that was under way came first: the row says which.
            Verdict::Lost => self.stood(settler::look_up(&self.base, lease).await?),
            verdict => Some((verdict, settlement.state)),
        }
    }

    fn stood(&self, stands: Stands) -> Option<(Verdict, State)> {
        match stands {
            Stands::Succeeded => Some((Verdict::Settled, State::Success)),
            Stands::Lost => {
                log::dropped(self.attempt.shared.task());
                Some((Verdict::Lost, State::Init))
            }
            Stands::Open => None,
        }
    }

    fn outcome_apart(&self, method: &Method, ended: Ended) -> Option<Outcome> {
        let has_failed = match &ended {
            Ended::Returned(Ok(_)) => true,
            // Its own words say more, and whether to try again.
            Ended::Returned(Err(_)) | Ended::Panicked(_) => false,
            Ended::Dropped | Ended::NotStarted(_) => self.attempt.shared.pen().has_succeeded(),
        };
        let failed = || Ended::Returned(Err(Fault::Failed(apart::not_committed())));
        self.outcome(method, if has_failed { failed() } else { ended })
    }

    /// Names the outcome. The worker's own word wins over the method's error, an answer wins over both.
    /// `None` if the task is another's already.
    fn outcome(&self, method: &Method, ended: Ended) -> Option<Outcome> {
        let ended = match ended {
            Ended::Returned(Ok(content)) => return Some(Outcome::Success(content)),
            other => other,
        };
        if let Some(cause) = self.attempt.shared.cause() {
            return match cause {
                Stop::Cancelled => Some(Outcome::Cancelled),
                Stop::TimedOut => Some(Outcome::TimedOut(self.timeout(method).unwrap_or_default())),
                Stop::Stalled => Some(Outcome::Stalled(self.stall_timeout(method).unwrap_or_default())),
                Stop::HandOver | Stop::OutOfReach => Some(Outcome::HandedOver),
                Stop::LostLease | Stop::Ended => None,
            };
        }
        Some(match ended {
            Ended::Returned(Ok(content)) => Outcome::Success(content),
            Ended::Returned(Err(Fault::BadParams(message))) => Outcome::BadParams(message),
            Ended::Returned(Err(Fault::Failed(failure))) => Outcome::Failed(failure),
            Ended::Panicked(message) => Outcome::Panicked(message),
            // Only a runtime that shuts down drops what nobody stopped.
            Ended::Dropped | Ended::NotStarted(_) => Outcome::HandedOver,
        })
    }

    /// Gives the outcome to the settler.
    fn queue(&self, settlement: Settlement) {
        log::ended(self.attempt.shared.task(), &settlement, self.attempt.age());
        self.base.attempts.end(&self.attempt);
        // The settler goes only when the worker is over; then the lease decides about the task.
        let _ = self.base.outcomes.send(settlement);
    }
}

/// A limit written into the row by hand may be anything; less than a millisecond means none.
fn of_row(limit_ms: Option<i64>) -> Option<Duration> {
    limit_ms.and_then(|ms| u64::try_from(ms).ok()).filter(|ms| *ms > 0).map(Duration::from_millis)
}
