//! Times and durations: of the command line, on the wire, and as they are printed.

use chrono::{DateTime, TimeDelta, Utc};
use prost_types::{Duration, Timestamp};

/// A time of the command line.
pub(crate) fn parse_time(text: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .map_err(|_| "not an RFC 3339 time such as 2030-01-31T08:00:00Z".to_owned())
}

/// A duration of the command line.
pub(crate) fn parse_duration(text: &str) -> Result<TimeDelta, String> {
    pim_domain::time::parse_duration(text).ok_or_else(|| {
        "not an ISO 8601 duration in days, hours, minutes and seconds, such as P30D or PT8H"
            .to_owned()
    })
}

/// A time for the wire.
pub(crate) fn timestamp(time: DateTime<Utc>) -> Timestamp {
    // Below 2^31 by definition, a leap second included.
    let nanos = i32::try_from(time.timestamp_subsec_nanos()).unwrap_or(i32::MAX);
    Timestamp { seconds: time.timestamp(), nanos }
}

/// A time from the wire; one that cannot be is left out.
pub(crate) fn instant(time: Option<Timestamp>) -> Option<DateTime<Utc>> {
    let time = time?;
    DateTime::from_timestamp(time.seconds, u32::try_from(time.nanos).ok()?)
}

/// A duration for the wire.
pub(crate) fn wire_duration(delta: TimeDelta) -> Duration {
    Duration { seconds: delta.num_seconds(), nanos: delta.subsec_nanos() }
}

/// A duration from the wire, as ISO 8601; one that cannot be is left out.
pub(crate) fn iso(duration: Option<Duration>) -> Option<String> {
    let duration = duration?;
    let seconds = TimeDelta::try_seconds(duration.seconds)?;
    let delta = seconds.checked_add(&TimeDelta::nanoseconds(duration.nanos.into()))?;
    Some(pim_domain::time::format_duration(delta))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_survive_the_wire() {
        let time = parse_time("2030-01-31T08:00:00.123456+01:00").unwrap();
        assert_eq!(instant(Some(timestamp(time))), Some(time));
        assert_eq!(instant(Some(Timestamp { seconds: 0, nanos: -1 })), None);
        assert_eq!(instant(None), None);
    }

    #[test]
    fn durations_survive_the_wire() {
        for text in ["PT8H", "P365D", "PT1H30M"] {
            let delta = parse_duration(text).unwrap();
            assert_eq!(iso(Some(wire_duration(delta))).unwrap(), text);
        }
        assert!(parse_duration("P1M").is_err());
    }
}
