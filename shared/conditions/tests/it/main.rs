//! Conditions: what is one, and what it says.

#![cfg(test)]

use chrono::{DateTime, TimeDelta, Utc};
use pim_conditions::{
    CONDITION_DEPTH_MAX, CONDITION_OPERATORS_MAX, CONDITION_POLICIES_MAX, check, decide,
};
use pim_domain::{
    condition::{CONDITION_BYTES_MAX, Circumstances, Condition, Outcome, Signals},
    text::Ticket,
};
use uuid::Uuid;

const OFFICE_HOURS: &str = include_str!("../../examples/office_hours.cedar");
const NETWORK: &str = include_str!("../../examples/network.cedar");

/// Tuesday, the first of December 2026.
fn at(text: &str) -> DateTime<Utc> {
    format!("2026-12-{text}:00Z").parse().unwrap()
}

/// A sign-in of which as little is known as possible.
fn bare() -> Circumstances {
    Circumstances {
        principal: Uuid::from_u128(1).into(),
        role: Uuid::from_u128(2).into(),
        mfa: false,
        contexts: Vec::new(),
        auth_age: None,
        signals: Signals::default(),
        time: at("01T12:00"),
        ticket: None,
        duration: TimeDelta::hours(1),
    }
}

/// One of which everything is.
fn whole() -> Circumstances {
    Circumstances {
        mfa: true,
        contexts: vec!["c1".to_owned(), "c2".to_owned()],
        auth_age: Some(TimeDelta::seconds(90)),
        signals: Signals {
            acr: Some("urn:strong".to_owned()),
            device_compliant: Some(true),
            device_managed: Some(false),
            country: Some("SE".to_owned()),
            risk: Some("low".to_owned()),
            address: Some("10.20.3.4".parse().unwrap()),
        },
        ticket: Some(Ticket { number: "INC-7".to_owned(), system: "desk".to_owned() }),
        ..bare()
    }
}

fn when(expression: &str) -> String {
    format!("permit (principal, action, resource) when {{ {expression} }};")
}

fn says(text: &str, circumstances: &Circumstances) -> Outcome {
    decide(&Condition::new(text.to_owned()), circumstances)
}

#[track_caller]
fn assert_fault(text: &str, said: &str) {
    let fault = check(text).unwrap_err().to_string();
    assert!(fault.contains(said), "{text}: {fault}");
}

#[test]
fn the_example_of_office_hours_and_devices_says_what_it_is_for() {
    check(OFFICE_HOURS).unwrap();
    let on = |time: &str| says(OFFICE_HOURS, &Circumstances { time: at(time), ..whole() });
    // Monday is the 7th, Saturday the 5th.
    for time in ["01T08:00", "04T17:59", "07T12:00"] {
        assert_eq!(on(time), Outcome::Allowed, "{time}");
    }
    for time in ["01T07:59", "01T18:00", "05T12:00", "06T12:00"] {
        assert_eq!(on(time), Outcome::Denied, "{time}");
    }
    for device_compliant in [None, Some(false)] {
        let signals = Signals { device_compliant, ..whole().signals };
        let on_another = Circumstances { signals, ..whole() };
        assert_eq!(says(OFFICE_HOURS, &on_another), Outcome::Denied);
    }
}

#[test]
fn the_example_of_a_network_and_a_fresh_sign_in_says_what_it_is_for() {
    check(NETWORK).unwrap();
    let from = |address: Option<&str>| {
        let address = address.map(|text| text.parse().unwrap());
        Circumstances { signals: Signals { address, ..whole().signals }, ..whole() }
    };
    // One of IPv4 that came over IPv6 is the same one.
    for address in ["10.20.0.0", "10.20.255.255", "::ffff:10.20.3.4"] {
        assert_eq!(says(NETWORK, &from(Some(address))), Outcome::Allowed, "{address}");
    }
    for address in [None, Some("10.21.0.0"), Some("2001:db8::1")] {
        assert_eq!(says(NETWORK, &from(address)), Outcome::Denied, "{address:?}");
    }
    let aged = |seconds: Option<i64>| {
        let auth_age = seconds.map(TimeDelta::seconds);
        says(NETWORK, &Circumstances { auth_age, ..whole() })
    };
    assert_eq!(aged(Some(299)), Outcome::Allowed);
    assert_eq!([aged(Some(300)), aged(None)], [Outcome::Denied, Outcome::Denied]);
    assert_eq!(says(NETWORK, &Circumstances { mfa: false, ..whole() }), Outcome::Denied);
}

