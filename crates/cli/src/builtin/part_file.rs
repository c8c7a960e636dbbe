//! A file that has its name only once it is whole: written beside it, renamed at the end, removed if it never is.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use mission_core::Failure;

const ENDING: &str = "part";

/// A file in the making. Dropped before [`finish`](Self::finish) it is removed, so that a half file is never taken for a result.
pub(super) struct PartFile {
    file: File,
    part: PathBuf,
    whole: PathBuf,
    is_finished: bool,
}

impl PartFile {
    /// Begins the file `name`; parts that dead attempts left under the same mark go first. `fence` keeps two attempts apart.
    pub(super) fn create(folder: &Path, name: &str, mark: &str, fence: i64) -> Result<Self, Failure> {
        let cannot = |what: &str, fault: io::Error| {
            Failure::new(format!("cannot {what} {}: {fault}; set another storage folder", folder.display()))
        };
        fs::create_dir_all(folder).map_err(|fault| cannot("make the storage folder", fault))?;
        let folder = folder.canonicalize().map_err(|fault| cannot("find the storage folder", fault))?;
        remove_left(&folder, mark, fence);
        let part = folder.join(format!("{name}.{fence}.{ENDING}"));
        let file = File::create(&part).map_err(|fault| cannot("write into the storage folder", fault))?;
        Ok(Self { file, whole: folder.join(name), part, is_finished: false })
    }

    /// How many bytes there is room for, if the system says.
    pub(super) fn room(&self) -> Option<u64> {
        let system = rustix::fs::fstatvfs(&self.file).ok()?;
        Some(system.f_bavail.saturating_mul(system.f_frsize))
    }

    /// Appends bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.file.write_all(bytes).map_err(|fault| self.fault(&fault))
    }

    /// Gives the file its name; answers the full path.
    pub(super) fn finish(mut self) -> Result<PathBuf, Failure> {
        // Without it a power loss after the rename could leave an empty file under the name of a whole one.
        self.file.sync_data().map_err(|fault| self.fault(&fault))?;
        fs::rename(&self.part, &self.whole).map_err(|fault| self.fault(&fault))?;
        self.is_finished = true;
        Ok(self.whole.clone())
    }

    fn fault(&self, fault: &io::Error) -> Failure {
        Failure::new(format!("cannot write {}: {fault}", self.whole.display()))
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if !self.is_finished {
            // What cannot be removed is clutter, and the reason for the failure is told already.
            let _ = fs::remove_file(&self.part);
        }
    }
}

/// Removes the parts of earlier attempts, whose processes died.
fn remove_left(folder: &Path, mark: &str, fence: i64) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_left = name.to_str().and_then(|name| {
            let (rest, ending) = name.rsplit_once('.')?;
            let (rest, left) = rest.rsplit_once('.')?;
            Some(ending == ENDING && rest.contains(mark) && left.parse::<i64>().ok()? < fence)
        });
        if is_left == Some(true) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_has_its_name_only_once_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let mut part = PartFile::create(&folder.path().join("new/files"), "a.csv", "a", 1).unwrap();
        part.write(b"half").unwrap();
        assert_eq!(names(&folder.path().join("new/files")), ["a.csv.1.part"]);
        let path = part.finish().unwrap();
        assert!(path.is_absolute() && fs::read(&path).unwrap() == b"half");
        assert_eq!(names(&folder.path().join("new/files")), ["a.csv"]);
    }

    #[test]
    fn a_file_given_up_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        drop(PartFile::create(folder.path(), "a.csv", "a", 1).unwrap());
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn parts_of_dead_attempts_go_and_those_of_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["1-abc.csv.1.part", "1-abc.csv.9.part", "1-xyz.csv.1.part", "1-abc.csv"] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        let part = PartFile::create(folder.path(), "2-abc.csv", "-abc.", 2).unwrap();
        assert_eq!(names(folder.path()), ["1-abc.csv", "1-abc.csv.9.part", "1-xyz.csv.1.part", "2-abc.csv.2.part"]);
        drop(part);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "x").unwrap();
        let fault = PartFile::create(&folder.path().join("file/below"), "a.csv", "a", 1).err().unwrap();
        assert!(fault.message().contains("cannot make the storage folder"), "{fault}");
    }
}
