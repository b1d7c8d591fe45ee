//! The policy's rules on making eligibilities and assignments: each alone with its code, and all
//! together.

use chrono::TimeDelta;
use pim_client::Refusal;
use pim_proto::{
    assignment::v1::{CreateEligibilityRequest, ListRolesRequest, Rules},
    r#type::v1::{Catalog, Ticket},
};
use pim_tests::{Organisation, assert_refused, duration, metadata, rules, timestamp};
use tonic::Code;

use crate::{
    grants::{KINDS, Kind, all_of, create, wish},
    ground::{Ground, ROLE, SUBSCRIPTION, UNIT},
};

impl Ground {
    /// The request is refused for this one rule, and stores nothing.
    async fn assert_breaks(&self, kind: Kind, request: CreateEligibilityRequest, rule: &str) {
        let admin = &self.org.admin.client;
        let before = all_of(admin, kind, &self.ada).await;
        let answer = create(admin, kind, request).await;
        let status = assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
        assert_eq!(rules(&status), [rule]);
        assert_eq!(all_of(admin, kind, &self.ada).await, before);
    }
}

#[tokio::test]
async fn who_is_disabled_is_granted_nothing() {
    let ground = Ground::new().await;
    ground.disable(&ground.ada).await;
    for kind in KINDS {
        ground.assert_breaks(kind, wish(&ground.ada, ROLE, "/"), "PRINCIPAL").await;
    }
}

#[tokio::test]
async fn a_program_is_never_eligible() {
    let ground = Ground::new().await;
    let program = ground.program("backup").await;
    ground.assert_breaks(Kind::Eligibility, wish(&program, ROLE, "/"), "PRINCIPAL").await;
    assert_eq!(all_of(&ground.org.admin.client, Kind::Eligibility, &program).await, []);
}

#[tokio::test]
async fn a_role_is_granted_only_where_its_catalog_permits_it() {
    let ground = Ground::new().await;
    for kind in KINDS {
        ground.assert_breaks(kind, wish(&ground.ada, ROLE, SUBSCRIPTION), "ROLE").await;
        let resource = wish(&ground.ada, Organisation::CONTRIBUTOR, UNIT);
        ground.assert_breaks(kind, resource, "ROLE").await;
    }
}

#[tokio::test]
async fn a_role_that_only_the_system_assigns_is_granted_to_nobody() {
    let ground = Ground::new().await;
    let catalog = Catalog::Entra.into();
    let request = ListRolesRequest { catalog, page_size: 1_000, ..Default::default() };
    let listed = ground.ada.client.roles().list_roles(request).await.unwrap().into_inner();
    let role = listed.roles.into_iter().find(|role| !role.assignable).unwrap();
    for kind in KINDS {
        ground.assert_breaks(kind, wish(&ground.ada, &role.id, "/"), "ROLE").await;
    }
}

#[tokio::test]
async fn a_window_is_no_shorter_than_an_activation() {
    let ground = Ground::new().await;
    let least = ground.world.now() + TimeDelta::minutes(5);
    for kind in KINDS {
        let good = wish(&ground.ada, ROLE, "/");
        let end_time = Some(timestamp(least - TimeDelta::microseconds(1)));
        let short = CreateEligibilityRequest { end_time, ..good.clone() };
        ground.assert_breaks(kind, short, "WINDOW").await;
        let end_time = Some(timestamp(least));
        let enough = CreateEligibilityRequest { end_time, ..good };
        create(&ground.org.admin.client, kind, enough).await.unwrap();
    }
}

#[tokio::test]
async fn where_permanent_is_not_permitted_the_maximum_binds() {
    let ground = Ground::new().await;
    let set = Rules {
        permanent_eligibility: Some(false),
        eligible_max: Some(duration(TimeDelta::days(10))),
        permanent_assignment: Some(false),
        assigned_max: Some(duration(TimeDelta::days(20))),
        ..Rules::default()
    };
    ground.org.set_policy(ROLE, set).await.unwrap();
    for (kind, days) in [(Kind::Eligibility, 10), (Kind::Assignment, 20)] {
        let good = wish(&ground.ada, ROLE, "/");
        ground.assert_breaks(kind, good.clone(), "EXPIRATION").await;
        let most = ground.world.now() + TimeDelta::days(days);
        let end_time = Some(timestamp(most + TimeDelta::microseconds(1)));
        let long = CreateEligibilityRequest { end_time, ..good.clone() };
        ground.assert_breaks(kind, long, "EXPIRATION").await;
        let end_time = Some(timestamp(most));
        let enough = CreateEligibilityRequest { end_time, ..good };
        let made = create(&ground.org.admin.client, kind, enough).await.unwrap();
        assert_eq!(made.policy_revision, 1);
    }
}

#[tokio::test]
async fn an_assignment_needs_a_justification_and_an_eligibility_does_not() {
    let ground = Ground::new().await;
    let blank = wish(&ground.ada, ROLE, "/");
    let blank = CreateEligibilityRequest { justification: "\u{200b}".to_owned(), ..blank };
    ground.assert_breaks(Kind::Assignment, blank.clone(), "JUSTIFICATION").await;
    create(&ground.org.admin.client, Kind::Eligibility, blank).await.unwrap();
}

