//! What the tests ask, and what they let an administrator grant first.

use chrono::{DateTime, TimeDelta, Utc};
use pim_client::Client;
use pim_proto::{
    access::v1::{
        CheckAccessRequest, CheckAccessResponse, Decision, ListEffectiveRolesRequest,
        ListEffectiveRolesResponse, ListRoleHoldersRequest, ListRoleHoldersResponse,
        check_access_request::Question,
    },
    assignment::v1::{Assignment, CreateAssignmentRequest},
};
use pim_tests::{Organisation, Person, World, timestamp};
use tonic::Status;

pub(crate) const CONTRIBUTOR: &str = Organisation::CONTRIBUTOR;
pub(crate) const USER_ADMINISTRATOR: &str = Organisation::USER_ADMINISTRATOR;
pub(crate) const SUBSCRIPTION: &str = "/subscriptions/9e1c27e8-55a8-4c5b-9d0e-6f6d1f3f2a11";
pub(crate) const GROUP: &str =
    "/subscriptions/9e1c27e8-55a8-4c5b-9d0e-6f6d1f3f2a11/resourcegroups/web";
pub(crate) const ROOT: &str = "/";

pub(crate) fn hours(hours: i64) -> TimeDelta {
    TimeDelta::hours(hours)
}

/// The smallest step of time.
pub(crate) fn tick() -> TimeDelta {
    TimeDelta::microseconds(1)
}

/// A world, an organisation in it, and alice.
pub(crate) async fn begin() -> (World, Organisation, Person) {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    (world, organisation, alice)
}

/// An assignment from `start` (absent: now) to `end`.
pub(crate) async fn assign(
    organisation: &Organisation,
    person: &Person,
    (role, scope): (&str, &str),
    start: Option<DateTime<Utc>>,
    end: DateTime<Utc>,
) -> Assignment {
    let request = CreateAssignmentRequest {
        principal_id: person.id.clone(),
        role_id: role.to_owned(),
        scope: scope.to_owned(),
        start_time: start.map(timestamp),
        end_time: Some(timestamp(end)),
        justification: "their work".to_owned(),
        ..CreateAssignmentRequest::default()
    };
    let answer = organisation.admin.client.assignments().create_assignment(request).await.unwrap();
    answer.into_inner().assignment.unwrap()
}

/// Whether the principal with that id holds a role at a scope.
pub(crate) async fn check(
    caller: &Client,
    principal: &str,
    role: &str,
    scope: &str,
) -> Result<CheckAccessResponse, Status> {
    let request = CheckAccessRequest {
        principal_id: principal.to_owned(),
        question: Some(Question::RoleId(role.to_owned())),
        scope: scope.to_owned(),
        ..CheckAccessRequest::default()
    };
    Ok(caller.access().check_access(request).await?.into_inner())
}

/// Whether somebody holds a role at a scope, asked by themselves.
pub(crate) async fn own(person: &Person, role: &str, scope: &str) -> CheckAccessResponse {
    check(&person.client, &person.id, role, scope).await.unwrap()
}

/// Whether the answer is a yes that says on what it rests, or a no that rests on nothing.
pub(crate) fn is_yes(answer: &CheckAccessResponse) -> bool {
    let yes = answer.decision() == Decision::Allowed;
    assert!(yes || answer.decision() == Decision::Denied, "{answer:?}");
    assert_eq!(yes, !answer.supporting_ids.is_empty(), "{answer:?}");
    yes
}

/// A page of what somebody holds.
pub(crate) async fn roles(
    caller: &Client,
    request: ListEffectiveRolesRequest,
) -> Result<ListEffectiveRolesResponse, Status> {
    Ok(caller.access().list_effective_roles(request).await?.into_inner())
}

/// A wish for all that somebody holds.
pub(crate) fn of(person: &Person) -> ListEffectiveRolesRequest {
    let principal_id = person.id.clone();
    ListEffectiveRolesRequest { principal_id, ..ListEffectiveRolesRequest::default() }
}

/// All who hold a role at a scope, on one page.
pub(crate) async fn holders(
    caller: &Client,
    role: &str,
    scope: &str,
) -> Result<ListRoleHoldersResponse, Status> {
    let request = ListRoleHoldersRequest {
        role_id: role.to_owned(),
        scope: scope.to_owned(),
        ..ListRoleHoldersRequest::default()
    };
    Ok(caller.access().list_role_holders(request).await?.into_inner())
}
