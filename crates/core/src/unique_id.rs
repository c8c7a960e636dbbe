//! The public id of a task: sixteen lower-case letters, made where the task is pushed: six tell the time, the others are random.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::text::shown;
use crate::{Error, limits};

/// What two letters of 26 tell apart.
const PARTS_OF_SECOND: u64 = 26 * 26;
/// Ids of one process that have one part of a second: more at once have those of the next parts. In a batch that is made at once two would
/// be equal more often.
const IDS_OF_PART: u64 = 64;
/// The place of the last id, so many to a part.
static LAST: AtomicU64 = AtomicU64::new(0);

/// The public id of a task, such as `nauaxnrfnuflwcqn`.
///
/// Made by the client at push, so that a push whose answer was lost can be looked up. Imported
/// tasks keep the ids they came with.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UniqueId(String);

impl UniqueId {
    /// The id of a new task. It begins with 6 letters of the time by this machine's clock, four for the second and two for the
    /// 1.5 ms within it, which come again after 5.3 days, so that tasks of one time lie side by side in the index of ids
    /// (decision 0011); the other 10 are random, 47 bits.
    ///
    /// ```
    /// # use mission_core::UniqueId;
    /// assert_eq!(UniqueId::of_now().as_str().len(), 16);
    /// ```
    pub fn of_now() -> Self {
        Self::after(&LAST, SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }

    /// The next id at this time, of those whose last place is this.
    fn after(last: &AtomicU64, since_epoch: Duration) -> Self {
        let part = u64::from(since_epoch.subsec_nanos()) * PARTS_OF_SECOND / 1_000_000_000;
        let now = (since_epoch.as_secs() * PARTS_OF_SECOND + part) * IDS_OF_PART;
        let next = |last: u64| now.max(last + 1);
        // proof: the closure always answers.
        let before = last
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last)))
            .unwrap_or_else(|last| last);
        Self(letters::<6>(next(before) / IDS_OF_PART).into_iter().chain(random_letters::<10>()).collect())
    }

    /// A new random id: 16 of 26 letters, 75 bits. For what must not be guessed or has no place in an index.
    ///
    /// ```
    /// # use mission_core::UniqueId;
    /// assert_eq!(UniqueId::random().as_str().len(), 16);
    /// ```
    pub fn random() -> Self {
        Self(random_letters::<8>().into_iter().chain(random_letters::<8>()).collect())
    }

    /// Takes an id, or the beginning of one, as somebody typed it: ASCII letters, digits, `_`, `-`, `.`, at most 64.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let sane = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
        if text.is_empty() || !sane || text.len() > limits::UNIQUE_ID_CHARS_MAX {
            return Err(Error::invalid(format!(
                "{:?} is no unique_id: expected 1 to {} letters, digits, '_', '-' or '.'",
                shown(text),
                limits::UNIQUE_ID_CHARS_MAX
            )));
        }
        Ok(Self(text.to_owned()))
    }

    /// An id as a row holds it, whatever its form.
    pub fn from_row(text: String) -> Self {
        Self(text)
    }

    /// The letters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// So many random letters, at most 13.
fn random_letters<const COUNT: usize>() -> [char; COUNT] {
    letters(rand::rng().random_range(0..26_u64.pow(COUNT as u32)))
}

/// A number in letters for digits, the last ones if it has more.
fn letters<const COUNT: usize>(mut number: u64) -> [char; COUNT] {
    let mut letters = ['a'; COUNT];
    for letter in letters.iter_mut().rev() {
        *letter = char::from(b'a' + (number % 26) as u8);
        number /= 26;
    }
    letters
}

impl fmt::Display for UniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for UniqueId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl From<&UniqueId> for UniqueId {
    fn from(id: &UniqueId) -> Self {
        id.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_sixteen_letters_and_differ() {
        for make in [UniqueId::random, UniqueId::of_now] {
            let ids: std::collections::HashSet<_> = (0..10_000).map(|_| make()).collect();
            assert_eq!(ids.len(), 10_000);
            assert!(
                ids.iter().all(|id| id.as_str().len() == 16 && id.as_str().bytes().all(|b| b.is_ascii_lowercase()))
            );
        }
    }

    fn beginning(last: &AtomicU64, since_epoch: Duration) -> String {
        UniqueId::after(last, since_epoch).as_str()[..6].to_owned()
    }

    #[test]
    fn ids_of_one_time_begin_alike_and_those_of_later_times_come_later() {
        let at = |second, ms| beginning(&AtomicU64::new(0), Duration::from_secs(second) + Duration::from_millis(ms));
        assert_eq!(at(0, 2), "aaaaab");
        assert_eq!(at(1_795_000_000, 500), at(1_795_000_000, 500));
        for second in [1_795_000_000, 1_795_000_025, 1_795_017_575] {
            assert!(at(second, 999) < at(second + 1, 0), "{second}");
            for ms in (0..998).step_by(2) {
                assert!(at(second, ms) < at(second, ms + 2), "{second} {ms}");
            }
        }
        assert_eq!(at(26_u64.pow(4) - 1, 999), "zzzzzz");
        assert_eq!(at(26_u64.pow(4), 2), "aaaaab");
    }

    #[test]
    fn few_ids_of_a_process_begin_alike_however_fast_they_are_made_and_whatever_the_clock_does() {
        for moment in [Duration::ZERO, Duration::from_secs(1_795_000_000)] {
            let last = AtomicU64::new(0);
            let mut counts = std::collections::HashMap::new();
            for n in 0..10_000 {
                // It goes back by a day on the way.
                let now = moment.saturating_sub(Duration::from_secs(if n < 5_000 { 0 } else { 86_400 }));
                *counts.entry(beginning(&last, now)).or_insert(0) += 1;
            }
            assert_eq!(counts.values().max(), Some(&IDS_OF_PART));
            assert!(counts.len() <= 158, "{} beginnings", counts.len());
        }
    }

    #[test]
    fn ids_that_could_be_anything_else_are_refused() {
        for bad in ["", "a b", "x'; drop table", "é", "a/b", &"a".repeat(65)] {
            assert!(UniqueId::parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(UniqueId::parse("task_5f3a.9-X").unwrap().as_str(), "task_5f3a.9-X");
    }
}
