//! An S3 server of the test's own, on a port of its own, that can be stopped and started again.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mission_core::{LeaseToken, Timestamp, UniqueId};
use mission_files::{Attempt, AttemptFiles, BucketSettings, Folder, Quota, StagingFile};
use tempfile::TempDir;

pub(crate) const TASK: i64 = 7;
const KEY: &str = "test-key";
const SECRET: &str = "test-secret";

/// The server and the folders of the hosts.
pub(crate) struct Scene {
    program: PathBuf,
    port: u16,
    process: Option<Child>,
    pub(crate) temp: TempDir,
}

impl Scene {
    /// `None`, said aloud, where the test command has found no server: `cargo xtask test` fetches it.
    pub(crate) fn new() -> Option<Self> {
        let Some(program) = std::env::var_os("MISSION_TEST_S3").map(PathBuf::from) else {
            println!("NOT TESTED: MISSION_TEST_S3 names no program of an S3 server");
            return None;
        };
        let temp = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(temp.path().join("server/files")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut scene = Self { program, port, process: None, temp };
        scene.start();
        Some(scene)
    }

    pub(crate) fn start(&mut self) {
        let mut command = Command::new(&self.program);
        command.args(["--host", "127.0.0.1", "--port", &self.port.to_string()]);
        command.args(["--access-key", KEY, "--secret-key", SECRET]).arg(self.temp.path().join("server"));
        self.process = Some(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < deadline, "the S3 server does not answer");
            std::thread::yield_now();
        }
    }

    pub(crate) fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    pub(crate) fn address(&self) -> String {
        format!("s3://files/exports/csv?endpoint=http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn settings(&self) -> BucketSettings {
        BucketSettings::new(self.address()).keys(KEY, SECRET)
    }

    /// The storage as a host with this name sees it.
    pub(crate) fn host(&self, name: &str) -> Folder {
        Folder::open_with_bucket(&self.temp.path().join(name), "db", Quota::default(), &self.settings()).unwrap()
    }

    /// The keys of the objects in the bucket, sorted, below the prefix.
    pub(crate) fn objects(&self) -> Vec<String> {
        let root = self.temp.path().join("server/files/exports/csv");
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
        self.temp.path().join("server/files/exports/csv").join(key)
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.stop();
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
