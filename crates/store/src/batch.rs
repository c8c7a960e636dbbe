//! Many rows as one JSON parameter, in parts no larger than a statement may carry.

use mission_core::{Error, limits};
use serde::Serialize;

/// JSON arrays of rows, each within the limits on rows and bytes of one statement.
pub(crate) struct Batches {
    pub(crate) parts: Vec<Part>,
}

/// One JSON array, and which of the given rows it holds.
pub(crate) struct Part {
    pub(crate) json: String,
    pub(crate) rows: std::ops::Range<usize>,
}

impl Batches {
    pub(crate) fn of<R: Serialize>(rows: &[R], rows_max: usize) -> Result<Self, Error> {
        let mut parts: Vec<Part> = Vec::new();
        for (place, row) in rows.iter().enumerate() {
            let json = serde_json::to_string(row)
                .map_err(|e| Error::invalid("a row cannot be written as JSON").with_source(e))?;
            match parts.last_mut() {
                Some(part) if part.rows.len() < rows_max && part.json.len() + json.len() < limits::BATCH_BYTES_MAX => {
                    part.json.push(',');
                    part.json.push_str(&json);
                    part.rows.end = place + 1;
                }
                _ => parts.push(Part { json: format!("[{json}"), rows: place..place + 1 }),
            }
        }
        for part in &mut parts {
            part.json.push(']');
        }
        Ok(Self { parts })
    }

    /// One array whatever its size, for rows known to be small and few.
    pub(crate) fn one<R: Serialize>(rows: &[R]) -> Result<String, Error> {
        serde_json::to_string(rows).map_err(|e| Error::invalid("a row cannot be written as JSON").with_source(e))
    }
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
