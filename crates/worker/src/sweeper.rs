//! The sweeper: no file without a row that speaks of it, no row that speaks of a file which is gone, and nothing kept
//! longer than it is to be.

use std::collections::HashSet;
use std::sync::Arc;

use mission_core::{Artifact, Error, ErrorKind, limits as rules};
use mission_files::{Folder, Staged, Swept};
use mission_store::Store;

use crate::base::Base;
use crate::log;

/// Sweeps the worker's folder, if there is one.
pub(crate) async fn sweep(base: &Base) -> Result<(), Error> {
    let storage = Arc::clone(&base.storage);
    let Some(folder) = on_disk(move || storage.existing()).await? else { return Ok(()) };
    if let Some(before) = folder.without_bucket() {
        sweep_storage(base, before).await?;
    }
    sweep_storage(base, folder).await
}

async fn sweep_storage(base: &Base, folder: Folder) -> Result<(), Error> {
    let sweep = Sweep { store: &base.store, folder };
    let expired = sweep.expire().await?;
    let missing = sweep.compare().await?;
    let swept = sweep.staging().await?;
    sweep.folder.set_published_bytes(base.store.artifact_bytes(sweep.folder.name()).await?);
    if expired + missing + swept.files > 0 {
        log::swept(expired, missing, &swept);
    }
    Ok(())
}

struct Sweep<'s> {
    store: &'s Store,
    folder: Folder,
}

impl Sweep<'_> {
    /// Files whose time is over go, then their rows say so.
    async fn expire(&self) -> Result<u64, Error> {
        let mut expired = 0;
        loop {
            let artifacts = self.store.expired_artifacts(self.folder.name(), rules::BATCH_ROWS_MAX).await?;
            if artifacts.is_empty() {
                return Ok(expired);
            }
            let ids = self.remove(artifacts).await?;
            let marked = self.store.mark_expired(&ids).await?;
            expired += marked;
            if marked == 0 {
                return Ok(expired);
            }
        }
    }

    /// Files whose task is gone go, then their rows; a row whose file is gone says so.
    async fn compare(&self) -> Result<u64, Error> {
        let (mut missing, mut after) = (0, 0);
        loop {
            let looked = self.store.orphaned_artifacts(self.folder.name(), after, rules::BATCH_ROWS_MAX).await?;
            if !looked.artifacts.is_empty() {
                let ids = self.remove(looked.artifacts).await?;
                self.store.remove_artifacts(&ids).await?;
            }
            for artifact in self.absent(looked.present).await? {
                missing += self.store.mark_missing(&artifact).await?;
            }
            let Some(next) = looked.next else { return Ok(missing) };
            after = next;
        }
    }

    /// What attempts of ended tasks left in the making goes.
    async fn staging(&self) -> Result<Swept, Error> {
        let folder = self.folder.clone();
        // The files first, the tasks after: one that is claimed in between must not look ended.
        let staged: Vec<Staged> = on_disk(move || folder.staged()).await?;
        if staged.is_empty() {
            return Ok(Swept::default());
        }
        let ids: HashSet<i64> = staged.iter().map(|staged| staged.task_id).collect();
        let ids: Vec<i64> = ids.into_iter().collect();
        let standing = self.store.staging_standing(&ids).await?;
        let active: HashSet<i64> = standing.iter().filter(|task| task.is_active).map(|task| task.id).collect();
        let published: HashSet<String> = self.store.locations(self.folder.name(), &ids).await?.into_iter().collect();
        let folder = self.folder.clone();
        on_disk(move || folder.sweep(&staged, |task| active.contains(&task), |location| published.contains(location)))
            .await
    }

    /// Removes files; answers the rows whose file is gone now, whoever removed it.
    async fn remove(&self, artifacts: Vec<Artifact>) -> Result<Vec<i64>, Error> {
        let folder = self.folder.clone();
        on_disk(move || {
            let remove = |artifact: Artifact| folder.remove(&artifact.location).map(|_| artifact.id);
            artifacts.into_iter().map(remove).collect()
        })
        .await
    }

    async fn absent(&self, mut artifacts: Vec<Artifact>) -> Result<Vec<Artifact>, Error> {
        if artifacts.is_empty() {
            return Ok(artifacts);
        }
        let folder = self.folder.clone();
        on_disk(move || {
            let locations = artifacts.iter().map(|artifact| artifact.location.as_str()).collect();
            let present: HashSet<String> = folder.present(locations)?.into_iter().map(str::to_owned).collect();
            artifacts.retain(|artifact| !present.contains(&artifact.location));
            Ok(artifacts)
        })
        .await
    }
}

/// Does what waits for the disk beside the runtime.
async fn on_disk<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|fault| {
        Err(Error::new(ErrorKind::Storage, "the work on files was broken off").with_source(fault))
    })
}
