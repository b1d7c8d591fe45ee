//! Time: instants are UTC in microseconds, windows are half-open, arithmetic is checked.

use chrono::{DateTime, TimeDelta, Utc};
use jiff::{SignedDuration, fmt::temporal::SpanParser};
use serde::{Deserialize, Serialize};

/// `[start, end)`; no end means permanent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The first instant that belongs to it.
    pub start: DateTime<Utc>,
    /// The first instant that does not belong to it any more.
    pub end: Option<DateTime<Utc>>,
}

impl Window {
    /// Whether `at` lies in it.
    #[must_use]
    pub fn contains(&self, at: DateTime<Utc>) -> bool {
        self.start <= at && self.end.is_none_or(|end| at < end)
    }
}

/// The earlier of two ends, where absent means never.
#[must_use]
pub fn earliest(one: Option<DateTime<Utc>>, other: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// `text` as a duration: strict ISO 8601 in days, hours, minutes and seconds (`P365D`, `PT8H30M`).
/// Years, months and weeks are refused, because their length depends on where one stands.
#[must_use]
pub fn parse_duration(text: &str) -> Option<TimeDelta> {
    // What reads the parts also takes signs, lower case and spaces.
    let belongs = |byte: u8| byte.is_ascii_digit() || b"PTDHMS.,".contains(&byte);
    if !text.bytes().all(belongs) {
        return None;
    }
    let (days, clock) = match text.strip_prefix('P')?.split_once('D') {
        Some((days, rest)) => (days.parse::<i64>().ok()?, rest),
        None => (0, &text[1..]),
    };
    let clock = if clock.is_empty() && text.ends_with('D') {
        SignedDuration::ZERO
    } else {
        SpanParser::new().parse_duration(format!("P{clock}")).ok()?
    };
    let seconds = TimeDelta::try_seconds(clock.as_secs())?;
    let nanos = TimeDelta::nanoseconds(i64::from(clock.subsec_nanos()));
    TimeDelta::try_days(days)?.checked_add(&seconds)?.checked_add(&nanos)
}

/// The duration as ISO 8601: `PT8H`, `P365D`.
#[must_use]
pub fn format_duration(duration: TimeDelta) -> String {
    let days = duration.num_days();
    let rest = duration - TimeDelta::days(days);
    let rest = SignedDuration::new(rest.num_seconds(), rest.subsec_nanos());
    match (days, rest.is_zero()) {
        (0, _) => rest.to_string(),
        (days, true) => format!("P{days}D"),
        (days, false) => format!("P{days}D{}", rest.to_string().trim_start_matches('P')),
    }
}

/// Durations as ISO 8601 text in stored documents.
pub(crate) mod iso {
    use super::{TimeDelta, format_duration, parse_duration};
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(crate) fn serialize<S: Serializer>(
        duration: &TimeDelta,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format_duration(*duration))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<TimeDelta, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_duration(&text).ok_or_else(|| D::Error::custom("not an ISO 8601 duration"))
    }

    /// The same for a duration that may be absent.
    pub(crate) mod option {
        use super::{Deserializer, Serializer, TimeDelta, format_duration, parse_duration};
        use serde::{Deserialize as _, de::Error as _};

        pub(crate) fn serialize<S: Serializer>(
            duration: &Option<TimeDelta>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            match duration {
                Some(duration) => serializer.serialize_some(&format_duration(*duration)),
                None => serializer.serialize_none(),
            }
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Option<TimeDelta>, D::Error> {
            let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
            parse_duration(&text)
                .map(Some)
                .ok_or_else(|| D::Error::custom("not an ISO 8601 duration"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_round_trip() {
        for text in ["PT8H", "PT5M", "PT8H30M", "P365D", "P1DT12H", "PT0.5S", "PT1S"] {
            let duration = parse_duration(text).unwrap();
            assert_eq!(format_duration(duration), text);
        }
        assert_eq!(parse_duration("PT24H"), Some(TimeDelta::hours(24)));
        // More days than 32 bits can count.
        let long = parse_duration("PT256204778815H").unwrap();
        assert_eq!(parse_duration(&format_duration(long)), Some(long));
    }

    #[test]
    fn what_has_no_fixed_length_is_refused() {
        for text in [
            "",
            "P",
            "PT",
            "1h",
            "8h",
            "P1M",
            "P1Y",
            "P1W",
            "PT8H ",
            "P-1D",
            "P+1D",
            "Pt8h",
            "PT99999999999999999999H",
        ] {
            assert_eq!(parse_duration(text), None, "{text:?}");
        }
    }

    #[test]
    fn windows_are_half_open() {
        let start = DateTime::from_timestamp(100, 0).unwrap();
        let end = DateTime::from_timestamp(200, 0).unwrap();
        let window = Window { start, end: Some(end) };
        assert!(window.contains(start));
        assert!(window.contains(end - TimeDelta::microseconds(1)));
        assert!(!window.contains(end));
        assert!(!window.contains(start - TimeDelta::microseconds(1)));
    }
}
