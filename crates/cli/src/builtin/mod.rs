//! The methods the program itself carries, for demos and for measuring: `helloWorld`, `noop` and `sleep`.

mod csv_rows;
mod hello_world;
mod noop;
mod sleep;

use mission_engine::Method;

/// The methods of the program `mission`.
pub(crate) fn methods() -> [Method; 3] {
    [hello_world::method(), noop::method(), sleep::method()]
}
