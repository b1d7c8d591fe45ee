//! `CheckAccess`: where a role is held, and what takes it away.

use pim_proto::assignment::v1::{
    DisablePrincipalRequest, EnablePrincipalRequest, RemoveAssignmentRequest,
    RemoveEligibilityRequest,
};
use pim_tests::{Person, timestamp};

use crate::ask::{
    CONTRIBUTOR, GROUP, ROOT, SUBSCRIPTION, USER_ADMINISTRATOR, assign, begin, hours, is_yes, own,
    tick,
};

#[tokio::test]
async fn a_role_is_held_at_its_scope_and_below_never_above_or_beside() {
    let (_world, organisation, alice) = begin().await;
    organisation.assign(&alice, CONTRIBUTOR, GROUP).await.unwrap();
    let below = format!("{GROUP}/providers/Microsoft.Web/sites/shop");
    let other_case = GROUP.to_uppercase().replace("/SUBSCRIPTIONS", "/subscriptions");
    for scope in [GROUP, below.as_str(), other_case.as_str()] {
        assert!(is_yes(&own(&alice, CONTRIBUTOR, scope).await), "{scope}");
    }
    let longer_name = format!("{GROUP}shop");
    let beside = format!("{SUBSCRIPTION}/resourcegroups/mail");
    for scope in [ROOT, SUBSCRIPTION, &longer_name, &beside, "/subscriptions/another"] {
        assert!(!is_yes(&own(&alice, CONTRIBUTOR, scope).await), "{scope}");
    }
    assert!(!is_yes(&own(&alice, USER_ADMINISTRATOR, GROUP).await), "it is another role");
}

#[tokio::test]
async fn what_is_held_at_the_root_is_held_everywhere() {
    let (_world, organisation, alice) = begin().await;
    organisation.assign(&alice, USER_ADMINISTRATOR, ROOT).await.unwrap();
    for scope in [ROOT, "/administrativeUnits/sales", "/applications/shop"] {
        assert!(is_yes(&own(&alice, USER_ADMINISTRATOR, scope).await), "{scope}");
    }
}

#[tokio::test]
async fn to_be_eligible_is_to_hold_nothing() {
    let (_world, organisation, alice) = begin().await;
    organisation.make_eligible(&alice, CONTRIBUTOR, SUBSCRIPTION).await;
    let answer = own(&alice, CONTRIBUTOR, SUBSCRIPTION).await;
    assert!(!is_yes(&answer));
    assert_eq!((answer.valid_until, answer.next_change_time), (None, None));
}

#[tokio::test]
async fn an_end_is_exact_to_the_microsecond() {
    let (world, organisation, alice) = begin().await;
    let end = world.now() + hours(1);
    let target = (CONTRIBUTOR, SUBSCRIPTION);
    let assignment = assign(&organisation, &alice, target, None, end).await;
    world.advance(hours(1) - tick());
    let last = own(&alice, CONTRIBUTOR, SUBSCRIPTION).await;
    assert!(is_yes(&last));
    assert_eq!(last.supporting_ids, [assignment.id]);
    assert_eq!(last.as_of_time, Some(timestamp(end - tick())));
    assert_eq!(last.valid_until, Some(timestamp(end)));
    world.advance(tick());
    let first = own(&alice, CONTRIBUTOR, SUBSCRIPTION).await;
    assert!(!is_yes(&first));
    assert_eq!(first.as_of_time, Some(timestamp(end)));
    assert_eq!((first.valid_until, first.next_change_time), (None, None));
    world.advance(tick());
    assert!(!is_yes(&own(&alice, CONTRIBUTOR, SUBSCRIPTION).await));
}

#[tokio::test]
async fn a_clock_that_is_set_back_revives_nothing() {
    let (world, organisation, alice) = begin().await;
    let end = world.now() + hours(1);
    assign(&organisation, &alice, (CONTRIBUTOR, SUBSCRIPTION), None, end).await;
    world.advance(hours(1));
    assert!(!is_yes(&own(&alice, CONTRIBUTOR, SUBSCRIPTION).await));
    world.system.clock.set(end - hours(1));
    let answer = own(&alice, CONTRIBUTOR, SUBSCRIPTION).await;
    assert!(!is_yes(&answer));
    assert_eq!(answer.as_of_time, Some(timestamp(end)));
}

#[tokio::test]
async fn nobody_waits_for_a_revocation_to_be_noticed() {
    let (_world, organisation, alice) = begin().await;
    let eligibility = organisation.make_eligible(&alice, CONTRIBUTOR, SUBSCRIPTION).await;
    alice.activate(Person::wish(CONTRIBUTOR, SUBSCRIPTION)).await.unwrap();
    let assignment = organisation.assign(&alice, USER_ADMINISTRATOR, ROOT).await.unwrap();
    assert!(is_yes(&own(&alice, CONTRIBUTOR, SUBSCRIPTION).await));
    assert!(is_yes(&own(&alice, USER_ADMINISTRATOR, ROOT).await));

    let mut assignments = organisation.admin.client.assignments();
    let request = RemoveEligibilityRequest {
        eligibility_id: eligibility.id,
        ..RemoveEligibilityRequest::default()
    };
    assignments.remove_eligibility(request).await.unwrap();
    assert!(!is_yes(&own(&alice, CONTRIBUTOR, SUBSCRIPTION).await));
    let request = RemoveAssignmentRequest {
        assignment_id: assignment.id,
        ..RemoveAssignmentRequest::default()
    };
    assignments.remove_assignment(request).await.unwrap();
    assert!(!is_yes(&own(&alice, USER_ADMINISTRATOR, ROOT).await));
}

#[tokio::test]
async fn to_disable_somebody_suspends_assignments_and_ends_activations() {
    let (world, organisation, alice) = begin().await;
    organisation.make_eligible(&alice, CONTRIBUTOR, SUBSCRIPTION).await;
    alice.activate(Person::wish(CONTRIBUTOR, SUBSCRIPTION)).await.unwrap();
    organisation.assign(&alice, USER_ADMINISTRATOR, ROOT).await.unwrap();
    let admin = &organisation.admin.client;
    let asked = async |role: &str, scope: &str| {
        is_yes(&crate::ask::check(admin, &alice.id, role, scope).await.unwrap())
    };
    world.advance(tick());
    let (principal_id, id) = (alice.id.clone(), alice.id.clone());
    let request = DisablePrincipalRequest { principal_id, ..DisablePrincipalRequest::default() };
    admin.directory().disable_principal(request).await.unwrap();
    assert!(!asked(CONTRIBUTOR, SUBSCRIPTION).await && !asked(USER_ADMINISTRATOR, ROOT).await);
    world.advance(tick());
    let request = EnablePrincipalRequest { principal_id: id, ..EnablePrincipalRequest::default() };
    admin.directory().enable_principal(request).await.unwrap();
    assert!(!asked(CONTRIBUTOR, SUBSCRIPTION).await, "no activation is revived");
    assert!(asked(USER_ADMINISTRATOR, ROOT).await);
}

#[tokio::test]
async fn an_answer_names_the_state_of_the_database_that_it_is_of() {
    let (_world, organisation, alice) = begin().await;
    let before = own(&alice, CONTRIBUTOR, SUBSCRIPTION).await;
    organisation.assign(&alice, CONTRIBUTOR, SUBSCRIPTION).await.unwrap();
    let after = own(&alice, CONTRIBUTOR, SUBSCRIPTION).await;
    assert!(!before.revision.is_empty());
    assert_ne!(before.revision, after.revision);
    assert_eq!(after.max_clock_error, Some(prost_types::Duration::default()), "it is held by hand");
}
