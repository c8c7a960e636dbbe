//! What all loops of one worker share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::{Duration, Instant};

use mission_core::Settlement;
use mission_store::{NewWorker, Store};
use tokio::sync::{Notify, Semaphore, mpsc, watch};

use crate::Registry;
use crate::attempts::Attempts;
use crate::ear::Hint;
use crate::glance::Glance;
use crate::hints::Hints;
use crate::limits;
use crate::scribe::Scribe;
use crate::settings::WorkerSettings;
use crate::state::States;
use crate::storage::Storage;
use crate::surroundings::Surroundings;
use crate::tenure::Tenure;
use crate::together::Together;
use crate::wake::Wake;

/// Where a worker stands in its life; it only goes forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// It claims and runs.
    Working,
    /// It claims nothing more; what runs may end within the grace.
    Draining,
    /// What runs is interrupted.
    Leaving,
    /// The loops end.
    Over,
}

/// What all loops of one worker share.
pub(crate) struct Base {
    pub(crate) store: Store,
    /// The same over connections that wait but briefly for rows that others hold: for writes about many tasks at once.
    pub(crate) desk: Store,
    pub(crate) registry: Arc<Registry>,
    pub(crate) states: Arc<States>,
    pub(crate) wake: Wake,
    pub(crate) settings: WorkerSettings,
    /// As it registers, and registers anew.
    pub(crate) entry: NewWorker,
    pub(crate) tenure: Tenure,
    pub(crate) attempts: Attempts,
    /// To the settler. Its length is bounded by what is claimed, and claims by its length.
    pub(crate) outcomes: mpsc::UnboundedSender<Settlement>,
    pub(crate) slots: Arc<Semaphore>,
    /// Bodies that do not end although the lease of their task is over.
    pub(crate) lingering: AtomicUsize,
    /// Whether a worker that may be dead holds what this one could run, which is so until somebody has looked: who leaves when
    /// nothing is left waits for that.
    pub(crate) work_may_come: AtomicBool,
    /// Rings in the settler: a checkpoint waits to be written, or lines before a success.
    pub(crate) bell: Arc<Notify>,
    pub(crate) storage: Arc<Storage>,
    pub(crate) scribe: Scribe,
    pub(crate) glance: Glance,
    pub(crate) together: Together,
    /// The hint that is not known yet to be served.
    hint: watch::Sender<Option<Hint>>,
    /// To other workers.
    hints: Hints,
    phase: watch::Sender<Phase>,
}

impl Base {
    pub(crate) fn new(
        worker: crate::Worker,
        entry: NewWorker,
        tenure: Tenure,
        storage: Storage,
        outcomes: mpsc::UnboundedSender<Settlement>,
    ) -> Self {
        let hints = Hints::new(worker.store.clone(), worker.wake.clone());
        Self {
            desk: worker.store.brief(),
            store: worker.store,
            registry: worker.registry,
            states: worker.states,
            wake: worker.wake,
            slots: Arc::new(Semaphore::new(worker.settings.concurrency)),
            settings: worker.settings,
            entry,
            tenure,
            attempts: Attempts::default(),
            lingering: AtomicUsize::new(0),
            work_may_come: AtomicBool::new(true),
            bell: Arc::default(),
            storage: Arc::new(storage),
            scribe: Scribe::default(),
            glance: Glance::default(),
            together: Together::default(),
            hint: watch::Sender::new(None),
            hints,
            outcomes,
            phase: watch::Sender::new(Phase::Working),
        }
    }

    /// What an attempt at a task of this method has of the worker.
    pub(crate) fn surroundings(&self, method: &str) -> Surroundings {
        Surroundings {
            bell: Arc::clone(&self.bell),
            storage: Arc::clone(&self.storage),
            kind: self.store.kind(),
            keep_files: self.registry.get(method).and_then(|method| method.keep_files),
        }
    }

    /// Rouses the fetcher; once the worker takes no more tasks, it is for another.
    pub(crate) fn take_hint(&self, hint: Hint) {
        self.hint.send_modify(|pending| {
            let hops = pending.map_or(hint.hops, |pending| pending.hops.min(hint.hops));
            *pending = Some(Hint { hops, ..hint });
        });
        // Asked after it is left there: who goes on to drain meanwhile finds it.
        if self.has_reached(Phase::Draining) {
            return self.pass_hint_on();
        }
        self.wake.wake();
    }

    /// Whoever pushed before this moment is served by this worker.
    pub(crate) fn hints_are_served(&self, before: Instant) {
        self.hint.send_if_modified(|pending| pending.take_if(|hint| hint.at <= before).is_some());
    }

    /// A hint that this worker cannot serve goes to the next one.
    pub(crate) fn pass_hint_on(&self) {
        if let Some(hint) = self.hint.send_replace(None) {
            self.hints.pass_on(self.entry.hint_address.as_deref().unwrap_or_default(), hint.hops);
        }
    }

    /// Whether there is one.
    pub(crate) fn has_hint(&self) -> bool {
        self.hint.borrow().is_some()
    }

    /// Returns where a hint has been left for longer than it takes tasks to end that end at once.
    pub(crate) async fn leaves_a_hint(&self) {
        tokio::time::sleep(limits::HINT_LEFT).await;
        // The sender lives in the base.
        let _ = self.hint.subscribe().wait_for(Option::is_some).await;
    }

    /// Where the worker stands, and to hear of changes.
    pub(crate) fn phase(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// Whether the worker stands there, or further.
    pub(crate) fn has_reached(&self, phase: Phase) -> bool {
        *self.phase.borrow() >= phase
    }

    /// Goes forward to a phase; never back.
    pub(crate) fn go_to(&self, phase: Phase) {
        self.phase.send_if_modified(|known| {
            let is_forward = phase > *known;
            *known = phase.max(*known);
            is_forward
        });
    }

    /// Waits until nothing runs and every outcome is written, or until the worker is to stop.
    pub(crate) async fn until_idle(&self) {
        let (mut load, mut phase) = (self.attempts.load(), self.phase());
        tokio::select! {
            _ = load.wait_for(|load| load.is_idle()) => {}
            _ = phase.wait_for(|phase| *phase >= Phase::Draining) => {}
        }
    }

    /// Whether this worker runs tasks of this method and type.
    pub(crate) fn serves(&self, method: &str, task_type: &str) -> bool {
        self.registry.get(method).is_some() && self.settings.serves(task_type)
    }

    /// Whether something may be claimed and begun now.
    pub(crate) fn may_begin(&self) -> bool {
        !self.has_reached(Phase::Draining) && self.tenure.holds()
    }
}

/// Waits so long, less long if the worker reaches this phase; whether it has not.
pub(crate) async fn pause(span: Duration, phase: &mut watch::Receiver<Phase>, until: Phase) -> bool {
    tokio::select! {
        biased;
        _ = phase.wait_for(|phase| *phase >= until) => false,
        () = tokio::time::sleep(span) => true,
    }
}
