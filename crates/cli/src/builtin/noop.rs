//! `noop`: does nothing and answers nothing, for measuring what a task itself costs.

use mission_core::Failure;
use mission_engine::Method;
use serde::de::IgnoredAny;

pub(super) fn method() -> Method {
    Method::from_fn("noop", |_ctx, _params: IgnoredAny| async { Ok::<_, Failure>(()) })
}
