//! One call of a method: where its arguments come from.

use std::sync::Arc;

use mission_core::Failure;
use serde::de::DeserializeOwned;

use crate::decode;
use crate::shared::Shared;
use crate::state::{State, States};
use crate::{Context, blocking};

/// Why a call gave no answer.
#[derive(Debug)]
pub enum Fault {
    /// The params are not JSON, or not what the method takes; it was not run.
    BadParams(String),
    /// The method failed.
    Failed(Failure),
}

/// What a method is called with.
pub struct Call {
    shared: Arc<Shared>,
    states: Arc<States>,
}

impl Call {
    /// A call for one running attempt.
    pub(crate) fn new(shared: Arc<Shared>, states: Arc<States>) -> Self {
        Self { shared, states }
    }

    /// A value the worker was given to share.
    pub fn state<T: Send + Sync + 'static>(&self) -> Result<State<T>, Fault> {
        self.states.get::<T>().ok_or_else(|| {
            let message = format!("the worker was not given State<{}>", std::any::type_name::<T>());
            Fault::Failed(Failure::new(message).fatal())
        })
    }

    /// The params, decoded; none becomes what the type makes of `null`, of `{}` or of `[]`.
    pub fn params<P: DeserializeOwned>(&self) -> Result<P, Fault> {
        let task = self.shared.task();
        decode::decode(&task.method, task.params_json()).map_err(Fault::BadParams)
    }

    /// For a method that takes no params: what the task carries must still be JSON.
    pub fn check_params(&self) -> Result<(), Fault> {
        let task = self.shared.task();
        decode::check(&task.method, task.params_json()).map_err(Fault::BadParams)
    }
}

/// The context of an `async fn`: a trait only so that the compiler can say what a method with the other one should take.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the context of an async method",
    label = "an `async fn` takes `mission::Context`",
    note = "`mission::blocking::Context` is for a plain `fn`, which runs on a thread of its own"
)]
pub trait AwaitingContext {
    /// The context of this call.
    fn of(call: &Call) -> Self;
}

/// The context of a plain `fn`: a trait for the same reason.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the context of a blocking method",
    label = "a plain `fn` takes `mission::blocking::Context`",
    note = "`mission::Context` is for an `async fn`"
)]
pub trait BlockingContext {
    /// The context of this call.
    fn of(call: &Call) -> Self;
}

impl AwaitingContext for Context {
    fn of(call: &Call) -> Self {
        Context::new(Arc::clone(&call.shared))
    }
}

impl BlockingContext for blocking::Context {
    fn of(call: &Call) -> Self {
        blocking::Context::new(Arc::clone(&call.shared))
    }
}

#[cfg(test)]
mod tests {
    use mission_core::{State as TaskState, Task, UniqueId};

    use super::*;
    use crate::method::{Body, Method};

    fn call(params: &str) -> Call {
        let mut task = Task::with(1, UniqueId::random(), "double".into(), TaskState::Executing);
        task.params = Some(params.into());
        Call::new(Arc::new(Shared::new(task, crate::surroundings::Surroundings::none())), Arc::new(States::new()))
    }

    async fn run(method: &Method, call: Call) -> Result<String, Fault> {
        match &method.body {
            Body::Async(body) => body(call).await,
            Body::Blocking(body) => body(call),
        }
    }

    #[tokio::test]
    async fn closures_of_both_kinds_are_methods() {
        let awaiting = Method::from_fn("double", |ctx, n: u64| async move {
            ctx.progress((n, n)).await?;
            Ok::<_, Failure>(2 * n)
        });
        let blocking = Method::from_blocking_fn("double", |ctx, n: u64| {
            ctx.progress((n, n))?;
            Ok::<_, Failure>(2 * n)
        });
        for method in [awaiting, blocking] {
            assert_eq!(run(&method, call("21")).await.unwrap(), "42");
            assert!(matches!(run(&method, call("\"x\"")).await, Err(Fault::BadParams(_))));
        }
    }

    #[test]
    fn a_state_the_worker_was_not_given_fails_for_good() {
        match call("{}").state::<String>() {
            Err(Fault::Failed(failure)) => {
                assert!(failure.is_fatal() && failure.message().contains("State<alloc::string::String>"), "{failure}");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn params_that_are_no_json_are_refused_where_none_are_taken() {
        assert!(call("[]").check_params().is_ok());
        assert!(matches!(call("[").check_params(), Err(Fault::BadParams(_))));
    }
}
