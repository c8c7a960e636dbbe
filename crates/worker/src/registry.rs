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

#[cfg(test)]
mod tests {
    use mission_core::Failure;
    use serde_json::Value;

    use super::*;
    use crate::State;

    fn made(name: &str) -> Method {
        Method::from_fn(name, |_, _: Value| async { Ok::<_, Failure>(()) })
    }

    /// A method as the attribute makes it, anew with each call.
    fn written(name: &str, source: &str) -> Method {
        Method::blocking(name, source, |_| Ok(String::new()))
    }

    fn refusal(methods: impl IntoIterator<Item = Method>) -> String {
        let error = Registry::of(methods).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Setup);
        error.to_string()
    }

    #[test]
    fn methods_are_found_by_name() {
        let registry = Registry::of([made("sleep"), made("noop"), written("汉字", "src/a.rs:1")]).unwrap();
        assert_eq!(registry.names().collect::<Vec<_>>(), ["noop", "sleep", "汉字"]);
        assert_eq!(registry.get("noop").unwrap().name(), "noop");
        assert!(registry.get("Noop").is_none());
    }

    #[test]
    fn the_same_method_given_twice_is_one() {
        let noop = made("noop");
        let twice = [noop.clone(), noop, written("export", "src/a.rs:1"), written("export", "src/a.rs:1")];
        assert_eq!(Registry::of(twice).unwrap().names().count(), 2);
    }

    #[test]
    fn two_of_one_name_are_refused_with_both_places() {
        let text = refusal([written("export", "src/a.rs:1"), written("export", "src/b.rs:2")]);
        assert!(text.contains("\"export\", at src/a.rs:1 and at src/b.rs:2"), "{text}");
        let text = refusal([made("noop"), made("noop")]);
        assert!(text.contains("two methods are called \"noop\"") && text.contains("registry.rs:"), "{text}");
    }

    #[test]
    fn none_at_all_is_refused_with_the_ways_to_have_some() {
        let text = refusal([]);
        assert!(text.contains("#[mission::method]") && text.contains(".methods(["), "{text}");
    }

    #[test]
    fn a_name_that_no_task_could_carry_is_refused_with_its_place() {
        let text = refusal([written("a\nb", "src/a.rs:1")]);
        assert!(text.contains("control character (src/a.rs:1)"), "{text}");
    }

    #[test]
    fn missing_state_is_named_with_its_method() {
        let registry = Registry::of([written("export", "src/a.rs:1").needs::<Vec<u8>>().needs::<String>()]).unwrap();
        let mut states = States::new();
        states.insert(vec![1_u8]);
        let text = registry.check_states(&states).unwrap_err().to_string();
        assert!(text.contains("\"export\" (src/a.rs:1) asks for State<alloc::string::String>"), "{text}");
        states.insert("x".to_owned());
        assert!(registry.check_states(&states).is_ok());
        let State(bytes) = states.get::<Vec<u8>>().unwrap();
        assert_eq!(*bytes, [1]);
    }
}
