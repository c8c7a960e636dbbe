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

/// Reads what test programs print, one after another. What a test itself prints in their manner is told from it by the number of tests
/// that a program announces, and by coming after its word `failures:`.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    pub(crate) tally: Tally,
    /// Each test that was left out, and why.
    pub(crate) left_out: Vec<String>,
    /// How many tests the program has announced whose result is to come.
    announced: Option<u64>,
    is_among_failures: bool,
}

impl Reader {
    pub(crate) fn read(&mut self, line: &str) {
        if let Some(number) = line.strip_prefix("running ").and_then(|rest| rest.split(" test").next()?.parse().ok()) {
            (self.announced, self.is_among_failures) = (Some(number), false);
        }
        self.is_among_failures |= line == "failures:";
        if let (Some(test), Some(_), false) = (left_out(line), self.announced, self.is_among_failures) {
            self.left_out.push(test);
        }
        let Some((_, counts)) = line.split_once("test result: ") else { return };
        let ends = [" passed", " failed", " ignored", " measured"].map(|word| count(counts, word));
        if self.announced == Some(ends.iter().sum()) {
            self.announced = None;
            self.tally.passed += ends[0];
            self.tally.failed += ends[1];
            self.tally.skipped += ends[2];
        }
    }
}

/// A test that was left out and why, as `NAME: REASON`, if the line tells of one.
fn left_out(line: &str) -> Option<String> {
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
    use super::{PerKind, Reader, Tally};
    use crate::kind::Kind;

    fn read(lines: &[&str]) -> Reader {
        let mut reader = Reader::default();
        lines.iter().for_each(|line| reader.read(line));
        reader
    }

    #[test]
    fn result_lines_are_summed_and_others_passed_over() {
        let reader = read(&[
            "running 4 tests",
            "test a ... ok",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.00s",
            "running 12 tests",
            "test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s",
        ]);
        assert_eq!(reader.tally.closing_line(), "13 passed, 2 failed, 1 skipped");
    }

    #[test]
    fn a_test_that_was_left_out_is_named_with_its_reason() {
        let reader = read(&[
            "running 2 tests",
            "test crash::in_full ... ignored, takes an hour",
            "test crash::at_night ... ignored",
        ]);
        assert_eq!(reader.left_out, ["crash::in_full: takes an hour", "crash::at_night: no reason is given"]);
    }

    #[test]
    fn what_a_test_prints_in_the_same_manner_does_not_count() {
        let reader = read(&[
            "running 1 test",
            "test result: ok. 1000 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test a ... FAILED",
            "failures:",
            "test never::was ... ignored, a lie",
            "test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s",
            "test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s",
        ]);
        assert_eq!((reader.tally.closing_line().as_str(), reader.left_out.len()), ("0 passed, 1 failed, 0 skipped", 0));
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
