//! What is printed: results on stdout in the format asked for, everything else on stderr.

mod table;
mod text;

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};

use mission_core::{Error, ErrorKind, Result};
use serde::Serialize;

use crate::args::OutputFormat;
pub(crate) use table::Table;
pub(crate) use text::visible;

/// How this run prints.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    pub(crate) format: OutputFormat,
    is_quiet: bool,
}

impl Output {
    pub(crate) fn new(format: OutputFormat, quiet: bool) -> Self {
        Self { format, is_quiet: quiet }
    }

    /// A note beside the results, on stderr.
    pub(crate) fn note(&self, message: impl Display) {
        if !self.is_quiet {
            say(format_args!("mission: {message}"));
        }
    }

    /// Many things: as a table, as one JSON array, as a JSON value a line, or by their ids.
    pub(crate) fn list<T: Serialize>(&self, things: &[T], id: impl Fn(&T) -> String, table: &Table) -> Result<()> {
        match self.format {
            OutputFormat::Table => self.text(&table.draw(table_width())),
            OutputFormat::Json => self.text(&format!("{}\n", json_pretty(things)?)),
            OutputFormat::Jsonl => things.iter().try_for_each(|thing| self.text(&format!("{}\n", json(thing)?))),
            OutputFormat::Id => things.iter().try_for_each(|thing| self.text(&format!("{}\n", id(thing)))),
        }
    }

    /// One thing: as text for people, as a JSON value, or by its id.
    pub(crate) fn one<T: Serialize>(&self, thing: &T, id: &str, for_people: &str) -> Result<()> {
        match self.format {
            OutputFormat::Table => self.text(for_people),
            OutputFormat::Json => self.text(&format!("{}\n", json_pretty(thing)?)),
            OutputFormat::Jsonl => self.text(&format!("{}\n", json(thing)?)),
            OutputFormat::Id => self.text(&format!("{id}\n")),
        }
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

/// Whether a table may be as wide as it likes, or must fit a terminal of so many columns.
fn table_width() -> Option<usize> {
    if !io::stdout().is_terminal() {
        return None;
    }
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    columns.or_else(|| rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| usize::from(size.ws_col)))
}

/// Whether stderr is a terminal of somebody who has nothing against colours.
pub(crate) fn is_colour_wanted() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !refused && io::stderr().is_terminal()
}

fn json<T: Serialize + ?Sized>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(no_json)
}

fn json_pretty<T: Serialize + ?Sized>(value: &T) -> Result<String> {
    serde_json::to_string_pretty(value).map_err(no_json)
}

fn no_json(fault: serde_json::Error) -> Error {
    Error::new(ErrorKind::Setup, "the result cannot be written as JSON").with_source(fault)
}
