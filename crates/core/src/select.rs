//! Which records are meant: the filter that listing, cancelling and deleting share.

use crate::{State, Timestamp};

/// Which records are meant; fields left out match everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Filter {
    /// One of these states; none means any.
    pub states: Vec<State>,
    /// This method.
    pub method: Option<String>,
    /// This type.
    pub task_type: Option<String>,
    /// This creator.
    pub creator: Option<String>,
    /// Pushed at this moment or later.
    pub since: Option<Timestamp>,
}

impl Filter {
    /// Everything.
    pub fn all() -> Self {
        Self::default()
    }

    /// Adds a state.
    #[must_use]
    pub fn state(mut self, state: State) -> Self {
        self.states.push(state);
        self
    }

    /// Only this method.
    #[must_use]
    pub fn method(mut self, method: impl Into<String>) -> Self {
        self.method = Some(method.into());
        self
    }

    /// Only this type.
    #[must_use]
    pub fn task_type(mut self, task_type: impl Into<String>) -> Self {
        self.task_type = Some(task_type.into());
        self
    }

    /// Only this creator.
    #[must_use]
    pub fn creator(mut self, creator: impl Into<String>) -> Self {
        self.creator = Some(creator.into());
        self
    }

    /// Only what was pushed at this moment or later.
    #[must_use]
    pub fn since(mut self, moment: impl Into<Timestamp>) -> Self {
        self.since = Some(moment.into());
        self
    }

    /// Whether it matches everything: acts on many tasks ask for more than that.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
