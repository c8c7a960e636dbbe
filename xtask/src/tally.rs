//! Sums what a test run reports: libtest's result lines, and the kit's own note of what each database ran.

use crate::kind::Kind;

/// How many tests had which end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Tally {
    /// Adds one line of output, if it is a result line.
    pub(crate) fn add_line(&mut self, line: &str) {
        let Some((_, counts)) = line.split_once("test result: ") else { return };
        self.passed += count(counts, " passed");
        self.failed += count(counts, " failed");
        self.skipped += count(counts, " ignored");
    }

    /// To libtest a test without its database has passed; to the reader it was skipped.
    pub(crate) fn move_to_skipped(&mut self, tests: u64) {
        let tests = tests.min(self.passed);
        self.passed -= tests;
        self.skipped += tests;
    }

    pub(crate) fn closing_line(&self) -> String {
        format!("{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// A test that was left out and why, as `NAME: REASON`, if the line tells of one.
pub(crate) fn left_out(line: &str) -> Option<String> {
    let (name, end) = line.strip_prefix("test ")?.split_once(" ... ignored")?;
    let reason = end.strip_prefix(", ").unwrap_or("no reason is given");
    Some(format!("{name}: {reason}"))
}

fn count(counts: &str, word: &str) -> u64 {
    counts
        .split(';')
        .filter_map(|part| part.trim_end_matches('.').strip_suffix(word))
        .filter_map(|number| number.rsplit(' ').next()?.parse::<u64>().ok())
        .sum()
}

/// What the kit noted for one kind of database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PerKind {
    pub(crate) tested: u64,
    pub(crate) skipped: u64,
}

impl PerKind {
    pub(crate) fn read(notes: &str, kind: Kind) -> Self {
        let count = |what: &str| {
            let line = format!("{} {what}", kind.name());
            notes.lines().filter(|note| *note == line).count() as u64
        };
        Self { tested: count("tested"), skipped: count("skipped") }
    }
}

#[cfg(test)]
mod tests {
    use super::{PerKind, Tally, left_out};
    use crate::kind::Kind;

    #[test]
    fn result_lines_are_summed_and_others_passed_over() {
        let mut tally = Tally::default();
        for line in [
            "test a ... ok",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.00s",
            "test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s",
        ] {
            tally.add_line(line);
        }
        assert_eq!(tally.closing_line(), "13 passed, 2 failed, 1 skipped");
    }

    #[test]
    fn a_test_that_was_left_out_is_named_with_its_reason() {
        assert_eq!(
            left_out("test crash::in_full ... ignored, takes an hour").as_deref(),
            Some("crash::in_full: takes an hour")
        );
        assert_eq!(
            left_out("test crash::at_night ... ignored").as_deref(),
            Some("crash::at_night: no reason is given")
        );
        assert_eq!(left_out("test crash::in_short ... ok"), None);
    }

    #[test]
    fn a_test_without_its_database_counts_as_skipped() {
        let notes = "mysql skipped\nsqlite tested\nmysql skipped\n";
        let mysql = PerKind::read(notes, Kind::Mysql);
        assert_eq!(mysql, PerKind { tested: 0, skipped: 2 });
        let mut tally = Tally { passed: 3, failed: 0, skipped: 0 };
        tally.move_to_skipped(mysql.skipped);
        assert_eq!(tally.closing_line(), "1 passed, 0 failed, 2 skipped");
    }
}
