//! What a method writes a result file with.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mission_core::{Error, ErrorKind};
use mission_files::StagingFile;

use crate::shared::Shared;
use crate::stop::{Interrupted, Stop};
use crate::task_files::{Held, lock};

/// A result file in the making: write into it as into any file, through a buffer of its own.
///
/// It becomes visible with the success of its task, in the same write, and is removed if the task ends otherwise. Each
/// checkpoint keeps its length: the next attempt gets it cut back to that. Dropping the writer leaves the file open.
pub struct ArtifactWriter {
    shared: Arc<Shared>,
    held: Held,
}

impl ArtifactWriter {
    pub(crate) fn new(shared: Arc<Shared>, held: Held) -> Self {
        Self { shared, held }
    }

    /// Says what it holds, such as `text/csv`; `application/octet-stream` unless told.
    pub fn set_media_type(&mut self, media_type: impl Into<String>) {
        self.tell(|file| file.set_media_type(media_type));
    }

    /// Says how many rows it holds.
    pub fn set_rows(&mut self, rows: u64) {
        self.tell(|file| file.set_rows(rows));
    }

    /// How long it is kept after the task's success, whatever task, method and worker say.
    pub fn keep_for(&mut self, keep: Duration) {
        self.tell(|file| file.keep_for(keep));
    }

    /// Its length so far.
    pub fn bytes(&self) -> u64 {
        lock(&self.held).as_ref().map_or(0, StagingFile::bytes)
    }

    /// Refuses at once what the disk cannot hold, before it is full for everybody else too: to be asked before the work.
    ///
    /// # Errors
    /// There is less room than for so many more bytes.
    pub fn check_room(&self, bytes: u64) -> Result<(), Error> {
        self.shared.files().storage().folder()?.check_room(bytes)
    }

    /// Makes it whole and answers the path it is published under: for an answer that names it. The success does the same
    /// for all files by itself. Blocks until the disk has it: in an `async fn` use [`crate::Context::finish`].
    ///
    /// # Errors
    /// The disk or the quota refuses, or the task is not this worker's any more.
    pub fn finish(self) -> Result<PathBuf, Error> {
        self.refuse_lost().map_err(|lost| Error::new(ErrorKind::WrongState, lost.to_string()))?;
        let files = self.shared.files();
        let finished = {
            let mut file = lock(&self.held);
            let file = file.as_mut().ok_or_else(|| Error::new(ErrorKind::WrongState, ENDED))?;
            file.finish(self.shared.keep_files())?
        };
        files.storage().folder()?.path_of(&finished.location)
    }

    fn tell(&mut self, tell: impl FnOnce(&mut StagingFile)) {
        if let Some(file) = lock(&self.held).as_mut() {
            tell(file);
        }
    }

    /// Who lost a task writes nothing for it.
    fn refuse_lost(&self) -> Result<(), Interrupted> {
        match self.shared.cause() {
            Some(cause @ Stop::LostLease) => Err(Interrupted { cause }),
            _ => Ok(()),
        }
    }
}

impl Shared {
    /// Opens a file of the attempt, unless that has ended or lost its task.
    pub(crate) fn open_file(&self, name: &str) -> Result<Held, Error> {
        match self.cause() {
            Some(cause @ (Stop::LostLease | Stop::Ended)) => {
                Err(Error::new(ErrorKind::WrongState, Interrupted { cause }.to_string()))
            }
            _ => self.files().open(self.task(), name),
        }
    }
}

const ENDED: &str = "the attempt has ended: this file takes nothing more";

impl Write for ArtifactWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.refuse_lost().map_err(io::Error::other)?;
        let mut file = lock(&self.held);
        file.as_mut().ok_or_else(|| io::Error::other(ENDED))?.write(bytes)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.refuse_lost().map_err(io::Error::other)?;
        let mut file = lock(&self.held);
        file.as_mut().ok_or_else(|| io::Error::other(ENDED))?.write_all(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        lock(&self.held).as_mut().map_or(Ok(()), StagingFile::flush)
    }
}
