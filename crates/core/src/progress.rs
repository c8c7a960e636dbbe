//! How far a task has come: so many of so many, and a short message.

use serde::{Deserialize, Serialize};

use crate::{limits, text};

/// Done, total and a message, as the method reports them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Units finished; never shown as more than `total`.
    pub done: u64,
    /// Units in all, if known.
    pub total: Option<u64>,
    /// What is being done, at most [`limits::PROGRESS_MESSAGE_BYTES_MAX`] bytes.
    pub message: Option<String>,
}

impl Progress {
    /// So many of so many.
    pub fn of(done: u64, total: u64) -> Self {
        Self { done, total: Some(total), message: None }
    }

    /// Adds what is being done.
    #[must_use]
    pub fn message(mut self, message: &str) -> Self {
        let clean = text::clean_text(message);
        self.message = Some(text::cut(&clean, limits::PROGRESS_MESSAGE_BYTES_MAX).to_owned());
        self
    }

    /// From 0 to 1, if the total is known.
    ///
    /// ```
    /// # use mission_core::Progress;
    /// assert_eq!(Progress::of(1, 4).fraction(), Some(0.25));
    /// assert_eq!(Progress::of(9, 4).fraction(), Some(1.0));
    /// assert_eq!(Progress::of(0, 0).fraction(), Some(1.0));
    /// ```
    pub fn fraction(&self) -> Option<f64> {
        let total = self.total?;
        if total == 0 {
            return Some(1.0);
        }
        Some((self.done.min(total) as f64) / (total as f64))
    }
}

impl From<(u64, u64)> for Progress {
    fn from((done, total): (u64, u64)) -> Self {
        Self::of(done, total)
    }
}

impl From<u64> for Progress {
    fn from(done: u64) -> Self {
        Self { done, total: None, message: None }
    }
}

impl From<(u64, u64, &str)> for Progress {
    fn from((done, total, message): (u64, u64, &str)) -> Self {
        Self::of(done, total).message(message)
    }
}
