//! The files one attempt makes: opened where the last checkpoint left them, committed with each checkpoint, finished with
//! the success, and given up in order. Everything here blocks on the disk.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mission_core::{CommittedFile, Error, FinishedFile, State, Task, limits as rules};
use mission_files::{Attempt, AttemptFiles, StagingFile};

use crate::log;
use crate::storage::Storage;

/// A file that is open; `None` once the attempt has ended and its writers take nothing more.
pub(crate) type Held = Arc<Mutex<Option<StagingFile>>>;

/// The files of one attempt.
pub(crate) struct TaskFiles {
    storage: Arc<Storage>,
    made: Mutex<Made>,
    /// Whether there is any: asked by who must not wait for a disk that stands still.
    has_any: AtomicBool,
    /// Since when what is beyond this host cannot be reached.
    away_since: Mutex<Option<Instant>>,
}

#[derive(Default)]
struct Made {
    /// Opened with the first file.
    desk: Option<Arc<AttemptFiles>>,
    known: Vec<Known>,
    /// What was begun before the method started over: discarded once the record no longer names it.
    dropped: Vec<Known>,
}

/// A file that the checkpoint in the record names, or that this attempt has opened.
struct Known {
    name: String,
    /// As a checkpoint names it; such a file is what the next attempt goes on from.
    committed: Option<CommittedFile>,
    held: Option<Held>,
}

impl TaskFiles {
    /// Those that the record's checkpoint names.
    pub(crate) fn of(task: &Task, storage: Arc<Storage>) -> Self {
        let known = task.checkpoint_files.iter().map(|committed| Known {
            name: committed.name.clone(),
            committed: Some(committed.clone()),
            held: None,
        });
        let known: Vec<Known> = known.collect();
        let has_any = AtomicBool::new(!known.is_empty());
        Self { storage, made: Mutex::new(Made { known, ..Made::default() }), has_any, away_since: Mutex::default() }
    }

    /// The worker's storage.
    pub(crate) fn storage(&self) -> &Storage {
        &self.storage
    }

    /// Whether there were none, so that nothing here needs the disk. Waits for nobody.
    pub(crate) fn is_empty(&self) -> bool {
        !self.has_any.load(Ordering::Acquire)
    }

    /// Opens the file of a name: the one that is open already, the one of the checkpoint, or a new one.
    pub(crate) fn open(&self, task: &Task, name: &str) -> Result<Held, Error> {
        let mut made = self.made();
        let desk = made.desk(task, &self.storage)?;
        if let Some(known) = made.known.iter_mut().find(|known| known.name == name) {
            return known.hold(&desk);
        }
        if made.known.len() >= rules::FILES_MAX {
            return Err(Error::invalid(format!(
                "the task makes {} files already: put them into one archive",
                rules::FILES_MAX
            )));
        }
        self.has_any.store(true, Ordering::Release);
        let held: Held = Arc::new(Mutex::new(Some(desk.create(name)?)));
        made.known.push(Known { name: name.to_owned(), committed: None, held: Some(Arc::clone(&held)) });
        Ok(held)
    }

    /// Brings all that was written to the disk; what it answers goes into the checkpoint.
    pub(crate) fn commit(&self) -> Result<Vec<CommittedFile>, Error> {
        let mut made = self.made();
        let mut files = Vec::with_capacity(made.known.len());
        for known in &mut made.known {
            if let Some(file) = known.held.as_ref().map(lock).as_deref_mut().and_then(Option::as_mut) {
                known.committed = Some(file.commit()?);
            }
            files.extend(known.committed.clone());
        }
        Ok(files)
    }

    /// The bucket could not be reached; answers for how long it has been so.
    pub(crate) fn set_away(&self, fault: &Error) -> Duration {
        let mut since = self.away_since.lock().unwrap_or_else(PoisonError::into_inner);
        since
            .get_or_insert_with(|| {
                log::bucket_away(fault);
                Instant::now()
            })
            .elapsed()
    }

