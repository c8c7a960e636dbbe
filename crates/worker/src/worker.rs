//! A worker: made of a store and methods, started, and held by its handle until it is over.

use std::sync::Arc;

use mission_core::{Result, WorkerId};
use mission_store::Store;

use crate::Registry;
use crate::settings::WorkerSettings;
use crate::state::States;
use crate::wake::Wake;

/// A worker that has not started.
#[derive(Clone)]
pub struct Worker {
    pub(crate) store: Store,
    pub(crate) registry: Arc<Registry>,
    pub(crate) states: Arc<States>,
    pub(crate) wake: Wake,
    pub(crate) settings: WorkerSettings,
}

impl Worker {
    /// A worker for the tasks of a database.
    pub fn new(store: Store, registry: Registry, states: States, wake: Wake, settings: WorkerSettings) -> Self {
        Self { store, registry: Arc::new(registry), states: Arc::new(states), wake, settings }
    }

    /// Puts itself on the list and works until it is stopped. Touches no signals.
    ///
    /// # Errors
    /// Settings out of range, state that a method asks for and was not given, tables that are missing or older than
    /// this program, a database that cannot be reached.
    pub async fn start(self) -> Result<WorkerHandle> {
        self.settings.check()?;
        self.registry.check_states(&self.states)?;
        Err(mission_core::Error::new(mission_core::ErrorKind::Setup, "the worker cannot start yet"))
    }
}

/// A worker that works. Dropping it asks the worker to stop.
pub struct WorkerHandle {
    id: WorkerId,
}

impl WorkerHandle {
    /// Its number on the list of workers.
    pub fn id(&self) -> WorkerId {
        self.id
    }

    /// Whether it was asked to stop and ends what runs.
    pub fn is_draining(&self) -> bool {
        false
    }

    /// Stops it: nothing more is claimed, running tasks may end within the grace, the rest goes to another worker.
    pub async fn stop(&self) {}

    /// Stops it at once: what runs is interrupted and goes to another worker.
    pub async fn stop_now(&self) {}

    /// Waits until it is over, whoever stopped it.
    pub async fn finished(&self) {}
}

/// Works until the process is told to end: once (SIGTERM, SIGINT) in order, twice at once.
pub async fn run_until_signalled(worker: Worker) -> Result<()> {
    worker.start().await?.finished().await;
    Ok(())
}
