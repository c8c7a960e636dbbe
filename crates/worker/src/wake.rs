//! The wake-up between a push and the workers of the same process.

use std::sync::Arc;

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
}

impl Default for Wake {
    fn default() -> Self {
        Self { calls: Arc::new(watch::Sender::new(0)) }
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
}
