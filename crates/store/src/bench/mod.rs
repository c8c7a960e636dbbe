//! For measuring: a database of its own beside a given one, and the floor, plain SQL in ideal batches.

mod floor;
mod scratch;

pub use floor::{FLOOR_ROWS, Floor};
pub use scratch::Scratch;
