//! Many rows as one JSON parameter, in parts no larger than a statement may carry.

use mission_core::{Error, limits};
use serde::Serialize;

use crate::db::Value;

/// JSON arrays of rows, each within the limits on rows and bytes of one statement.
pub(crate) struct Batches {
    pub(crate) parts: Vec<Part>,
}

/// One JSON array, and which of the given rows it holds.
pub(crate) struct Part {
    pub(crate) json: String,
    /// What all rows have in common, once, where it is not in each of them.
    pub(crate) alike: Option<String>,
    pub(crate) rows: std::ops::Range<usize>,
}

impl Part {
    /// The parameters of a statement over it.
    pub(crate) fn values(&self) -> [(&'static str, Value<'_>); 2] {
        [("batch", (&self.json).into()), ("alike", self.alike.as_deref().into())]
    }
}

/// A row in two parts: its own columns, and those that mostly are the same in all rows of a batch.
#[derive(Serialize)]
pub(crate) struct Divided<O, C> {
    #[serde(flatten)]
    pub(crate) own: O,
    #[serde(flatten)]
    pub(crate) alike: C,
}

impl Batches {
    pub(crate) fn of<R: Serialize>(rows: &[R], rows_max: usize) -> Result<Self, Error> {
        Self::cut(rows.iter(), rows_max, None)
    }

    /// The same for rows that may have columns in common, which then travel once: half of what a row costs is to be read from JSON.
    pub(crate) fn divided<O, C>(rows: &[Divided<O, C>], rows_max: usize) -> Result<Self, Error>
    where
        O: Serialize,
        C: Serialize + PartialEq,
    {
        match rows {
            [first, others @ ..] if is_divided(first, others) => {
                Self::cut(rows.iter().map(|row| &row.own), rows_max, Some(json(&first.alike)?))
            }
            _ => Self::of(rows, rows_max),
        }
    }

    /// The same as one part whatever its size, for rows known to be small and few.
    pub(crate) fn one_divided<O, C>(rows: &[Divided<O, C>]) -> Result<Part, Error>
    where
        O: Serialize,
        C: Serialize + PartialEq,
    {
        match rows {
            [first, others @ ..] if is_divided(first, others) => {
                let own: Vec<&O> = rows.iter().map(|row| &row.own).collect();
                Ok(Part { json: json(&own)?, alike: Some(json(&first.alike)?), rows: 0..rows.len() })
            }
            _ => Ok(Part { json: json(&rows)?, alike: None, rows: 0..rows.len() }),
        }
    }

    fn cut<R: Serialize>(rows: impl Iterator<Item = R>, rows_max: usize, alike: Option<String>) -> Result<Self, Error> {
        let mut parts: Vec<Part> = Vec::new();
        for (place, row) in rows.enumerate() {
            let json = json(&row)?;
            match parts.last_mut() {
                Some(part) if part.rows.len() < rows_max && part.json.len() + json.len() < limits::BATCH_BYTES_MAX => {
                    part.json.push(',');
                    part.json.push_str(&json);
                    part.rows.end = place + 1;
                }
                _ => {
                    let (json, alike) = (format!("[{json}"), alike.clone());
                    parts.push(Part { json, alike, rows: place..place + 1 });
                }
            }
        }
        for part in &mut parts {
            part.json.push(']');
        }
        Ok(Self { parts })
    }

    /// One array whatever its size, for rows known to be small and few.
    pub(crate) fn one<R: Serialize>(rows: &[R]) -> Result<String, Error> {
        json(&rows)
    }
}

/// Whether the common columns stand once.
fn is_divided<O, C: PartialEq>(first: &Divided<O, C>, others: &[Divided<O, C>]) -> bool {
    others.iter().all(|other| other.alike == first.alike)
}

fn json<R: Serialize>(row: &R) -> Result<String, Error> {
    serde_json::to_string(row).map_err(|e| Error::invalid("a row cannot be written as JSON").with_source(e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_split_by_number_and_by_bytes_and_none_is_left_out() {
        let by_number = Batches::of(&[1; 7], 3).unwrap().parts;
        assert_eq!(by_number.iter().map(|part| part.rows.clone()).collect::<Vec<_>>(), [0..3, 3..6, 6..7]);
        assert_eq!(by_number[2].json, "[1]");
        let large = "x".repeat(limits::BATCH_BYTES_MAX / 2);
        let by_bytes = Batches::of(&[large.as_str(), &large, "y"], 100).unwrap().parts;
        assert_eq!(by_bytes.iter().map(|part| part.rows.clone()).collect::<Vec<_>>(), [0..1, 1..3]);
    }
}
