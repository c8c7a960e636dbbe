//! The store's conformance suite: one behaviour, told in sentences, on every kind of database.

mod life;
mod stage;
