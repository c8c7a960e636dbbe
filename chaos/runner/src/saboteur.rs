//! Placeholder of the saboteur.

/// Placeholder.
pub enum Sabotage {}
