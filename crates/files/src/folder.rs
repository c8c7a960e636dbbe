//! The storage folder: who it is, what room there is, and the published files in it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mission_core::{Error, ErrorKind, UniqueId};

use crate::attempt::{Attempt, AttemptFiles};
use crate::bucket_settings::BucketSettings;
use crate::fault::fault;
use crate::names::{check_location, staging_folder};
use crate::place::{Place, make_folder};
use crate::quota::{Quota, Use};
use crate::remote::{Remote, open_bucket};

/// Holds the folder's own name, so that it stays the same storage when it is moved, mounted elsewhere or shared.
const NAME_FILE: &str = ".mission-storage";
const NAME_BYTES_MAX: u64 = 64;

/// The folder that holds the result files. Cheap to clone; all work on files goes through its open handle.
#[derive(Debug, Clone)]
pub struct Folder {
    pub(crate) shelf: Arc<Shelf>,
}

#[derive(Debug)]
pub(crate) struct Shelf {
    pub(crate) published: Arc<Place>,
    /// Absent where the folder is opened to read only.
    staging: Option<Arc<Place>>,
    name: String,
    pub(crate) usage: Arc<Use>,
    /// Set once the file system has refused a hard link.
    pub(crate) is_without_links: AtomicBool,
    /// Where files are published instead of here, and stored while they are made.
    pub(crate) remote: Option<Arc<dyn Remote>>,
}

impl Folder {
    /// Opens the folder to make files in, making it where it is missing. `database_id` keeps the files in the making
    /// of two databases apart.
    pub fn open(path: &Path, database_id: &str, quota: Quota) -> Result<Self, Error> {
        Self::open_local(path, database_id, quota, None)
    }

    /// The same for files that several hosts share: they are published in a bucket, and each commit stores what is new there,
    /// so that another host goes on with them. The folder holds what this host writes.
    ///
    /// # Errors
    /// The address or the keys are wrong, the bucket is not there or cannot be written; the program is built without `s3`.
    pub fn open_with_bucket(
        path: &Path,
        database_id: &str,
        quota: Quota,
        bucket: &BucketSettings,
    ) -> Result<Self, Error> {
        Self::open_local(path, database_id, quota, Some(bucket))
    }

