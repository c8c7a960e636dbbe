//! What a task leaves beside its answer: result files, the record of its attempts, and its log.

use std::path::Path;

use mission_core::{Artifact, Attempt, Error, ErrorKind, LogLine, Result, UniqueId};
use mission_files::{OpenStorage, VerifiedFile};

use crate::Mission;
use crate::detached::detached;

impl Mission {
    /// The result files of a task, by their names; none before its success, expired ones among them.
    pub async fn artifacts(&self, unique_id: impl AsRef<str>) -> Result<Vec<Artifact>> {
        let (store, id) = (self.store(), UniqueId::parse(unique_id.as_ref())?);
        detached(async move { store.artifacts(&id).await }).await
    }

    /// The attempts of a task that did not end in success, the latest first; the last hundreds of many.
    pub async fn attempts(&self, unique_id: impl AsRef<str>) -> Result<Vec<Attempt>> {
        let (store, id) = (self.store(), UniqueId::parse(unique_id.as_ref())?);
        detached(async move { store.attempts(&id).await }).await
    }

    /// The lines that a task's method logged, behind the line of this number (0 for all), at most so many.
    pub async fn logs(&self, unique_id: impl AsRef<str>, after: i64, limit: usize) -> Result<Vec<LogLine>> {
        let (store, id) = (self.store(), UniqueId::parse(unique_id.as_ref())?);
        detached(async move { store.logs(&id, after, limit).await }).await
    }

    /// Opens a result file in the storage folder of this machine, or in a bucket by its address (`s3://…`); read to its end
    /// without an error it is what the method wrote. Reading it blocks.
    ///
    /// # Errors
    /// It has expired or its file is gone ([`Error::is_not_found`]); it stands in another storage than this folder.
    pub async fn read_artifact(&self, artifact: &Artifact, folder: impl AsRef<Path>) -> Result<VerifiedFile> {
        if artifact.is_expired {
            let since = artifact.expires_date.map_or(String::new(), |date| format!(" since {date}"));
            let sentence = format!("the result file {:?} has expired{since}: run its task again", artifact.name);
            return Err(Error::new(ErrorKind::NotFound, sentence));
        }
        let (artifact, at) = (artifact.clone(), folder.as_ref().to_owned());
        // Where the storage is a bucket, this waits for the network.
        let opened = tokio::task::spawn_blocking(move || open(&artifact, &at)).await;
        opened.unwrap_or_else(|fault| {
            Err(Error::new(ErrorKind::Storage, "the look at the storage was broken off").with_source(fault))
        })
    }
}

fn open(artifact: &Artifact, at: &Path) -> Result<VerifiedFile> {
    let here = match OpenStorage::at(at) {
        Ok(here) if here.name() == artifact.storage => here,
        Ok(here) => return Err(elsewhere(artifact, &format!("{} is {}", at.display(), here.name()))),
        Err(fault) => return Err(elsewhere(artifact, &fault.to_string())),
    };
    Ok(VerifiedFile::new(here.read(&artifact.location)?, artifact.bytes, &artifact.sha256))
}

fn elsewhere(artifact: &Artifact, what_is_here: &str) -> Error {
    Error::new(
        ErrorKind::Storage,
        format!(
            "the result file {:?} stands in the storage {}, and {what_is_here}: name the folder of that storage, or ask \
             on the host that wrote it",
            artifact.name, artifact.storage
        ),
    )
}
