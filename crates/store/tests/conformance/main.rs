//! The store's conformance suite: one behaviour, told in sentences, on every kind of database.

mod stage;

mod claim;
mod life;
mod push;
mod push_in;
mod settle;
