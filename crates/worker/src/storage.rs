//! Where a worker keeps result files: its folder, opened when the first file is made, and how long files are kept.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mission_core::{Error, Task};
use mission_files::{BucketSettings, Folder, Quota};

use crate::{limits, log};

/// Where result files lie, how long and how much of them is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesSettings {
    /// The folder, or the address of a bucket, such as `s3://bucket/prefix`, that the keys in the environment open; `mission-files` beside an SQLite database, else in the working directory, unless told otherwise.
    pub folder: Option<PathBuf>,
    /// The bucket that workers on several hosts share, in place of the folder, which then holds what this host is writing.
    pub bucket: Option<BucketSettings>,
    /// How long a file is kept after its task's success, unless task, method or file say otherwise; `None` for ever.
    pub keep: Option<Duration>,
    /// Most bytes the files of one task have together; `None` for no bound.
    pub task_bytes_max: Option<u64>,
    /// Most bytes of all files in the folder; `None` for no bound but the disk's.
    pub total_bytes_max: Option<u64>,
}

impl Default for FilesSettings {
    fn default() -> Self {
        Self { folder: None, bucket: None, keep: Some(limits::KEEP_FILES), task_bytes_max: None, total_bytes_max: None }
    }
}

/// The storage of one worker.
pub(crate) struct Storage {
    path: PathBuf,
    database_id: String,
    settings: FilesSettings,
    folder: Mutex<Option<Folder>>,
}

impl Storage {
    /// Opens nothing yet. `beside` is the file of an SQLite database.
    pub(crate) fn new(mut settings: FilesSettings, database_id: String, beside: Option<&Path>) -> Self {
        let is_address = |path: &PathBuf| path.to_str().is_some_and(BucketSettings::is_address);
        if let Some(address) = settings.folder.take_if(|path| is_address(path)) {
            settings.bucket.get_or_insert_with(|| BucketSettings::new(address.to_string_lossy()));
        }
        let path = settings.folder.clone().unwrap_or_else(|| {
            let above = beside.and_then(Path::parent).unwrap_or(Path::new(""));
            above.join(limits::FILES_FOLDER)
        });
        Self { path, database_id, settings, folder: Mutex::new(None) }
    }

    /// One that holds nothing, for attempts that belong to no worker.
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self::new(FilesSettings::default(), String::new(), None)
    }

    /// The folder, made where it is missing. Blocks on the disk.
    pub(crate) fn folder(&self) -> Result<Folder, Error> {
        let mut folder = self.folder.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = &*folder {
            return Ok(open.clone());
        }
        let quota =
            Quota { task_bytes_max: self.settings.task_bytes_max, total_bytes_max: self.settings.total_bytes_max };
        let opened = match &self.settings.bucket {
            Some(bucket) => Folder::open_with_bucket(&self.path, &self.database_id, quota, bucket)?,
            None => Folder::open(&self.path, &self.database_id, quota)?,
        };
        Ok(folder.insert(opened).clone())
    }

    /// Tries a bucket out, so that a worker with wrong keys does not start. One that is away now may be back for the first file.
    /// Blocks on the network.
    pub(crate) fn try_out(&self) -> Result<(), Error> {
        if self.settings.bucket.is_none() {
            return Ok(());
        }
        match self.folder() {
            Err(fault) if fault.is_unreachable() => {
                log::bucket_away(&fault);
                Ok(())
            }
            opened => opened.map(drop),
        }
    }

    /// The folder, unless it is not there yet. Blocks on the disk.
    pub(crate) fn existing(&self) -> Result<Option<Folder>, Error> {
        if self.path.is_dir() || self.settings.bucket.is_some() { self.folder().map(Some) } else { Ok(None) }
    }

    /// How long the files of a task are kept that say nothing themselves: as the task says, else its method, else the worker.
    pub(crate) fn keep(&self, task: &Task, method: Option<Duration>) -> Option<Duration> {
        let of_task = task.keep_files_ms.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis);
        of_task.or(method).or(self.settings.keep)
    }
}

#[cfg(test)]
mod tests {
    use mission_core::{State, UniqueId};

    use super::*;

    #[test]
    fn the_folder_lies_beside_the_database_and_is_made_when_it_is_needed() {
        let place = tempfile::tempdir().unwrap();
        let database = place.path().join("mission.db");
        let storage = Storage::new(FilesSettings::default(), "0123456789abcdef".into(), Some(&database));
        assert!(storage.existing().unwrap().is_none() && !place.path().join("mission-files").exists());
        assert!(storage.folder().unwrap().path().ends_with("mission-files"));
        assert!(storage.existing().unwrap().is_some());
    }

    #[test]
    fn an_address_in_place_of_a_folder_is_a_bucket_and_no_path() {
        let settings = FilesSettings { folder: Some("s3://files/x".into()), ..FilesSettings::default() };
        let storage = Storage::new(settings, "0123456789abcdef".into(), Some(Path::new("/srv/mission.db")));
        assert_eq!(storage.settings.bucket, Some(BucketSettings::new("s3://files/x")));
        assert_eq!(storage.path, Path::new("/srv/mission-files"));
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named_with_the_way_out() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("file"), "x").unwrap();
        let settings = FilesSettings { folder: Some(place.path().join("file")), ..FilesSettings::default() };
        let fault = Storage::new(settings, "0123456789abcdef".into(), None).folder().unwrap_err().to_string();
        assert!(fault.contains("is a file") && fault.contains("another storage folder"), "{fault}");
    }

    #[test]
    fn task_method_and_worker_say_how_long_files_are_kept_in_this_order() {
        let (storage, hour) = (Storage::none(), Duration::from_secs(3600));
        let mut task = Task::with(1, UniqueId::random(), "export".into(), State::Executing);
        assert_eq!(storage.keep(&task, None), Some(limits::KEEP_FILES));
        assert_eq!(storage.keep(&task, Some(hour)), Some(hour));
        task.keep_files_ms = Some(1000);
        assert_eq!(storage.keep(&task, Some(hour)), Some(Duration::from_secs(1)));
    }
}
