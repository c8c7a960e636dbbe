//! The methods the program itself carries, for demos and for measuring: `helloWorld`, `noop` and `sleep`.

mod csv_rows;
mod hello_world;
mod noop;
mod part_file;
mod sleep;

use std::path::PathBuf;

use mission_engine::Method;

/// The methods of the program `mission`; `helloWorld` writes its files into the storage folder.
pub(crate) fn methods(storage: impl Into<PathBuf>) -> [Method; 3] {
    [hello_world::method(storage.into()), noop::method(), sleep::method()]
}
