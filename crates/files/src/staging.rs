//! A file in the making: written through a buffer, hashed along, committed, finished under a published name.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mission_core::{CommittedFile, Error, ErrorKind, FinishedFile, limits};
use rustix::io::Errno;

use crate::fault::{as_io, fault};
use crate::folder::{Shelf, write_new};
use crate::hash::RunningHash;
use crate::names::{Sort, StagingName, published};
use crate::quota::Share;
use crate::segments::Segments;

/// Bytes gathered before they go to the file; larger writes go straight through.
const BUFFER_BYTES: usize = 256 << 10;
/// Names tried for a published file before giving up: one attempt makes far fewer files with one ending.
const NAMES_MAX: u32 = 10_000;
const MEDIA_TYPE: &str = "application/octet-stream";

/// A file that a method writes. It is locked for as long as this value lives; dropped, it stays on disk as far as it was
/// written, for the attempt that resumes it, until [`discard`](Self::discard), [`unstage`](Self::unstage) or the sweep.
pub struct StagingFile {
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) staging: StagingName,
    /// The task's id as it stands in published names.
    pub(crate) id: String,
    pub(crate) file: File,
    inode: u64,
    buffer: Vec<u8>,
    /// Bytes in the file, buffer aside.
    pub(crate) written: u64,
    /// Bytes that are durable; `None` until the staging name is, too.
    durable: Option<u64>,
    hash: RunningHash,
    share: Share,
    phase: Phase,
    pub(crate) name: String,
    pub(crate) media_type: String,
    rows: Option<u64>,
    keep: Option<Duration>,
    is_finished: bool,
    /// What of it is stored beyond this host.
    segments: Segments,
}

enum Phase {
    Writing,
    /// A write failed half-way: the end of the file is unknown, and only a resume from the last commit goes on.
    Broken(String),
    Finished(FinishedFile),
}

/// What [`AttemptFiles`](crate::AttemptFiles) knows of a file it opened and locked.
pub(crate) struct Opened {
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) staging: StagingName,
    pub(crate) id: String,
    pub(crate) file: File,
    pub(crate) inode: u64,
    pub(crate) share: Share,
}

impl StagingFile {
    pub(crate) fn new(opened: Opened, name: &str) -> Self {
        let Opened { shelf, staging, id, file, inode, share } = opened;
        Self {
            shelf,
            staging,
            id,
            file,
            inode,
            buffer: Vec::new(),
            written: 0,
            durable: None,
            hash: RunningHash::default(),
            share,
            phase: Phase::Writing,
            name: name.to_owned(),
            media_type: MEDIA_TYPE.to_owned(),
            rows: None,
            keep: None,
            is_finished: false,
            segments: Segments::default(),
        }
    }