#[test]
fn addresses_of_both_kinds_are_compared_by_what_they_are() {
    let from = |address: &str, expression: &str| {
        let text = when(&format!("context has ip && {expression}"));
        assert_eq!(check(&text), Ok(()), "{expression}");
        let address = Some(address.parse().unwrap());
        says(&text, &Circumstances { signals: Signals { address, ..Signals::default() }, ..bare() })
    };
    for (address, expression) in [
        ("2001:db8:7::9", r#"context.ip.isInRange(ip("2001:db8:7::/48"))"#),
        ("2001:db8:7::9", r#"context.ip == ip("2001:0db8:0007:0:0:0:0:9")"#),
        ("2001:db8:7::9", "context.ip.isIpv6()"),
        ("::1", "context.ip.isLoopback()"),
        ("fe80::1", r#"context.ip.isInRange(ip("fe80::/10"))"#),
        // One of IPv4 that came over IPv6.
        ("::ffff:192.0.2.7", "context.ip.isIpv4()"),
        ("::ffff:192.0.2.7", r#"context.ip.isInRange(ip("192.0.2.0/24"))"#),
        ("::ffff:127.0.0.1", "context.ip.isLoopback()"),
        ("192.0.2.7", r#"context.ip == ip("192.0.2.7")"#),
    ] {
        assert_eq!(from(address, expression), Outcome::Allowed, "{address}: {expression}");
    }
    for (address, expression) in [
        ("2001:db8:8::9", r#"context.ip.isInRange(ip("2001:db8:7::/48"))"#),
        ("2001:db8:7::9", r#"context.ip.isInRange(ip("0.0.0.0/0"))"#),
        ("192.0.2.7", r#"context.ip.isInRange(ip("::/0"))"#),
        ("::ffff:192.0.2.7", "context.ip.isIpv6()"),
        ("::ffff:192.0.2.7", r#"context.ip.isInRange(ip("::ffff:0:0/96"))"#),
        // An old form of an address within one of IPv6 is one of IPv6.
        ("::192.0.2.7", r#"context.ip.isInRange(ip("192.0.2.0/24"))"#),
    ] {
        assert_eq!(from(address, expression), Outcome::Denied, "{address}: {expression}");
    }
}

#[test]
fn the_examples_are_those_of_the_documentation() {
    let documentation = include_str!("../../../../deploy/CONDITIONS.md");
    for example in [OFFICE_HOURS, NETWORK] {
        assert!(documentation.contains(&format!("```\n{example}```")), "{example}");
    }
}

#[test]
fn everything_that_the_schema_names_is_there_to_ask_about_and_of_its_type() {
    let known = [
        r#"principal == Principal::"00000000-0000-0000-0000-000000000001""#,
        r#"resource == Role::"00000000-0000-0000-0000-000000000002""#,
        r#"action == Action::"activate""#,
        "context.mfa",
        r#"context has acr && context.acr == "urn:strong""#,
        r#"context.acrs.containsAll(["c1", "c2"])"#,
        "context has auth_age && context.auth_age == 90",
        "context.device has compliant && context.device.compliant",
        "context.device has managed && !context.device.managed",
        r#"context has country && ["SE", "NO"].contains(context.country)"#,
        r#"context has risk && context.risk != "high""#,
        r#"context has ip && context.ip == ip("10.20.3.4")"#,
        "context.hour == 12",
        "context.weekday == 2",
        r#"context has ticket && context.ticket.number like "INC-*""#,
        r#"context has ticket && context.ticket.system == "desk""#,
        "context.duration == 3600",
    ];
    for expression in known {
        let text = when(expression);
        assert_eq!(check(&text), Ok(()), "{expression}");
        assert_eq!(says(&text, &whole()), Outcome::Allowed, "{expression}");
    }
    for name in ["acr", "auth_age", "country", "risk", "ip", "ticket"] {
        let text = when(&format!("context has {name}"));
        assert_eq!(says(&text, &bare()), Outcome::Denied, "{name} was not said");
    }
}

#[test]
fn what_is_not_of_the_language_or_the_schema_is_refused_with_its_place() {
    assert_fault("permit (principal, action)", "line 1, column ");
    assert_fault(&when("context.hour <"), "unexpected token");
    assert_fault(
        "// why\npermit (principal, action, resource)\nwhen { context.huor < 3 };",
        "line 3, column 8",
    );
    assert_fault(&when("context.huor < 3"), "did you mean `hour`?");
    assert_fault(&when(r#"context.hour < "3""#), "expected Long but saw String");
    assert_fault(&when("context.auth_age < 300"), "optional attribute `auth_age`");
    assert_fault(&when("context.device.compliant"), "optional attribute `device.compliant`");
    assert_fault(
        &when(r#"context has ip && context.ip.isInRange(ip("10.0.0.0/99"))"#),
        "10.0.0.0/99",
    );
    assert_fault(&when(r#"resource == Group::"x""#), "unrecognized entity type `Group`");
    assert_fault(r#"permit (principal, action == Action::"delete", resource);"#, "activate");
    assert_fault(&when("principal.name == \"x\""), "attribute `name`");
    // Neither could ever be satisfied.
    assert_fault(&when("false"), "policy is impossible");
    assert_fault("forbid (principal, action, resource);", "no policy permits");
    assert_fault("", "no policy permits");
    assert_fault("permit (principal == ?principal, action, resource);", "slots");
}

#[test]
fn one_forbid_is_over_every_permit() {
    let text =
        format!("{} forbid (principal, action, resource) when {{ context.mfa }};", when("true"));
    check(&text).unwrap();
    assert_eq!(says(&text, &bare()), Outcome::Allowed);
    assert_eq!(says(&text, &whole()), Outcome::Denied);
}

#[test]
fn what_cannot_be_evaluated_denies_also_where_it_would_only_forbid() {
    let overflow = "context.duration * 9223372036854775807 > 0";
    let permits = when(overflow);
    let forbids =
        format!("{} forbid (principal, action, resource) when {{ {overflow} }};", when("true"));
    for text in [permits, forbids] {
        check(&text).unwrap();
        let Outcome::Failed(why) = says(&text, &whole()) else { panic!("{text}") };
        assert!(why.starts_with("integer overflow"), "{why}");
    }
    // As it may have been stored by another version.
    let long = format!("{}//{}", when("true"), "x".repeat(CONDITION_BYTES_MAX));
    for text in ["permit", &when("context.nothing"), &long] {
        assert!(matches!(says(text, &whole()), Outcome::Failed(_)), "{text}");
    }
}

#[test]
fn a_condition_is_bounded_whatever_is_in_it() {
    let comment = |bytes: usize| {
        let text = when("true");
        format!("{text}//{}", "x".repeat(bytes - text.len() - 2))
    };
    check(&comment(CONDITION_BYTES_MAX)).unwrap();
    assert_fault(&comment(CONDITION_BYTES_MAX + 1), "at most 2048 bytes; there are 2049");
    let policies = |many| "permit (principal, action, resource);".repeat(many);
    check(&policies(CONDITION_POLICIES_MAX)).unwrap();
    assert_fault(&policies(CONDITION_POLICIES_MAX + 1), "at most 16 policies; there are 17");
    // One bracket is that of `when`.
    let deep =
        |depth: usize| when(&format!("{}true{}", "(".repeat(depth - 1), ")".repeat(depth - 1)));
    check(&deep(CONDITION_DEPTH_MAX)).unwrap();
    assert_fault(&deep(CONDITION_DEPTH_MAX + 1), "at most 16 brackets in each other; there are 17");
    // One operator compares.
    let chain = |operators: usize| when(&format!("1{} > 1", "+1".repeat(operators - 1)));
    check(&chain(CONDITION_OPERATORS_MAX)).unwrap();
    assert_fault(&chain(CONDITION_OPERATORS_MAX + 1), "at most 256 operators; there are 257");
    // Neither of a text nor of a comment.
    check(&when(
        &format!(
            r#"context has risk && context.risk != "\"{}{}" // ({{[ "#,
            "(".repeat(40),
            "&&".repeat(300)
        )
        .replace("// ({[ ", ""),
    ))
    .unwrap();
    check(&format!("{} // {}", when("true"), "(+".repeat(300))).unwrap();
}

/// Whoever may set a policy must not be able to stop a server: each of these lies as deep as it can.
#[test]
fn the_deepest_that_is_accepted_is_evaluated_on_a_small_stack() {
    let most = CONDITION_OPERATORS_MAX;
    let texts = [
        when(&vec!["true"; most].join("&&")),
        when(&vec!["false"; most].join("||")),
        when(&format!("1{} > 1", "+1".repeat(most - 1))),
        when(&format!("{}true", "if true then true else ".repeat(85))),
        when(&format!("{}true{}", "if true then (true) else (".repeat(15), ")".repeat(15))),
        format!("permit (principal, action, resource) {};", "when{true}".repeat(195)),
    ];
    for text in texts {
        let small = std::thread::Builder::new().stack_size(256 * 1_024);
        let work = move || (check(&text), says(&text, &whole()), text);
        let (checked, said, text) = small.spawn(work).unwrap().join().unwrap();
        let impossible = checked.is_err_and(|fault| fault.text.contains("impossible"));
        let expected = if impossible { Outcome::Denied } else { Outcome::Allowed };
        assert_eq!(said, expected, "{text}");
    }
}
