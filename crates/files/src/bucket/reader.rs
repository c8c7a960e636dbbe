//! Reading a published object from its beginning to its end, over a line that may break in between.

use std::io::{self, Read};
use std::sync::Arc;

use mission_core::{Error, ErrorKind};

use super::wire::{Ask, Method, Wire};
use super::{Bucket, PATIENCE};

/// Times a broken line is taken up again without a byte read in between.
const BREAKS_MAX: u32 = 3;

/// An object as it is read.
pub(super) struct ObjectReader {
    wire: Arc<Wire>,
    key: String,
    body: Box<dyn Read + Send>,
    at: u64,
    bytes: Option<u64>,
    breaks: u32,
}

impl Bucket {
    pub(super) fn read_object(&self, location: &str) -> Result<ObjectReader, Error> {
        let key = self.key(location);
        let (status, body) = self.wire.open(&Ask::new(Method::Get, &key, "read", PATIENCE), &[404])?;
        if status == 404 {
            let sentence =
                format!("there is no file {}: it was removed; run the task again", self.show_location(location));
            return Err(Error::new(ErrorKind::NotFound, sentence));
        }
        let bytes = body.content_length();
        let body = Box::new(body.into_reader());
        Ok(ObjectReader { wire: Arc::clone(&self.wire), key, body, at: 0, bytes, breaks: 0 })
    }
}

impl ObjectReader {
    /// Goes on behind the last byte that was read.
    fn reopen(&mut self) -> io::Result<()> {
        let ask = Ask::new(Method::Get, &self.key, "read", PATIENCE).header("range", format!("bytes={}-", self.at));
        let (status, body) = self.wire.open(&ask, &[]).map_err(io::Error::other)?;
        if status != 206 {
            return Err(io::Error::other(format!("{} cannot be read on from its middle: try again", self.key)));
        }
        self.body = Box::new(body.into_reader());
        Ok(())
    }
}

impl Read for ObjectReader {
    fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        loop {
            let fault = match self.body.read(block) {
                Ok(0) if !block.is_empty() && self.bytes.is_some_and(|bytes| self.at < bytes) => {
                    io::Error::from(io::ErrorKind::UnexpectedEof)
                }
                Ok(read) => {
                    self.at += read as u64;
                    self.breaks = if read > 0 { 0 } else { self.breaks };
                    return Ok(read);
                }
                Err(fault) if fault.kind() == io::ErrorKind::Interrupted => continue,
                Err(fault) => fault,
            };
            if self.breaks >= BREAKS_MAX {
                return Err(fault);
            }
            self.breaks += 1;
            self.reopen()?;
        }
    }
}
