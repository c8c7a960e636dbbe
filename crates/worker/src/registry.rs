//! The methods a worker has, by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use mission_core::{Error, ErrorKind, checked_name, limits};

use crate::Method;
use crate::state::States;

/// A method that registers itself where the linker keeps it; the attribute submits one for each function.
pub struct Registered(pub fn() -> Method);

inventory::collect!(Registered);

/// The methods a worker has, by name: those that registered themselves and those it was given.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    methods: BTreeMap<String, Arc<Method>>,
}

impl Registry {
    /// The methods that registered themselves, and these.
    pub fn collect(given: impl IntoIterator<Item = Method>) -> Result<Self, Error> {
        let registered = inventory::iter::<Registered>().map(|registered| (registered.0)());
        Self::of(registered.chain(given))
    }

    /// These methods and no others.
    pub fn of(methods: impl IntoIterator<Item = Method>) -> Result<Self, Error> {
        let mut registry = Self::default();
        for method in methods {
            registry.add(method)?;
        }
        if registry.methods.is_empty() {
            return Err(setup(
                "this worker has no methods: write #[mission::method] on a function, or give them with \
                 .methods([export::method()]), which also keeps those of a library crate that the linker drops"
                    .to_owned(),
            ));
        }
        Ok(registry)
    }

    /// The method of this name.
    pub fn get(&self, name: &str) -> Option<&Arc<Method>> {
        self.methods.get(name)
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.methods.keys().map(String::as_str)
    }

    /// Refuses if a method asks for state that was not given.
    pub fn check_states(&self, states: &States) -> Result<(), Error> {
        for method in self.methods.values() {
            if let Some(missing) = method.states.iter().find(|needed| !states.holds(needed)) {
                return Err(setup(format!(
                    "method {:?} ({}) asks for State<{}>, which this worker was not given: add .state(…) to the worker",
                    method.name, method.origin, missing.name
                )));
            }
        }
        Ok(())
    }

    fn add(&mut self, method: Method) -> Result<(), Error> {
        checked_name("method", &method.name, limits::NAME_CHARS_MAX)
            .map_err(|fault| setup(format!("{fault} ({})", method.origin)))?;
        match self.methods.get(&method.name) {
            None => {
                self.methods.insert(method.name.clone(), Arc::new(method));
                Ok(())
            }
            Some(known) if known.is_same(&method) => Ok(()),
            Some(known) => Err(setup(format!(
                "two methods are called {:?}, at {} and at {}: give one another name with #[mission::method(name = \"…\")]",
                method.name, known.origin, method.origin
            ))),
        }
    }
}

fn setup(message: String) -> Error {
    Error::new(ErrorKind::Setup, message)
}
