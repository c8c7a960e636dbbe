//! The lease: the right to write about a running task, until someone else claims it.

use serde::{Deserialize, Serialize};

/// The id of a worker's row in `mission_workers`; 0 means none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkerId(pub i64);

/// A task's fence: grows by one at each claim and never falls, so that a stale writer can be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LeaseToken(pub i64);

/// The right to write about one running task: every such write names both and hits nothing once the token has grown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Lease {
    /// The task's row.
    pub id: i64,
    /// The token its claim gave.
    #[serde(rename = "lease_token")]
    pub token: LeaseToken,
}
