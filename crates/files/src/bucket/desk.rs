//! A desk: the objects of one file in the making, `<prefix>/.staging-<database>/<desk>/…`.
//!
//! `<token>.<number>.segment` is a piece of it. `<token>.<location>.note` says that the attempt may have published it
//! there, and holds the id of the upload in parts, if it is one: what a dead attempt left is found by it.

use std::collections::BTreeMap;

use mission_core::Error;

use super::publish::owner;
use super::{Bucket, PATIENCE};
use crate::names::check_location;

/// Most objects looked at in one go.
const ALL: usize = usize::MAX;

impl Bucket {
    pub(super) fn note_key(&self, desk: &str, token: i64, location: &str) -> String {
        format!("{}{desk}/{token}.{location}.note", self.staging_prefix())
    }

    /// Removes the desk's objects, last those by which the others are found; answers how many.
    pub(super) fn clear_desk(&self, desk: &str, is_result: &dyn Fn(&str) -> bool) -> Result<u64, Error> {
        let prefix = format!("{}{desk}/", self.staging_prefix());
        let keys: Vec<String> = self.list(&prefix, ALL)?;
        let (notes, segments): (Vec<String>, Vec<String>) = keys.into_iter().partition(|key| key.ends_with(".note"));
        self.delete_all(&segments)?;
        let mut removed = segments.len() as u64;
        for key in notes {
            if let Some((token, location)) = key.strip_prefix(&prefix).and_then(read_note) {
                removed += self.unpublish(desk, token, location, &key, is_result)?;
            }
            self.delete(&key)?;
        }
        Ok(removed)
    }

    /// Takes back what an attempt published, or began to, unless it is a result.
    fn unpublish(
        &self,
        desk: &str,
        token: i64,
        location: &str,
        note: &str,
        is_result: &dyn Fn(&str) -> bool,
    ) -> Result<u64, Error> {
        let key = self.key(location);
        let upload = match self.get(note, PATIENCE) {
            Ok(bytes) => String::from_utf8(bytes).unwrap_or_default(),
            Err(fault) if fault.is_not_found() => return Ok(0),
            Err(fault) => return Err(fault),
        };
        if !upload.is_empty() {
            self.abort(&key, &upload)?;
        }
        if is_result(location) {
            return Ok(0);
        }
        let found = self.head(&key, PATIENCE)?;
        // Somebody else's file may have the name: only what says that it is ours goes.
        if found.and_then(|head| head.owner) != Some(owner(&self.database_id, desk, token)) {
            return Ok(0);
        }
        self.delete(&key)?;
        Ok(1)
    }

    /// All desks of this database.
    pub(super) fn all_desks(&self) -> Result<Vec<(String, Vec<String>)>, Error> {
        let prefix = self.staging_prefix();
        let mut desks: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for key in self.list(&prefix, ALL)? {
            let Some((desk, name)) = key.strip_prefix(&prefix).and_then(|rest| rest.split_once('/')) else {
                continue;
            };
            let locations = desks.entry(desk.to_owned()).or_default();
            locations.extend(read_note(name).map(|(_, location)| location.to_owned()));
        }
        Ok(desks.into_iter().collect())
    }
}

/// The token and the location that a note is about.
fn read_note(name: &str) -> Option<(i64, &str)> {
    let (token, location) = name.strip_suffix(".note")?.split_once('.')?;
    check_location(location).ok()?;
    Some((token.parse().ok()?, location))
}

#[cfg(test)]
mod tests {
    use super::read_note;

    #[test]
    fn a_note_speaks_of_a_published_name_and_nothing_else() {
        assert_eq!(read_note("3.20261122100000-abc-t3.csv.note"), Some((3, "20261122100000-abc-t3.csv")));
        for other in ["3.1.segment", "3...note", "x.20261122100000-abc.csv.note", "3.20261122100000-../a.note", ".note"]
        {
            assert_eq!(read_note(other), None, "{other}");
        }
    }
}
