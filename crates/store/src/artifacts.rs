//! Result files as the tables know them: which a task has, which are to be removed, and who still makes some.

use mission_core::{Artifact, CommittedFile, Error, LeaseToken, State, Timestamp, UniqueId, limits};
use serde::Serialize;

use crate::Store;
use crate::batch::Batches;
use crate::db::{Row, Statement};
use crate::retrying::retrying;

/// A look along the result files of a storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphans {
    /// Those whose task is gone: first their file is to be removed, then their row.
    pub artifacts: Vec<Artifact>,
    /// The others, unless they are expired: their file is to be there.
    pub present: Vec<Artifact>,
    /// Give this to look on behind; `None` at the end.
    pub next: Option<i64>,
}

/// How a task stands that may have files in the making.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The row.
    pub id: i64,
    /// Whether it waits or runs: its staging files are needed.
    pub is_active: bool,
    /// Its token now.
    pub token: LeaseToken,
    /// The names of the staging files that its checkpoint needs.
    pub staging: Vec<String>,
}

static ARTIFACTS: Statement = Statement::new("artifacts", include_str!("sql/artifacts.sql"));
static EXPIRED: Statement = Statement::new("artifacts_expired", include_str!("sql/artifacts_expired.sql"));
static BEHIND: Statement = Statement::new("artifacts_behind", include_str!("sql/artifacts_behind.sql"));
static EXPIRE: Statement = Statement::new("artifact_expire", include_str!("sql/artifact_expire.sql"));
static REMOVE: Statement = Statement::new("artifact_remove", include_str!("sql/artifact_remove.sql"));
static MISSING: Statement = Statement::new("artifact_missing", include_str!("sql/artifact_missing.sql"));
static LOCATIONS: Statement = Statement::new("locations", include_str!("sql/locations.sql"));
static BYTES: Statement = Statement::new("artifact_bytes", include_str!("sql/artifact_bytes.sql"))
    .mysql(include_str!("sql/artifact_bytes.mysql.sql"));
static STANDING: Statement = Statement::new("standing", include_str!("sql/standing.sql"));

#[derive(Serialize)]
struct IdRow {
    id: i64,
}

impl Store {
    /// The result files of a task, by their names; expired ones are among them.
    pub async fn artifacts(&self, unique_id: &UniqueId) -> Result<Vec<Artifact>, Error> {
        self.artifacts_named(unique_id, None).await
    }

    /// The result file of a name.
    pub async fn artifact(&self, unique_id: &UniqueId, name: &str) -> Result<Option<Artifact>, Error> {
        // No row holds NUL, and PostgreSQL refuses to look for it.
        if name.contains('\0') {
            return Ok(None);
        }
        Ok(self.artifacts_named(unique_id, Some(name)).await?.pop())
    }

    async fn artifacts_named(&self, unique_id: &UniqueId, name: Option<&str>) -> Result<Vec<Artifact>, Error> {
        let values = [("unique_id", unique_id.as_str().into()), ("name", name.into())];
        retrying(|| async {
            let rows = self.db.reader().await?.conn().rows_composed(&ARTIFACTS, &values).await?;
            rows.iter().map(artifact).collect()
        })
        .await
    }

    /// The result files of a storage whose time is over by the database's clock and that are not marked so yet.
    pub async fn expired_artifacts(&self, storage: &str, limit: usize) -> Result<Vec<Artifact>, Error> {
        let values = [("storage", storage.into()), ("limit", i64::try_from(limit).unwrap_or(i64::MAX).into())];
        retrying(|| async {
            let rows = self.db.reader().await?.conn().rows(&EXPIRED, &values).await?;
            rows.iter().map(artifact).collect()
        })
        .await
    }

    /// Looks at up to `limit` result files of a storage behind `after` and answers those whose task is gone.
    pub async fn orphaned_artifacts(&self, storage: &str, after: i64, limit: usize) -> Result<Orphans, Error> {
        let values = [
            ("storage", storage.into()),
            ("after", after.into()),
            ("limit", i64::try_from(limit).unwrap_or(i64::MAX).into()),
        ];
        let rows = retrying(|| async { self.db.reader().await?.conn().rows(&BEHIND, &values).await }).await?;
        let mut orphans = Orphans { artifacts: Vec::new(), present: Vec::new(), next: None };
        for row in &rows {
            let artifact = artifact(row)?;
            if row.int("is_orphan")? != 0 {
                orphans.artifacts.push(artifact);
            } else if !artifact.is_expired {
                orphans.present.push(artifact);
            }
        }
        if let Some(last) = rows.last().filter(|_| rows.len() >= limit) {
            orphans.next = Some(last.int("id")?);
        }
        Ok(orphans)
    }

