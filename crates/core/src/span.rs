//! Spans of time as people write them: `500ms`, `30s`, `1h30m`, `2d`.

use std::time::Duration;

use crate::text::shown;
use crate::{Error, limits};

const UNITS: [(&str, u64); 6] =
    [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000)];

/// Reads a span; a bare number means seconds.
///
/// ```
/// use std::time::Duration;
/// # use mission_core::parse_span;
/// assert_eq!(parse_span("1h30m").unwrap(), Duration::from_secs(5400));
/// ```
pub fn parse_span(text: &str) -> Result<Duration, Error> {
    let refuse = || {
        Error::invalid(format!(
            "{:?} is no span of time: use a number with ms, s, m, h, d or w, as in 30s or 1h30m, up to 100 years",
            shown(text)
        ))
    };
    let mut rest = text.trim();
    let mut total_ms: u64 = 0;
    if rest.is_empty() {
        return Err(refuse());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number: u64 = rest[..digits].parse().map_err(|_| refuse())?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let unit = if letters == 0 && total_ms == 0 && rest.is_empty() { "s" } else { &rest[..letters] };
        rest = &rest[letters..];
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(refuse)?;
        total_ms = number.checked_mul(*factor).and_then(|ms| ms.checked_add(total_ms)).ok_or_else(refuse)?;
    }
    let span = Duration::from_millis(total_ms);
    if span > limits::SPAN_MAX { Err(refuse()) } else { Ok(span) }
}

/// Writes a span with its two largest units: `1h 30m`, `2.5s`, `40ms`.
pub fn format_span(span: Duration) -> String {
    let ms = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    if ms < 1000 {
        return format!("{ms}ms");
    }
    if ms < 60_000 {
        let tenths = ms / 100;
        return if tenths % 10 == 0 {
            format!("{}s", tenths / 10)
        } else {
            format!("{}.{}s", tenths / 10, tenths % 10)
        };
    }
    let (large, small) = match ms {
        0..3_600_000 => (("m", 60_000), ("s", 1000)),
        3_600_000..86_400_000 => (("h", 3_600_000), ("m", 60_000)),
        _ => (("d", 86_400_000), ("h", 3_600_000)),
    };
    let rest = ms % large.1 / small.1;
    if rest == 0 {
        format!("{}{}", ms / large.1, large.0)
    } else {
        format!("{}{} {rest}{}", ms / large.1, large.0, small.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_people_write_them() {
        for (text, ms) in
            [("30", 30_000), ("0", 0), ("500ms", 500), ("1h30m", 5_400_000), ("2d", 172_800_000), (" 1w ", 604_800_000)]
        {
            assert_eq!(parse_span(text).unwrap(), Duration::from_millis(ms), "{text:?}");
        }
        for bad in ["", "soon", "-1s", "1.5h", "1y", "1h30", "99999999999w", "101000d", "s", "1 h"] {
            assert!(parse_span(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn spans_print_with_their_two_largest_units() {
        for (ms, text) in
            [(40, "40ms"), (2500, "2.5s"), (3000, "3s"), (61_000, "1m 1s"), (5_400_000, "1h 30m"), (172_800_000, "2d")]
        {
            assert_eq!(format_span(Duration::from_millis(ms)), text);
        }
    }
}
