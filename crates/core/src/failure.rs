//! Why a method failed: any error by `?`, retryable unless told otherwise.

use std::fmt;
use std::time::Duration;

/// A method's failure. Takes any error by `?`; with retries left the task runs again after a backoff.
///
/// ```
/// # use mission_core::Failure;
/// fn parse(text: &str) -> Result<u64, Failure> {
///     Ok(text.parse::<u64>()?)
/// }
/// assert!(parse("x").unwrap_err().to_string().contains("invalid digit"));
/// assert!(Failure::new("no such customer").fatal().is_fatal());
/// ```
pub struct Failure {
    message: String,
    is_fatal: bool,
    retry_after: Option<Duration>,
}

impl Failure {
    /// A failure with a message.
    pub fn new(message: impl fmt::Display) -> Self {
        Self { message: message.to_string(), is_fatal: false, retry_after: None }
    }

    /// Not to be retried, however many retries are left: the input is wrong and stays wrong.
    #[must_use]
    pub fn fatal(mut self) -> Self {
        self.is_fatal = true;
        self
    }

    /// To be retried after this wait instead of the backoff: the other side said when.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait.min(crate::limits::SPAN_MAX));
        self
    }

    /// Whether retrying is pointless.
    pub fn is_fatal(&self) -> bool {
        self.is_fatal
    }

    /// The wait the method asked for.
    pub fn wait(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The message with the messages of its sources.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl<E> From<E> for Failure
where
    E: Into<Box<dyn std::error::Error + Send + Sync + 'static>>,
{
    fn from(error: E) -> Self {
        let error = error.into();
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            // Many errors repeat their cause in their own sentence.
            if !message.contains(&cause_text) {
                message.push_str(": ");
                message.push_str(&cause_text);
            }
            source = cause.source();
        }
        Self::new(message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
