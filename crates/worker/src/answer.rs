//! What a method may return, and the text that is stored of it.

use std::any::Any;

use mission_core::Failure;
use serde::Serialize;

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

/// Strings are stored as they are, `()` as empty text, everything else as JSON.
fn content<T: Serialize + 'static>(value: &T) -> Result<String, Failure> {
    let value_any: &dyn Any = value;
    if value_any.is::<()>() {
        return Ok(String::new());
    }
    if let Some(text) = value_any.downcast_ref::<String>() {
        return Ok(text.clone());
    }
    let json = serde_json::to_string(value)
        // The same type fails the same way next time.
        .map_err(|fault| Failure::new(format!("the answer cannot be written as JSON: {fault}")).fatal())?;
    if json.starts_with('"') {
        return serde_json::from_str(&json).map_err(Failure::from);
    }
    Ok(json)
}
