//! The answer of a database's code table: what a fault means to the caller, and what can be done about it.

use mission_core::ErrorKind;

/// What a fault means to the caller, and what can be done about it.
pub(crate) struct Meaning {
    pub(crate) kind: ErrorKind,
    pub(crate) way_out: &'static str,
}

impl Meaning {
    pub(crate) const fn of(kind: ErrorKind) -> Self {
        Self { kind, way_out: "" }
    }

    pub(crate) const fn with(kind: ErrorKind, way_out: &'static str) -> Self {
        Self { kind, way_out }
    }
}
