//! One directory, held open: every name is looked up beneath it, and no symbolic link is followed.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use mission_core::Error;
use rustix::fs::{self, AtFlags, Dir, FileType, FlockOperation, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::fault::fault;

const FOLDER_MODE: Mode = Mode::from_raw_mode(0o755);
const FILE_MODE: Mode = Mode::from_raw_mode(0o644);

/// A directory by its handle; the path is for messages only.
#[derive(Debug)]
pub(crate) struct Place {
    dir: OwnedFd,
    path: PathBuf,
}

/// Who holds a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// This handle, from now until it is closed.
    Ours,
    /// Somebody who has it open still.
    Theirs,
}

/// Takes the lock that every file in the making is under for as long as it is open.
pub(crate) fn hold(file: &File) -> io::Result<Hold> {
    match fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Hold::Ours),
        Err(Errno::WOULDBLOCK) => Ok(Hold::Theirs),
        Err(fault) => Err(fault.into()),
    }
}

impl Place {
    /// Opens a directory that exists; a symbolic link is none.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let dir = fs::openat(fs::CWD, path, directory(), Mode::empty())?;
        Ok(Self { dir, path: path.to_owned() })
    }

    /// Opens the directory of this name beneath, making it where it is missing.
    pub(crate) fn beneath(&self, name: &str) -> Result<Self, Error> {
        let path = self.path.join(name);
        match fs::mkdirat(&self.dir, name, FOLDER_MODE) {
            Ok(()) => self.sync().map_err(|error| fault("make the folder", &path, error))?,
            Err(Errno::EXIST) => {}
            Err(error) => return Err(fault("make the folder", &path, error)),
        }
        let opened = fs::openat(&self.dir, name, directory(), Mode::empty());
        let dir = opened.map_err(|error| fault("open the folder", &path, error))?;
        Ok(Self { dir, path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether this user may make files here, as far as the system tells without trying.
    pub(crate) fn check_writable(&self) -> io::Result<()> {
        Ok(fs::accessat(&self.dir, ".", fs::Access::WRITE_OK, AtFlags::empty())?)
    }

    /// Makes a file under a name that is free.
    pub(crate) fn create(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(File::from(fs::openat(&self.dir, name, flags, FILE_MODE)?))
    }

    /// Opens a regular file to read and write.
    pub(crate) fn open_to_write(&self, name: &str) -> io::Result<File> {
        self.open_regular(name, OFlags::RDWR)
    }

    /// Opens a regular file to read.
    pub(crate) fn open_to_read(&self, name: &str) -> io::Result<File> {
        self.open_regular(name, OFlags::RDONLY)
    }

    fn open_regular(&self, name: &str, access: OFlags) -> io::Result<File> {
        // Without NONBLOCK a pipe that somebody put there would hold the caller for ever.
        let flags = access | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = File::from(fs::openat(&self.dir, name, flags, Mode::empty())?);
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no regular file")) }
    }

    /// The inode under a name; `None` where there is none. Staging and published names lie on one file system, so the
    /// number alone tells files apart.
    pub(crate) fn inode(&self, name: &str) -> io::Result<Option<u64>> {
        match fs::statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile => Ok(Some(stat.st_ino)),
            Ok(_) | Err(Errno::NOENT) => Ok(None),
            Err(fault) => Err(fault.into()),
        }
    }

    /// Removes a name; says whether there was one.
    pub(crate) fn unlink(&self, name: &str) -> io::Result<bool> {
        match fs::unlinkat(&self.dir, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(fault) => Err(fault.into()),
        }
    }

    /// Removes a name if it stands for this inode, and not for whatever came after.
    pub(crate) fn unlink_inode(&self, name: &str, inode: u64) -> io::Result<bool> {
        if self.inode(name)? == Some(inode) { self.unlink(name) } else { Ok(false) }
    }

    /// Renames within this place or from another one; what stands under the new name goes.
    pub(crate) fn take(&self, from: &Place, old: &str, new: &str) -> io::Result<()> {
        Ok(fs::renameat(&from.dir, old, &self.dir, new)?)
    }

    /// Renames a file here unless the name is taken.
    pub(crate) fn take_free(&self, from: &Place, old: &str, new: &str) -> rustix::io::Result<()> {
        fs::renameat_with(&from.dir, old, &self.dir, new, RenameFlags::NOREPLACE)
    }

    /// Gives a file of another place a second name here unless the name is taken.
    pub(crate) fn link(&self, from: &Place, old: &str, new: &str) -> rustix::io::Result<()> {
        fs::linkat(&from.dir, old, &self.dir, new, AtFlags::empty())
    }

    /// Makes names that came and went durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        Ok(fs::fsync(&self.dir)?)
    }

    /// Bytes there is room for, if the system says.
    pub(crate) fn room(&self) -> Option<u64> {
        let system = fs::fstatvfs(&self.dir).ok()?;
        Some(system.f_bavail.saturating_mul(system.f_frsize))
    }

    /// All names; one that is not UTF-8 is none of ours and is passed over.
    pub(crate) fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.dir)? {
            let entry = entry?;
            if let Ok(name) = entry.file_name().to_str() {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }
}

/// Makes a directory with those above it, and gives its real path; the last part may not be a symbolic link.
pub(crate) fn make_folder(path: &Path) -> Result<PathBuf, Error> {
    let name = path.file_name().unwrap_or(OsStr::new("."));
    let above = match path.parent() {
        Some(above) if above != Path::new("") => above,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(above).map_err(|error| fault("make the folder", above, error))?;
    let real = above.canonicalize().map_err(|error| fault("find the folder", above, error))?.join(name);
    match fs::mkdirat(fs::CWD, &real, FOLDER_MODE) {
        Ok(()) | Err(Errno::EXIST) => Ok(real),
        Err(error) => Err(fault("make the storage folder", &real, error)),
    }
}

fn directory() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC
}
