//! Result files against their rows, both ways, and against the bytes that an undisturbed run gives.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::Outcome;
use crate::finding::{Fault, Finding};
use crate::tables::Row;

/// How many rows an export has.
pub const EXPORT_ROWS: u64 = 2_000;

/// One row of an export, as the method writes it and the verifier expects it.
pub fn export_row(row: u64, unique_id: &str) -> String {
    format!("{row},{unique_id}\n")
}

/// What the tables say of a result file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Artifact {
    /// The task; none if it is gone.
    pub unique_id: Option<String>,
    /// The size that its row tells.
    pub bytes: i64,
    /// The digest that its row tells.
    pub sha256: String,
    /// The name in the folder.
    pub location: String,
}

/// A file in the folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileSeen {
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: i64,
    /// Its digest.
    pub sha256: String,
}

/// All published files; what is in the making stands in folders of its own.
pub(crate) fn look(folder: &Path) -> Outcome<Vec<FileSeen>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut seen = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // What begins with a dot is the storage's own.
        if entry.file_type()?.is_file() && !entry.file_name().to_string_lossy().starts_with('.') {
            let bytes = fs::read(entry.path())?;
            seen.push(FileSeen {
                name: entry.file_name().to_string_lossy().into_owned(),
                bytes: i64::try_from(bytes.len())?,
                sha256: digest(&bytes),
            });
        }
    }
    Ok(seen)
}

pub(crate) fn examine(rows: &[Row], artifacts: &[Artifact], files: &[FileSeen]) -> Vec<Finding> {
    let by_name: HashMap<&str, &FileSeen> = files.iter().map(|file| (file.name.as_str(), file)).collect();
    let mut findings = Vec::new();
    let mut spoken_of = HashSet::new();
    let mut by_task: HashMap<&str, u32> = HashMap::new();
    for artifact in artifacts {
        spoken_of.insert(artifact.location.as_str());
        let unique_id = artifact.unique_id.as_deref().unwrap_or_default();
        *by_task.entry(unique_id).or_default() += 1;
        let Some(file) = by_name.get(artifact.location.as_str()) else {
            let seen = format!("the row of {unique_id} has no file");
            findings.push(Finding::new(Fault::RowWithoutFile, &artifact.location, seen));
            continue;
        };
        if file.bytes != artifact.bytes || file.sha256 != artifact.sha256 || file.sha256 != expected(unique_id) {
            let seen = format!("{} bytes, its row tells of {}, or another digest", file.bytes, artifact.bytes);
            findings.push(Finding::new(Fault::FileDiffers, &artifact.location, seen));
        }
    }
    for file in files.iter().filter(|file| !spoken_of.contains(file.name.as_str())) {
        findings.push(Finding::new(Fault::FileWithoutRow, &file.name, "no row speaks of it"));
    }
    for row in rows.iter().filter(|row| row.method == "export") {
        let count = by_task.get(row.unique_id.as_str()).copied().unwrap_or(0);
        let wanted = u32::from(row.state == "success");
        if count != wanted {
            let seen = format!("an export that is {} has {count} result files", row.state);
            findings.push(Finding::new(Fault::SuccessWithoutEffect, &row.unique_id, seen));
        }
    }
    findings
}

fn expected(unique_id: &str) -> String {
    let bytes: String = (1..=EXPORT_ROWS).map(|row| export_row(row, unique_id)).collect();
    digest(bytes.as_bytes())
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}
