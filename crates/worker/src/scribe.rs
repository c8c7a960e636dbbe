//! The scribe: takes the lines that methods have logged to the database, those of all attempts together.
//!
//! It writes in a loop of its own: the table of lines may be locked for as long as somebody likes, and no outcome waits for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mission_core::limits as rules;
use mission_store::NewLogLines;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::attempts::Attempt;
use crate::base::{Base, Phase, pause};
use crate::{limits, log};

/// What is to be written, and what has been.
#[derive(Default)]
pub(crate) struct Scribe {
    waiting: Mutex<Vec<Arc<Attempt>>>,
    calls: watch::Sender<u64>,
    /// Up to which call everything is written.
    answered: watch::Sender<u64>,
    /// Whether an answer did not come in time: then nobody waits until one comes.
    is_late: AtomicBool,
}

impl Scribe {
    fn waiting(&self) -> MutexGuard<'_, Vec<Arc<Attempt>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts attempts on the list whose lines wait; those for which there is no room lose them.
    fn take(&self, attempts: Vec<Arc<Attempt>>) {
        let mut waiting = self.waiting();
        waiting.retain(|known| !attempts.iter().any(|attempt| Arc::ptr_eq(known, attempt)));
        let room = limits::LINES_BACKLOG_MAX.saturating_sub(waiting.len());
        let left_out = attempts.len().saturating_sub(room);
        if left_out > 0 {
            log::lines_left_out(left_out);
        }
        waiting.extend(attempts.into_iter().take(room));
    }
}

/// Has the lines of these attempts written, and waits for it a moment at the most.
pub(crate) async fn write(base: &Base, attempts: &[Arc<Attempt>]) {
    let has_lines = |attempt: &&Arc<Attempt>| !attempt.shared.lines().unwritten(1).is_empty();
    let attempts: Vec<_> = attempts.iter().filter(has_lines).cloned().collect();
    if attempts.is_empty() {
        return;
    }
    let scribe = &base.scribe;
    scribe.take(attempts);
    let mut call = 0;
    scribe.calls.send_modify(|calls| {
        *calls += 1;
        call = *calls;
    });
    if !scribe.is_late.load(Ordering::Relaxed) {
        let mut answer = scribe.answered.subscribe();
        let in_time = timeout(limits::LINES_MOMENT, answer.wait_for(|answered| *answered >= call)).await;
        scribe.is_late.store(in_time.is_err(), Ordering::Relaxed);
    }
}

/// Writes what comes until the worker is over.
pub(crate) async fn run(base: Arc<Base>) {
    let (mut phase, mut calls) = (base.phase(), base.scribe.calls.subscribe());
    loop {
        let is_called = tokio::select! {
            biased;
            called = calls.changed() => called.is_ok(),
            _ = phase.wait_for(|phase| *phase == Phase::Over) => false,
        };
        if !is_called {
            return;
        }
        let call = *calls.borrow_and_update();
        let mut attempts = std::mem::take(&mut *base.scribe.waiting());
        while !write_all(&base, &attempts).await {
            if !pause(limits::ERROR_PAUSE, &mut phase, Phase::Over).await {
                return;
            }
            // Those that came meanwhile, in the same bounds.
            base.scribe.take(std::mem::take(&mut attempts));
            attempts = std::mem::take(&mut *base.scribe.waiting());
        }
        base.scribe.is_late.store(false, Ordering::Relaxed);
        base.scribe.answered.send_replace(call);
    }
}

/// Writes the lines that wait; whether all are written.
async fn write_all(base: &Base, attempts: &[Arc<Attempt>]) -> bool {
    loop {
        let mut logged = Vec::new();
        for attempt in attempts {
            let lines = attempt.shared.lines().unwritten(rules::BATCH_ROWS_MAX);
            if !lines.is_empty() {
                logged.push((attempt, NewLogLines { lease: attempt.running.lease, lines }));
            }
        }
        if logged.is_empty() {
            return true;
        }
        let (attempts, logged): (Vec<_>, Vec<_>) = logged.into_iter().unzip();
        if let Err(fault) = base.desk.log(&logged).await {
            log::lines_failed(&fault);
            return false;
        }
        for (attempt, logged) in attempts.into_iter().zip(logged) {
            if let Some(last) = logged.lines.last() {
                attempt.shared.mark_lines_written(last.number);
            }
        }
    }
}