    /// Notes that the files of expired artifacts are removed; one that was made anew meanwhile is left alone.
    pub async fn mark_expired(&self, ids: &[i64]) -> Result<u64, Error> {
        self.each_artifact(&EXPIRE, ids).await
    }

    /// Notes that the file of an artifact is not there any more; one that was made anew meanwhile is left alone.
    pub async fn mark_missing(&self, artifact: &Artifact) -> Result<u64, Error> {
        let values = [("id", artifact.id.into()), ("location", (&artifact.location).into())];
        retrying(|| async { self.db.writer().await?.conn().run(&MISSING, &values).await }).await
    }

    /// Where the result files of these tasks lie in a storage.
    pub async fn locations(&self, storage: &str, ids: &[i64]) -> Result<Vec<String>, Error> {
        let ids: Vec<IdRow> = ids.iter().map(|id| IdRow { id: *id }).collect();
        let mut locations = Vec::new();
        for part in Batches::of(&ids, limits::BATCH_ROWS_MAX)?.parts {
            let values = [("batch", (&part.json).into()), ("storage", storage.into())];
            let rows = retrying(|| async { self.db.reader().await?.conn().rows(&LOCATIONS, &values).await }).await?;
            for row in rows {
                locations.push(row.text("location")?.to_owned());
            }
        }
        Ok(locations)
    }

    /// Removes the rows of artifacts whose file and task are gone; any other is left alone.
    pub async fn remove_artifacts(&self, ids: &[i64]) -> Result<u64, Error> {
        self.each_artifact(&REMOVE, ids).await
    }

    async fn each_artifact(&self, statement: &'static Statement, ids: &[i64]) -> Result<u64, Error> {
        let mut hit = 0;
        for group in ids.chunks(limits::BATCH_ROWS_MAX) {
            hit += retrying(|| async {
                let mut tx = self.db.begin().await?;
                let mut hit = 0;
                for id in group {
                    hit += tx.conn().run(statement, &[("id", (*id).into())]).await?;
                }
                tx.commit().await?;
                Ok(hit)
            })
            .await?;
        }
        Ok(hit)
    }

    /// How many bytes a storage holds in result files.
    pub async fn artifact_bytes(&self, storage: &str) -> Result<u64, Error> {
        let values = [("storage", storage.into())];
        retrying(|| async {
            let row = self.db.reader().await?.conn().row(&BYTES, &values).await?;
            row.map_or(Ok(0), |row| row.int("bytes").map(unsigned))
        })
        .await
    }

    /// How tasks stand whose staging files were found; one that is gone is left out.
    pub async fn staging_standing(&self, ids: &[i64]) -> Result<Vec<Standing>, Error> {
        let ids: Vec<IdRow> = ids.iter().map(|id| IdRow { id: *id }).collect();
        let mut standing = Vec::with_capacity(ids.len());
        for part in Batches::of(&ids, limits::BATCH_ROWS_MAX)?.parts {
            let values = [("batch", (&part.json).into())];
            let rows = retrying(|| async { self.db.reader().await?.conn().rows(&STANDING, &values).await }).await?;
            for row in rows {
                let state: State = row.text("state")?.parse()?;
                let files = row.text_or_null("checkpoint_files")?;
                let files: Vec<CommittedFile> =
                    files.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default();
                standing.push(Standing {
                    id: row.int("id")?,
                    is_active: !state.is_final(),
                    token: LeaseToken(row.int("lease_token")?),
                    staging: files.into_iter().map(|file| file.staging).collect(),
                });
            }
        }
        Ok(standing)
    }
}

fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

fn artifact(row: &Row) -> Result<Artifact, Error> {
    let now = row.int("now_us")?;
    let mut artifact = Artifact::with(row.int("id")?, row.int("task_id")?, row.text("name")?);
    artifact.media_type = row.text("media_type")?;
    artifact.bytes = unsigned(row.int("bytes")?);
    artifact.sha256 = row.text("sha256")?;
    artifact.row_count = row.int_or_null("row_count")?.map(unsigned);
    artifact.storage = row.text("storage")?;
    artifact.location = row.text("location")?;
    artifact.created_date = Timestamp(row.int("created_date")?);
    artifact.expires_date = row.int_or_null("expires_date")?.map(Timestamp);
    artifact.is_expired = row.int("expired")? != 0 || artifact.expires_date.is_some_and(|at| at.0 <= now);
    Ok(artifact)
}
