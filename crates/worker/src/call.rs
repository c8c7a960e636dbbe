//! One call of a method: where its arguments come from.

use std::sync::Arc;

use mission_core::Failure;
use serde::de::DeserializeOwned;

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

    /// The context of an awaiting method.
    pub fn context(&self) -> Context {
        Context::new(Arc::clone(&self.shared))
    }

    /// The context of a blocking method.
    pub fn blocking_context(&self) -> blocking::Context {
        blocking::Context::new(Arc::clone(&self.shared))
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
        let json = self.shared.task().params_json().unwrap_or("null");
        serde_json::from_str(json).map_err(|fault| Fault::BadParams(fault.to_string()))
    }
}
