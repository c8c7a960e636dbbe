//! A fresh folder, attempts on it, and what lies in it.

use std::io::Write;
use std::path::Path;

use mission_core::{LeaseToken, Timestamp, UniqueId};
use mission_files::{Attempt, AttemptFiles, Folder, Quota, StagingFile};
use tempfile::TempDir;

pub(crate) const TASK: i64 = 7;
pub(crate) const STAMP: &str = "19700101000000";

pub(crate) struct Bench {
    pub(crate) folder: Folder,
    pub(crate) temp: TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with_quota(Quota::default())
    }

    pub(crate) fn with_quota(quota: Quota) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let folder = open(&temp.path().join("files"), quota);
        Self { folder, temp }
    }

    /// The files of the attempt with this token of the one task.
    pub(crate) fn attempt(&self, token: i64) -> AttemptFiles {
        attempt(&self.folder, TASK, token)
    }

    pub(crate) fn published(&self) -> Vec<String> {
        names(self.folder.path())
    }

    pub(crate) fn staged(&self) -> Vec<String> {
        names(&self.staging())
    }

    pub(crate) fn staging(&self) -> std::path::PathBuf {
        self.folder.path().join(".staging-db")
    }

    pub(crate) fn read(&self, location: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join(location)).unwrap()
    }
}

pub(crate) fn open(path: &Path, quota: Quota) -> Folder {
    Folder::open(path, "db", quota).unwrap()
}

pub(crate) fn attempt(folder: &Folder, task_id: i64, token: i64) -> AttemptFiles {
    let id = UniqueId::parse("abc").unwrap();
    folder.attempt(&Attempt { task_id, unique_id: &id, token: LeaseToken(token), began: Timestamp(0) })
}

pub(crate) fn write(file: &mut StagingFile, text: &str) {
    file.write_all(text.as_bytes()).unwrap();
}

/// The visible names in a folder, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = entries.filter(|name| !name.starts_with('.')).collect();
    names.sort();
    names
}
