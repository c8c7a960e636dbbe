//! The values that arguments take: spans, moments, states, limits, switches.

use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime};

use mission_core::{Error, State, Timestamp, checked_name, limits, parse_span};

/// A span such as `90s` or `1h30m`.
pub(super) fn span(text: &str) -> Result<Duration, Error> {
    parse_span(text)
}

/// For how long what has ended is kept. A number alone would be seconds, and history gone that was to stay for as many days.
pub(crate) fn kept(text: &str) -> Result<Duration, Error> {
    let number = text.trim();
    if number.parse::<u64>().is_ok() {
        return Err(Error::invalid(format!("{number:?} has no unit: {number}d are so many days, {number}s seconds")));
    }
    parse_span(text)
}

/// A worker's bounds, refused before it begins; the worker itself holds to the same.
const CONCURRENCY_MAX: usize = 10_000;
const LEASE: RangeInclusive<Duration> = Duration::from_secs(2)..=Duration::from_secs(3600);

/// How many tasks a worker runs at once.
pub(crate) fn concurrency(text: &str) -> Result<usize, Error> {
    let number = text.trim().parse().ok().filter(|number| (1..=CONCURRENCY_MAX).contains(number));
    number.ok_or_else(|| Error::invalid(format!("{text:?} is out of range: use 1 to {CONCURRENCY_MAX}")))
}

/// How long a worker's lease holds.
pub(crate) fn lease(text: &str) -> Result<Duration, Error> {
    let lease = parse_span(text)?;
    if LEASE.contains(&lease) {
        return Ok(lease);
    }
    Err(Error::invalid(format!("the lease {text:?} is out of range: use 2s to 1h")))
}

/// The name of a type.
pub(crate) fn task_type(text: &str) -> Result<String, Error> {
    checked_name("type", text, limits::TYPE_CHARS_MAX).map(str::to_owned)
}

/// How many, at least one.
pub(super) fn count(text: &str) -> Result<u64, Error> {
    number_from(1, text)
}

/// How many, none too.
pub(super) fn count_or_none(text: &str) -> Result<u64, Error> {
    number_from(0, text)
}

fn number_from(least: u64, text: &str) -> Result<u64, Error> {
    let number = text.trim().parse().ok().filter(|number| *number >= least);
    number.ok_or_else(|| Error::invalid(format!("{text:?} is out of range: use a number from {least} up")))
}

/// A moment in RFC 3339, or the same without a zone, taken as UTC.
pub(super) fn moment(text: &str) -> Result<SystemTime, Error> {
    Timestamp::parse(text).map(SystemTime::from)
}

/// A state's word.
pub(super) fn state(text: &str) -> Result<State, Error> {
    text.trim().parse()
}

/// Since when: a moment, or so long ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    /// Since a moment.
    Moment(Timestamp),
    /// Since so long ago, counted from when it is asked.
    Ago(Duration),
}

impl Since {
    /// The moment it means now.
    pub(crate) fn moment(self) -> Timestamp {
        match self {
            Since::Moment(moment) => moment,
            Since::Ago(span) => SystemTime::now().checked_sub(span).unwrap_or(SystemTime::UNIX_EPOCH).into(),
        }
    }
}

/// A time, or a span before now.
pub(super) fn since(text: &str) -> Result<Since, Error> {
    if let Ok(span) = parse_span(text) {
        return Ok(Since::Ago(span));
    }
    Timestamp::parse(text).map(Since::Moment).map_err(|fault| {
        if fault.to_string().contains("out of range") {
            return fault;
        }
        Error::invalid(format!(
            "{text:?} is neither a time nor a span: use 2026-11-22T10:00:00Z, or 2h for the last two hours"
        ))
    })
}

/// A running limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit(pub(crate) Option<i64>);

/// A number, or `none`.
pub(super) fn limit(text: &str) -> Result<Limit, Error> {
    if text == "none" {
        return Ok(Limit(None));
    }
    match text.parse() {
        Ok(number) if number >= 0 => Ok(Limit(Some(number))),
        _ => Err(Error::invalid(format!("{text:?} is no limit: use a number, or none"))),
    }
}

/// Something that is on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Switch {
    On,
    Off,
}

impl Switch {
    pub(crate) fn is_on(self) -> bool {
        self == Switch::On
    }
}

/// `on` or `off`.
pub(super) fn switch(text: &str) -> Result<Switch, Error> {
    match text {
        "on" => Ok(Switch::On),
        "off" => Ok(Switch::Off),
        _ => Err(Error::invalid(format!("{text:?} is neither: use on, or off"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_reads_times_and_spans() {
        assert_eq!(since("2h").unwrap(), Since::Ago(Duration::from_secs(7200)));
        assert_eq!(since("1970-01-01T00:00:01Z").unwrap(), Since::Moment(Timestamp(1_000_000)));
        assert!(since("yesterday").unwrap_err().to_string().contains("2h for"));
    }

    #[test]
    fn limits_are_numbers_or_none() {
        assert_eq!(limit("none").unwrap(), Limit(None));
        assert_eq!(limit("0").unwrap(), Limit(Some(0)));
        assert!(limit("-1").is_err() && limit("many").is_err());
    }

    #[test]
    fn a_switch_is_on_or_off() {
        assert!(switch("on").unwrap().is_on() && !switch("off").unwrap().is_on());
        assert!(switch("yes").unwrap_err().to_string().contains("use on, or off"));
    }
}
