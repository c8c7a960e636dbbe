//! The lines of one attempt's log that wait to be written: bounded in number and length, and free of control characters.

use std::collections::VecDeque;
use std::fmt::{self, Display, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use mission_core::limits::LOG_MESSAGE_BYTES_MAX;
use mission_core::{LogRoom, NewLogLine};

/// The lines that wait. The method adds without waiting for anybody; the settler takes them to the database. What an
/// attempt may log is bounded, so what waits is, too.
#[derive(Default)]
pub(crate) struct TaskLines {
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    room: LogRoom,
    lines: VecDeque<(NewLogLine, Instant)>,
    /// The number of the last line.
    last: i64,
    /// How many found no room.
    left_out: u64,
}

impl TaskLines {
    /// Adds a line; one for which there is no room is counted.
    pub(crate) fn add(&self, level: &'static str, message: &str) {
        let mut waiting = self.waiting();
        match waiting.room.take(level, message) {
            Some(line) => waiting.push(line),
            None => waiting.left_out += 1,
        }
    }

    /// The first so many of those that wait.
    pub(crate) fn unwritten(&self, limit: usize) -> Vec<NewLogLine> {
        let with_age = |(line, said): &(NewLogLine, Instant)| NewLogLine { age: said.elapsed(), ..line.clone() };
        self.waiting().lines.iter().take(limit).map(with_age).collect()
    }

    /// Whether all that was said is written.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting().lines.is_empty()
    }

    /// Those up to this number are written.
    pub(crate) fn mark_written(&self, number: i64) {
        let mut waiting = self.waiting();
        while waiting.lines.front().is_some_and(|(line, _)| line.number <= number) {
            waiting.lines.pop_front();
        }
    }

    /// The attempt has ended: says how many lines found no room.
    pub(crate) fn close(&self) {
        let mut waiting = self.waiting();
        let left_out = std::mem::take(&mut waiting.left_out);
        if left_out > 0 {
            // One more stood where the line is that says that further ones are left out.
            let message = format!("{} lines of this attempt were left out", left_out + 1);
            let number = waiting.last + 1;
            waiting.push(NewLogLine { number, age: std::time::Duration::ZERO, level: "warn".to_owned(), message });
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn push(&mut self, line: NewLogLine) {
        self.last = line.number;
        self.lines.push_back((line, Instant::now()));
    }
}

/// A message as it is kept.
pub(crate) fn message(text: impl Display) -> String {
    let mut message = Message::default();
    // What is too long ends the writing early: that is no fault.
    let _ = write!(message, "{text}");
    message.finish()
}

/// Text that takes no more than a line may hold, however much is written to it, and leaves out what would move a
/// terminal or break a database: escape sequences and control characters other than line ends and tabs.
#[derive(Default)]
pub(crate) struct Message {
    text: String,
    within: Within,
    is_cut: bool,
}

/// Where the text stands while it is read.
#[derive(Default, Clone, Copy, PartialEq)]
enum Within {
    #[default]
    Text,
    /// Behind an escape character.
    Escape,
    /// A sequence of colours or moves, up to its letter.
    Control,
    /// A title or a link, up to a bell or an escape and a backslash.
    Command,
}

/// What a cut message ends with.
const CUT: &str = "…";

impl Message {
    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub(crate) fn finish(mut self) -> String {
        if self.is_cut {
            self.text.push_str(CUT);
        }
        self.text.truncate(self.text.trim_end().len());
        self.text
    }

    /// Takes a character; whether there was room for it.
    fn take(&mut self, letter: char) -> bool {
        let is_shown = match (self.within, letter) {
            (_, '\u{1b}') => {
                self.within = Within::Escape;
                false
            }
            (Within::Escape, letter) => {
                self.within = match letter {
                    '[' => Within::Control,
                    ']' | 'P' | 'X' | '^' | '_' => Within::Command,
                    _ => Within::Text,
                };
                false
            }
            (Within::Control, '\u{40}'..='\u{7e}') | (Within::Command, '\u{7}') => {
                self.within = Within::Text;
                false
            }
            // No sequence goes over the end of a line: what looks like one was none.
            (Within::Control | Within::Command, '\n') => {
                self.within = Within::Text;
                true
            }
            (Within::Control | Within::Command, _) => false,
            (Within::Text, letter) => !letter.is_control() || matches!(letter, '\n' | '\t'),
        };
        if !is_shown {
            return true;
        }
        if self.text.len() + letter.len_utf8() + CUT.len() > LOG_MESSAGE_BYTES_MAX {
            self.is_cut = true;
            return false;
        }
        self.text.push(letter);
        true
    }
}

impl Write for Message {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.is_cut {
            return Err(fmt::Error);
        }
        if text.chars().all(|letter| self.take(letter)) { Ok(()) } else { Err(fmt::Error) }
    }
}

#[cfg(test)]
mod tests {
    use mission_core::limits::LOG_LINES_MAX;

    use super::*;

    fn texts(lines: &TaskLines) -> Vec<String> {
        lines.unwritten(usize::MAX).into_iter().map(|line| line.message).collect()
    }

    #[test]
    fn lines_wait_in_order_until_they_are_written() {
        let lines = TaskLines::default();
        for text in ["one", "two", "three"] {
            lines.add("info", &message(text));
        }
        assert_eq!(lines.unwritten(2).iter().map(|line| line.number).collect::<Vec<_>>(), [1, 2]);
        lines.mark_written(2);
        assert_eq!(texts(&lines), ["three"]);
        assert_eq!(lines.unwritten(9)[0].number, 3);
    }

    #[test]
    fn a_flood_is_bounded_and_what_is_lost_of_it_is_counted() {
        let lines = TaskLines::default();
        for n in 0..LOG_LINES_MAX + 7 {
            lines.add("info", &n.to_string());
        }
        assert_eq!(i64::try_from(texts(&lines).len()).unwrap(), LOG_LINES_MAX);
        lines.mark_written(LOG_LINES_MAX);
        lines.add("info", "one more");
        assert!(texts(&lines).is_empty());
        lines.close();
        lines.close();
        assert_eq!(texts(&lines), ["9 lines of this attempt were left out"]);
        assert_eq!(lines.unwritten(1)[0].number, LOG_LINES_MAX + 1);
    }

    #[test]
    fn a_long_message_is_cut_on_a_boundary_without_being_written_out() {
        struct Endless;
        impl Display for Endless {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                for _ in 0..LOG_MESSAGE_BYTES_MAX {
                    f.write_str("汉")?;
                }
                panic!("it was written to its end");
            }
        }
        let text = message(Endless);
        assert!(text.len() <= LOG_MESSAGE_BYTES_MAX && text.len() > LOG_MESSAGE_BYTES_MAX - 8 && text.ends_with("汉…"));
        let fits = "x".repeat(LOG_MESSAGE_BYTES_MAX - CUT.len());
        assert_eq!(message(&fits), fits);
    }

    #[test]
    fn escape_sequences_and_control_characters_go_and_lines_stay() {
        for (said, kept) in [
            ("\u{1b}[31;1mred\u{1b}[0m", "red"),
            ("\u{1b}]8;;https://x\u{7}link\u{1b}]0;title\u{1b}\\ end", "link end"),
            ("a\0b\u{7}c\u{9b}d", "abcd"),
            ("one\n\ttwo\r\n", "one\n\ttwo"),
            ("\u{1b}[broken\nnext", "roken\nnext"),
            ("\u{1b}]never closed\nnext", "\nnext"),
            ("汉字 😀", "汉字 😀"),
        ] {
            assert_eq!(message(said), kept, "{said:?}");
        }
    }
}
