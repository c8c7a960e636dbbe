//! What a settlement brings with it: written in its transaction, or not at all.

use crate::{AttemptRecord, FinishedFile, NewTask};

/// What becomes visible together with a settlement, under the same lease token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effects {
    /// The result files of a success.
    pub files: Vec<FinishedFile>,
    /// What is kept about the attempt.
    pub attempt_record: Option<AttemptRecord>,
    /// Tasks that are pushed with it.
    pub follow_ups: Vec<NewTask>,
}

impl Effects {
    /// Nothing but the settlement itself.
    pub const NONE: Effects = Effects { files: Vec::new(), attempt_record: None, follow_ups: Vec::new() };

    /// Whether there is nothing to write.
    pub fn is_none(&self) -> bool {
        self.files.is_empty() && self.attempt_record.is_none() && self.follow_ups.is_empty()
    }
}
