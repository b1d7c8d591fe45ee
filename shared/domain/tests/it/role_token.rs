//! Role tokens: what they say, and that none outlives the clock's next change.

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    effective::{Effective, Holding, HoldingKind, Instant, Span, Standing},
    fixture::noon,
    id::{PrincipalId, RoleId},
    role_token::{Claims, Issue, LIFETIME_MAX, LIFETIME_MIN, ROLES_MAX, Refusal, Wish, end},
    scope::Scope,
    time::Window,
};
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

fn micros(count: i64) -> TimeDelta {
    TimeDelta::microseconds(count)
}

fn seconds(count: i64) -> TimeDelta {
    TimeDelta::seconds(count)
}

fn alice() -> PrincipalId {
    Uuid::from_u128(1).into()
}

fn around(at: DateTime<Utc>, error: TimeDelta) -> Instant {
    Instant { earliest: at - error, latest: at + error }
}

fn holding(holder: PrincipalId, end: Option<DateTime<Utc>>) -> Holding {
    Holding {
        id: Uuid::from_u128(7),
        kind: HoldingKind::Assignment,
        holder,
        role: RoleId::from(Uuid::from_u128(3)),
        scope: Scope::root(),
        span: Span { window: Window { start: noon(), end }, ended: None },
        standing: Standing::Held,
        path: None,
        granted_by: None,
        update_time: noon(),
    }
}

fn claims(
    holdings: Vec<Holding>,
    valid_until: Option<DateTime<Utc>>,
    scope: Option<Scope>,
) -> Result<Claims, Refusal> {
    let effective =
        Effective { principal: alice(), holdings, memberships: Vec::new(), valid_until };
    let wish = Wish { audience: "reader".to_owned(), scope, lifetime: LIFETIME_MAX };
    let issue = Issue {
        issuer: "https://pim.example".to_owned(),
        tenant: Uuid::from_u128(2).into(),
        id: Uuid::from_u128(9),
    };
    Claims::of(effective, noon().into(), wish, issue)
}

#[test]
fn a_token_lives_as_long_as_it_was_asked_to() {
    for lifetime in [LIFETIME_MIN, seconds(60), LIFETIME_MAX] {
        assert_eq!(end(None, noon().into(), lifetime), Ok(noon() + lifetime));
    }
    assert_eq!(end(None, noon().into(), seconds(301)), Ok(noon() + LIFETIME_MAX));
}

#[test]
fn a_token_never_outlives_the_next_change_by_the_clock() {
    let at = noon().into();
    let ends = |change: DateTime<Utc>| end(Some(change), at, LIFETIME_MAX);
    let change = noon() + seconds(100);
    assert_eq!(ends(change), Ok(change));
    assert_eq!(ends(change - micros(1)), Ok(noon() + seconds(99)), "down to a whole second");
    assert_eq!(ends(change + micros(1)), Ok(change));
    let whole = noon() + LIFETIME_MAX;
    assert_eq!(ends(whole - micros(1)), Ok(whole - seconds(1)));
    assert_eq!(ends(whole), Ok(whole));
    assert_eq!(ends(whole + micros(1)), Ok(whole));
}

#[test]
fn a_token_of_which_less_than_a_second_is_left_is_not_given_out() {
    let change = noon() + seconds(100);
    let at = |before: TimeDelta| end(Some(change), (change - before).into(), LIFETIME_MAX);
    assert_eq!(at(seconds(1)), Ok(change));
    assert_eq!(at(seconds(1) - micros(1)), Err(Refusal::AboutToChange));
    assert_eq!(at(TimeDelta::zero()), Err(Refusal::AboutToChange));
    // Rounded down, nothing might be left of more than a second.
    let odd = change + micros(999_999);
    let late = (change - seconds(1) + micros(1)).into();
    assert_eq!(end(Some(odd), late, LIFETIME_MAX), Err(Refusal::AboutToChange));
}

