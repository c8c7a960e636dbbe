//! The commands, one file each.

pub(crate) mod add;
pub(crate) mod cancel;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod delete;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod execute;
pub(crate) mod import;
pub(crate) mod limit;
pub(crate) mod methods;
pub(crate) mod migrate;
pub(crate) mod pause;
pub(crate) mod prune;
pub(crate) mod records;
pub(crate) mod resume;
pub(crate) mod retry;
pub(crate) mod show;
pub(crate) mod test_method;
pub(crate) mod types;
pub(crate) mod wait;
pub(crate) mod watch;
pub(crate) mod work;
pub(crate) mod workers;
