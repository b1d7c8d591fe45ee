//! Instants and lengths of time.

use chrono::{DateTime, TimeDelta, Utc};
use prost_types::{Duration, Timestamp};

use super::FieldViolation;

/// 0001-01-01T00:00:00Z, the first instant that a `Timestamp` can say.
const TIMESTAMP_SECONDS_MIN: i64 = -62_135_596_800;
/// 9999-12-31T23:59:59Z, the last second that a `Timestamp` can say.
const TIMESTAMP_SECONDS_MAX: i64 = 253_402_300_799;
/// Some 10,000 years, the longest that a `Duration` can say.
const DURATION_SECONDS_MAX: i64 = 315_576_000_000;
const NANOS_MAX: i32 = 999_999_999;
const NANOS_PER_MICRO: i32 = 1_000;

/// An instant, to the microsecond; absent is none.
///
/// # Errors
/// It lies outside the years 1 to 9999, or its nanoseconds outside a second.
pub fn timestamp(
    given: Option<Timestamp>,
    path: &str,
) -> Result<Option<DateTime<Utc>>, FieldViolation> {
    let Some(Timestamp { seconds, nanos }) = given else { return Ok(None) };
    let limits = (TIMESTAMP_SECONDS_MIN..=TIMESTAMP_SECONDS_MAX, 0..=NANOS_MAX);
    let micros = u32::try_from(nanos - nanos % NANOS_PER_MICRO).ok();
    micros
        .filter(|_| limits.0.contains(&seconds) && limits.1.contains(&nanos))
        .and_then(|micros| DateTime::from_timestamp(seconds, micros))
        .map(Some)
        .ok_or_else(|| {
            let description = format!(
                "must be from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z, with nanos \
                 from 0 to {NANOS_MAX}; it has {seconds} seconds and {nanos} nanos"
            );
            FieldViolation::new(path, description)
        })
}

/// An end that must lie after a start where both are given; absent is none.
///
/// # Errors
/// It does not, or is no instant.
pub fn end_after(
    start: Option<DateTime<Utc>>,
    end: Option<Timestamp>,
    path: &str,
) -> Result<Option<DateTime<Utc>>, FieldViolation> {
    let end = timestamp(end, path)?;
    match (start, end) {
        (Some(start), Some(end)) if end <= start => {
            let (start, end) = (start.to_rfc3339(), end.to_rfc3339());
            let description = format!("must be after the start, {start}; it is {end}");
            Err(FieldViolation::new(path, description))
        }
        _ => Ok(end),
    }
}

/// A length of time, to the microsecond, of either sign; absent is none.
///
/// # Errors
/// It is out of range, or its seconds and nanoseconds differ in sign.
pub fn duration(given: Option<Duration>, path: &str) -> Result<Option<TimeDelta>, FieldViolation> {
    let Some(Duration { seconds, nanos }) = given else { return Ok(None) };
    let in_range = (-DURATION_SECONDS_MAX..=DURATION_SECONDS_MAX).contains(&seconds)
        && (-NANOS_MAX..=NANOS_MAX).contains(&nanos)
        && i64::from(nanos.signum()) * seconds.signum() >= 0;
    let micros = TimeDelta::microseconds(i64::from(nanos / NANOS_PER_MICRO));
    TimeDelta::try_seconds(seconds)
        .filter(|_| in_range)
        .and_then(|seconds| seconds.checked_add(&micros))
        .map(Some)
        .ok_or_else(|| {
            let description = format!(
                "must have at most {DURATION_SECONDS_MAX} seconds and {NANOS_MAX} nanos, both of \
                 one sign; it has {seconds} and {nanos}"
            );
            FieldViolation::new(path, description)
        })
}

/// A length of time that may be none at all; absent is unset.
///
/// # Errors
/// It is negative or out of range.
pub fn duration_from_zero(
    given: Option<Duration>,
    path: &str,
) -> Result<Option<TimeDelta>, FieldViolation> {
    let parsed = duration(given, path)?;
    match (parsed, given) {
        (Some(parsed), Some(Duration { seconds, nanos })) if parsed < TimeDelta::zero() => {
            let description =
                format!("must not be negative; it has {seconds} seconds and {nanos} nanos");
            Err(FieldViolation::new(path, description))
        }
        _ => Ok(parsed),
    }
}

/// A length of time of at least a microsecond; absent is none.
///
/// # Errors
/// It is negative, shorter, or out of range.
pub fn positive_duration(
    given: Option<Duration>,
    path: &str,
) -> Result<Option<TimeDelta>, FieldViolation> {
    let parsed = duration(given, path)?;
    match (parsed, given) {
        (Some(parsed), Some(Duration { seconds, nanos })) if parsed <= TimeDelta::zero() => {
            let description = format!(
                "must be at least a microsecond; it has {seconds} seconds and {nanos} nanos"
            );
            Err(FieldViolation::new(path, description))
        }
        _ => Ok(parsed),
    }
}
