//! Background tasks on the SQL database you already have: push a method, watch it run, get the result.
#![forbid(unsafe_code)]

pub use mission_core::State as TaskState;
pub use mission_core::{
    Error, ErrorKind, Failure, NewTask, OnCrash, Priority, Progress, Reason, Result, Task, UniqueId,
};
pub use mission_macros::method;
pub use mission_worker::{Context, Interrupted, Method, State, States, blocking};

/// What `#[mission::method]` writes into your program; not for use by hand, and free to change.
#[doc(hidden)]
pub mod __private {
    pub use inventory;
    pub use mission_worker::{AwaitingContext, BlockingContext, Call, Registered, answer};
}
