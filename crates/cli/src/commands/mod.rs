//! The commands, one file each.

pub(crate) mod add;
pub(crate) mod bench;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod download;
pub(crate) mod execute;
pub(crate) mod follow;
pub(crate) mod import;
pub(crate) mod logs;
pub(crate) mod looking;
pub(crate) mod many;
pub(crate) mod methods;
pub(crate) mod migrate;
pub(crate) mod params;
pub(crate) mod prune;
pub(crate) mod records;
pub(crate) mod show;
pub(crate) mod test_method;
pub(crate) mod types;
pub(crate) mod wait;
pub(crate) mod watch;
pub(crate) mod work;
pub(crate) mod workers;
