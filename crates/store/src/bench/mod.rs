//! For measuring: a database of its own beside a given one, rows by the million, and the floor, plain SQL in ideal batches.

mod fill;
mod floor;
mod scratch;

pub use fill::{FILL_ROWS_MAX, Rows};
pub use floor::{FLOOR_ROWS, Floor};
pub use scratch::Scratch;
