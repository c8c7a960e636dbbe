//! Text that a stranger may have written, made safe and measurable for a terminal.

use std::borrow::Cow;

use unicode_width::UnicodeWidthChar;

/// Makes control characters visible: `\n`, `\t`, `\e` and the like; also the marks that turn the direction of writing.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        match letter {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            '\u{1b}' => shown.push_str("\\e"),
            letter if is_hidden(letter) => shown.extend(letter.escape_unicode()),
            letter => shown.push(letter),
        }
    }
    Cow::Owned(shown)
}

/// The same, but lines stay lines: for text that is shown on its own.
pub(crate) fn visible_lines(text: &str) -> String {
    text.lines().map(visible).collect::<Vec<_>>().join("\n")
}

fn is_hidden(letter: char) -> bool {
    // Marks that reorder what follows could make a line lie about itself.
    letter.is_control() || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// So many tasks, in words.
pub(crate) fn tasks_of(count: u64) -> String {
    if count == 1 { "1 task".to_owned() } else { format!("{count} tasks") }
}

/// How many columns a terminal gives to a text.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(|letter| letter.width().unwrap_or(0)).sum()
}

/// The beginning of a text in at most so many columns; a cut is marked by `…`.
pub(super) fn fit(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let mut kept = String::new();
    let mut used = 1;
    for letter in text.chars() {
        used += letter.width().unwrap_or(0);
        if used > columns {
            break;
        }
        kept.push(letter);
    }
    kept.push('…');
    Cow::Owned(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_do_nothing() {
        assert_eq!(visible("a\nb\t\u{1b}[31mred\u{7}\u{202e}"), "a\\nb\\t\\e[31mred\\u{7}\\u{202e}");
        assert!(matches!(visible("汉字 😀 é"), Cow::Borrowed(_)));
        assert_eq!(visible_lines("a\nb\u{1b}"), "a\nb\\e");
    }

    #[test]
    fn wide_letters_count_two_columns() {
        assert_eq!(width("汉字"), 4);
        assert_eq!(width("e\u{301}"), 1);
        assert_eq!(fit("汉字汉字", 5), "汉字…");
        assert_eq!(fit("汉字汉字", 4), "汉…");
        assert_eq!(fit("abc", 3), "abc");
        assert_eq!(fit("abcd", 3), "ab…");
    }
}
