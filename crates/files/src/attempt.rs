//! The files of one attempt of a task: begun anew, or resumed from what an earlier attempt committed.

use std::cmp::Reverse;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use mission_core::{CommittedFile, Error, ErrorKind, LeaseToken, Timestamp, UniqueId};

use crate::fault::fault;
use crate::folder::Shelf;
use crate::hash::RunningHash;
use crate::names::{Sort, StagingName, check_file_name, check_location, id_in_names, stamp};
use crate::place::{Hold, Place, hold};
use crate::quota::Share;
use crate::segments::{Hashed, Segments};
use crate::staging::{Opened, StagingFile};

/// Files one attempt may begin: the numbers of two attempts never meet.
pub(crate) const FILES_MAX: i64 = 1_000_000;
/// Times a resume looks again because another attempt renamed the file under its eyes.
const LOOKS_MAX: usize = 16;
/// Bytes of a note that says where a file was moved.
const NOTE_BYTES_MAX: u64 = 255;

/// Whose files they are.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// The task's row.
    pub task_id: i64,
    /// Its public id, which stands in the published names.
    pub unique_id: &'a UniqueId,
    /// The token of the claim.
    pub token: LeaseToken,
    /// When the attempt began.
    pub began: Timestamp,
}

/// Makes and resumes the files of one attempt; keep it for the attempt's whole life, as it counts what they hold.
#[derive(Debug)]
pub struct AttemptFiles {
    shelf: Arc<Shelf>,
    task_id: i64,
    id: String,
    token: i64,
    stamp: String,
    begun: AtomicI64,
    bytes: Arc<AtomicU64>,
}

/// Where the committed bytes lie.
struct Source<'a> {
    place: &'a Place,
    name: String,
    /// The note that pointed there, to be removed with the take-over.
    note: Option<String>,
}

impl AttemptFiles {
    pub(crate) fn new(shelf: Arc<Shelf>, attempt: &Attempt<'_>) -> Self {
        Self {
            shelf,
            task_id: attempt.task_id,
            id: id_in_names(attempt.unique_id, attempt.task_id),
            token: attempt.token.0,
            stamp: stamp(attempt.began),
            begun: AtomicI64::new(0),
            bytes: Arc::default(),
        }
    }

    /// Begins a file; `name` is what its user will see, see [`check_file_name`].
    pub fn create(&self, name: &str) -> Result<StagingFile, Error> {
        check_file_name(name)?;
        let begun = self.begun.fetch_add(1, Ordering::Relaxed) + 1;
        if begun >= FILES_MAX {
            return Err(Error::invalid(format!("an attempt may begin {FILES_MAX} files at the most: begin fewer")));
        }
        // Never given twice: a checkpoint that names an older file cannot meet a younger one under its name.
        let number = self.token.saturating_mul(FILES_MAX).saturating_add(begun);
        let staging = StagingName { task_id: self.task_id, number, stamp: self.stamp.clone(), token: self.token };
        let file = self.create_held(&staging.to_string())?;
        Ok(StagingFile::new(self.opened(staging, file)?, name))
    }

