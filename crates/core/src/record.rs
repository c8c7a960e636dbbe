//! What is kept about each attempt: its end, and the lines its method logged.

use std::time::Duration;

use serde::Serialize;

use crate::{LeaseToken, Timestamp, WorkerId, limits, text};

/// The end of an attempt, to be kept beside the task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRecord {
    /// Its number, counted as the task counts.
    pub attempt: i64,
    /// The worker that ran it.
    pub worker_id: WorkerId,
    /// That worker's name, which outlives its row.
    pub worker: String,
    /// How long it ran.
    pub ran: Duration,
    /// The word of the [`Reason`](crate::Reason), or `success`.
    pub outcome: String,
    /// The error with its causes, cut at [`limits::ATTEMPT_CONTENT_BYTES_MAX`].
    pub content: Option<String>,
}

impl AttemptRecord {
    /// The error with its causes, cleaned and cut to fit.
    #[must_use]
    pub fn content(mut self, content: &str) -> Self {
        self.content = Some(fitted(content, limits::ATTEMPT_CONTENT_BYTES_MAX));
        self
    }
}

/// An attempt as its row shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs)] // The fields are those of `AttemptRecord` and the columns of the table.
pub struct Attempt {
    pub lease_token: LeaseToken,
    pub attempt: i64,
    pub worker_id: WorkerId,
    pub worker: String,
    pub started_date: Timestamp,
    pub ended_date: Timestamp,
    pub outcome: String,
    pub content: Option<String>,
}

/// A line that a method logged, as its row shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogLine {
    /// Its number within the task: the lease token times a million plus its number within the attempt.
    pub line_no: i64,
    /// When it was logged, by the database's clock.
    pub logged_date: Timestamp,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: String,
    /// The text.
    pub message: String,
}

/// A line to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLogLine {
    /// Its number within the attempt, from 1.
    pub number: i64,
    /// How long ago it was logged.
    pub age: Duration,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: String,
    /// The text, at most [`limits::LOG_MESSAGE_BYTES_MAX`] bytes.
    pub message: String,
}

/// What one attempt may still log: [`limits::LOG_LINES_MAX`] lines and [`limits::LOG_BYTES_MAX`] bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogRoom {
    lines: i64,
    bytes: usize,
}

impl LogRoom {
    /// Takes a line, cleaned, cut and numbered; the one that meets the bound says so, and later ones are dropped.
    ///
    /// ```
    /// let mut room = mission_core::LogRoom::default();
    /// let line = room.take("info", "half\0way").unwrap();
    /// assert_eq!((line.number, line.message.as_str()), (1, "half\u{fffd}way"));
    /// ```
    pub fn take(&mut self, level: &str, message: &str) -> Option<NewLogLine> {
        if self.lines >= limits::LOG_LINES_MAX || self.bytes > limits::LOG_BYTES_MAX {
            return None;
        }
        let mut message = fitted(message, limits::LOG_MESSAGE_BYTES_MAX);
        self.lines += 1;
        self.bytes += message.len();
        let mut level = level;
        if self.lines == limits::LOG_LINES_MAX || self.bytes > limits::LOG_BYTES_MAX {
            level = "warn";
            message = "this attempt has logged as much as is kept: further lines are left out".to_owned();
            self.bytes = usize::MAX;
        }
        Some(NewLogLine {
            number: self.lines,
            age: Duration::ZERO,
            level: fitted(level, limits::LOG_LEVEL_BYTES_MAX),
            message,
        })
    }
}

fn fitted(value: &str, bytes_max: usize) -> String {
    text::cut(&text::clean_text(value), bytes_max).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_logs_no_more_than_its_bounds_and_the_last_line_says_so() {
        let mut many = LogRoom::default();
        let kept: Vec<_> = (0..2 * limits::LOG_LINES_MAX).filter_map(|_| many.take("info", "x")).collect();
        assert_eq!(kept.last().unwrap().number, limits::LOG_LINES_MAX);
        assert!(kept.last().unwrap().message.contains("left out"));

        let mut long = LogRoom::default();
        let text = "界".repeat(1 << 20);
        let kept: Vec<_> = (0..1000).filter_map(|_| long.take("info", &text)).collect();
        let bytes: usize = kept.iter().map(|line| line.message.len()).sum();
        assert!(kept.iter().all(|line| line.message.len() <= limits::LOG_MESSAGE_BYTES_MAX));
        assert!(bytes <= limits::LOG_BYTES_MAX + limits::LOG_MESSAGE_BYTES_MAX && kept.len() < 100, "{bytes}");
        assert!(kept.last().unwrap().message.contains("left out"));
    }

    #[test]
    fn the_content_of_an_attempt_is_cut_between_characters() {
        let record = AttemptRecord {
            attempt: 1,
            worker_id: WorkerId(1),
            worker: "host".into(),
            ran: Duration::ZERO,
            outcome: "error".into(),
            content: None,
        };
        let content = record.content(&"\0界".repeat(10_000)).content.unwrap();
        assert!(content.len() <= limits::ATTEMPT_CONTENT_BYTES_MAX && !content.contains('\0'));
    }
}
