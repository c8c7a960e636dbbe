//! What a method may return, and the text that is stored of it.

use std::any::Any;

use mission_core::Failure;
use serde::Serialize;

use crate::call::Fault;

/// What a method may return: a `Result` of anything that serialises, or nothing.
#[diagnostic::on_unimplemented(
    message = "a method cannot return `{Self}`",
    label = "a method returns `Result<T, E>`, or nothing",
    note = "`T` is any `Serialize` type, `E` any error, `mission::Failure` or `anyhow::Error`"
)]
pub trait Answer {
    /// The text to be stored, or why the method failed.
    fn into_content(self) -> Result<String, Failure>;
}

impl<T: Serialize + 'static, E: Into<Failure>> Answer for Result<T, E> {
    fn into_content(self) -> Result<String, Failure> {
        self.map_err(Into::into).and_then(|value| content(&value))
    }
}

impl Answer for () {
    fn into_content(self) -> Result<String, Failure> {
        Ok(String::new())
    }
}

/// What the worker makes of what a method returned.
pub fn answer(returned: impl Answer) -> Result<String, Fault> {
    returned.into_content().map_err(Fault::Failed)
}

/// Strings are stored as they are, `()` as empty text, everything else as JSON.
pub(crate) fn content<T: Serialize + 'static>(value: &T) -> Result<String, Failure> {
    let value_any: &dyn Any = value;
    if value_any.is::<()>() {
        return Ok(String::new());
    }
    let json = serde_json::to_string(value)
        // The same type fails the same way next time.
        .map_err(|fault| Failure::new(format!("the answer cannot be written as JSON: {fault}")).fatal())?;
    if json.starts_with('"') {
        return Ok(serde_json::from_str(&json)?);
    }
    Ok(json)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn stored<T: Serialize + 'static>(value: T) -> String {
        Ok::<T, Failure>(value).into_content().unwrap()
    }

    #[test]
    fn strings_are_stored_as_they_are_and_others_as_json() {
        assert_eq!(stored("say \"hi\"\n汉 😀\0".to_owned()), "say \"hi\"\n汉 😀\0");
        assert_eq!(stored("my test"), "my test");
        assert_eq!(stored(serde_json::json!("text")), "text");
        assert_eq!(stored('x'), "x");
        assert_eq!(stored(vec![1, 2]), "[1,2]");
        assert_eq!(stored(7.5), "7.5");
        assert_eq!(stored(u128::MAX), u128::MAX.to_string());
        assert_eq!(stored(None::<u64>), "null");
        assert_eq!(stored(BTreeMap::from([("rows", 1)])), "{\"rows\":1}");
    }

    #[test]
    fn nothing_is_stored_as_empty_text() {
        assert_eq!(stored(()), "");
        assert_eq!(().into_content().unwrap(), "");
    }

    #[test]
    fn any_error_becomes_a_failure_with_its_causes() {
        let io = || std::io::Error::other("disk full");
        assert_eq!(Err::<(), _>(io()).into_content().unwrap_err().message(), "disk full");
        let chained = anyhow::Error::from(io()).context("cannot write the export");
        let failure = Err::<String, anyhow::Error>(chained).into_content().unwrap_err();
        assert_eq!(failure.message(), "cannot write the export: disk full");
        let fatal = Err::<(), _>(Failure::new("no such customer").fatal()).into_content().unwrap_err();
        assert!(fatal.is_fatal());
    }

    #[test]
    fn an_answer_that_is_no_json_fails_for_good() {
        let keys_are_lists = BTreeMap::from([(vec![1], 2)]);
        let failure = Ok::<_, Failure>(keys_are_lists).into_content().unwrap_err();
        assert!(failure.is_fatal() && failure.message().contains("cannot be written as JSON"), "{failure}");
    }
}
