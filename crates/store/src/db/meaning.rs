//! The answer of a database's code table: what a fault means to the caller, and what can be done about it.

use mission_core::ErrorKind;

/// What a fault means to the caller, and what can be done about it.
pub(crate) struct Meaning {
    pub(crate) kind: ErrorKind,
    pub(crate) way_out: &'static str,
    /// Whether its connection leads to a server that is gone, or is not the one to ask any more.
    pub(crate) is_at_its_end: bool,
}

impl Meaning {
    pub(crate) const fn of(kind: ErrorKind) -> Self {
        Self::with(kind, "")
    }

    pub(crate) const fn with(kind: ErrorKind, way_out: &'static str) -> Self {
        Self { kind, way_out, is_at_its_end: matches!(kind, ErrorKind::Unreachable) }
    }

    /// The same, and another connection may lead to a server that answers otherwise.
    #[cfg(feature = "mysql")]
    pub(crate) const fn of_this_server(kind: ErrorKind) -> Self {
        Self { kind, way_out: "", is_at_its_end: true }
    }
}
