//! A result file: as it is finished, and as its row shows it.

use std::time::Duration;

use serde::Serialize;

use crate::Timestamp;

/// A file that is whole and stored, and becomes visible with its task's success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinishedFile {
    /// The name its reader sees; one file of a name per task.
    pub name: String,
    /// What is in it, as HTTP names it.
    pub media_type: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256 in hex.
    pub sha256: String,
    /// How many rows it holds, if the method counts them.
    pub rows: Option<u64>,
    /// The name of the storage that holds it.
    pub storage: String,
    /// Its name within that storage.
    pub location: String,
    /// How long it is kept after the success; `None` for ever.
    pub keep: Option<Duration>,
}

/// A result file as its row shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
#[allow(missing_docs)] // The fields are those of `FinishedFile` and the columns of the table.
pub struct Artifact {
    pub id: i64,
    /// The row of its task, which may be gone.
    pub task_id: i64,
    pub name: String,
    pub media_type: String,
    pub bytes: u64,
    pub sha256: String,
    pub row_count: Option<u64>,
    pub storage: String,
    pub location: String,
    pub created_date: Timestamp,
    /// When it may be removed; `None` never.
    pub expires_date: Option<Timestamp>,
    /// Whether its time was over when it was read, or its file is removed.
    pub is_expired: bool,
}

impl Artifact {
    /// An artifact with these essentials and everything else at its default; rows fill in the rest.
    pub fn with(id: i64, task_id: i64, name: String) -> Self {
        Self {
            id,
            task_id,
            name,
            media_type: String::new(),
            bytes: 0,
            sha256: String::new(),
            row_count: None,
            storage: String::new(),
            location: String::new(),
            created_date: Timestamp(0),
            expires_date: None,
            is_expired: false,
        }
    }
}
