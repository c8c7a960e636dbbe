//! The hands of Mission: methods and how they are called; claim, run, renew, settle, keep house.
//!
//! The method's side, as the machine side uses it:
//!
//! * `Registry::collect(methods)` gives every method by name; `Registry::check_states(&states)` names missing state at the start.
//! * `Shared::new(task)` is one running attempt. `Call::new(shared, states)` goes to the method's `Body`, which gives
//!   `Result<String, Fault>`. Panics are left to the caller, inside the future or on the thread.
//! * `Shared::stop(cause)` ends it, the first cause wins; `Shared::cause()` reads it, `Shared::stopped()` waits for it.
//! * `Shared::progress_after(version)` gives what is still to be written; `Shared::idle_for()` serves the stall timeout.
#![forbid(unsafe_code)]

mod answer;
pub mod blocking;
mod call;
mod clock;
mod context;
mod decode;
mod method;
mod registry;
mod shared;
mod state;
mod stop;

pub use answer::{Answer, answer};
pub use call::{AwaitingContext, BlockingContext, Call, Fault};
pub use context::Context;
pub use method::{AnswerFuture, AsyncBody, BlockingBody, Body, Method};
pub use registry::{Registered, Registry};
pub use state::{State, States};
pub use stop::Interrupted;
