//! Text made fit for every database: no NUL, valid UTF-8, cut on a character boundary; and the rules for names.

use std::borrow::Cow;

use crate::{Error, limits};

/// What a method answered, or why it failed, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The text, at most [`limits::CONTENT_BYTES_MAX`] bytes.
    pub text: String,
    /// Whether it was cut to fit.
    pub is_cut: bool,
}

impl Content {
    /// Cleans and cuts a text.
    ///
    /// ```
    /// let content = mission_core::Content::new("a\0b");
    /// assert_eq!((content.text.as_str(), content.is_cut), ("a\u{fffd}b", false));
    /// ```
    pub fn new(text: impl AsRef<str>) -> Self {
        let clean = clean_text(text.as_ref());
        let kept = cut(&clean, limits::CONTENT_BYTES_MAX);
        Self { is_cut: kept.len() < clean.len(), text: kept.to_owned() }
    }
}

/// Replaces NUL, which PostgreSQL's text refuses, by U+FFFD.
pub fn clean_text(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// As much of somebody's input as an error repeats.
pub(crate) fn shown(input: &str) -> &str {
    cut(input, 200)
}

/// The longest beginning of a text that has at most so many bytes and ends between two characters.
pub(crate) fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

/// Checks a name of the user's: not empty, no control character, no space at its ends, not too long.
pub fn checked_name<'n>(what: &str, name: &'n str, chars_max: usize) -> Result<&'n str, Error> {
    let fault = if name.is_empty() {
        "is empty".to_owned()
    } else if name.chars().any(char::is_control) {
        "holds a control character".to_owned()
    } else if name.trim() != name {
        "begins or ends with white space".to_owned()
    } else if name.chars().count() > chars_max {
        format!("has more than {chars_max} characters")
    } else {
        return Ok(name);
    };
    Err(Error::invalid(format!("{what} {:?} {fault}", shown(name))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_between_characters_and_flagged() {
        let content = Content::new("汉".repeat(limits::CONTENT_BYTES_MAX / 3 + 1));
        assert!(content.is_cut);
        assert!(content.text.len() <= limits::CONTENT_BYTES_MAX);
        assert!(content.text.chars().all(|c| c == '汉'));
        assert!(!Content::new("汉".repeat(10)).is_cut);
    }

    #[test]
    fn names_may_hold_any_script_but_no_control_characters() {
        for good in ["a", "汉字", "😀 face", "it's \"quoted\"", "%_;--"] {
            assert!(checked_name("method", good, 191).is_ok(), "{good:?}");
        }
        for bad in ["", " a", "a ", "a\nb", "a\0", &"x".repeat(192)] {
            assert!(checked_name("method", bad, 191).is_err(), "{bad:?}");
        }
    }
}
