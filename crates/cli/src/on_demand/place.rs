//! Where the worker on demand has its lock and its log: in the user's state folder, named after the database and the methods.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use mission_core::{Error, ErrorKind, Result};
use mission_engine::Finding;

use crate::app::App;

/// A log longer than this is put aside before another worker writes to it.
const LOG_BYTES_MAX: u64 = 1 << 20;

/// The files of one worker on demand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    lock: PathBuf,
    pub(super) log: PathBuf,
}

impl Place {
    /// The place of this program's worker on this database. Programs with other methods have other places, because
    /// one cannot stand in for the other.
    pub(super) fn of(app: &App) -> Result<Self> {
        let folder = folder()?;
        let database = identity(app);
        let methods = app.method_names();
        let parts = std::iter::once(database.as_str()).chain(methods.iter().map(String::as_str));
        let name = format!("{:016x}", hash_of(parts));
        Ok(Self { lock: folder.join(format!("{name}.lock")), log: folder.join(format!("{name}.log")) })
    }

    /// Takes the lock, held until the file is dropped; `None` where another process holds it.
    pub(super) fn lock(&self) -> Result<Option<File>> {
        let file = open(&self.lock)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(fault)) => Err(cannot("lock", &self.lock, fault)),
        }
    }

    /// The log, to be written on at its end.
    pub(super) fn open_log(&self) -> Result<File> {
        if fs::metadata(&self.log).is_ok_and(|log| log.len() > LOG_BYTES_MAX) {
            // Where it cannot be put aside, a long log is better than none.
            let _ = fs::rename(&self.log, self.log.with_extension("log.1"));
        }
        open(&self.log)
    }
}

/// Whether a push can start a worker here: its lock needs a folder.
pub(crate) fn judge(app: &App) -> Finding {
    let about = "on demand";
    match Place::of(app) {
        Ok(place) => {
            Finding::good(about, format!("a worker that a push starts writes its log to {}", place.log.display()))
        }
        Err(fault) => Finding::wrong(about, format!("a push can start no worker: {fault}")),
    }
}

/// Which database it is, whatever way its URL is written: the password and the options are left out.
fn identity(app: &App) -> String {
    let database = &app.config.database;
    if let Some(file) = database.sqlite_file() {
        return format!("sqlite:{}", file.canonicalize().unwrap_or(file).display());
    }
    let url = database.url();
    let (scheme, rest) = url.split_once(':').unwrap_or(("", url));
    let scheme = match scheme {
        "mariadb" => "mysql",
        "postgresql" => "postgres",
        scheme => scheme,
    };
    let rest = rest.trim_start_matches('/');
    let (access, place) = rest.rsplit_once('@').unwrap_or(("", rest));
    let user = access.split(':').next().unwrap_or("");
    format!("{scheme}:{user}@{}", place.split('?').next().unwrap_or(place))
}

/// FNV-1a, which every build of every program here computes alike.
fn hash_of<'t>(parts: impl Iterator<Item = &'t str>) -> u64 {
    let bytes = parts.flat_map(|part| part.bytes().chain([0xff]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The first of the usual folders that can be used, made if it is not there.
fn folder() -> Result<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let user = rustix::process::getuid();
    let candidates = [
        variable("XDG_STATE_HOME").map(|state| state.join("mission")),
        variable("HOME").map(|home| home.join(".local/state/mission")),
        Some(std::env::temp_dir().join(format!("mission-{}", user.as_raw()))),
    ];
    let mut refusal = None;
    for folder in candidates.into_iter().flatten() {
        match made(&folder, user.as_raw()) {
            Ok(()) => return Ok(folder),
            Err(fault) => refusal = Some(cannot("use", &folder, fault)),
        }
    }
    Err(refusal.unwrap_or_else(|| Error::new(ErrorKind::Setup, "there is no folder for the lock of the worker")))
}

/// Only the user may write there: in a shared folder others could put a link in the place of the log.
fn made(folder: &Path, user: u32) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let found = fs::symlink_metadata(folder)?;
    if !found.is_dir() || found.uid() != user || found.mode() & 0o022 != 0 {
        return Err(io::Error::other("it is not this user's own"));
    }
    rustix::fs::access(folder, rustix::fs::Access::WRITE_OK)?;
    Ok(())
}

fn open(path: &Path) -> Result<File> {
    let file = File::options().create(true).append(true).mode(0o600).open(path);
    file.map_err(|fault| cannot("open", path, fault))
}

fn cannot(what: &str, path: &Path, fault: io::Error) -> Error {
    let sentence = format!("cannot {what} {}: {fault}; set XDG_STATE_HOME to a folder of your own", path.display());
    Error::new(ErrorKind::Setup, sentence).with_source(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_apart() {
        assert_ne!(hash_of(["ab", "c"].into_iter()), hash_of(["a", "bc"].into_iter()));
        assert_eq!(hash_of(["a"].into_iter()), hash_of(["a"].into_iter()));
    }

    #[test]
    fn one_lock_is_held_by_one() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place { lock: folder.path().join("a.lock"), log: folder.path().join("a.log") };
        let held = place.lock().unwrap();
        assert!(held.is_some() && place.lock().unwrap().is_none());
        drop(held);
        assert!(place.lock().unwrap().is_some());
    }

    #[test]
    fn a_long_log_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place { lock: folder.path().join("a.lock"), log: folder.path().join("a.log") };
        fs::write(&place.log, vec![b'x'; 1 << 21]).unwrap();
        drop(place.open_log().unwrap());
        assert_eq!(fs::metadata(&place.log).unwrap().len(), 0);
        assert_eq!(fs::metadata(folder.path().join("a.log.1")).unwrap().len(), 1 << 21);
    }

    #[test]
    fn a_folder_that_others_may_write_to_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let user = rustix::process::getuid().as_raw();
        assert!(made(&folder.path().join("own"), user).is_ok());
        assert!(made(&folder.path().join("own"), user + 1).is_err());
        let open = folder.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(made(&open, user).is_err());
    }
}
