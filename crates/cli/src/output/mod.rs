//! What is printed: results on stdout in the format asked for, everything else on stderr.

mod bars;
mod listing;
mod record;
mod table;
mod text;

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};

use mission_core::{Error, ErrorKind, Result};
use serde::Serialize;

use crate::args::OutputFormat;
pub(crate) use bars::Bars;
pub(crate) use listing::Listing;
pub(crate) use record::{describe, progress_text, records_row, records_table, remaining_text, waits_for_later};
pub(crate) use table::Table;
pub(crate) use text::{tasks_of, visible, visible_lines};

/// How this run prints.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    pub(crate) format: OutputFormat,
    pub(crate) is_quiet: bool,
}

impl Output {
    pub(crate) fn new(format: OutputFormat, is_quiet: bool) -> Self {
        Self { format, is_quiet }
    }

    /// Many things: as a table, as one JSON array, as a JSON value a line, or by their ids.
    pub(crate) fn list<T: Serialize>(&self, things: &[T], id: impl Fn(&T) -> String, table: Table) -> Result<()> {
        let mut listing = Listing::begin(*self, table);
        things.iter().try_for_each(|thing| listing.add_unlisted(thing, &id(thing)))?;
        listing.end()
    }

    /// One thing: as text for people, as a JSON value, or by its id.
    pub(crate) fn one<T: Serialize>(&self, thing: &T, id: &str, for_people: &str) -> Result<()> {
        match self.format {
            OutputFormat::Table => self.text(for_people),
            OutputFormat::Json => {
                let json = serde_json::to_string_pretty(thing).map_err(no_json)?;
                self.text(&format!("{json}\n"))
            }
            OutputFormat::Jsonl => self.line(&json(thing)?),
            OutputFormat::Id => self.line(id),
        }
    }

    /// One thing as a line of JSON, or its id: for streams.
    pub(crate) fn one_line<T: Serialize>(&self, thing: &T, id: &str) -> Result<()> {
        if self.format == OutputFormat::Id { self.line(id) } else { self.line(json(thing)?) }
    }

    /// A line on stdout.
    pub(crate) fn line(&self, line: impl Display) -> Result<()> {
        self.text(&format!("{line}\n"))
    }

    /// Text that a method may have written: on a terminal it does nothing but be read, to a file or pipe it goes as it is.
    pub(crate) fn foreign_text(&self, text: &str) -> Result<()> {
        if io::stdout().is_terminal() { self.line(visible_lines(text)) } else { self.line(text) }
    }

    /// Whether results are printed as text for people.
    pub(crate) fn is_for_people(&self) -> bool {
        self.format == OutputFormat::Table
    }

    /// Whether bars may be drawn: for people who look at a terminal.
    pub(crate) fn draws_bars(&self) -> bool {
        self.format == OutputFormat::Table && !self.is_quiet && io::stderr().is_terminal()
    }

    /// Text on stdout, as it is.
    pub(crate) fn text(&self, text: &str) -> Result<()> {
        self.bytes(text.as_bytes())
    }

    /// Bytes on stdout, as they are.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|fault| {
            Error::new(ErrorKind::Setup, format!("cannot write the result: {fault}")).with_source(fault)
        })
    }
}

/// A line on stderr; if nobody reads it, so be it.
pub(crate) fn say(line: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// How many columns a table may have: what `COLUMNS` says, or the terminal; no bound in a file or pipe.
pub(crate) fn columns_max() -> Option<usize> {
    let said = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).filter(|columns| *columns > 0);
    said.or_else(|| {
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
        Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
    })
}

/// Whether stderr is a terminal of somebody who has nothing against colours.
pub(crate) fn is_colour_wanted() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !refused && io::stderr().is_terminal()
}

fn json<T: Serialize + ?Sized>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(no_json)
}

fn no_json(fault: serde_json::Error) -> Error {
    Error::new(ErrorKind::Setup, "the result cannot be written as JSON").with_source(fault)
}
