//! A storage that is only read from: a folder by its path, or a bucket by its address.

use std::io::Read;
use std::path::Path;

use mission_core::Error;

use crate::bucket_settings::BucketSettings;
use crate::folder::Folder;
use crate::remote::{Remote, read_bucket};

/// Where published files are read from, on any host.
#[derive(Debug)]
pub struct OpenStorage(Which);

#[derive(Debug)]
enum Which {
    Folder(Folder),
    Bucket(Box<dyn Remote>),
}

impl OpenStorage {
    /// Opens the folder of this path, or the bucket where it is an address such as `s3://bucket/prefix`.
    ///
    /// # Errors
    /// There is no such folder, or no worker has written there yet; the address or the keys of the bucket are none.
    pub fn at(path: &Path) -> Result<Self, Error> {
        match path.to_str().filter(|text| BucketSettings::is_address(text)) {
            Some(address) => Ok(Self(Which::Bucket(read_bucket(&BucketSettings::new(address))?))),
            None => Ok(Self(Which::Folder(Folder::open_to_read(path)?))),
        }
    }

    /// Its name as rows keep it.
    pub fn name(&self) -> &str {
        match &self.0 {
            Which::Folder(folder) => folder.name(),
            Which::Bucket(bucket) => bucket.name(),
        }
    }

    /// Reads a published file. One that is gone is an error that `is_not_found()`.
    pub fn read(&self, location: &str) -> Result<Box<dyn Read + Send>, Error> {
        match &self.0 {
            Which::Folder(folder) => folder.read_published(location),
            Which::Bucket(bucket) => bucket.open(location),
        }
    }
}
