//! The names of files: those the folder gives itself, and those that users may give.

use std::fmt;

use mission_core::{Error, Timestamp, UniqueId};

/// Longest name of a result file, in bytes: what file systems hold.
const FILE_NAME_BYTES_MAX: usize = 255;
/// Longest ending that is taken over into a published name.
const ENDING_BYTES_MAX: usize = 8;

/// Checks the name a user gives a file: 1 to 255 bytes that are one name on every system, and shown as they are.
///
/// ```
/// assert!(mission_files::check_file_name("汇总 2026.csv").is_ok());
/// assert!(mission_files::check_file_name("../passwd").unwrap_err().is_invalid());
/// ```
pub fn check_file_name(name: &str) -> Result<(), Error> {
    let fault = if name.is_empty() {
        "is empty"
    } else if name.len() > FILE_NAME_BYTES_MAX {
        "has more than 255 bytes"
    } else if matches!(name, "." | "..") {
        "names a folder"
    } else if name.starts_with('-') {
        "begins with a dash, which programs take for an option"
    } else if name.contains(['/', '\\']) {
        "holds a slash"
    } else if name.trim() != name {
        // MySQL takes names that differ in blanks at the end only for one.
        "begins or ends with white space"
    } else if name.chars().any(char::is_control) {
        "holds a control character"
    } else if name.chars().any(is_format_control) {
        "holds an invisible character, which can make it look like another name"
    } else {
        return Ok(());
    };
    let shown = &name[..name.floor_char_boundary(FILE_NAME_BYTES_MAX)];
    Err(Error::invalid(format!("file name {shown:?} {fault}: use a plain name such as \"report.csv\"")))
}

/// Unicode's format characters (Cf) and line separators: they are not seen, and some turn the direction of the text.
fn is_format_control(letter: char) -> bool {
    matches!(u32::from(letter),
        0xad | 0x600..=0x605 | 0x61c | 0x6dd | 0x70f | 0x890..=0x891 | 0x8e2 | 0x180e | 0x200b..=0x200f
        | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff | 0xfff9..=0xfffb | 0x110bd | 0x110cd | 0x13430..=0x1343f
        | 0x1bca0..=0x1bca3 | 0x1d173..=0x1d17a | 0xe0000..=0xe007f)
}

/// The folder in which the files in the making of one database lie.
pub(crate) fn staging_folder(database_id: &str) -> String {
    format!(".staging-{database_id}")
}

/// A file in the making: `<task id>-<number>-<stamp>.<lease token>.part`. The number is never given twice for one
/// task; the token says which attempt owns the file, so a rename to a higher token takes it away from a zombie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StagingName {
    pub(crate) task_id: i64,
    pub(crate) number: i64,
    pub(crate) stamp: String,
    pub(crate) token: i64,
}

/// What stands under a name in the staging folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    /// The file itself.
    Part,
    /// A copy that is not whole yet.
    Copy,
    /// The location to which the file was moved, where the file system knows no hard links.
    Moved,
}

impl StagingName {
    pub(crate) fn with(&self, sort: Sort) -> String {
        let ending = match sort {
            Sort::Part => "part",
            Sort::Copy => "copy",
            Sort::Moved => "moved",
        };
        format!("{}-{}-{}.{}.{ending}", self.task_id, self.number, self.stamp, self.token)
    }

    pub(crate) fn parse(text: &str) -> Option<(Self, Sort)> {
        let mut parts = text.split('.');
        let (stem, token, ending) = (parts.next()?, parts.next()?, parts.next()?);
        let sort = match ending {
            "part" => Sort::Part,
            "copy" => Sort::Copy,
            "moved" => Sort::Moved,
            _ => return None,
        };
        let mut stem = stem.split('-');
        let (task_id, number, stamp) = (stem.next()?, stem.next()?, stem.next()?);
        let name = Self {
            task_id: task_id.parse().ok()?,
            number: number.parse().ok()?,
            stamp: stamp.to_owned(),
            token: token.parse().ok()?,
        };
        // Whatever reads otherwise than it would be written is no name of ours.
        (name.with(sort) == text && is_stamp(stamp)).then_some((name, sort))
    }
}

impl StagingName {
    /// The name of the file whatever its owner, under which a storage beyond this host keeps what belongs to it.
    pub(crate) fn desk(&self) -> String {
        format!("{}-{}-{}", self.task_id, self.number, self.stamp)
    }

    /// The task that a desk belongs to.
    pub(crate) fn task_of_desk(desk: &str) -> Option<i64> {
        Self::parse(&format!("{desk}.0.part")).map(|(name, _)| name.task_id)
    }
}

impl fmt::Display for StagingName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.with(Sort::Part))
    }
}

/// The moment as it stands in names: `20261122100000`, UTC.
pub(crate) fn stamp(at: Timestamp) -> String {
    let digits: String = at.to_seconds_text().chars().filter(char::is_ascii_digit).collect();
    if is_stamp(&digits) { digits } else { "0".repeat(STAMP_BYTES) }
}

