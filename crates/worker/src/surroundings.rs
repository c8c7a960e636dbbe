//! What an attempt has of its worker.

use std::sync::Arc;
use std::time::Duration;

use mission_store::Kind;
use tokio::sync::Notify;

use crate::storage::Storage;

/// What an attempt has of its worker.
#[derive(Clone)]
pub(crate) struct Surroundings {
    /// Rings in the settler: a checkpoint waits to be written, or lines before a success.
    pub(crate) bell: Arc<Notify>,
    pub(crate) storage: Arc<Storage>,
    /// Which database it is.
    pub(crate) kind: Kind,
    /// How long the method keeps result files, if it says so.
    pub(crate) keep_files: Option<Duration>,
}

#[cfg(test)]
impl Surroundings {
    /// Those of an attempt that belongs to no worker.
    pub(crate) fn none() -> Self {
        Self { bell: Arc::default(), storage: Arc::new(Storage::none()), kind: Kind::Sqlite, keep_files: None }
    }
}