#[test]
fn what_the_clock_may_be_off_shortens_a_token_and_never_lengthens_it() {
    let error = micros(1);
    let at = |before| around(noon() + seconds(100) - before, error);
    assert_eq!(end(None, around(noon(), error), seconds(60)), Ok(noon() + seconds(59)));
    let ends = |before| end(Some(noon() + seconds(100)), at(before), LIFETIME_MAX);
    assert_eq!(ends(seconds(1) + error), Ok(noon() + seconds(100)));
    assert_eq!(ends(seconds(1)), Err(Refusal::AboutToChange), "it may be a microsecond later");
    // The shortest is good with the greatest error by which anything can be gained.
    for micro in [0, 1, 499_999, 500_000, 999_999] {
        let at = around(noon() + micros(micro), TimeDelta::milliseconds(250));
        assert!(end(None, at, LIFETIME_MIN).is_ok(), "{micro}");
    }
}

#[test]
fn a_token_says_by_which_way_each_role_is_held_and_until_when() {
    let group: PrincipalId = Uuid::from_u128(4).into();
    let until = noon() + seconds(400) + micros(999_999);
    let held = vec![holding(alice(), None), holding(group, Some(until))];
    let scope = "/subscriptions/a".parse().ok();
    let token = claims(held, Some(until), scope).unwrap();
    let start = noon().timestamp();
    let expected = json!({
        "iss": "https://pim.example",
        "sub": alice(),
        "aud": "reader",
        "tid": Uuid::from_u128(2),
        "iat": start,
        "nbf": start,
        "exp": start + 300,
        "jti": Uuid::from_u128(9),
        "held_at": "/subscriptions/a",
        "roles": [
            { "role_id": Uuid::from_u128(3), "scope": "/" },
            { "role_id": Uuid::from_u128(3), "scope": "/", "group_id": group,
              "end_time": start + 400 },
        ],
    });
    assert_eq!(serde_json::to_value(&token).unwrap(), expected);
    assert_eq!(token.expire_time(), noon() + LIFETIME_MAX);
}

#[test]
fn who_holds_nothing_gets_a_token_that_says_so() {
    let token = claims(Vec::new(), None, None).unwrap();
    let value = serde_json::to_value(&token).unwrap();
    assert_eq!((&value["roles"], value.get("held_at")), (&json!([]), None));
}

#[test]
fn more_roles_than_there_is_room_for_are_refused_and_not_cut() {
    let of = |count| claims(vec![holding(alice(), None); count], None, None);
    assert_eq!(of(ROLES_MAX).unwrap().roles.len(), ROLES_MAX);
    let refusal = of(ROLES_MAX + 1).unwrap_err();
    assert_eq!(refusal, Refusal::TooManyRoles { held: ROLES_MAX + 1 });
    let text = refusal.to_string();
    assert!(text.contains("201") && text.contains("200") && text.contains("scope"), "{text}");
}

proptest! {
    #[test]
    fn whatever_the_times_no_token_is_good_when_it_may_not_be(
        now in 0_i64..10_000_000,
        error in 0_i64..250_000,
        change in proptest::option::of(0_i64..400_000_000),
        lifetime in LIFETIME_MIN.num_seconds()..=LIFETIME_MAX.num_seconds(),
    ) {
        let (at, lifetime) = (around(noon() + micros(now), micros(error)), seconds(lifetime));
        let change = change.map(|change| noon() + micros(change));
        match end(change, at, lifetime) {
            Ok(end) => {
                prop_assert!(change.is_none_or(|change| end <= change));
                prop_assert!(end - at.earliest <= lifetime);
                prop_assert!(end - at.latest >= seconds(1));
                prop_assert_eq!(end.timestamp_subsec_nanos(), 0);
            }
            Err(refusal) => {
                prop_assert_eq!(refusal, Refusal::AboutToChange);
                prop_assert!(change.is_some_and(|change| change - at.latest < seconds(2)));
            }
        }
    }
}
