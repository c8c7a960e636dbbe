//! The shelf of Mission: result files in the making and published, in one folder or a bucket; no async, no SQL.
//!
//! A method writes into a [`StagingFile`]; each commit makes its length durable, so that a later attempt goes on from
//! there; [`StagingFile::finish`] gives the file its published name, and the row in the database makes it a result.
//! ```
//! use std::io::Write;
//! use mission_core::{LeaseToken, Timestamp, UniqueId};
//! use mission_files::{Attempt, Folder, Quota};
//!
//! # let place = tempfile::tempdir().unwrap();
//! let folder = Folder::open(&place.path().join("files"), "0123456789abcdef", Quota::default())?;
//! let id = UniqueId::random();
//! let attempt = Attempt { task_id: 1, unique_id: &id, token: LeaseToken(1), began: Timestamp(0) };
//! let mut file = folder.attempt(&attempt).create("report.csv")?;
//! file.write_all(b"1\n").unwrap();
//! let committed = file.commit()?;   // goes into the checkpoint
//! assert_eq!(committed.bytes, 2);
//! let finished = file.finish(None)?; // goes into the settlement …
//! file.unstage()?;                  // … and once that is written, the staging name goes
//! assert!(folder.exists(&finished.location)?);
//! # Ok::<(), mission_core::Error>(())
//! ```
#![forbid(unsafe_code)]

mod attempt;
#[cfg(feature = "s3")]
mod bucket;
mod bucket_settings;
mod fault;
mod folder;
mod hash;
mod names;
mod open_storage;
mod place;
mod quota;
#[cfg_attr(not(feature = "s3"), allow(dead_code))] // Nothing is beyond the host then.
mod remote;
mod segments;
mod staging;
mod sweep;
mod verified;

pub use attempt::{Attempt, AttemptFiles};
pub use bucket_settings::{BucketKeys, BucketSettings};
pub use folder::Folder;
pub use names::check_file_name;
pub use open_storage::OpenStorage;
pub use quota::Quota;
pub use staging::StagingFile;
pub use sweep::{Staged, Swept, leave_folder};
pub use verified::VerifiedFile;
