//! The params of a task: JSON, where NULL, `[]` and `{}` all mean none.

use serde::Serialize;

use crate::{Error, limits, text::clean_text};

/// The JSON a method receives, checked and within its limit; none is kept as none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Params(Option<String>);

impl Params {
    /// No params.
    pub const NONE: Params = Params(None);

    /// Takes any value that serialises to JSON.
    pub fn of(value: &impl Serialize) -> Result<Self, Error> {
        let json = serde_json::to_string(value)
            .map_err(|e| Error::invalid("the params cannot be written as JSON").with_source(e))?;
        Self::from_json(&json)
    }

    /// Takes JSON text.
    ///
    /// ```
    /// # use mission_core::Params;
    /// assert_eq!(Params::from_json(" [] ").unwrap(), Params::NONE);
    /// assert!(Params::from_json("{rows: 1}").unwrap_err().to_string().contains("not JSON"));
    /// ```
    pub fn from_json(json: &str) -> Result<Self, Error> {
        if json.len() > limits::PARAMS_BYTES_MAX {
            return Err(Error::invalid(format!(
                "the params have {} bytes, more than {}: put the data into a table or a file and pass its name",
                json.len(),
                limits::PARAMS_BYTES_MAX
            )));
        }
        let raw: &serde_json::value::RawValue = serde_json::from_str(json)
            .map_err(|e| Error::invalid(format!("the params are not JSON: {e}")).with_source(e))?;
        let json = raw.get().trim();
        if is_none(json) {
            return Ok(Self::NONE);
        }
        Ok(Self(Some(clean_text(json).into_owned())))
    }

    /// The JSON, if there is any.
    pub fn as_json(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

/// Whether a stored text means no params: PHP writes `[]` for an empty array.
pub(crate) fn is_none(json: &str) -> bool {
    let mut bare = json.bytes().filter(|b| !b.is_ascii_whitespace());
    let bare = [bare.next(), bare.next(), bare.next(), bare.next(), bare.next()];
    let word = |text: &[u8]| {
        text.iter().zip(&bare).all(|(a, b)| Some(*a) == *b) && bare.get(text.len()).is_none_or(Option::is_none)
    };
    word(b"") || word(b"[]") || word(b"{}") || word(b"null")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_and_empty_json_all_mean_none() {
        for none in ["null", "[]", "{}", " { } ", "[\n]"] {
            assert_eq!(Params::from_json(none).unwrap(), Params::NONE, "{none:?}");
        }
        for some in ["0", "\"\"", "[0]", "{\"a\":null}", "false", "\"null\""] {
            assert_eq!(Params::from_json(some).unwrap().as_json(), Some(some), "{some:?}");
        }
        assert!(is_none(""));
    }

    #[test]
    fn big_integers_and_strange_text_survive() {
        for json in
            ["{\"n\":9007199254740993}", "{\"n\":18446744073709551616}", "\"😀 汉字 \\u0000\"", "\"\\ud83d\\ude00\""]
        {
            assert_eq!(Params::from_json(json).unwrap().as_json(), Some(json));
        }
    }

    #[test]
    fn text_that_is_not_json_or_too_large_is_refused_with_the_way_out() {
        for bad in ["", "{", "{'a':1}", "NaN", "1 2", "a=1"] {
            assert!(Params::from_json(bad).unwrap_err().to_string().contains("not JSON"), "{bad:?}");
        }
        let large = format!("\"{}\"", "x".repeat(limits::PARAMS_BYTES_MAX));
        assert!(Params::from_json(&large).unwrap_err().to_string().contains("put the data into"));
    }
}
