//! Taking over the records of the original's table, step by step.

use mission_core::{Error, ErrorKind, ImportCounts, Importer, Pending, Result, ZoneOffset};
use mission_store::OriginalTable;

use crate::Mission;
use crate::detached::detached;

/// The original's table, and how it is to be read.
#[derive(Debug, Clone)]
pub struct ImportSource {
    /// The database it is in; it is only read.
    pub url: String,
    /// Its name.
    pub table: String,
    /// The zone its dates were written in.
    pub zone: ZoneOffset,
    /// What becomes of rows that still wait.
    pub pending: Pending,
}

impl ImportSource {
    /// The table under its own name, dates in UTC, finished rows only.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            table: "admin_background_tasks".to_owned(),
            zone: ZoneOffset::utc(),
            pending: Pending::Leave,
        }
    }
}

/// How far an import has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImportReport {
    /// What was met in the rows.
    pub counts: ImportCounts,
    /// Tasks that were stored.
    pub stored: u64,
    /// Tasks that were there already, from an earlier import.
    pub known: u64,
}

/// An import under way. It may run twice, and be cut off at any moment: what is there already is left alone.
pub struct Import {
    mission: Mission,
    /// Out while a step has it.
    reading: Option<(OriginalTable, Importer)>,
    report: ImportReport,
}

impl Mission {
    /// Begins to take over the original's table.
    ///
    /// # Errors
    /// The source cannot be reached or has no such table; our own tables are missing.
    pub async fn import(&self, source: ImportSource) -> Result<Import> {
        let store = self.store();
        let reading = detached(async move {
            store.check_schema().await?;
            let table = OriginalTable::open(&source.url, &source.table).await?;
            Ok((table, Importer::new(source.table, source.zone, source.pending)))
        })
        .await?;
        Ok(Import { mission: self.clone(), reading: Some(reading), report: ImportReport::default() })
    }
}

impl Import {
    /// Takes over the next few hundred rows; `None` at the end.
    pub async fn step(&mut self) -> Result<Option<ImportReport>> {
        self.next(Effect::Store).await
    }

    /// Looks at the next few hundred rows and stores nothing; `None` at the end.
    pub async fn look(&mut self) -> Result<Option<ImportReport>> {
        self.next(Effect::None).await
    }

    async fn next(&mut self, effect: Effect) -> Result<Option<ImportReport>> {
        let broken = || Error::new(ErrorKind::Setup, "the import was cut off in the middle of a step: begin it again");
        let (mut table, mut importer) = self.reading.take().ok_or_else(broken)?;
        let store = self.mission.store();
        let work = async move {
            let rows = table.next().await?;
            let now = store.now().await?;
            let tasks: Vec<_> = rows.iter().filter_map(|row| importer.take(row, now)).collect();
            let stored = match effect {
                Effect::Store => store.import(&tasks).await?,
                Effect::None => 0,
            };
            let taken = u64::try_from(tasks.len()).unwrap_or(u64::MAX);
            Ok((table, importer, stored, taken, rows.is_empty()))
        };
        let (table, importer, stored, taken, is_end) = detached(work).await?;
        self.report.counts = importer.counts();
        self.report.stored += stored;
        self.report.known += taken.saturating_sub(stored);
        self.reading = Some((table, importer));
        if is_end {
            self.mission.wake();
            return Ok(None);
        }
        Ok(Some(self.report))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Store,
    None,
}
