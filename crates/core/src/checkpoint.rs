//! A checkpoint: where a method goes on after an interruption, and the files it was making, as far as they were stored.

use serde::{Deserialize, Serialize};

use crate::{Error, limits};

/// Where a method goes on: its cursor, its progress, and the committed part of each file in the making.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The method's own cursor as JSON text; empty where the method starts over.
    pub cursor: String,
    /// Units of progress done as of the cursor.
    pub done: u64,
    /// The files in the making.
    pub files: Vec<CommittedFile>,
}

impl Checkpoint {
    /// A checkpoint at a cursor: any value that serialises to JSON, at most [`limits::CURSOR_BYTES_MAX`] bytes.
    ///
    /// JSON has no word for a number that is not finite: `NaN` and the infinities become `null`, and come back as an
    /// `Option` alone.
    ///
    /// ```
    /// # use mission_core::Checkpoint;
    /// assert_eq!(Checkpoint::at(&(3, "page"), 3, Vec::new()).unwrap().cursor, "[3,\"page\"]");
    /// assert!(Checkpoint::at(&"x".repeat(70_000), 0, Vec::new()).unwrap_err().to_string().contains("65536"));
    /// ```
    pub fn at(cursor: &impl Serialize, done: u64, files: Vec<CommittedFile>) -> Result<Self, Error> {
        let cursor = serde_json::to_string(cursor)
            .map_err(|fault| Error::invalid("the cursor cannot be written as JSON").with_source(fault))?;
        let checkpoint = Self { cursor, done, files };
        checkpoint.check()?;
        Ok(checkpoint)
    }

    /// No checkpoint any more: written, it takes away the one that is stored, and the counts of crashes stay.
    pub const fn start_over() -> Self {
        Self { cursor: String::new(), done: 0, files: Vec::new() }
    }

    /// Whether it takes away what is stored.
    pub fn is_start_over(&self) -> bool {
        self.cursor.is_empty()
    }

    /// Says what does not fit.
    pub fn check(&self) -> Result<(), Error> {
        if self.cursor.len() > limits::CURSOR_BYTES_MAX {
            return Err(Error::invalid(format!(
                "the cursor has {} bytes, more than {}: keep the place to go on from, not what was read",
                self.cursor.len(),
                limits::CURSOR_BYTES_MAX
            )));
        }
        if nesting(&self.cursor) > limits::CURSOR_DEPTH_MAX {
            return Err(Error::invalid(format!(
                "the cursor is nested deeper than {} levels: keep the place to go on from, not what was read",
                limits::CURSOR_DEPTH_MAX
            )));
        }
        if self.files.len() > limits::FILES_MAX {
            return Err(Error::invalid(format!(
                "the task makes {} files, more than {}: put them into one archive",
                self.files.len(),
                limits::FILES_MAX
            )));
        }
        Ok(())
    }
}

/// How deep the arrays and objects of a JSON text lie in each other.
fn nesting(json: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut is_text, mut is_escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_text => is_escaped = true,
            b'"' => is_text = !is_text,
            _ if is_text => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// How much of a file in the making is known to be stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommittedFile {
    /// The name its reader sees.
    pub name: String,
    /// What is in it, as HTTP names it.
    pub media_type: String,
    /// The length up to which it is stored.
    pub bytes: u64,
    /// How many rows it holds, if the method counts them.
    pub rows: Option<u64>,
    /// The name of the staging file.
    pub staging: String,
    /// The state of its hash, serialised, in hex.
    pub hash: String,
    /// Whether the method has finished it.
    pub is_finished: bool,
    /// How long it is kept after the task's success, in milliseconds; `None` means as long as the task says.
    pub keep_ms: Option<i64>,
    /// The stored bytes once more, in this order, in a storage that other hosts reach; empty where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<Segment>,
}

/// A piece of a file in the making, as an object of its own in a storage that other hosts reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(i64, u64, u64)", into = "(i64, u64, u64)")]
pub struct Segment {
    /// The lease token of the attempt that stored it.
    pub token: i64,
    /// Its number within that attempt, never given twice.
    pub number: u64,
    /// Its length.
    pub bytes: u64,
}

impl From<(i64, u64, u64)> for Segment {
    fn from((token, number, bytes): (i64, u64, u64)) -> Self {
        Self { token, number, bytes }
    }
}

impl From<Segment> for (i64, u64, u64) {
    fn from(Segment { token, number, bytes }: Segment) -> Self {
        (token, number, bytes)
    }
}