    /// Goes on with a file where the checkpoint left it. Whoever still has it open, a zombie of an earlier attempt, keeps
    /// the old file, and a copy of the committed bytes takes its place. A file that is missing, because another host made
    /// it or somebody removed it, is an error that `is_not_found()`: start over.
    pub fn resume(&self, committed: &CommittedFile) -> Result<StagingFile, Error> {
        let wanted = match StagingName::parse(&committed.staging) {
            Some((name, Sort::Part)) if name.task_id == self.task_id => name,
            _ => return Err(self.cannot_resume(committed, "the checkpoint does not name a file of this task")),
        };
        let ours = StagingName { token: self.token, ..wanted.clone() };
        for _ in 0..LOOKS_MAX {
            let source = match self.find(&wanted, committed) {
                Err(fault) if fault.is_not_found() && self.is_stored(committed) => {
                    return self.go_on(ours.clone(), self.fetch(&ours, committed)?, committed);
                }
                found => found?,
            };
            let path = source.place.path().join(&source.name);
            let file = match source.place.open_to_write(&source.name) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(fault("open", &path, error)),
            };
            let (inode, bytes) = inode_and_bytes(&file).map_err(|error| fault("look at", &path, error))?;
            if bytes < committed.bytes && self.is_stored(committed) {
                source.place.unlink_inode(&source.name, inode).map_err(|error| fault("remove", &path, error))?;
                continue;
            }
            if bytes < committed.bytes {
                let sentence = format!("{} has {bytes} bytes, and {} were committed", path.display(), committed.bytes);
                return Err(self.cannot_resume(committed, &sentence));
            }
            let held = hold(&file).map_err(|error| fault("lock", &path, error))?;
            let file = if held == Hold::Theirs {
                self.copy(file, &ours, committed)?
            } else if source.place.inode(&source.name).map_err(|error| fault("look at", &path, error))? == Some(inode) {
                self.take_over(file, &source, &ours, committed).map_err(|error| fault("resume", &path, error))?
            } else {
                continue;
            };
            return self.go_on(ours, file, committed);
        }
        Err(self.cannot_resume(committed, "another attempt keeps renaming it"))
    }

    /// The youngest name of the file from the checkpoint's on: an attempt that died before its own first checkpoint may
    /// have renamed or copied it, and each of those holds the committed bytes. A name with a token above ours means that
    /// this attempt is the zombie.
    fn find(&self, wanted: &StagingName, committed: &CommittedFile) -> Result<Source<'_>, Error> {
        let staging = self.shelf.staging()?;
        let names = staging.names().map_err(|error| fault("list", staging.path(), error))?;
        let mut tokens: Vec<(i64, Sort)> = names
            .iter()
            .filter_map(|name| StagingName::parse(name))
            .filter(|(name, sort)| {
                *sort != Sort::Copy
                    && name.number == wanted.number
                    && name.task_id == wanted.task_id
                    && name.token >= wanted.token
            })
            .map(|(name, sort)| (name.token, sort))
            .collect();
        // The file before the note of the same token: a note is written before the file moves.
        tokens.sort_by_key(|(token, sort)| (Reverse(*token), *sort == Sort::Moved));
        if tokens.iter().any(|(token, _)| *token > self.token) {
            return Err(
                self.cannot_resume(committed, "a later attempt has gone on with it, and this one lost the task")
            );
        }
        let Some((token, sort)) = tokens.first().copied() else {
            let sentence = format!("it is no longer in {}", staging.path().display());
            return Err(Error::new(ErrorKind::NotFound, cannot_resume(committed, &sentence)));
        };
        let found = StagingName { token, ..wanted.clone() };
        if sort == Sort::Part {
            return Ok(Source { place: staging, name: found.to_string(), note: None });
        }
        let note = found.with(Sort::Moved);
        let location = read_note(staging, &note).map_err(|error| fault("read", &staging.path().join(&note), error))?;
        check_location(&location)?;
        Ok(Source { place: &self.shelf.published, name: location, note: Some(note) })
    }

    /// Nobody else has it: it is ours under our token, without the published name that a crash before the settlement may
    /// have left, and without what was written after the commit.
    fn take_over(
        &self,
        file: File,
        source: &Source<'_>,
        ours: &StagingName,
        committed: &CommittedFile,
    ) -> io::Result<File> {
        let staging = self.shelf.staging().map_err(io::Error::other)?;
        let metadata = file.metadata()?;
        if metadata.nlink() > 1 {
            for name in self.shelf.links_of(&ours.stamp, metadata.ino())? {
                self.shelf.published.unlink_inode(&name, metadata.ino())?;
            }
            self.shelf.published.sync()?;
        }
        staging.take(source.place, &source.name, &ours.to_string())?;
        if let Some(note) = &source.note {
            staging.unlink(note)?;
        }
        file.set_len(committed.bytes)?;
        Ok(file)
    }

    /// The committed bytes in a file of our own; it gets its name once it is whole and durable.
    fn copy(&self, from: File, ours: &StagingName, committed: &CommittedFile) -> Result<File, Error> {
        let staging = self.shelf.staging()?;
        let draft = ours.with(Sort::Copy);
        let path = staging.path().join(&draft);
        staging.unlink(&draft).map_err(|error| fault("remove", &path, error))?;
        let mut file = self.create_held(&draft)?;
        // Within one file system the kernel copies by itself, or only shares the blocks.
        let copied =
            io::copy(&mut from.take(committed.bytes), &mut file).map_err(|error| fault("write", &path, error))?;
        if copied < committed.bytes {
            let sentence = format!("{copied} bytes could be copied, and {} were committed", committed.bytes);
            return Err(self.cannot_resume(committed, &sentence));
        }
        file.sync_all().map_err(|error| fault("write", &path, error))?;
        staging.take(staging, &draft, &ours.to_string()).map_err(|error| fault("rename", &path, error))?;
        Ok(file)
    }

    /// Whether all that was committed is stored beyond this host too.
    fn is_stored(&self, committed: &CommittedFile) -> bool {
        self.shelf.remote.is_some() && Segments::of(committed).bytes() == committed.bytes
    }

    /// The committed bytes from beyond this host, in a file of our own; it gets its name once it is whole and durable.
    fn fetch(&self, ours: &StagingName, committed: &CommittedFile) -> Result<File, Error> {
        let staging = self.shelf.staging()?;
        let draft = ours.with(Sort::Copy);
        let path = staging.path().join(&draft);
        staging.unlink(&draft).map_err(|error| fault("remove", &path, error))?;
        let mut file = self.create_held(&draft)?;
        if let Some(remote) = &self.shelf.remote {
            let mut hashed = Hashed { file: &mut file, hash: RunningHash::default() };
            for segment in &committed.segments {
                remote.fetch_segment(&ours.desk(), segment, &mut hashed)?;
            }
            let hash = hashed.hash.state();
            if RunningHash::from_state(&committed.hash).is_some() && hash != committed.hash {
                return Err(self.cannot_resume(committed, "its segments are not what was stored"));
            }
        }
        file.sync_all().map_err(|error| fault("write", &path, error))?;
        staging.take(staging, &draft, &ours.to_string()).map_err(|error| fault("rename", &path, error))?;
        Ok(file)
    }

    fn go_on(&self, ours: StagingName, mut file: File, committed: &CommittedFile) -> Result<StagingFile, Error> {
        let path = self.shelf.staging()?.path().join(ours.to_string());
        let hash = match RunningHash::from_state(&committed.hash) {
            Some(hash) => hash,
            // A state that another version wrote: the bytes say the same, only slower.
            None => file
                .seek(SeekFrom::Start(0))
                .and_then(|_| RunningHash::of_prefix(&file, committed.bytes))
                .map_err(|error| fault("read", &path, error))?,
        };
        file.seek(SeekFrom::Start(committed.bytes)).map_err(|error| fault("resume", &path, error))?;
        Ok(StagingFile::resumed(self.opened(ours, file)?, committed, hash))
    }

    fn create_held(&self, name: &str) -> Result<File, Error> {
        let staging = self.shelf.staging()?;
        let path = staging.path().join(name);
        let file = staging.create(name).map_err(|error| fault("make the file", &path, error))?;
        match hold(&file).map_err(|error| fault("lock", &path, error))? {
            Hold::Ours => Ok(file),
            Hold::Theirs => Err(fault("lock", &path, io::Error::from(io::ErrorKind::WouldBlock))),
        }
    }

    fn opened(&self, staging: StagingName, file: File) -> Result<Opened, Error> {
        let path = self.shelf.staging()?.path().join(staging.to_string());
        let (inode, _) = inode_and_bytes(&file).map_err(|error| fault("look at", &path, error))?;
        let share = Share::new(self.shelf.usage.clone(), self.bytes.clone());
        Ok(Opened { shelf: self.shelf.clone(), staging, id: self.id.clone(), file, inode, share })
    }

    fn cannot_resume(&self, committed: &CommittedFile, sentence: &str) -> Error {
        Error::new(ErrorKind::Storage, cannot_resume(committed, sentence))
    }
}

impl Shelf {
    /// The published names with this stamp that stand for an inode.
    pub(crate) fn links_of(&self, stamp: &str, inode: u64) -> io::Result<Vec<String>> {
        let mut links = Vec::new();
        for name in self.published.names()? {
            if name.starts_with(stamp) && self.published.inode(&name)? == Some(inode) {
                links.push(name);
            }
        }
        Ok(links)
    }
}

pub(crate) fn read_note(staging: &Place, note: &str) -> io::Result<String> {
    let mut location = String::new();
    staging.open_to_read(note)?.take(NOTE_BYTES_MAX).read_to_string(&mut location)?;
    Ok(location)
}

fn cannot_resume(committed: &CommittedFile, sentence: &str) -> String {
    let name = &committed.name;
    format!("cannot go on with the file {name:?}: {sentence}; restore it, or retry the task, which starts over")
}

fn inode_and_bytes(file: &File) -> io::Result<(u64, u64)> {
    let metadata = file.metadata()?;
    Ok((metadata.ino(), metadata.len()))
}
