//! The wake-up between a push and the workers of the same process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// Wakes the workers of this process: a push calls it once its task is committed. Clones wake the same workers.
///
/// ```
/// let wake = mission_worker::Wake::new();
/// wake.clone().wake();
/// ```
#[derive(Debug, Clone)]
pub struct Wake {
    calls: Arc<watch::Sender<u64>>,
    /// The secrets of the ears that hear nothing new by a hint.
    ears: Arc<Mutex<Vec<String>>>,
}

impl Default for Wake {
    fn default() -> Self {
        Self { calls: Arc::new(watch::Sender::new(0)), ears: Arc::default() }
    }
}

impl Wake {
    /// A wake-up that nobody waits for yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets every worker look for tasks now. Costs next to nothing where none waits.
    pub fn wake(&self) {
        self.calls.send_modify(|calls| *calls = calls.wrapping_add(1));
    }

    /// An ear for calls from now on.
    pub(crate) fn listen(&self) -> watch::Receiver<u64> {
        self.calls.subscribe()
    }

    /// A worker that this wakes has an ear for other processes, too.
    pub(crate) fn add_ear(&self, secret: String) {
        self.ears().push(secret);
    }

    /// It has none any more.
    pub(crate) fn remove_ear(&self, secret: &str) {
        self.ears().retain(|known| known != secret);
    }

    /// Whether this wakes the worker with this ear.
    pub(crate) fn has_ear(&self, secret: &str) -> bool {
        self.ears().iter().any(|known| known == secret)
    }

    #[cfg(test)]
    pub(crate) fn ears_count(&self) -> usize {
        self.ears().len()
    }

    fn ears(&self) -> MutexGuard<'_, Vec<String>> {
        self.ears.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