    fn open_local(
        path: &Path,
        database_id: &str,
        quota: Quota,
        bucket: Option<&BucketSettings>,
    ) -> Result<Self, Error> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !(1..=64).contains(&database_id.len()) || !database_id.bytes().all(is_plain) {
            return Err(Error::invalid(format!(
                "{database_id:?} is no id of a database: expected 1 to 64 letters, digits, '-' or '_'"
            )));
        }
        let published = open_place(&make_folder(path)?)?;
        published.check_writable().map_err(|error| fault("write in the storage folder", published.path(), error))?;
        let name = read_or_make_name(&published)?;
        let staging = published.beneath(&staging_folder(database_id))?;
        let remote = bucket.map(|bucket| open_bucket(bucket, database_id)).transpose()?;
        Ok(Self::new(published, Some(staging), name, quota, remote))
    }

    /// Opens a folder that exists to hand its files out; needs no right to write.
    pub fn open_to_read(path: &Path) -> Result<Self, Error> {
        let published = open_place(path)?;
        let name = read_name(&published)?.ok_or_else(|| {
            let path = path.display();
            Error::new(
                ErrorKind::NotFound,
                format!("{path} is no storage folder: no worker has written files there yet"),
            )
        })?;
        Ok(Self::new(published, None, name, Quota::default(), None))
    }

    fn new(
        published: Place,
        staging: Option<Place>,
        name: String,
        quota: Quota,
        remote: Option<Arc<dyn Remote>>,
    ) -> Self {
        let shelf = Shelf {
            published: Arc::new(published),
            staging: staging.map(Arc::new),
            name,
            usage: Arc::new(Use { quota, ..Use::default() }),
            is_without_links: AtomicBool::new(false),
            remote,
        };
        Self { shelf: Arc::new(shelf) }
    }

    /// The storage's name for the rows of its files: `file:` and 16 letters that lie in the folder itself; the address of the
    /// bucket where there is one.
    pub fn name(&self) -> &str {
        self.shelf.name()
    }

    /// The folder itself where its files are published in a bucket: it may hold results from before there was one.
    pub fn without_bucket(&self) -> Option<Self> {
        self.shelf.remote.as_ref()?;
        let shelf = Shelf {
            published: Arc::clone(&self.shelf.published),
            staging: self.shelf.staging.clone(),
            name: self.shelf.name.clone(),
            usage: Arc::clone(&self.shelf.usage),
            is_without_links: AtomicBool::new(self.shelf.is_without_links.load(Ordering::Relaxed)),
            remote: None,
        };
        Some(Self { shelf: Arc::new(shelf) })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        self.shelf.published.path()
    }

    /// The full path of a published file, to show to people.
    pub fn path_of(&self, location: &str) -> Result<PathBuf, Error> {
        check_location(location)?;
        Ok(match &self.shelf.remote {
            Some(remote) => PathBuf::from(remote.show(location)),
            None => self.path().join(location),
        })
    }

    /// The files of one attempt of a task.
    pub fn attempt(&self, attempt: &Attempt<'_>) -> AttemptFiles {
        AttemptFiles::new(self.shelf.clone(), attempt)
    }

    /// Bytes the disk has room for, if the system says.
    pub fn room(&self) -> Option<u64> {
        self.shelf.published.room()
    }

    /// Refuses at once what the disk cannot hold, before it is full for everybody else too.
    pub fn check_room(&self, bytes: u64) -> Result<(), Error> {
        match self.room() {
            Some(room) if room < bytes => Err(Error::new(
                ErrorKind::Storage,
                format!(
                    "the file would have {bytes} bytes and the disk of {} has room for {room}: \
                     free some, or set another storage folder",
                    self.path().display()
                ),
            )),
            _ => Ok(()),
        }
    }

    /// Tells the quota how many bytes are published in this storage, as the database counts them.
    pub fn set_published_bytes(&self, bytes: u64) {
        self.shelf.usage.published.store(bytes, Ordering::Relaxed);
    }

    /// Reads a published file wherever it is. A file that is gone is an error that `is_not_found()`.
    pub fn read_published(&self, location: &str) -> Result<Box<dyn Read + Send>, Error> {
        match &self.shelf.remote {
            Some(remote) => remote.open(location),
            None => Ok(Box::new(self.open_published(location)?)),
        }
    }

    /// Opens a published file of the folder itself to read. A file that is gone is an error that `is_not_found()`.
    pub fn open_published(&self, location: &str) -> Result<File, Error> {
        check_location(location)?;
        let path = self.path().join(location);
        self.shelf.published.open_to_read(location).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                let message = format!("there is no file {}: it was removed; run the task again", path.display());
                Error::new(ErrorKind::NotFound, message).with_source(error)
            }
            _ => fault("open", &path, error),
        })
    }

    /// Whether a published file is there.
    pub fn exists(&self, location: &str) -> Result<bool, Error> {
        check_location(location)?;
        if let Some(remote) = &self.shelf.remote {
            return remote.exists(location);
        }
        let inode = self.shelf.published.inode(location);
        Ok(inode.map_err(|error| fault("look at", &self.path().join(location), error))?.is_some())
    }

    /// Keeps those of the locations whose files are there; a file that cannot be looked at is not known to be gone.
    pub fn present<'l>(&self, mut locations: Vec<&'l str>) -> Result<Vec<&'l str>, Error> {
        match &self.shelf.remote {
            Some(remote) => remote.present(&mut locations)?,
            None => locations.retain(|location| !matches!(self.exists(location), Ok(false))),
        }
        Ok(locations)
    }

    /// Removes a published file; says whether it was there.
    pub fn remove(&self, location: &str) -> Result<bool, Error> {
        check_location(location)?;
        if let Some(remote) = &self.shelf.remote {
            return remote.remove(location);
        }
        let removed = self.shelf.published.unlink(location);
        removed.map_err(|error| fault("remove", &self.path().join(location), error))
    }
}

impl Shelf {
    pub(crate) fn name(&self) -> &str {
        self.remote.as_ref().map_or(&self.name, |remote| remote.name())
    }

    pub(crate) fn staging(&self) -> Result<&Place, Error> {
        self.staging.as_deref().ok_or_else(|| {
            let path = self.published.path().display();
            Error::new(ErrorKind::Setup, format!("{path} was opened to read only: open it to make files in it"))
        })
    }
}

fn open_place(path: &Path) -> Result<Place, Error> {
    Place::open(path).map_err(|error| {
        let shown = path.display();
        let sentence = match path.symlink_metadata() {
            Ok(found) if found.is_symlink() => match path.canonicalize() {
                Ok(target) => format!(
                    "the storage folder {shown} is a symbolic link: name the folder it points at, {}",
                    target.display()
                ),
                Err(_) => format!("the storage folder {shown} is a symbolic link to nothing: name a folder"),
            },
            Ok(found) if !found.is_dir() => format!("the storage folder {shown} is a file: set another storage folder"),
            _ => return fault("open the storage folder", path, error),
        };
        Error::new(ErrorKind::Storage, sentence).with_source(error)
    })
}

fn read_or_make_name(place: &Place) -> Result<String, Error> {
    if let Some(name) = read_name(place)? {
        return Ok(name);
    }
    let id = UniqueId::random();
    // The name appears whole or not at all, and the first of two that race gives it.
    let draft = format!("{NAME_FILE}.{id}");
    let made = write_new(place, &draft, id.as_str()).and_then(|()| match place.link(place, &draft, NAME_FILE) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
        // A file system without hard links.
        Err(_) => match place.take_free(place, &draft, NAME_FILE) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
            Err(error) => Err(error.into()),
        },
    });
    let tidied = place.unlink(&draft).and_then(|_| place.sync());
    made.and(tidied).map_err(|error| fault("write in the storage folder", place.path(), error))?;
    read_name(place)?.ok_or_else(|| {
        let path = place.path().join(NAME_FILE);
        fault("read", &path, io::Error::from(io::ErrorKind::NotFound))
    })
}