    /// What is beyond this host was reached.
    pub(crate) fn set_back(&self) {
        *self.away_since.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Makes all files whole under their published names, those too that only an earlier attempt wrote.
    pub(crate) fn finish(&self, task: &Task, keep: Option<Duration>) -> Result<Vec<FinishedFile>, Error> {
        let mut made = self.made();
        if made.known.is_empty() {
            return Ok(Vec::new());
        }
        let desk = made.desk(task, &self.storage)?;
        let finish = |known: &mut Known| {
            let held = known.hold(&desk)?;
            let mut file = lock(&held);
            file.as_mut().map(|file| file.finish(keep)).transpose()
        };
        let finished: Result<Vec<Option<FinishedFile>>, Error> = made.known.iter_mut().map(finish).collect();
        Ok(finished?.into_iter().flatten().collect())
    }

    /// The method starts over: its files are begun anew.
    pub(crate) fn start_over(&self) {
        let mut made = self.made();
        let known = std::mem::take(&mut made.known);
        made.dropped.extend(known);
    }

    /// The record names none of the dropped files any more.
    pub(crate) fn discard_dropped(&self, task: &Task) {
        let mut made = self.made();
        let dropped = std::mem::take(&mut made.dropped);
        made.discard(dropped, task, &self.storage);
    }

    /// The attempt ended and its task goes on elsewhere: files that a checkpoint names are left to the next attempt,
    /// the others go. Writers that live on take nothing more.
    pub(crate) fn leave(&self, task: &Task) {
        let mut made = self.made();
        let known = std::mem::take(&mut made.known).into_iter().chain(std::mem::take(&mut made.dropped));
        let (named, unnamed): (Vec<_>, Vec<_>) = known.partition(|known| known.committed.is_some());
        // Closed before anybody else may claim the task, so that the next attempt need not copy them.
        named.iter().filter_map(|known| known.held.as_ref()).for_each(|held| drop(lock(held).take()));
        made.discard(unnamed, task, &self.storage);
    }

    /// What became of the task is not known: its writers take nothing more, and nothing is removed.
    pub(crate) fn close(&self) {
        let mut made = self.made();
        let known = std::mem::take(&mut made.known).into_iter().chain(std::mem::take(&mut made.dropped));
        known.filter_map(|known| known.held).for_each(|held| drop(lock(&held).take()));
    }

    /// The end of the task is written: the files of a success lose their staging names, those of any other end go.
    pub(crate) fn settled(&self, task: &Task, state: State) {
        let mut made = self.made();
        let mut known = std::mem::take(&mut made.known);
        if state == State::Success {
            for held in known.drain(..).filter_map(|known| known.held) {
                if let Some(Err(fault)) = lock(&held).take().map(StagingFile::unstage) {
                    log::file_left(task, &fault);
                }
            }
        }
        known.append(&mut made.dropped);
        made.discard(known, task, &self.storage);
    }

    fn made(&self) -> MutexGuard<'_, Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Made {
    fn desk(&mut self, task: &Task, storage: &Storage) -> Result<Arc<AttemptFiles>, Error> {
        if let Some(desk) = &self.desk {
            return Ok(Arc::clone(desk));
        }
        let attempt = Attempt {
            task_id: task.id,
            unique_id: &task.unique_id,
            token: task.lease_token,
            // The claim's moment by the database's clock.
            began: task.modified_date,
        };
        Ok(Arc::clone(self.desk.insert(Arc::new(storage.folder()?.attempt(&attempt)))))
    }

    /// Removes files for good; what cannot be removed the sweep finds.
    fn discard(&mut self, files: Vec<Known>, task: &Task, storage: &Storage) {
        if files.is_empty() {
            return;
        }
        let discard = |desk: &AttemptFiles, mut known: Known| {
            let held = known.hold(desk)?;
            let file = lock(&held).take();
            file.map_or(Ok(()), StagingFile::discard)
        };
        let discarded: Result<(), Error> = self.desk(task, storage).and_then(|desk| {
            let all: Vec<_> = files.into_iter().map(|known| discard(&desk, known)).collect();
            all.into_iter().collect()
        });
        if let Err(fault) = discarded {
            log::file_left(task, &fault);
        }
    }
}

impl Known {
    /// The open file; opened where the checkpoint left it.
    fn hold(&mut self, desk: &AttemptFiles) -> Result<Held, Error> {
        match (&self.held, &self.committed) {
            (Some(held), _) => Ok(Arc::clone(held)),
            (None, Some(committed)) => {
                let file = desk.resume(committed)?;
                Ok(Arc::clone(self.held.insert(Arc::new(Mutex::new(Some(file))))))
            }
            // proof: a file is known because a checkpoint names it or because it is open.
            (None, None) => Ok(Arc::default()),
        }
    }
}

/// A writer that panicked leaves a file that is as whole as its buffer.
pub(crate) fn lock(held: &Held) -> MutexGuard<'_, Option<StagingFile>> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mission_core::UniqueId;

    use super::*;
    use crate::storage::FilesSettings;

    #[test]
    fn whether_there_are_files_is_told_while_the_disk_stands_still() {
        let folder = tempfile::tempdir().unwrap();
        let settings = FilesSettings { folder: Some(folder.path().to_owned()), ..FilesSettings::default() };
        let task = Task::with(1, UniqueId::random(), "export".into(), State::Executing);
        let files = Arc::new(TaskFiles::of(&task, Arc::new(Storage::new(settings, "database".to_owned(), None))));
        assert!(files.is_empty());
        let held = files.open(&task, "a.csv").unwrap();
        // A checkpoint that cannot get on with its file holds all of them.
        let writing = lock(&held);
        let committing = Arc::clone(&files);
        let commit = std::thread::spawn(move || committing.commit().map(|files| files.len()));
        while files.made.try_lock().is_ok() {
            std::thread::sleep(Duration::from_millis(1));
        }
        let (asked, (tell, told)) = (Arc::clone(&files), std::sync::mpsc::channel());
        std::thread::spawn(move || tell.send(asked.is_empty()));
        assert_eq!(told.recv_timeout(Duration::from_secs(10)), Ok(false));
        drop(writing);
        assert_eq!(commit.join().unwrap().unwrap(), 1);
    }
}
