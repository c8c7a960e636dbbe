//! The store's conformance suite: one behaviour, told in sentences, on every kind of database.

mod crowd;
mod stage;
mod texts;

mod claim;
mod cost;
mod life;
mod plans;
mod push;
mod push_in;
mod settle;
mod statements;
