//! The end of an activation, in real time and without a scheduler: no call that is sent at or
//! after the end is answered with a yes.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use pim_proto::{
    access::v1::{CheckAccessRequest, Decision, check_access_request::Question},
    activation::v1::{ActivateRoleRequest, activate_role_request::Length},
    assignment::v1::Rules,
};
use pim_tests::{Organisation, Person, World, duration};

const ENDS: usize = 20;
const CLIENTS: usize = 4;
const ROLE: &str = Organisation::CONTRIBUTOR;

/// One question around an end.
#[derive(Debug)]
struct Asked {
    /// Right before the question was sent.
    sent: DateTime<Utc>,
    /// Right after the answer came.
    answered: DateTime<Utc>,
    allowed: bool,
    max_clock_error: TimeDelta,
}

fn time_delta(wire: prost_types::Duration) -> TimeDelta {
    TimeDelta::seconds(wire.seconds) + TimeDelta::nanoseconds(wire.nanos.into())
}

/// Asks without a pause from 25 ms before the end until 25 ms after it.
async fn hammer(world: &World, alice: &Person, scope: &str, end: DateTime<Utc>) -> Vec<Asked> {
    let around = TimeDelta::milliseconds(25);
    let request = || CheckAccessRequest {
        principal_id: alice.id.clone(),
        question: Some(Question::RoleId(ROLE.to_owned())),
        scope: scope.to_owned(),
        ..CheckAccessRequest::default()
    };
    if let Ok(pause) = (end - around - world.now()).to_std() {
        tokio::time::timeout(pause, std::future::pending::<()>()).await.unwrap_err();
    }
    let mut asked = Vec::new();
    while world.now() < end + around {
        let sent = world.now();
        let answer = alice.client.access().check_access(request()).await.unwrap().into_inner();
        asked.push(Asked {
            sent,
            answered: world.now(),
            allowed: answer.decision() == Decision::Allowed,
            max_clock_error: time_delta(answer.max_clock_error.unwrap_or_default()),
        });
    }
    asked
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_says_allowed_at_or_after_the_end() {
    let world = Arc::new(World::start_in_real_time().await);
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    organisation.make_eligible(&alice, ROLE, "/").await;
    let second = Some(duration(TimeDelta::seconds(1)));
    let rules = Rules { activation_min: second, ..Rules::default() };
    organisation.set_policy(ROLE, rules).await.unwrap();
    let mut around_ends = 0;
    let mut allowed = 0;
    for end in 0..ENDS {
        let scope = format!("/subscriptions/{end}");
        let wish = ActivateRoleRequest {
            length: Some(Length::Duration(duration(TimeDelta::seconds(1)))),
            ..Person::wish(ROLE, &scope)
        };
        let active = alice.activate(wish).await.unwrap();
        let end = active.end_time.unwrap();
        let nanos = u32::try_from(end.nanos).unwrap();
        let end = DateTime::from_timestamp(end.seconds, nanos).unwrap();
        let hammers = (0..CLIENTS).map(|_| hammer(&world, &alice, &scope, end));
        for asked in join_all(hammers).await.into_iter().flatten() {
            around_ends += 1;
            allowed += usize::from(asked.allowed);
            assert!(!(asked.allowed && asked.sent >= end), "allowed after {end}: {asked:?}");
            let too_early = !asked.allowed && asked.answered < end - asked.max_clock_error;
            assert!(!too_early, "denied before {end}: {asked:?}");
        }
    }
    println!("{around_ends} questions around {ENDS} ends, {allowed} of them allowed");
    assert!(allowed > 0 && allowed < around_ends, "all questions fell on one side of the ends");
}
