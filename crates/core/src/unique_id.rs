//! The public id of a task: sixteen random lower-case letters, made where the task is pushed.

use std::fmt;

use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::text::shown;
use crate::{Error, limits};

/// The public id of a task, such as `nauaxnrfnuflwcqn`.
///
/// Made by the client at push, so that a push whose answer was lost can be looked up. Imported
/// tasks keep the ids they came with.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UniqueId(String);

impl UniqueId {
    /// A new random id: 16 of 26 letters, 75 bits.
    ///
    /// ```
    /// assert_eq!(mission_core::UniqueId::random().as_str().len(), 16);
    /// ```
    pub fn random() -> Self {
        let mut rng = rand::rng();
        Self((0..16).map(|_| char::from(rng.random_range(b'a'..=b'z'))).collect())
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
    fn random_ids_are_sixteen_letters_and_differ() {
        let ids: std::collections::HashSet<_> = (0..10_000).map(|_| UniqueId::random()).collect();
        assert_eq!(ids.len(), 10_000);
        assert!(ids.iter().all(|id| id.as_str().len() == 16 && id.as_str().bytes().all(|b| b.is_ascii_lowercase())));
    }

    #[test]
    fn ids_that_could_be_anything_else_are_refused() {
        for bad in ["", "a b", "x'; drop table", "é", "a/b", &"a".repeat(65)] {
            assert!(UniqueId::parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(UniqueId::parse("task_5f3a.9-X").unwrap().as_str(), "task_5f3a.9-X");
    }
}
