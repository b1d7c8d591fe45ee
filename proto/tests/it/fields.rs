//! The parsers of single fields, on anything.

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{id::RoleId, role::Role};
use pim_proto::{
    field::{
        self, ETAG_BYTES_MAX, FieldViolation, Nested as _, TOKEN_BYTES_MAX, duration,
        positive_duration, timestamp,
    },
    r#type::v1::Ticket,
};
use proptest::prelude::*;
use prost_types::{Duration, Timestamp};

#[test]
fn a_violation_names_the_way_to_the_field() {
    let inner: Result<(), _> = Err(FieldViolation::new("number", "is blank"));
    let outer = inner.field("ticket").field("request").unwrap_err();
    assert_eq!(outer.to_string(), "request.ticket.number: is blank");
}

#[test]
fn only_the_hyphenated_form_is_an_id() {
    let text = "0198c0de-0000-7000-8000-00000000000a";
    let id: RoleId = field::id(text, "role_id").unwrap();
    assert_eq!(id.to_string(), text);
    assert_eq!(field::id::<Role>(&text.to_uppercase(), "role_id"), Ok(id));
    for bad in [&text.replace('-', ""), &format!("{{{text}}}"), &format!("urn:uuid:{text}"), " "] {
        let violation = field::id::<Role>(bad, "role_id").unwrap_err();
        assert_eq!(violation.path, "role_id");
        assert!(violation.description.contains(&format!("{bad:?}")), "{violation}");
    }
    assert_eq!(field::optional_id::<Role>("", "role_id"), Ok(None));
    assert_eq!(field::id::<Role>("", "role_id"), Err(FieldViolation::required("role_id")));
}

#[test]
fn a_refused_text_is_repeated_shortened_and_escaped() {
    let long = "\u{202e}\0".repeat(1_000);
    let violation = field::uuid(&long, "id").unwrap_err();
    assert!(violation.description.is_ascii(), "{violation}");
    assert!(violation.description.ends_with("and more"), "{violation}");
    let segment = format!("/subscriptions/{}", "\u{1}".repeat(2_000));
    let violation = field::scope(&segment, "scope").unwrap_err();
    assert!(violation.description.len() < 1_000, "{violation}");
}

#[test]
fn both_parts_of_a_ticket_are_needed() {
    assert_eq!(field::ticket(None), Ok(None));
    let ticket = |number: &str, system: &str| {
        field::ticket(Some(Ticket { number: number.to_owned(), system: system.to_owned() }))
    };
    assert!(ticket("CHG-1", "desk").unwrap().is_some());
    assert_eq!(ticket("", "desk").unwrap_err().path, "ticket.number");
    assert_eq!(ticket("CHG-1", " ").unwrap_err().path, "ticket.system");
    assert_eq!(ticket("CHG-1", &"x".repeat(257)).unwrap_err().path, "ticket.system");
}

#[test]
fn a_justification_may_be_absent_but_not_long() {
    assert_eq!(field::justification(String::new()).unwrap(), "");
    assert_eq!(field::justification("[erased]".to_owned()).unwrap_err().path, "justification");
    let violation = field::justification("x".repeat(1_001)).unwrap_err();
    assert_eq!(violation.path, "justification");
    assert!(violation.description.contains("1000"), "{violation}");
    assert!(violation.description.contains("1001"), "{violation}");
}

#[test]
fn a_duration_that_is_asked_to_be_positive_is() {
    let parse = |seconds, nanos| positive_duration(Some(Duration { seconds, nanos }), "duration");
    assert_eq!(parse(0, 1_999), Ok(Some(TimeDelta::microseconds(1))));
    for (seconds, nanos) in [(0, 0), (0, 999), (-1, 0), (0, -1), (-1, -1)] {
        assert_eq!(parse(seconds, nanos).unwrap_err().path, "duration");
    }
    assert_eq!(positive_duration(None, "duration"), Ok(None));
}

