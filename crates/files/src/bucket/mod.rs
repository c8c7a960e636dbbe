//! Files in a bucket of an S3 server: what workers on several hosts share. All of it blocks on the network.

mod address;
mod desk;
mod objects;
mod publish;
mod reader;
mod sign;
mod wire;
mod xml;

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use mission_core::{Error, ErrorKind, Segment};

use self::address::{Address, find_keys};
use self::objects::Condition;
use self::wire::Wire;
use crate::bucket_settings::BucketSettings;
use crate::names::check_location;
use crate::remote::{Publishing, Remote, Upload};

/// How long a checkpoint, a look or a removal waits out an outage.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the end of a task and its resume do: its work would be lost otherwise.
const FINISH_PATIENCE: Duration = Duration::from_secs(120);
/// Says that the bucket can be written, and whether it refuses names that are taken.
const MARK: &str = ".mission-storage";
/// On each object that is ours: whose it is.
const OWNER: &str = "x-amz-meta-mission";

/// A bucket, and the folder in it.
#[derive(Debug)]
pub(crate) struct Bucket {
    wire: Arc<Wire>,
    name: String,
    /// Of the database, for the files in the making; empty for a bucket that is only read.
    database_id: String,
    refuses_taken_names: bool,
}

impl Bucket {
    /// Opens a bucket to make files in: keys, rights and clock are tried out, so that what is wrong is said at once.
    pub(crate) fn open(settings: &BucketSettings, database_id: &str) -> Result<Self, Error> {
        let mut bucket = Self::open_to_read(settings)?;
        bucket.database_id = database_id.to_owned();
        // A bucket that is not there, or keys that do not open it, are said best where something is asked for.
        bucket.list(&bucket.staging_prefix(), 1)?;
        // What stands there is taken for taken; where it was not there, the second try must find it so.
        let taken = |done: &Result<Condition, Error>| matches!(done, Ok(Condition::Taken));
        let first = bucket.try_mark();
        bucket.refuses_taken_names =
            taken(&first) || (matches!(first, Ok(Condition::Met)) && taken(&bucket.try_mark()));
        if let Err(fault) = first {
            // A server that does not know conditions says so in many ways: what counts is the plain write.
            if fault.kind() != ErrorKind::Storage {
                return Err(fault);
            }
            bucket.put(&bucket.key(MARK), &[], b"1\n", PATIENCE, "write")?;
        }
        Ok(bucket)
    }

    /// Opens a bucket to read results from; asks for nothing yet.
    pub(crate) fn open_to_read(settings: &BucketSettings) -> Result<Self, Error> {
        let variable = |name: &str| std::env::var(name).ok();
        let address = Address::parse(&settings.address, &variable)?;
        let name = address.to_string();
        let bundle = variable("AWS_CA_BUNDLE").filter(|path| !path.is_empty());
        let wire = Wire::new(address, find_keys(settings.keys.as_ref(), &variable)?, bundle.as_deref())?;
        Ok(Self { wire: Arc::new(wire), name, database_id: String::new(), refuses_taken_names: false })
    }

    fn try_mark(&self) -> Result<Condition, Error> {
        self.put_new(&self.key(MARK), &[], b"1\n", PATIENCE, "write")
    }

    /// The whole key of a name beneath the prefix.
    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.wire.address.prefix)
    }

    fn staging_prefix(&self) -> String {
        self.key(&format!(".staging-{}/", self.database_id))
    }

    fn show_location(&self, location: &str) -> String {
        format!("s3://{}/{}", self.wire.address.bucket, self.key(location))
    }

    fn segment_key(&self, desk: &str, segment: &Segment) -> String {
        format!("{}{desk}/{}.{}.segment", self.staging_prefix(), segment.token, segment.number)
    }
}

impl Remote for Bucket {
    fn name(&self) -> &str {
        &self.name
    }

    fn show(&self, location: &str) -> String {
        self.show_location(location)
    }

    fn put_segment(&self, desk: &str, segment: &Segment, bytes: &[u8]) -> Result<(), Error> {
        self.put(&self.segment_key(desk, segment), &[], bytes, PATIENCE, "store")
    }

    fn fetch_segment(&self, desk: &str, segment: &Segment, to: &mut dyn Write) -> Result<(), Error> {
        let key = self.segment_key(desk, segment);
        let bytes = self.get(&key, FINISH_PATIENCE)?;
        if bytes.len() as u64 != segment.bytes {
            let sentence = format!("{key} has {} bytes, and {} were stored: restore it", bytes.len(), segment.bytes);
            return Err(Error::new(ErrorKind::Storage, sentence));
        }
        to.write_all(&bytes).map_err(|fault| {
            Error::new(ErrorKind::Storage, format!("cannot write what {key} holds: {fault}")).with_source(fault)
        })
    }

    fn publish(&self, upload: &Upload<'_>) -> Result<Publishing, Error> {
        self.publish_file(upload)
    }

    fn clear(&self, desk: &str, is_result: &dyn Fn(&str) -> bool) -> Result<u64, Error> {
        self.clear_desk(desk, is_result)
    }

    fn desks(&self) -> Result<Vec<(String, Vec<String>)>, Error> {
        self.all_desks()
    }

    fn open(&self, location: &str) -> Result<Box<dyn Read + Send>, Error> {
        check_location(location)?;
        Ok(Box::new(self.read_object(location)?))
    }

    fn exists(&self, location: &str) -> Result<bool, Error> {
        check_location(location)?;
        Ok(self.head(&self.key(location), PATIENCE)?.is_some())
    }

    fn present(&self, locations: &mut Vec<&str>) -> Result<(), Error> {
        let keys: Vec<String> = locations.iter().map(|location| self.key(location)).collect();
        let (Some(first), Some(last)) = (keys.iter().min(), keys.iter().max()) else { return Ok(()) };
        let found = self.list_between(first, last)?;
        locations.retain(|location| found.contains(&self.key(location)));
        Ok(())
    }

    fn remove(&self, location: &str) -> Result<bool, Error> {
        check_location(location)?;
        let key = self.key(location);
        let was_there = self.head(&key, PATIENCE)?.is_some();
        self.delete(&key)?;
        Ok(was_there)
    }

    fn refuses_taken_names(&self) -> bool {
        self.refuses_taken_names
    }
}
