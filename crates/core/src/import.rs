//! From a row of the original's table to a task: what is kept, what is replaced, and what is counted on the way.

use std::collections::HashSet;

use serde::Serialize;

use crate::text::shown;
use crate::{Content, Error, Params, Reason, State, Timestamp, UniqueId, clean_text, fair_lane};

/// A row of the original's `admin_background_tasks`; columns that its older shapes lack are `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs)] // The fields are the original's columns.
pub struct OriginalRow {
    pub id: i64,
    pub unique_id: String,
    pub method: String,
    pub params: String,
    pub task_type: String,
    pub state: String,
    pub content: Option<String>,
    pub creator: Option<String>,
    pub created_date: Option<String>,
    pub modified_date: Option<String>,
}

/// A task as it is stored when it comes from the original's table. Fields have the names of the columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs)] // The fields are those of `Task`.
pub struct ImportedTask {
    pub unique_id: UniqueId,
    pub method: String,
    pub params: Option<String>,
    #[serde(rename = "type")]
    pub task_type: String,
    pub creator: Option<String>,
    /// Its lane, where the type is fair.
    pub fair_lane: Option<i64>,
    pub state: State,
    pub reason: Option<Reason>,
    pub content: Option<String>,
    #[serde(serialize_with = "as_int")]
    pub content_cut: bool,
    #[serde(serialize_with = "as_micros")]
    pub run_at: Timestamp,
    #[serde(serialize_with = "as_micros")]
    pub created_date: Timestamp,
    #[serde(serialize_with = "as_micros")]
    pub modified_date: Timestamp,
}

/// What becomes of rows that still wait in the original's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pending {
    /// They stay there.
    #[default]
    Leave,
    /// They wait here, and are run here.
    Take,
}

/// The distance from UTC in which the original wrote its dates, such as `+08:00`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneOffset(String);

impl ZoneOffset {
    /// UTC, Laravel's default.
    pub fn utc() -> Self {
        Self("Z".to_owned())
    }

    /// Reads `+08:00`, `-03:30`, `Z` or `UTC`.
    ///
    /// ```
    /// assert!(mission_core::ZoneOffset::parse("+08:00").is_ok());
    /// assert!(mission_core::ZoneOffset::parse("Shanghai").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Self, Error> {
        let offset = if text.eq_ignore_ascii_case("utc") { "Z" } else { text };
        let zone = Self(offset.to_owned());
        match zone.moment("2000-01-01 00:00:00") {
            Some(_) if offset == "Z" || offset.starts_with(['+', '-']) => Ok(zone),
            _ => {
                Err(Error::invalid(format!("{:?} is no distance from UTC: use one as in +08:00, or UTC", shown(text))))
            }
        }
    }

    /// A date of the original's as a moment; `None` for `0000-00-00 00:00:00` and whatever else is no date.
    fn moment(&self, date: &str) -> Option<Timestamp> {
        Timestamp::parse(&format!("{}{}", date.trim(), self.0)).ok()
    }
}

/// What was met on the way, for people to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImportCounts {
    /// Rows looked at.
    pub read: u64,
    /// Rows that waited and were left where they are.
    pub left_waiting: u64,
    /// Rows that waited and are to wait here.
    pub waiting: u64,
    /// Rows that were executing: nobody knows what became of them.
    pub executing: u64,
    /// Rows whose state is none of the original's.
    pub strange_state: u64,
    /// Rows whose id was empty, unfit or used by an earlier row: they got another one.
    pub fresh_ids: u64,
    /// Rows whose params are not JSON: kept as text.
    pub params_as_text: u64,
    /// Rows without any date: they got the time of the import.
    pub without_date: u64,
}

/// Turns rows into tasks, one after another, oldest first.
#[derive(Debug)]
pub struct Importer {
    /// The table's name: a part of the ids that rows without a usable one get.
    table: String,
    zone: ZoneOffset,
    pending: Pending,
    /// Hashes of the ids met so far: the original never made them unique.
    met: HashSet<u64>,
    counts: ImportCounts,
}

impl Importer {
    /// An importer that has met nothing.
    pub fn new(table: impl Into<String>, zone: ZoneOffset, pending: Pending) -> Self {
        Self { table: table.into(), zone, pending, met: HashSet::new(), counts: ImportCounts::default() }
    }

    /// What was met so far.
    pub fn counts(&self) -> ImportCounts {
        self.counts
    }

