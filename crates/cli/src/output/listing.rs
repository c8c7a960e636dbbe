//! A list that is printed as it comes: a table at its end, JSON and ids at once, so that long lists need little memory.

use mission_core::Result;
use serde::Serialize;

use super::{Output, Table, columns_max, json};
use crate::args::OutputFormat;

/// A list being printed.
pub(crate) struct Listing {
    output: Output,
    table: Table,
    count: usize,
}

impl Listing {
    pub(crate) fn begin(output: Output, table: Table) -> Self {
        Self { output, table, count: 0 }
    }

    /// Prints one thing, or keeps its row for the table.
    pub(crate) fn add<T: Serialize>(&mut self, thing: &T, id: &str, row: impl FnOnce() -> Vec<String>) -> Result<()> {
        if self.output.format == OutputFormat::Table {
            self.table.row(row());
        }
        self.add_unlisted(thing, id)
    }

    /// The same for a thing whose row the table has already.
    pub(super) fn add_unlisted<T: Serialize>(&mut self, thing: &T, id: &str) -> Result<()> {
        self.count += 1;
        match self.output.format {
            OutputFormat::Table => Ok(()),
            OutputFormat::Json => {
                let before = if self.count == 1 { "[\n  " } else { ",\n  " };
                self.output.text(&format!("{before}{}", json(thing)?))
            }
            OutputFormat::Jsonl => self.output.line(json(thing)?),
            OutputFormat::Id => self.output.line(id),
        }
    }

    /// The same, but a table without rows is not drawn: for acts, where nothing done is nothing to show.
    pub(crate) fn end_unless_empty(self) -> Result<()> {
        if self.count == 0 && self.output.format == OutputFormat::Table { Ok(()) } else { self.end() }
    }

    /// Prints what remains.
    pub(crate) fn end(self) -> Result<()> {
        match self.output.format {
            OutputFormat::Table => self.output.text(&self.table.draw(columns_max())),
            OutputFormat::Json if self.count == 0 => self.output.line("[]"),
            OutputFormat::Json => self.output.text("\n]\n"),
            OutputFormat::Jsonl | OutputFormat::Id => Ok(()),
        }
    }
}
