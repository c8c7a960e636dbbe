//! A method: a name, the code behind it, and the rules for its tasks.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use mission_core::{Error, OnCrash, Policy};
use serde::de::DeserializeOwned;

use crate::answer::{Answer, answer};
use crate::call::{AwaitingContext, BlockingContext, Call, Fault};
use crate::state::Needed;
use crate::{Context, blocking, decode};

/// What a method that awaits turns into when it is called.
pub type AnswerFuture = Pin<Box<dyn Future<Output = Result<String, Fault>> + Send>>;
/// The code of a method that awaits.
pub type AsyncBody = Arc<dyn Fn(Call) -> AnswerFuture + Send + Sync>;
/// The code of a method that blocks its thread.
pub type BlockingBody = Arc<dyn Fn(Call) -> Result<String, Fault> + Send + Sync>;

/// Whether the method of this name could begin with these params.
type Fits = fn(&str, Option<&str>) -> Result<(), String>;

/// The code of a method, and where it wants to run.
#[derive(Clone)]
pub enum Body {
    /// On the runtime.
    Async(AsyncBody),
    /// On a thread of its own.
    Blocking(BlockingBody),
}

/// A method that a worker can run: `#[mission::method]` makes one of a function, [`Method::from_fn`] of a closure.
#[derive(Clone)]
pub struct Method {
    pub(crate) name: String,
    pub(crate) body: Body,
    pub(crate) origin: Origin,
    pub(crate) policy: Policy,
    pub(crate) timeout: Option<Duration>,
    pub(crate) stall_timeout: Option<Duration>,
    pub(crate) keep_files: Option<Duration>,
    pub(crate) states: Vec<Needed>,
    /// Whether it could begin with these params; none where it takes any.
    fits: Option<Fits>,
}

/// Where a method was written, to tell apart two of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A function with the attribute: the place tells it all.
    Function(String),
    /// A closure: many can be made in one place.
    Closure(String),
}

impl Method {
    /// A method of an `async fn`, as the attribute makes it; `source` is its file and line.
    pub fn awaiting<F, Fut>(name: impl Into<String>, source: impl Into<String>, function: F) -> Self
    where
        F: Fn(Call) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<String, Fault>> + Send + 'static,
    {
        Self::new(name.into(), Origin::Function(source.into()), Body::awaiting(function))
    }

    /// A method of a plain `fn`, as the attribute makes it; `source` is its file and line.
    pub fn blocking<F>(name: impl Into<String>, source: impl Into<String>, function: F) -> Self
    where
        F: Fn(Call) -> Result<String, Fault> + Send + Sync + 'static,
    {
        Self::new(name.into(), Origin::Function(source.into()), Body::Blocking(Arc::new(function)))
    }

    /// A method of an async closure that takes the context and the params.
    ///
    /// ```
    /// # use mission_core::Failure;
    /// # use mission_worker::Method;
    /// let double = Method::from_fn("double", |_ctx, n: u64| async move { Ok::<_, Failure>(2 * n) });
    /// assert_eq!(double.name(), "double");
    /// ```
    #[track_caller]
    pub fn from_fn<P, F, Fut>(name: impl Into<String>, function: F) -> Self
    where
        P: DeserializeOwned + Send + 'static,
        F: Fn(Context, P) -> Fut + Send + Sync + 'static,
        Fut: Future + Send + 'static,
        Fut::Output: Answer,
    {
        let function = Arc::new(function);
        let body = Body::awaiting(move |call: Call| {
            let function = Arc::clone(&function);
            async move {
                let params = call.params::<P>()?;
                answer(function(Context::of(&call), params).await)
            }
        });
        Self::new(name.into(), Origin::here(), body).takes::<P>()
    }