#[test]
fn an_end_lies_after_its_start() {
    let start = timestamp(Some(Timestamp { seconds: 10, nanos: 0 }), "start_time").unwrap();
    let end = |seconds, nanos| field::end_after(start, Some(Timestamp { seconds, nanos }), "end");
    assert!(end(10, 1_000).is_ok());
    // To the microsecond, that is no time at all.
    assert!(end(10, 999).is_err());
    assert!(end(9, 0).is_err());
    assert!(field::end_after(None, Some(Timestamp { seconds: 1, nanos: 0 }), "end").is_ok());
    assert_eq!(field::end_after(start, None, "end"), Ok(None));
}

#[test]
fn the_years_1_to_9999_are_instants() {
    let parse = |seconds, nanos| timestamp(Some(Timestamp { seconds, nanos }), "at");
    let first = parse(-62_135_596_800, 0).unwrap().unwrap();
    let last = parse(253_402_300_799, 999_999_999).unwrap().unwrap();
    assert_eq!(first.to_rfc3339(), "0001-01-01T00:00:00+00:00");
    assert_eq!(last.to_rfc3339(), "9999-12-31T23:59:59.999999+00:00");
    assert!(parse(-62_135_596_801, 999_999_999).is_err());
    assert!(parse(253_402_300_800, 0).is_err());
}

fn is_whole_micros(time: DateTime<Utc>) -> bool {
    time.timestamp_subsec_nanos().is_multiple_of(1_000)
}

proptest! {
    #[test]
    fn any_timestamp_is_read_or_refused(seconds in any::<i64>(), nanos in any::<i32>()) {
        let given = Timestamp { seconds, nanos };
        if let Ok(read) = timestamp(Some(given), "at") {
            prop_assert!(read.is_some_and(is_whole_micros));
        }
    }

    #[test]
    fn a_timestamp_in_range_is_read_as_it_is(
        seconds in -62_135_596_800_i64..=253_402_300_799,
        nanos in 0..=999_999_999_i32,
    ) {
        let read = timestamp(Some(Timestamp { seconds, nanos }), "at").unwrap().unwrap();
        prop_assert_eq!(read.timestamp(), seconds);
        prop_assert_eq!(i64::from(read.timestamp_subsec_micros()), i64::from(nanos / 1_000));
    }

    #[test]
    fn any_duration_is_read_or_refused(seconds in any::<i64>(), nanos in any::<i32>()) {
        let given = Some(Duration { seconds, nanos });
        let read = duration(given, "length");
        let positive = positive_duration(given, "length");
        prop_assert!(read.is_ok() || positive.is_err());
        if let Ok(Some(positive)) = positive {
            prop_assert!(positive > TimeDelta::zero());
        }
    }

    #[test]
    fn a_duration_in_range_is_read_as_it_is(
        seconds in 0..=315_576_000_000_i64,
        nanos in 0..=999_999_999_i32,
        negative in any::<bool>(),
    ) {
        let (seconds, nanos) = if negative { (-seconds, -nanos) } else { (seconds, nanos) };
        let read = duration(Some(Duration { seconds, nanos }), "length").unwrap().unwrap();
        prop_assert_eq!(read.num_seconds(), seconds);
        prop_assert_eq!(read.subsec_nanos(), nanos - nanos % 1_000);
    }

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        let _ = field::uuid(&text, "id");
        let _ = field::scope(&text, "scope");
        let _ = field::name(text.clone(), "name", 10);
        let _ = field::contains(text.clone(), "contains");
        let _ = field::justification(text.clone());
        if let Ok(etag) = field::etag(text.clone()) {
            prop_assert!(!etag.is_empty() && etag.len() <= ETAG_BYTES_MAX && etag.is_ascii());
        }
        if let Ok(token) = field::opaque(text, "page_token", TOKEN_BYTES_MAX) {
            prop_assert!(token.len() <= TOKEN_BYTES_MAX && token.is_ascii());
        }
    }
}
