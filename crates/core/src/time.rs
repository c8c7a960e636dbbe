//! A moment as the tables hold it: microseconds UTC since 1970, written RFC 3339 in JSON.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Error;
use crate::text::shown;

/// Microseconds UTC since 1970, always read off the database's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Reads RFC 3339 (`2026-11-22T10:00:00Z`), or the same with a space or without a zone, taken as UTC.
    ///
    /// ```
    /// # use mission_core::Timestamp;
    /// let at = Timestamp::parse("2026-11-22 10:00:00").unwrap();
    /// assert_eq!(at.to_string(), "2026-11-22T10:00:00Z");
    /// assert_eq!(Timestamp::parse("2026-11-22T11:00:00+01:00").unwrap(), at);
    /// ```
    pub fn parse(text: &str) -> Result<Self, Error> {
        let zoned = text.parse::<jiff::Timestamp>();
        let moment = zoned.or_else(|fault| {
            let civil = text.parse::<jiff::civil::DateTime>().map_err(|_| fault)?;
            Ok(civil.to_zoned(jiff::tz::TimeZone::UTC)?.timestamp())
        });
        moment.map(|at| Self(at.as_microsecond())).map_err(|fault: jiff::Error| {
            // What reads as a date and a time, and is no moment all the same, lies beyond what the calendar holds.
            let sentence = match jiff::fmt::temporal::Pieces::parse(text) {
                Ok(_) => "is out of range: use a time before 9999-12-30T22:00:00Z",
                Err(_) => "is no time: use RFC 3339 as in 2026-11-22T10:00:00Z",
            };
            Error::invalid(format!("{:?} {sentence}", shown(text))).with_source(fault)
        })
    }

    /// Seconds and microseconds as people read them, UTC: `2026-11-22 10:00:00`.
    pub fn to_seconds_text(self) -> String {
        self.as_jiff().map_or_else(|| self.0.to_string(), |at| at.strftime("%Y-%m-%d %H:%M:%S").to_string())
    }

    /// How long after `earlier` this is; nothing if it is not.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    fn as_jiff(self) -> Option<jiff::Timestamp> {
        jiff::Timestamp::from_microsecond(self.0).ok()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_jiff() {
            Some(at) => fmt::Display::fmt(&at, f),
            // A row written by hand may hold any number: show it rather than fail.
            None => write!(f, "{}", self.0),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl From<SystemTime> for Timestamp {
    fn from(at: SystemTime) -> Self {
        let micros = |d: Duration| i64::try_from(d.as_micros()).unwrap_or(i64::MAX);
        match at.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => Self(micros(after)),
            Err(before) => Self(-micros(before.duration())),
        }
    }
}

impl From<Timestamp> for SystemTime {
    fn from(at: Timestamp) -> Self {
        let distance = Duration::from_micros(at.0.unsigned_abs());
        let moment = if at.0 < 0 {
            SystemTime::UNIX_EPOCH.checked_sub(distance)
        } else {
            SystemTime::UNIX_EPOCH.checked_add(distance)
        };
        moment.unwrap_or(SystemTime::UNIX_EPOCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_survives_text_and_system_time() {
        for micros in [0, 1, -1, 1_795_341_296_123_456, -62_135_596_800_000_000] {
            let at = Timestamp(micros);
            assert_eq!(Timestamp::parse(&at.to_string()).unwrap(), at);
            assert_eq!(Timestamp::from(SystemTime::from(at)), at);
        }
        assert!(Timestamp::parse("tomorrow").unwrap_err().to_string().contains("RFC 3339"));
        assert!(Timestamp::parse("9999-12-31T23:59:59Z").unwrap_err().to_string().contains("out of range"));
        assert_eq!(Timestamp(i64::MAX).to_string(), i64::MAX.to_string());
    }
}
