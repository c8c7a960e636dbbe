//! What the shelf asks of a storage that other hosts reach: pieces of files in the making, and whole files.

use std::fmt;
use std::fs::File;
use std::io::{Read, Write};
use std::sync::Arc;

#[cfg(not(feature = "s3"))]
use mission_core::ErrorKind;
use mission_core::{Error, Segment};

use crate::bucket_settings::BucketSettings;

/// A storage beyond this host. A *desk* holds what belongs to one file in the making: its segments, and a note of each
/// location it may have been published under. All of it blocks on the network.
pub(crate) trait Remote: fmt::Debug + Send + Sync {
    /// The storage's name for the rows of its files.
    fn name(&self) -> &str;

    /// The place of a published file, for people.
    fn show(&self, location: &str) -> String;

    /// Stores a piece of a file.
    fn put_segment(&self, desk: &str, segment: &Segment, bytes: &[u8]) -> Result<(), Error>;

    /// Writes a stored piece to the end of a file.
    fn fetch_segment(&self, desk: &str, segment: &Segment, to: &mut dyn Write) -> Result<(), Error>;

    /// Stores a whole file unless the location is taken.
    fn publish(&self, upload: &Upload<'_>) -> Result<Publishing, Error>;

    /// Removes all of a desk, with the published files that it notes and `is_result` does not hold for.
    fn clear(&self, desk: &str, is_result: &dyn Fn(&str) -> bool) -> Result<u64, Error>;

    /// All desks, with the locations they note.
    fn desks(&self) -> Result<Vec<(String, Vec<String>)>, Error>;

    /// Reads a published file.
    fn open(&self, location: &str) -> Result<Box<dyn Read + Send>, Error>;

    /// Whether a published file is there.
    fn exists(&self, location: &str) -> Result<bool, Error>;

    /// Keeps the locations whose files are there; cheap where they are near each other in their order.
    fn present(&self, locations: &mut Vec<&str>) -> Result<(), Error>;

    /// Removes a published file; says whether it was there.
    fn remove(&self, location: &str) -> Result<bool, Error>;

    /// Whether two attempts never publish under one name, so that names need not tell them apart.
    fn refuses_taken_names(&self) -> bool;
}

/// A whole file on its way out.
pub(crate) struct Upload<'a> {
    pub(crate) desk: &'a str,
    pub(crate) token: i64,
    pub(crate) location: &'a str,
    pub(crate) media_type: &'a str,
    pub(crate) file: &'a File,
    pub(crate) bytes: u64,
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Publishing {
    Done,
    /// Somebody else's file has that name.
    Taken,
}

#[cfg(feature = "s3")]
pub(crate) fn open_bucket(settings: &BucketSettings, database_id: &str) -> Result<Arc<dyn Remote>, Error> {
    Ok(Arc::new(crate::bucket::Bucket::open(settings, database_id)?))
}

#[cfg(feature = "s3")]
pub(crate) fn read_bucket(settings: &BucketSettings) -> Result<Box<dyn Remote>, Error> {
    Ok(Box::new(crate::bucket::Bucket::open_to_read(settings)?))
}

#[cfg(not(feature = "s3"))]
pub(crate) fn open_bucket(_: &BucketSettings, _: &str) -> Result<Arc<dyn Remote>, Error> {
    Err(Error::new(ErrorKind::Setup, WITHOUT_BUCKETS))
}

#[cfg(not(feature = "s3"))]
pub(crate) fn read_bucket(_: &BucketSettings) -> Result<Box<dyn Remote>, Error> {
    Err(Error::new(ErrorKind::Setup, WITHOUT_BUCKETS))
}

#[cfg(not(feature = "s3"))]
const WITHOUT_BUCKETS: &str = "this program is built without buckets: build it with the feature s3, or name a folder";