    /// The task for a row; `None` if the row stays where it is. The same row always gives the same id.
    pub fn take(&mut self, row: &OriginalRow, now: Timestamp) -> Option<ImportedTask> {
        self.counts.read += 1;
        let Fate { state, reason, note } = self.fate(&row.state)?;
        let (created_date, modified_date) = self.dates(row, now);
        let text = row.content.as_deref().filter(|content| !content.is_empty()).map(str::to_owned).or(note);
        let content = text.map(Content::new);
        // "undefined" is what the original writes for nobody.
        let creator = row.creator.as_deref().filter(|creator| !matches!(*creator, "" | "undefined"));
        let creator = creator.map(|creator| clean_text(creator).into_owned());
        Some(ImportedTask {
            unique_id: self.unique_id(row),
            method: or_else(&row.method, "unknown"),
            params: self.params(&row.params),
            task_type: or_else(&row.task_type, "system"),
            fair_lane: fair_lane(creator.as_deref()),
            creator,
            state,
            reason,
            content_cut: content.as_ref().is_some_and(|content| content.is_cut),
            content: content.map(|content| content.text),
            // A date ahead of the clock, for want of the right zone, must not keep a waiting task waiting.
            run_at: created_date.min(now),
            created_date,
            modified_date,
        })
    }

    fn fate(&mut self, state: &str) -> Option<Fate> {
        let finished = |state| Some(Fate { state, reason: None, note: None });
        let given_up =
            |note: String| Some(Fate { state: State::Fail, reason: Some(Reason::Imported), note: Some(note) });
        match state {
            "success" => finished(State::Success),
            "fail" => Some(Fate { state: State::Fail, reason: Some(Reason::Error), note: None }),
            "init" if self.pending == Pending::Leave => {
                self.counts.left_waiting += 1;
                None
            }
            "init" => {
                self.counts.waiting += 1;
                finished(State::Init)
            }
            "executing" => {
                self.counts.executing += 1;
                given_up("imported while it was executing: what became of it is not known".to_owned())
            }
            strange => {
                self.counts.strange_state += 1;
                given_up(format!("imported in the state {:?}, which is none of the original's", clean_text(strange)))
            }
        }
    }

    fn unique_id(&mut self, row: &OriginalRow) -> UniqueId {
        match UniqueId::parse(&row.unique_id) {
            Ok(id) if self.met.insert(hash_of(&[&row.unique_id])) => id,
            _ => {
                self.counts.fresh_ids += 1;
                fresh_id(&self.table, row)
            }
        }
    }

    fn params(&mut self, text: &str) -> Option<String> {
        match Params::from_json(text) {
            Ok(params) => params.as_json().map(str::to_owned),
            Err(_) if text.is_empty() => None,
            Err(_) => {
                self.counts.params_as_text += 1;
                Some(clean_text(text).into_owned())
            }
        }
    }

    fn dates(&mut self, row: &OriginalRow, now: Timestamp) -> (Timestamp, Timestamp) {
        let moment = |date: &Option<String>| date.as_deref().and_then(|date| self.zone.moment(date));
        match (moment(&row.created_date), moment(&row.modified_date)) {
            (Some(created), Some(modified)) => (created, modified),
            (Some(one), None) | (None, Some(one)) => (one, one),
            (None, None) => {
                self.counts.without_date += 1;
                (now, now)
            }
        }
    }
}

struct Fate {
    state: State,
    reason: Option<Reason>,
    note: Option<String>,
}

/// Sixteen letters made of the row itself, so that a second import finds the first.
fn fresh_id(table: &str, row: &OriginalRow) -> UniqueId {
    let created = row.created_date.as_deref().unwrap_or_default();
    let number = hash_of(&[table, &row.id.to_string(), &row.unique_id, &row.method, created]);
    let letter = |place: u32| char::from(b'a' + (number >> (4 * place) & 0xf) as u8);
    UniqueId::from_row((0..16).map(letter).collect())
}

/// FNV-1a: the same in every build, which the standard library's hashers do not promise.
fn hash_of(parts: &[&str]) -> u64 {
    // What cannot stand in a text parts them, so that "ab", "c" is not "a", "bc".
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0xff]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn or_else(text: &str, default: &str) -> String {
    if text.is_empty() { default.to_owned() } else { clean_text(text).into_owned() }
}

fn as_int<S: serde::Serializer>(flag: &bool, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(i64::from(*flag))
}

fn as_micros<S: serde::Serializer>(moment: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(moment.0)
}

#[cfg(test)]
#[path = "import/tests.rs"]
mod tests;
