//! All that a run left behind, read once.

use crate::Outcome;
use crate::files::{self, Artifact, FileSeen};
use crate::papers::{Effect, Exit, Intent, Papers};
use crate::tables::{Change, Row, Tables};

/// What the judge looks at.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// What producers meant to push.
    pub intents: Vec<Intent>,
    /// What methods did.
    pub effects: Vec<Effect>,
    /// Which workers went.
    pub exits: Vec<Exit>,
    /// The rows at the end.
    pub rows: Vec<Row>,
    /// What the witness saw.
    pub changes: Vec<Change>,
    /// Effects that methods had within a transaction.
    pub transfers: Vec<(String, i64)>,
    /// What the tables say of result files.
    pub artifacts: Vec<Artifact>,
    /// The files that are there.
    pub files: Vec<FileSeen>,
    /// What the database's own check complains of.
    pub complaints: Vec<String>,
    /// Errors that reached producers, outages aside.
    pub surfaced: Vec<String>,
    /// Lines of the papers that make no sense.
    pub unreadable: Vec<String>,
}

impl Evidence {
    /// Reads papers and tables. The workers have ended by now.
    ///
    /// # Errors
    /// The database refuses, or a paper cannot be read.
    pub async fn gather(papers: &Papers, tables: &mut Tables) -> Outcome<Self> {
        let mut unreadable = Vec::new();
        Ok(Self {
            intents: papers.intents(&mut unreadable)?,
            effects: papers.effects(&mut unreadable)?,
            exits: papers.exits(&mut unreadable)?,
            rows: tables.rows().await?,
            changes: tables.changes().await?,
            transfers: tables.effects().await?,
            artifacts: tables.artifacts().await?,
            files: files::look(&papers.files())?,
            complaints: tables.complaints().await?,
            surfaced: papers.surfaced()?,
            unreadable,
        })
    }
}
