//! What a scenario promises beyond what always holds.

use std::time::Duration;

/// What a scenario expects; what always holds is not named here.
#[derive(Debug, Clone, Default)]
pub struct Expect {
    /// No process died: no crash may be counted.
    pub no_crash_counted: bool,
    /// Tasks were at most handed over: every success is the first attempt, and no failure is counted.
    pub no_attempt_counted: bool,
    /// A task whose process is gone goes on within this.
    pub goes_on_within: Option<Duration>,
    /// The database was full: its refusals reach producers.
    pub refusals_may_surface: bool,
    /// The method is to end as `crashed`.
    pub poison: Option<String>,
}