    /// Goes on behind a committed prefix, at whose end the file stands.
    pub(crate) fn resumed(opened: Opened, committed: &CommittedFile, hash: RunningHash) -> Self {
        let mut file = Self::new(opened, &committed.name);
        file.share.carry(committed.bytes);
        file.written = committed.bytes;
        file.hash = hash;
        file.media_type.clone_from(&committed.media_type);
        file.rows = committed.rows;
        file.keep = committed.keep_ms.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or(0)));
        file.is_finished = committed.is_finished;
        file.segments = Segments::of(committed);
        file
    }

    /// The name the user gave it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bytes so far, the buffer included.
    pub fn bytes(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// Says what it holds, such as `text/csv`; `application/octet-stream` unless told. What is longer than a media type can
    /// be is cut: each checkpoint carries it.
    pub fn set_media_type(&mut self, media_type: impl Into<String>) {
        self.media_type = media_type.into().chars().take(limits::MEDIA_TYPE_CHARS_MAX).collect();
    }

    /// Says how many rows it holds.
    pub fn set_rows(&mut self, rows: u64) {
        self.rows = Some(rows);
    }

    /// How long it is kept after the task's success, whatever the task says; a hundred years at the most.
    pub fn keep_for(&mut self, keep: Duration) {
        self.keep = Some(keep.min(limits::SPAN_MAX));
    }

    /// Makes everything so far durable; what it answers goes into the checkpoint. Costs nothing where nothing was written.
    pub fn commit(&mut self) -> Result<CommittedFile, Error> {
        if !matches!(self.phase, Phase::Finished(_)) {
            self.drain()?;
        }
        if self.durable != Some(self.written) {
            self.file.sync_data().map_err(|error| self.broken(error))?;
            if self.durable.is_none() {
                let place = self.shelf.staging()?;
                place.sync().map_err(|error| fault("make names durable in", place.path(), error))?;
            }
            self.durable = Some(self.written);
        }
        if let Some(remote) = &self.shelf.remote {
            self.segments.extend(&**remote, &self.staging, &self.file, self.written)?;
        }
        Ok(CommittedFile {
            name: self.name.clone(),
            media_type: self.media_type.clone(),
            bytes: self.written,
            rows: self.rows,
            staging: self.staging.to_string(),
            hash: self.hash.state(),
            is_finished: self.is_finished,
            keep_ms: self.keep.map(|keep| i64::try_from(keep.as_millis()).unwrap_or(i64::MAX)),
            segments: self.segments.list(),
        })
    }

    /// Makes the file whole and gives it its published name, which becomes a result with the row that says so. Asked
    /// again it answers the same. A name that is taken is never replaced: the next one is used. `keep` is what the task
    /// says, for a file that does not say itself; `None` means for ever.
    pub fn finish(&mut self, keep: Option<Duration>) -> Result<FinishedFile, Error> {
        if let Phase::Finished(finished) = &self.phase {
            return Ok(finished.clone());
        }
        self.drain()?;
        self.file.sync_all().map_err(|error| self.broken(error))?;
        self.check_staging()?;
        let location = match &self.shelf.remote {
            Some(remote) => self.publish_in(&**remote)?,
            None => self.publish()?,
        };
        let finished = FinishedFile {
            name: self.name.clone(),
            media_type: self.media_type.clone(),
            bytes: self.written,
            sha256: self.hash.digest(),
            rows: self.rows,
            storage: self.shelf.name().to_owned(),
            location,
            keep: self.keep.or(keep),
        };
        self.durable = Some(self.written);
        self.is_finished = true;
        self.phase = Phase::Finished(finished.clone());
        Ok(finished)
    }

    /// Removes the staging name, once the settlement that holds the [`FinishedFile`] is written.
    pub fn unstage(mut self) -> Result<(), Error> {
        let Phase::Finished(finished) = &self.phase else {
            let message = format!("{} is not finished: finish it, or discard it", self.name);
            return Err(Error::new(ErrorKind::Storage, message));
        };
        self.share.publish();
        let cleared = self.clear_desk(Some(&finished.location));
        // What is left beyond this host the sweep finds again, from any host.
        self.remove_staging().and(cleared)
    }

    /// Removes the file for good: its task ended otherwise, or the method started over and the checkpoint that named it
    /// is overwritten. Not before: a file that a checkpoint names is what the next attempt goes on from.
    pub fn discard(self) -> Result<(), Error> {
        let cleared = self.clear_desk(None);
        if let (Phase::Finished(finished), None) = (&self.phase, &self.shelf.remote) {
            let place = &self.shelf.published;
            let removed = place.unlink_inode(&finished.location, self.inode);
            removed.map_err(|error| fault("remove", &place.path().join(&finished.location), error))?;
        }
        self.remove_staging().and(cleared)
    }

    fn remove_staging(&self) -> Result<(), Error> {
        let place = self.shelf.staging()?;
        let removed = place.unlink_inode(&self.staging.to_string(), self.inode);
        let removed = removed.and_then(|_| place.unlink(&self.staging.with(Sort::Moved)));
        removed.map(drop).map_err(|error| fault("remove", &self.path(), error))
    }

    /// A staging name that somebody removed or replaced is said, and nothing is published in its stead.
    fn check_staging(&self) -> Result<(), Error> {
        let found = self.shelf.staging()?.inode(&self.staging.to_string());
        if found.map_err(|error| fault("look at", &self.path(), error))? == Some(self.inode) {
            return Ok(());
        }
        let message = format!("{} was removed or replaced while it was written: retry the task", self.path().display());
        Err(Error::new(ErrorKind::Storage, message))
    }

    fn publish(&self) -> Result<String, Error> {
        let place = &self.shelf.published;
        for n in 1..=NAMES_MAX {
            let location = published(&self.staging.stamp, &self.id, &self.name, n);
            match self.give_name(&location) {
                Ok(()) => return self.lasting(location),
                Err(Errno::EXIST) => {
                    let found = place.inode(&location);
                    if found.map_err(|error| fault("look at", &place.path().join(&location), error))?
                        == Some(self.inode)
                    {
                        return self.lasting(location);
                    }
                }
                Err(error) => return Err(fault("publish", &place.path().join(&location), error)),
            }
        }
        let message = format!("no free name in {} for {}: remove what fills it", place.path().display(), self.name);
        Err(Error::new(ErrorKind::Storage, message))
    }

    fn lasting(&self, location: String) -> Result<String, Error> {
        let place = &self.shelf.published;
        place.sync().map_err(|error| fault("make names durable in", place.path(), error))?;
        Ok(location)
    }

    /// A hard link leaves the staging name as the proof of whose file it is until the row is written. FAT, some network
    /// and some container file systems have none: there the file is moved, and a note says where to.
    fn give_name(&self, location: &str) -> Result<(), Errno> {
        let (place, part) = (&self.shelf.published, self.staging.to_string());
        let staging = self.shelf.staging().map_err(|_| Errno::ROFS)?;
        if !self.shelf.is_without_links.load(Ordering::Relaxed) {
            match place.link(staging, &part, location) {
                Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::MLINK) => {
                    self.shelf.is_without_links.store(true, Ordering::Relaxed);
                }
                done => return done,
            }
        }
        let note = self.staging.with(Sort::Moved);
        let noted =
            staging.unlink(&note).and_then(|_| write_new(staging, &note, location)).and_then(|()| staging.sync());
        noted.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        place.take_free(staging, &part, location)
    }

    /// Takes the buffer to the file.
    fn drain(&mut self) -> Result<(), Error> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let done = self.put(&buffer);
        if done.is_ok() {
            buffer.clear();
        }
        self.buffer = buffer;
        done
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        match &self.phase {
            Phase::Writing if bytes.is_empty() => return Ok(()),
            Phase::Writing => {}
            Phase::Broken(sentence) => return Err(Error::new(ErrorKind::Storage, sentence.clone())),
            Phase::Finished(_) => return Err(Error::invalid(format!("{} is finished: write before that", self.name))),
        }
        self.share.take(bytes.len() as u64)?;
        // In blocks that the cache still holds when the hash reads them.
        for block in bytes.chunks(BUFFER_BYTES) {
            self.file.write_all(block).map_err(|error| self.broken(error))?;
            self.hash.update(block);
            self.written += block.len() as u64;
        }
        self.is_finished = false;
        Ok(())
    }

    /// Nothing behind the last commit is certain any more: whatever follows answers the same error.
    fn broken(&mut self, error: io::Error) -> Error {
        let error = fault("write", &self.path(), error);
        self.phase = Phase::Broken(error.to_string());
        error
    }

    fn path(&self) -> PathBuf {
        let folder = self.shelf.staging().unwrap_or(&self.shelf.published);
        folder.path().join(self.staging.to_string())
    }
}

impl Write for StagingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() + bytes.len() > BUFFER_BYTES || !matches!(self.phase, Phase::Writing) {
            self.drain().map_err(as_io)?;
        }
        if bytes.len() >= BUFFER_BYTES || !matches!(self.phase, Phase::Writing) {
            self.put(bytes).map_err(as_io)?;
        } else {
            if self.buffer.capacity() == 0 {
                self.buffer.reserve_exact(BUFFER_BYTES);
            }
            self.buffer.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    /// Takes the buffer to the file; only a commit makes it durable.
    fn flush(&mut self) -> io::Result<()> {
        self.drain().map_err(as_io)
    }
}

impl std::fmt::Debug for StagingFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StagingFile").field("name", &self.name).field("path", &self.path()).finish_non_exhaustive()
    }
}