/// Makes a small file with its text, durably.
pub(crate) fn write_new(place: &Place, name: &str, text: &str) -> io::Result<()> {
    let mut file = place.create(name)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn read_name(place: &Place) -> Result<Option<String>, Error> {
    let path = place.path().join(NAME_FILE);
    let text = match place.open_to_read(NAME_FILE) {
        Ok(file) => {
            let mut text = String::new();
            file.take(NAME_BYTES_MAX).read_to_string(&mut text).map_err(|error| fault("read", &path, error))?;
            text
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fault("read", &path, error)),
    };
    match UniqueId::parse(text.trim()) {
        Ok(id) => Ok(Some(format!("file:{id}"))),
        Err(error) => {
            let message =
                format!("{} does not hold the storage's name: restore it, or use an empty folder", path.display());
            Err(Error::new(ErrorKind::Storage, message).with_source(error))
        }
    }
}

#[cfg(test)]
mod tests {
    use mission_core::{LeaseToken, Timestamp};

    use super::*;
    use crate::staging::StagingFile;

    /// A folder whose file system is taken to have refused a hard link.
    fn without_links() -> (tempfile::TempDir, Folder) {
        let temp = tempfile::tempdir().unwrap();
        let folder = Folder::open(temp.path(), "db", Quota::default()).unwrap();
        folder.shelf.is_without_links.store(true, Ordering::Relaxed);
        (temp, folder)
    }

    fn files(folder: &Folder, token: i64) -> AttemptFiles {
        let id = UniqueId::parse("abc").unwrap();
        folder.attempt(&Attempt { task_id: 7, unique_id: &id, token: LeaseToken(token), began: Timestamp(0) })
    }

    fn write(file: &mut StagingFile, text: &str) {
        file.write_all(text.as_bytes()).unwrap();
    }

    fn staged(folder: &Folder) -> usize {
        folder.staged().unwrap().len()
    }

    #[test]
    fn without_hard_links_a_file_is_moved_and_a_crash_before_the_settlement_moves_it_back() {
        let (_temp, folder) = without_links();
        let mut file = files(&folder, 1).create("a.csv").unwrap();
        write(&mut file, "1\n");
        let committed = file.commit().unwrap();
        write(&mut file, "of the crashed\n");
        let lost = file.finish(None).unwrap();
        drop(file);
        let mut file = files(&folder, 2).resume(&committed).unwrap();
        assert!(!folder.exists(&lost.location).unwrap());
        write(&mut file, "2\n");
        let finished = file.finish(None).unwrap();
        assert_eq!(finished.location, lost.location);
        let text = io::read_to_string(folder.open_published(&finished.location).unwrap()).unwrap();
        assert_eq!(text, "1\n2\n");
        file.unstage().unwrap();
        assert_eq!(staged(&folder), 0);
        assert!(folder.exists(&finished.location).unwrap());
    }

    #[test]
    fn without_hard_links_a_foreign_file_is_never_replaced_or_swept() {
        let (temp, folder) = without_links();
        std::fs::write(temp.path().join("19700101000000-abc.csv"), "foreign").unwrap();
        let mut file = files(&folder, 1).create("a.csv").unwrap();
        write(&mut file, "1");
        let finished = file.finish(None).unwrap();
        assert_eq!(finished.location, "19700101000000-abc-2.csv");
        file.discard().unwrap();
        assert_eq!((staged(&folder), folder.exists(&finished.location).unwrap()), (0, false));
        // A crash after the note and before the move: the note names a file that is not ours.
        let mut file = files(&folder, 2).create("a.csv").unwrap();
        write(&mut file, "1");
        let part = file.commit().unwrap().staging;
        drop(file);
        let staging = folder.shelf.staging().unwrap();
        write_new(staging, &part.replace(".part", ".moved"), "19700101000000-abc.csv").unwrap();
        let found = folder.staged().unwrap();
        assert_eq!(folder.sweep(&found, |_| false, |_| false).unwrap().files, 1);
        assert_eq!(staged(&folder), 0);
        assert_eq!(std::fs::read(temp.path().join("19700101000000-abc.csv")).unwrap(), b"foreign");
    }

    #[test]
    fn without_hard_links_the_sweep_removes_a_moved_file_that_no_row_speaks_of() {
        for is_result in [true, false] {
            let (_temp, folder) = without_links();
            let mut file = files(&folder, 1).create("a.csv").unwrap();
            write(&mut file, "1");
            let location = file.finish(None).unwrap().location;
            drop(file);
            let found = folder.staged().unwrap();
            folder.sweep(&found, |_| false, |asked| asked == location && is_result).unwrap();
            assert_eq!((staged(&folder), folder.exists(&location).unwrap()), (0, is_result));
        }
    }
}