    /// A method of a blocking closure that takes the context and the params; it runs on a thread of its own.
    #[track_caller]
    pub fn from_blocking_fn<P, F, R>(name: impl Into<String>, function: F) -> Self
    where
        P: DeserializeOwned,
        F: Fn(blocking::Context, P) -> R + Send + Sync + 'static,
        R: Answer,
    {
        let body: BlockingBody = Arc::new(move |call: Call| {
            let params = call.params::<P>()?;
            answer(function(blocking::Context::of(&call), params))
        });
        Self::new(name.into(), Origin::here(), Body::Blocking(body)).takes::<P>()
    }

    fn new(name: String, origin: Origin, body: Body) -> Self {
        Self {
            name,
            body,
            origin,
            policy: Policy::default(),
            timeout: None,
            stall_timeout: None,
            keep_files: None,
            states: Vec::new(),
            fits: None,
        }
    }

    /// The name under which tasks call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Retries after an ordinary failure, unless the task has its own.
    #[must_use]
    pub fn retries(mut self, retries: i64) -> Self {
        self.policy.retries = retries;
        self
    }

    /// What happens to a task after its worker's process died.
    #[must_use]
    pub fn on_crash(mut self, on_crash: OnCrash) -> Self {
        self.policy.on_crash = on_crash;
        self
    }

    /// Longest run of one attempt, unless the task has its own.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Longest time without progress, unless the task has its own.
    #[must_use]
    pub fn stall_timeout(mut self, timeout: Duration) -> Self {
        self.stall_timeout = Some(timeout);
        self
    }

    /// How long result files are kept after the success, unless the task or the file says otherwise.
    #[must_use]
    pub fn keep_files(mut self, keep: Duration) -> Self {
        self.keep_files = Some(keep);
        self
    }

    /// Says that the method asks for this state, so that a worker without it refuses to start.
    #[must_use]
    pub fn needs<T: Send + Sync + 'static>(mut self) -> Self {
        self.states.push(Needed::of::<T>());
        self
    }

    /// Says what its params are, so that others can be refused before they are stored.
    #[must_use]
    pub fn takes<P: DeserializeOwned>(mut self) -> Self {
        self.fits = Some(decode::fits::<P>);
        self
    }

    /// Refuses params with which it could not begin; it does not run.
    ///
    /// ```
    /// # use mission_core::Failure;
    /// # use mission_worker::Method;
    /// let double = Method::from_fn("double", |_ctx, n: u64| async move { Ok::<_, Failure>(2 * n) });
    /// assert!(double.check_params(Some("21")).is_ok());
    /// assert!(double.check_params(Some("\"x\"")).unwrap_err().is_invalid());
    /// ```
    pub fn check_params(&self, json: Option<&str>) -> Result<(), Error> {
        self.fits.map_or(Ok(()), |fits| fits(&self.name, json).map_err(Error::invalid))
    }
}

impl Body {
    fn awaiting<F, Fut>(function: F) -> Self
    where
        F: Fn(Call) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<String, Fault>> + Send + 'static,
    {
        Body::Async(Arc::new(move |call| Box::pin(function(call))))
    }
}

impl Method {
    /// Whether both are the same method, registered twice.
    pub(crate) fn is_same(&self, other: &Method) -> bool {
        let is_same_body = match (&self.body, &other.body) {
            (Body::Async(a), Body::Async(b)) => Arc::ptr_eq(a, b),
            (Body::Blocking(a), Body::Blocking(b)) => Arc::ptr_eq(a, b),
            _ => false,
        };
        is_same_body || (matches!(self.origin, Origin::Function(_)) && self.origin == other.origin)
    }
}

impl Origin {
    #[track_caller]
    fn here() -> Self {
        let place = Location::caller();
        Self::Closure(format!("{}:{}", place.file(), place.line()))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Function(place) | Origin::Closure(place) => f.write_str(place),
        }
    }
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Method")
            .field("name", &self.name)
            .field("origin", &self.origin)
            .field("policy", &self.policy)
            .field("timeout", &self.timeout)
            .field("stall_timeout", &self.stall_timeout)
            .field("keep_files", &self.keep_files)
            .finish_non_exhaustive()
    }
}