const STAMP_BYTES: usize = 14;

fn is_stamp(text: &str) -> bool {
    text.len() == STAMP_BYTES && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What of a task's id goes into published names: the id where it is plain, else its row's number.
pub(crate) fn id_in_names(unique_id: &UniqueId, task_id: i64) -> String {
    let id = unique_id.as_str();
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
    if (1..=64).contains(&id.len()) && id.bytes().all(plain) { id.to_owned() } else { format!("task{task_id}") }
}

/// The `n`th name for a published file: `<stamp>-<id>.csv`, then `<stamp>-<id>-2.csv` …
pub(crate) fn published(stamp: &str, id: &str, user_name: &str, n: u32) -> String {
    let ending = user_name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let is_plain =
        (1..=ENDING_BYTES_MAX).contains(&ending.len()) && ending.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let ending = if is_plain { ending.to_ascii_lowercase() } else { "bin".to_owned() };
    if n < 2 { format!("{stamp}-{id}.{ending}") } else { format!("{stamp}-{id}-{n}.{ending}") }
}

/// Checks that a location is a published name and nothing else, before it meets the file system.
pub(crate) fn check_location(location: &str) -> Result<(), Error> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let is_ours = location.len() <= FILE_NAME_BYTES_MAX
        && location.get(..STAMP_BYTES).is_some_and(is_stamp)
        && location.as_bytes().get(STAMP_BYTES) == Some(&b'-')
        && location.bytes().all(plain);
    if is_ours {
        return Ok(());
    }
    let shown = &location[..location.floor_char_boundary(FILE_NAME_BYTES_MAX)];
    Err(Error::invalid(format!("{shown:?} is no location of a result file: take it from the artifact's row")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_are_refused_with_the_way_out() {
        let long = "x".repeat(256);
        let bad =
            ["", ".", "..", "/etc/passwd", "a/b", "a\\b", "a\0b", "a\nb", "-rf", "a\u{7f}", "a\u{85}", "a ", &long];
        let unseen =
            ["a\u{202e}gpj.exe", "a\u{200b}b", "\u{feff}a", "a\u{2028}b", "a\u{2066}b", "a\u{e0041}", "a\u{ad}b"];
        for name in bad.iter().chain(&unseen) {
            let said = check_file_name(name).unwrap_err();
            assert!(said.is_invalid() && said.to_string().contains("report.csv"), "{name:?}: {said}");
        }
    }

    #[test]
    fn plain_names_of_any_script_are_taken() {
        for name in ["a", "report.csv", "汇总 2026.xlsx", ".hidden", "été…pdf", "a..b", "😀.png", &"x".repeat(255)]
        {
            assert!(check_file_name(name).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn no_name_of_a_user_becomes_a_path() {
        let id = |text: &str| id_in_names(&UniqueId::from_row(text.to_owned()), 7);
        assert_eq!(id("nauaxnrfnuflwcqn"), "nauaxnrfnuflwcqn");
        for hostile in ["", "../x", "a/b", "A", "é", "a b", "a.b", &"a".repeat(65)] {
            assert_eq!(id(hostile), "task7", "{hostile:?}");
        }
        let of = |name: &str| published("20261122100000", "abc", name, 1);
        assert_eq!(of("Report.CSV"), "20261122100000-abc.csv");
        for hostile in ["x", "x.", "x.a b", "x.123456789", "x.../y", "x.é", "x.\0"] {
            assert_eq!(of(hostile), "20261122100000-abc.bin", "{hostile:?}");
        }
        assert_eq!(published("20261122100000", "abc", "a.csv", 3), "20261122100000-abc-3.csv");
    }

    #[test]
    fn a_staging_name_reads_as_it_is_written() {
        let name = StagingName { task_id: 5, number: 1_000_001, stamp: stamp(Timestamp(0)), token: 3 };
        assert_eq!(name.to_string(), "5-1000001-19700101000000.3.part");
        for sort in [Sort::Part, Sort::Copy, Sort::Moved] {
            assert_eq!(StagingName::parse(&name.with(sort)), Some((name.clone(), sort)));
        }
        for other in ["", "5-1.3.part", "05-1-19700101000000.3.part", "5-1-19700101000000.3.part.x", "5-1-x.3.part"] {
            assert_eq!(StagingName::parse(other), None, "{other:?}");
        }
        assert_eq!(stamp(Timestamp(i64::MAX)).len(), STAMP_BYTES);
    }

    #[test]
    fn a_location_is_a_published_name_and_nothing_else() {
        assert!(check_location("20261122100000-abc-2.csv").is_ok());
        for bad in
            ["", "..", "a.csv", "20261122100000-../x", "20261122100000-a/b", ".mission-storage", "2026112210000é-a"]
        {
            assert!(check_location(bad).unwrap_err().is_invalid(), "{bad:?}");
        }
    }
}