#[tokio::test]
async fn an_assignment_needs_a_ticket_where_the_policy_says_so() {
    let ground = Ground::new().await;
    let set = Rules { assignment_require_ticket: Some(true), ..Rules::default() };
    ground.org.set_policy(ROLE, set).await.unwrap();
    let good = wish(&ground.ada, ROLE, "/");
    ground.assert_breaks(Kind::Assignment, good.clone(), "TICKETING").await;
    let admin = &ground.org.admin.client;
    create(admin, Kind::Eligibility, good.clone()).await.unwrap();
    let with = |number: &str| CreateEligibilityRequest {
        ticket: Some(Ticket { number: number.to_owned(), system: "desk".to_owned() }),
        ..good.clone()
    };
    let patterned = Rules { ticket_pattern: Some("CHG-[0-9]+".to_owned()), ..Rules::default() };
    ground.org.set_policy(ROLE, patterned).await.unwrap();
    ground.assert_breaks(Kind::Assignment, with("INC-1"), "TICKETING").await;
    create(admin, Kind::Assignment, with("CHG-1")).await.unwrap();
}

#[tokio::test]
async fn an_assignment_needs_a_second_factor_where_the_policy_says_so() {
    let ground = Ground::new().await;
    let set = Rules { assignment_require_mfa: Some(true), ..Rules::default() };
    ground.org.set_policy(ROLE, set).await.unwrap();
    let good = wish(&ground.ada, ROLE, "/");
    let answer = create(&ground.org.admin.weak, Kind::Assignment, good.clone()).await;
    let status = assert_refused(answer, Code::Unauthenticated, "STEP_UP_REQUIRED");
    assert_eq!(rules(&status), ["MFA"]);
    assert_eq!(metadata(&status, "acr_values"), "mfa");
    let admin = &ground.org.admin.client;
    assert_eq!(all_of(admin, Kind::Assignment, &ground.ada).await, []);
    create(&ground.org.admin.weak, Kind::Eligibility, good.clone()).await.unwrap();
    create(admin, Kind::Assignment, good).await.unwrap();
}

#[tokio::test]
async fn every_broken_rule_is_answered_at_once_in_the_fixed_order() {
    let ground = Ground::new().await;
    let set = Rules {
        permanent_assignment: Some(false),
        assigned_max: Some(duration(TimeDelta::days(1))),
        assignment_require_mfa: Some(true),
        assignment_require_ticket: Some(true),
        ..Rules::default()
    };
    ground.org.set_policy(ROLE, set).await.unwrap();
    ground.disable(&ground.ada).await;
    let request = CreateEligibilityRequest {
        justification: String::new(),
        ..wish(&ground.ada, ROLE, SUBSCRIPTION)
    };
    let answer = create(&ground.org.admin.weak, Kind::Assignment, request).await;
    let status = assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
    let refusal = Refusal::from_status(&status);
    let broken: Vec<_> = refusal.violations.iter().map(|it| (&*it.rule, &*it.field)).collect();
    let expected = [
        ("PRINCIPAL", "principal_id"),
        ("ROLE", "scope"),
        ("EXPIRATION", "end_time"),
        ("JUSTIFICATION", "justification"),
        ("TICKETING", "ticket"),
        ("MFA", "authorization"),
    ];
    assert_eq!(broken, expected);
    assert_eq!(refusal.violations[2].description, "limit: at most P1D; given: permanent");
    assert_eq!(all_of(&ground.org.admin.client, Kind::Assignment, &ground.ada).await, []);
}

#[tokio::test]
async fn a_grant_is_judged_by_the_policy_at_its_scope_and_what_is_enforced_above() {
    let ground = Ground::new().await;
    let (admin, elsewhere) = (&ground.org.admin.client, "/subscriptions/another");
    let at = |scope: &str| wish(&ground.ada, Organisation::CONTRIBUTOR, scope);
    let days = |days| Some(duration(TimeDelta::days(days)));
    let set = async |scope: &str, rules, enforce: &[&str]| {
        let role = Organisation::CONTRIBUTOR;
        ground.org.set_policy_at(role, scope, rules, enforce).await.unwrap();
    };
    let bounded = Rules {
        permanent_eligibility: Some(false),
        eligible_max: days(20),
        permanent_assignment: Some(false),
        assigned_max: days(20),
        ..Rules::default()
    };
    set(SUBSCRIPTION, bounded, &[]).await;
    for kind in KINDS {
        ground.assert_breaks(kind, at(SUBSCRIPTION), "EXPIRATION").await;
        create(admin, kind, at(elsewhere)).await.unwrap();
    }
    let shorter = Rules { eligible_max: days(10), assigned_max: days(10), ..Rules::default() };
    set("/", shorter, &["eligible_max", "assigned_max"]).await;
    for kind in KINDS {
        let until = |days| CreateEligibilityRequest {
            end_time: Some(timestamp(ground.world.now() + TimeDelta::days(days))),
            ..at(SUBSCRIPTION)
        };
        ground.assert_breaks(kind, until(11), "EXPIRATION").await;
        create(admin, kind, until(10)).await.unwrap();
    }
}
