//! What of a file in the making is stored beyond this host: its segments, and how the file is published there.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

use mission_core::{CommittedFile, Error, ErrorKind, Segment};

use crate::attempt::FILES_MAX;
use crate::hash::RunningHash;
use crate::names::{StagingName, published};
use crate::remote::{Publishing, Remote, Upload};
use crate::staging::StagingFile;

/// Longest segment: it is sent from memory, and sent again whole where the line breaks.
const SEGMENT_BYTES_MAX: u64 = 16 << 20;
/// Names tried for a published file: they differ by attempt and file already.
const NAMES_MAX: i64 = 100;

/// The segments of one file, in order and without a gap.
#[derive(Debug, Clone, Default)]
pub(crate) struct Segments {
    list: Vec<Segment>,
    /// The last number that this attempt gave; a number is never given twice, whether or not its segment arrived.
    numbered: u64,
}

impl Segments {
    pub(crate) fn of(committed: &CommittedFile) -> Self {
        Self { list: committed.segments.clone(), numbered: 0 }
    }

    pub(crate) fn list(&self) -> Vec<Segment> {
        self.list.clone()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.list.iter().map(|segment| segment.bytes).sum()
    }

    /// Stores what was written since. Small neighbours that are no larger than what follows are stored anew in one with it:
    /// the list stays short, and each byte goes out a few times at the most. What they were stays until the file is done, as
    /// the record may still name it.
    pub(crate) fn extend(
        &mut self,
        remote: &dyn Remote,
        staging: &StagingName,
        file: &File,
        written: u64,
    ) -> Result<(), Error> {
        let mut list = self.list.clone();
        let mut from = self.bytes();
        if from > written {
            // Of a file that was begun anew under this name, which cannot be: stored anew.
            (list, from) = (Vec::new(), 0);
        }
        if from == written {
            return Ok(());
        }
        while let Some(last) = list.last().copied() {
            if last.bytes >= SEGMENT_BYTES_MAX || last.bytes > written - from {
                break;
            }
            from -= last.bytes;
            list.pop();
        }
        let taken = list.iter().chain(&self.list).filter(|segment| segment.token == staging.token);
        self.numbered = taken.map(|segment| segment.number).fold(self.numbered, u64::max);
        let mut block = Vec::new();
        while from < written {
            let bytes = SEGMENT_BYTES_MAX.min(written - from);
            block.resize(usize::try_from(bytes).unwrap_or(usize::MAX), 0);
            file.read_exact_at(&mut block, from).map_err(|fault| {
                let sentence = format!("cannot read the file in the making again: {fault}; retry the task");
                Error::new(ErrorKind::Storage, sentence).with_source(fault)
            })?;
            self.numbered += 1;
            let segment = Segment { token: staging.token, number: self.numbered, bytes };
            remote.put_segment(&staging.desk(), &segment, &block)?;
            list.push(segment);
            from += bytes;
        }
        self.list = list;
        Ok(())
    }
}

/// A file that is hashed as it is written.
pub(crate) struct Hashed<'a> {
    pub(crate) file: &'a mut File,
    pub(crate) hash: RunningHash,
}

impl Write for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl StagingFile {
    /// Stores the whole file beyond this host. No two attempts use one name where the storage would let the later one
    /// replace the earlier one's file; no two files of one attempt do anywhere.
    pub(crate) fn publish_in(&self, remote: &dyn Remote) -> Result<String, Error> {
        let (begun_by, nth) = (self.staging.number / FILES_MAX, self.staging.number % FILES_MAX);
        let token = self.staging.token;
        let id = if begun_by == token && remote.refuses_taken_names() {
            self.id.clone()
        } else {
            format!("{}-t{token}", self.id)
        };
        for n in nth..nth.saturating_add(NAMES_MAX) {
            let location = published(&self.staging.stamp, &id, &self.name, u32::try_from(n).unwrap_or(u32::MAX));
            let upload = Upload {
                desk: &self.staging.desk(),
                token,
                location: &location,
                media_type: &self.media_type,
                file: &self.file,
                bytes: self.written,
            };
            if remote.publish(&upload)? == Publishing::Done {
                return Ok(location);
            }
        }
        let message = format!("no free name in {} for {}: remove what fills it", remote.name(), self.name);
        Err(Error::new(ErrorKind::Storage, message))
    }

    /// Removes what is stored beyond this host of the file in the making, and what was published of it, but for the
    /// result.
    pub(crate) fn clear_desk(&self, result: Option<&str>) -> Result<(), Error> {
        let Some(remote) = &self.shelf.remote else { return Ok(()) };
        remote.clear(&self.staging.desk(), &|location| Some(location) == result).map(drop)
    }
}
