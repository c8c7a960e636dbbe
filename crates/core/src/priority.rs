//! The priority of a task, −9 to 9, higher first.

use crate::{Error, limits};

/// −9 … 9, higher runs first, 0 unless told otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Priority(i64);

impl Priority {
    /// A priority within its bounds, or an error that names them.
    pub fn new(value: i64) -> Result<Self, Error> {
        if (-limits::PRIORITY_MAX..=limits::PRIORITY_MAX).contains(&value) {
            return Ok(Self(value));
        }
        Err(Error::invalid(format!("priority {value} is out of range: use -9 (last) to 9 (first)")))
    }

    /// The number.
    pub fn get(self) -> i64 {
        self.0
    }
}
