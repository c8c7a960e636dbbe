//! The sweep: removes what attempts of ended or deleted tasks left in the making.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use mission_core::Error;

use crate::attempt::read_note;
use crate::fault::fault;
use crate::folder::Folder;
use crate::names::{Sort, StagingName, staging_folder};
use crate::place::{Hold, Place, hold};

/// Something an attempt left in the staging folder.
#[derive(Debug, Clone)]
pub struct Staged {
    /// The task's row.
    pub task_id: i64,
    /// Published names of the same file: results if rows say so, else left by a crash before the settlement.
    pub locations: Vec<String>,
    name: String,
    reach: Reach,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// In the folder of this host.
    Host,
    /// In the storage beyond it.
    Beyond,
}

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Files removed.
    pub files: u64,
    /// Bytes they held.
    pub bytes: u64,
    /// Files of ended tasks that some process still has open; the next sweep looks again.
    pub busy: u64,
}

/// Takes what only the files in the making of this database needed out of a folder, once nothing is in it: for a
/// database that goes while its files stay.
pub fn leave_folder(path: &Path, database_id: &str) {
    // A folder that is not empty is still needed, and one that is not there is no fault.
    let _ = std::fs::remove_dir(path.join(staging_folder(database_id)));
}

impl Folder {
    /// All files in the making. Ask the database about their tasks after this, never before: a task that is claimed in
    /// between must not look ended.
    pub fn staged(&self) -> Result<Vec<Staged>, Error> {
        let staging = self.shelf.staging()?;
        let mut names = staging.names().map_err(|error| fault("list", staging.path(), error))?;
        // Notes come before their files: a note whose file is still staged speaks of nothing, and must not outlive it.
        names.sort();
        let mut staged = Vec::new();
        for text in names {
            let Some((name, sort)) = StagingName::parse(&text) else { continue };
            let locations = self
                .locations(staging, &name, sort)
                .map_err(|error| fault("look at", &staging.path().join(&text), error))?;
            staged.push(Staged { task_id: name.task_id, locations, name: text, reach: Reach::Host });
        }
        for (name, locations) in self.shelf.remote.as_ref().map_or_else(|| Ok(Vec::new()), |remote| remote.desks())? {
            if let Some(task_id) = StagingName::task_of_desk(&name) {
                staged.push(Staged { task_id, locations, name, reach: Reach::Beyond });
            }
        }
        Ok(staged)
    }

    fn locations(&self, staging: &Place, name: &StagingName, sort: Sort) -> std::io::Result<Vec<String>> {
        match sort {
            Sort::Copy => Ok(Vec::new()),
            Sort::Moved if staging.inode(&name.to_string())?.is_some() => Ok(Vec::new()),
            Sort::Moved => Ok(read_note(staging, &name.with(sort)).into_iter().collect()),
            Sort::Part => match staging.open_to_read(&name.with(sort)).and_then(|file| file.metadata()) {
                Ok(found) if found.nlink() > 1 => self.shelf.links_of(&name.stamp, found.ino()),
                // Gone meanwhile, or not ours to read: the sweep says so if it matters.
                _ => Ok(Vec::new()),
            },
        }
    }

    /// Removes what belongs to tasks that are not active, with the published names that no row speaks of. A file that is
    /// still open somewhere stays.
    pub fn sweep(
        &self,
        staged: &[Staged],
        is_active: impl Fn(i64) -> bool,
        is_published: impl Fn(&str) -> bool,
    ) -> Result<Swept, Error> {
        let mut swept = Swept::default();
        for one in staged.iter().filter(|one| !is_active(one.task_id)) {
            match (one.reach, &self.shelf.remote) {
                (Reach::Host, _) => self.sweep_one(one, &is_published, &mut swept)?,
                (Reach::Beyond, Some(remote)) => swept.files += remote.clear(&one.name, &is_published)?,
                (Reach::Beyond, None) => {}
            }
        }
        Ok(swept)
    }

    fn sweep_one(&self, one: &Staged, is_published: impl Fn(&str) -> bool, swept: &mut Swept) -> Result<(), Error> {
        let staging = self.shelf.staging()?;
        let path = staging.path().join(&one.name);
        let file = match staging.open_to_write(&one.name) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(fault("open", &path, error)),
        };
        if hold(&file).map_err(|error| fault("lock", &path, error))? == Hold::Theirs {
            swept.busy += 1;
            return Ok(());
        }
        let found = file.metadata().map_err(|error| fault("look at", &path, error))?;
        let is_note = one.name.ends_with(".moved");
        for location in one.locations.iter().filter(|location| !is_published(location)) {
            // A note is all that says whose the moved file is; a link must still be of the same file.
            let removed = if is_note {
                self.remove(location)?
            } else {
                let removed = self.shelf.published.unlink_inode(location, found.ino());
                removed.map_err(|error| fault("remove", &self.path().join(location), error))?
            };
            swept.files += u64::from(is_note && removed);
        }
        if staging.unlink_inode(&one.name, found.ino()).map_err(|error| fault("remove", &path, error))? && !is_note {
            swept.files += 1;
            swept.bytes += if found.nlink() > 1 && one.locations.iter().any(|location| is_published(location)) {
                0
            } else {
                found.len()
            };
        }
        Ok(())
    }
}
