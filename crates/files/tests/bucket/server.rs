//! An S3 server of the test's own, and hosts that share it.

use std::io::Write;
use std::path::{Path, PathBuf};

use mission_core::{LeaseToken, Timestamp, UniqueId};
use mission_files::{Attempt, AttemptFiles, BucketSettings, Folder, Quota, StagingFile};
use mission_testkit::s3::{ACCESS_KEY, S3Server, SECRET_KEY};
use tempfile::TempDir;

pub(crate) const TASK: i64 = 7;
const PREFIX: &str = "exports/csv";

/// The server and the folders of the hosts.
pub(crate) struct Scene {
    pub(crate) server: S3Server,
    pub(crate) temp: TempDir,
}

impl Scene {
    /// `None` where there is no program of a server.
    pub(crate) fn new() -> Option<Self> {
        let temp = tempfile::tempdir().unwrap();
        Some(Self { server: S3Server::start(&temp.path().join("server"))?, temp })
    }

    pub(crate) fn address(&self) -> String {
        self.server.address(PREFIX)
    }

    pub(crate) fn settings(&self) -> BucketSettings {
        BucketSettings::new(self.address()).keys(ACCESS_KEY, SECRET_KEY)
    }

    /// The storage as a host with this name sees it.
    pub(crate) fn host(&self, name: &str) -> Folder {
        Folder::open_with_bucket(&self.temp.path().join(name), "db", Quota::default(), &self.settings()).unwrap()
    }

    /// The keys of the objects in the bucket, sorted, below the prefix.
    pub(crate) fn objects(&self) -> Vec<String> {
        let root = self.server.objects(PREFIX);
        let mut found = Vec::new();
        walk(&root, &root, &mut found);
        found.sort();
        found
    }

    /// Those of files in the making.
    pub(crate) fn staged(&self) -> Vec<String> {
        self.objects().into_iter().filter(|key| key.starts_with(".staging-db/")).collect()
    }

    /// Those that are published.
    pub(crate) fn published(&self) -> Vec<String> {
        self.objects().into_iter().filter(|key| !key.starts_with('.')).collect()
    }

    /// Uploads in parts that the server still holds parts of.
    pub(crate) fn parts(&self) -> usize {
        let names = std::fs::read_dir(self.temp.path().join("server")).unwrap();
        names.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains("upload_id")).count()
    }

    pub(crate) fn object(&self, key: &str) -> PathBuf {
        self.server.objects(PREFIX).join(key)
    }
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(root, &path, found);
        } else {
            found.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
        }
    }
}

/// The files of the attempt with this token of the one task.
pub(crate) fn attempt(folder: &Folder, token: i64) -> AttemptFiles {
    let id = UniqueId::parse("abc").unwrap();
    folder.attempt(&Attempt { task_id: TASK, unique_id: &id, token: LeaseToken(token), began: Timestamp(0) })
}

/// Writes the lines of an export from one number to another.
pub(crate) fn lines(file: &mut StagingFile, numbers: std::ops::Range<u64>) {
    numbers.for_each(|n| writeln!(file, "{n},some text of a row").unwrap());
}

/// What an undisturbed export of so many lines holds.
pub(crate) fn whole(most: u64) -> Vec<u8> {
    (0..most).flat_map(|n| format!("{n},some text of a row\n").into_bytes()).collect()
}

pub(crate) fn read(folder: &Folder, location: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut folder.read_published(location).unwrap(), &mut bytes).unwrap();
    bytes
}
