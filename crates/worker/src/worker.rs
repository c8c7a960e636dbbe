//! A worker before it starts: what it is made of.

use std::sync::Arc;

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
    /// A worker for the tasks of a database; `wake` is what pushes of this process call.
    pub fn new(store: Store, registry: Registry, states: States, wake: Wake, settings: WorkerSettings) -> Self {
        Self { store, registry: Arc::new(registry), states: Arc::new(states), wake, settings }
    }
}
