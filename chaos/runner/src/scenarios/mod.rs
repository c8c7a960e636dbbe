//! The scenarios, a file each.

pub(crate) mod application;
pub(crate) mod commit_loss;
pub(crate) mod crowd;
pub(crate) mod cut;
pub(crate) mod deadlock_storm;
pub(crate) mod disk_full;
pub(crate) mod kill;
pub(crate) mod restart;
pub(crate) mod sigterm_storm;
pub(crate) mod zombie;
