//! A method's body while it runs: begun on the runtime or on a thread of its own, its panic caught, its end awaited.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::Instrument as _;

use crate::call::{Call, Fault};
use crate::limits;
use crate::method::Body;

/// How a body ended.
pub(crate) enum Ended {
    /// It returned.
    Returned(Result<String, Fault>),
    /// It panicked.
    Panicked(String),
    /// It was dropped at an await.
    Dropped,
    /// No thread could be had for it.
    NotStarted(std::io::Error),
}

/// A body that runs.
pub(crate) enum RunningBody {
    /// On the runtime.
    Awaiting(JoinHandle<Result<String, Fault>>),
    /// On a thread of its own.
    Blocking(oneshot::Receiver<Ended>),
}

impl RunningBody {
    /// Begins to run a body.
    pub(crate) fn begin(body: &Body, call: Call, method: &str, span: tracing::Span) -> Self {
        match body {
            Body::Async(body) => {
                // The first part of a method runs when it is called, so the call belongs inside the task, too.
                let body = std::sync::Arc::clone(body);
                Self::Awaiting(tokio::spawn(async move { body(call).await }.instrument(span)))
            }
            Body::Blocking(body) => {
                let body = std::sync::Arc::clone(body);
                let (sender, receiver) = oneshot::channel();
                let work = move || {
                    let returned = std::panic::catch_unwind(AssertUnwindSafe(|| span.in_scope(|| body(call))));
                    // Nobody listens any more where the worker is gone.
                    let _ = sender.send(match returned {
                        Ok(returned) => Ended::Returned(returned),
                        Err(panic) => Ended::Panicked(panic_message(&*panic)),
                    });
                };
                match std::thread::Builder::new().name(thread_name(method)).spawn(work) {
                    Ok(_) => Self::Blocking(receiver),
                    Err(fault) => {
                        let (sender, receiver) = oneshot::channel();
                        let _ = sender.send(Ended::NotStarted(fault));
                        Self::Blocking(receiver)
                    }
                }
            }
        }
    }

    /// Waits until it has ended. Not to be asked again after that; dropping the wait loses nothing.
    pub(crate) async fn ended(&mut self) -> Ended {
        match self {
            Self::Awaiting(handle) => match handle.await {
                Ok(returned) => Ended::Returned(returned),
                Err(fault) => match fault.try_into_panic() {
                    Ok(panic) => Ended::Panicked(panic_message(&*panic)),
                    Err(_) => Ended::Dropped,
                },
            },
            // The sender goes without a word only if the thread was torn down.
            Self::Blocking(receiver) => receiver.await.unwrap_or(Ended::Dropped),
        }
    }

    /// Ends it, now that it was told to stop: it has a moment for itself, then it is dropped where that can be done.
    /// `None` if it goes on nevertheless.
    pub(crate) async fn end(&mut self) -> Option<Ended> {
        if let Ok(ended) = timeout(limits::STOP_MOMENT, self.ended()).await {
            return Some(ended);
        }
        let Self::Awaiting(handle) = self else { return None };
        handle.abort();
        timeout(limits::ABORT_MAX, self.ended()).await.ok()
    }
}

/// The words of a panic.
fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("(a panic without a message)").to_owned()
}

/// Linux shows fifteen bytes of it; a NUL would be refused.
fn thread_name(method: &str) -> String {
    let name: String = method.chars().filter(|letter| *letter != '\0').collect();
    name[..name.floor_char_boundary(15)].to_owned()
}
