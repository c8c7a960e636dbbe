//! What went wrong with a file, as a sentence that names the folder and the way out.

use std::io;
use std::path::Path;

use mission_core::{Error, ErrorKind};
use rustix::io::Errno;

/// The error of an act on a folder or on a file in it.
pub(crate) fn fault(act: &str, path: &Path, fault: impl Into<io::Error>) -> Error {
    let fault = fault.into();
    let way_out = way_out(&fault);
    Error::new(ErrorKind::Storage, format!("cannot {act} {}: {fault}; {way_out}", path.display())).with_source(fault)
}

/// The same for a caller that writes through `std::io`: the kind is kept, the sentence is ours.
pub(crate) fn as_io(error: Error) -> io::Error {
    let kind = std::error::Error::source(&error)
        .and_then(|source| source.downcast_ref::<io::Error>())
        .map_or(io::ErrorKind::Other, io::Error::kind);
    io::Error::new(kind, error)
}

fn way_out(fault: &io::Error) -> &'static str {
    match fault.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::NOSPC | Errno::DQUOT) => {
            "free room on its disk or set another storage folder, then retry: what was committed is kept"
        }
        Some(Errno::FBIG) => {
            "raise the limit on the size of files (ulimit -f), or use a file system that holds larger ones"
        }
        Some(Errno::ROFS) => "mount it writable, or set another storage folder",
        Some(Errno::ACCESS | Errno::PERM) => "give this user the right to write there, or set another storage folder",
        Some(Errno::NOENT) => {
            "make it, or put it back if it was removed or moved, then start the worker anew; or set another storage folder"
        }
        Some(Errno::IO) => "the disk reports a fault: check it, or set another storage folder",
        Some(Errno::MFILE | Errno::NFILE) => "raise the limit on open files (ulimit -n), or lower the concurrency",
        _ => "check it, or set another storage folder",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_named_with_the_folder_and_the_way_out() {
        let error = fault("write in", Path::new("/srv/files"), Errno::NOSPC);
        assert!(error.is_storage());
        let said = error.to_string();
        assert!(said.contains("/srv/files") && said.contains("No space left") && said.contains("free room"), "{said}");
        assert_eq!(as_io(error).kind(), io::ErrorKind::StorageFull);
    }
}
