//! Rows `n,"YYYY-MM-DD HH:MM:SS"` as PHP's `fputcsv` writes them, made fast enough that the disk decides.

/// UTF-8's byte order mark, by which a spreadsheet knows the encoding, and the names of the columns.
pub(super) const HEADER: &[u8] = b"\xEF\xBB\xBFnum,datetime\n";

/// Most digits of a row's number.
const DIGITS_MAX: usize = 20;

/// Writes rows with a number that counts up and a second column that seldom changes.
///
/// The number is kept as its digits: adding one to them touches one byte in nine of ten rows, where dividing a
/// number anew takes as long as everything else together.
pub(super) struct CsvRows {
    digits: [u8; DIGITS_MAX],
    /// Where the number begins in `digits`.
    first: usize,
    /// What follows the number, up to the end of the line.
    tail: Vec<u8>,
}

impl CsvRows {
    /// The rows behind so many; none for number 1 on.
    pub(super) fn after(rows: u64, column: &str) -> Self {
        let mut digits = [b'0'; DIGITS_MAX];
        let number = rows.to_string();
        // proof: a u64 has no more than DIGITS_MAX digits.
        digits[DIGITS_MAX - number.len()..].copy_from_slice(number.as_bytes());
        let mut rows = Self { digits, first: DIGITS_MAX - number.len(), tail: Vec::new() };
        rows.set_column(column);
        rows
    }

    /// Sets the second column of the rows that follow.
    pub(super) fn set_column(&mut self, text: &str) {
        self.tail.clear();
        self.tail.push(b',');
        put_field(&mut self.tail, text);
        self.tail.push(b'\n');
    }

    /// Appends so many rows.
    pub(super) fn append(&mut self, rows: u64, out: &mut Vec<u8>) {
        for _ in 0..rows {
            self.count();
            out.extend_from_slice(&self.digits[self.first..]);
            out.extend_from_slice(&self.tail);
        }
    }

    /// How many bytes so many rows have from number 1 on, with the second column as it is.
    pub(super) fn bytes_of(&self, rows: u64) -> u64 {
        let mut digits: u64 = 0;
        let mut power: u64 = 1;
        while power <= rows {
            // Every number from here on has one digit more.
            digits = digits.saturating_add(rows - power + 1);
            match power.checked_mul(10) {
                Some(next) => power = next,
                None => break,
            }
        }
        let tail = u64::try_from(self.tail.len()).unwrap_or(u64::MAX);
        digits.saturating_add(rows.saturating_mul(tail))
    }

    fn count(&mut self) {
        let mut place = DIGITS_MAX - 1;
        while self.digits[place] == b'9' {
            self.digits[place] = b'0';
            // A u64 of rows has twenty digits at the most, so the first never overflows.
            place = place.saturating_sub(1);
        }
        self.digits[place] += 1;
        self.first = self.first.min(place);
    }
}

/// A field as `fputcsv` writes it: enclosed where it holds one of its special characters, quotes doubled.
fn put_field(out: &mut Vec<u8>, text: &str) {
    if !text.contains([',', '"', '\\', '\n', '\r', '\t', ' ']) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(b'"');
    out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(rows: &mut CsvRows, count: u64) -> String {
        let mut out = Vec::new();
        rows.append(count, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_count_up_over_every_change_of_length() {
        let text = written(&mut CsvRows::after(0, "x"), 100_200);
        let expected: String = (1..=100_200).map(|n| format!("{n},x\n")).collect();
        assert!(text == expected);
    }

    #[test]
    fn rows_that_begin_anywhere_are_those_of_the_whole() {
        let whole = written(&mut CsvRows::after(0, "x"), 1_200);
        for before in [0, 1, 8, 9, 10, 98, 99, 100, 998, 999, 1_000, 1_199] {
            let first = written(&mut CsvRows::after(0, "x"), before);
            let rest = written(&mut CsvRows::after(before, "x"), 1_200 - before);
            assert!(first + &rest == whole, "{before}");
        }
        assert_eq!(written(&mut CsvRows::after(u64::MAX - 1, "x"), 1), format!("{},x\n", u64::MAX));
    }

    #[test]
    fn the_second_column_changes_without_disturbing_the_first() {
        let mut rows = CsvRows::after(0, "2026-01-01 00:00:00");
        assert_eq!(written(&mut rows, 1), "1,\"2026-01-01 00:00:00\"\n");
        rows.set_column("2026-01-01");
        assert_eq!(written(&mut rows, 2), "2,2026-01-01\n3,2026-01-01\n");
    }

    #[test]
    fn fields_are_enclosed_where_php_encloses_them() {
        for (text, field) in
            [("", ""), ("a'b;c", "a'b;c"), ("a b", "\"a b\""), ("a\"b", "\"a\"\"b\""), ("a,b", "\"a,b\"")]
        {
            assert_eq!(written(&mut CsvRows::after(0, text), 1), format!("1,{field}\n"));
        }
    }

    #[test]
    fn the_size_is_known_before_a_row_is_written() {
        let size = |rows| CsvRows::after(0, "2026-01-01 00:00:00").bytes_of(rows);
        for rows in [0, 1, 9, 10, 11, 99, 100, 12_345] {
            let text = written(&mut CsvRows::after(0, "2026-01-01 00:00:00"), rows);
            assert_eq!(size(rows), u64::try_from(text.len()).unwrap(), "{rows}");
        }
        assert_eq!(size(10_000_000) + u64::try_from(HEADER.len()).unwrap(), 298_888_913);
        assert_eq!(size(u64::MAX), u64::MAX, "no overflow");
    }
}
