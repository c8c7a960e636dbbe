//! Tables with the borders of MySQL's client, as the original printed its records.

use super::text::{fit, visible, width};

/// No column is made narrower than this.
const COLUMN_MIN: usize = 4;
/// No cell is wider than this, not even in a file: whoever wants all of a content asks for JSON.
const CELL_MAX: usize = 500;

/// A table of text. Cells are made visible and cut to fit the terminal.
#[derive(Debug, Default)]
pub(crate) struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
    /// Columns that are never cut.
    whole: usize,
    is_last_optional: bool,
}

impl Table {
    pub(crate) fn new<const N: usize>(head: [&str; N]) -> Self {
        Self { head: head.map(str::to_owned).to_vec(), ..Self::default() }
    }

    /// Says that the first so many columns are never cut: ids must be whole to be of use.
    pub(crate) fn whole(mut self, columns: usize) -> Self {
        self.whole = columns;
        self
    }

    /// Leaves the last column out where no row has anything in it.
    pub(crate) fn last_only_if_used(mut self) -> Self {
        self.is_last_optional = true;
        self
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| fit(&visible(beginning(&cell)), CELL_MAX).into_owned()).collect());
    }

    /// The table's text, no wider than a terminal of so many columns if one is given.
    pub(crate) fn draw(&self, columns_max: Option<usize>) -> String {
        let widths = self.widths(columns_max);
        let border: String =
            widths.iter().map(|width| format!("+{}", "-".repeat(width + 2))).collect::<String>() + "+\n";
        let mut text = border.clone() + &line(&self.head, &widths) + &border;
        for row in &self.rows {
            text.push_str(&line(row, &widths));
        }
        if !self.rows.is_empty() {
            text.push_str(&border);
        }
        text
    }

    fn widths(&self, columns_max: Option<usize>) -> Vec<usize> {
        let last = self.head.len().saturating_sub(1);
        let is_last_used = self.rows.iter().any(|row| row.get(last).is_some_and(|cell| !cell.is_empty()));
        let count = if self.is_last_optional && !is_last_used { last } else { self.head.len() };
        let cells = |place: usize| self.rows.iter().filter_map(move |row| row.get(place)).chain(self.head.get(place));
        let mut widths: Vec<usize> =
            (0..count).map(|place| cells(place).map(|cell| width(cell)).max().unwrap_or(0)).collect();
        let Some(columns_max) = columns_max else {
            return widths;
        };
        let room = columns_max.saturating_sub(3 * widths.len() + 1);
        // The widest gives way first, so that short columns stay whole.
        while widths.iter().sum::<usize>() > room {
            let shrinkable = widths.iter().enumerate().skip(self.whole).filter(|(_, width)| **width > COLUMN_MIN);
            let Some((widest, _)) = shrinkable.max_by_key(|(_, width)| **width) else { break };
            widths[widest] -= 1;
        }
        widths
    }
}

/// As much of a text as can be shown, so that a long one is not looked through.
fn beginning(text: &str) -> &str {
    &text[..text.floor_char_boundary(CELL_MAX * 8)]
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let mut text = String::new();
    for (cell, columns) in cells.iter().zip(widths) {
        let shown = fit(cell, *columns);
        let space = " ".repeat(columns.saturating_sub(width(&shown)));
        text.push_str(&format!("| {shown}{space} "));
    }
    text + "|\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Table {
        let mut table = Table::new(["unique_id", "content"]).whole(1);
        table.row(["nauaxnrfnuflwcqn".into(), "汉字\u{1b}[31m".into()]);
        table.row(["a".into(), "x".repeat(100)]);
        table
    }

    #[test]
    fn it_looks_like_the_originals() {
        let mut table = Table::new(["unique_id", "state"]);
        table.row(["nauaxnrfnuflwcqn".into(), "success".into()]);
        let drawn = "\
+------------------+---------+
| unique_id        | state   |
+------------------+---------+
| nauaxnrfnuflwcqn | success |
+------------------+---------+
";
        assert_eq!(table.draw(None), drawn);
    }

    #[test]
    fn it_fits_the_terminal_and_keeps_ids_whole() {
        for columns in [40, 60, 80, 200] {
            let drawn = sample().draw(Some(columns));
            assert!(drawn.lines().all(|line| width(line) == width(drawn.lines().next().unwrap())), "{drawn}");
            assert!(width(drawn.lines().next().unwrap()) <= columns, "{drawn}");
            assert!(drawn.contains("nauaxnrfnuflwcqn") && drawn.contains("汉字\\e"), "{drawn}");
        }
        assert!(sample().draw(Some(40)).contains('…') && !sample().draw(None).contains('…'));
    }
}
