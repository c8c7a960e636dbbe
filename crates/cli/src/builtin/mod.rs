//! The methods that the program carries for demos and measuring: `helloWorld`, `noop`, `sleep`.

use mission_engine::Method;

/// All of them.
pub(crate) fn methods() -> Vec<Method> {
    Vec::new()
}
