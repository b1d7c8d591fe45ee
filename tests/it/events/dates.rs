//! The part of the walk that moves dates and asks for it.

use chrono::TimeDelta;
use pim_proto::assignment::v1::{
    ApproveChangeRequestRequest, CancelChangeRequestRequest, ChangeRequest, ChangeRequestKind,
    CreateAssignmentRequest, CreateChangeRequestRequest, CreateEligibilityRequest,
    DenyChangeRequestRequest, Eligibility, ExtendAssignmentRequest, ExtendEligibilityRequest,
    RenewAssignmentRequest, RenewEligibilityRequest, TimeOutChangeRequestRequest,
    UpdateAssignmentRequest, UpdateEligibilityRequest, approve_change_request_request,
    create_change_request_request, extend_assignment_request, extend_eligibility_request,
    update_assignment_request, update_eligibility_request,
};
use pim_tests::{Organisation, Person, World, timestamp};

use super::{ROLE, Walk};

pub(super) async fn eligibilities(
    world: &World,
    organisation: &Organisation,
    alice: &Person,
    walk: &mut Walk<'_>,
) {
    let mut assignments = organisation.admin.client.assignments();
    let end = |hours| Some(timestamp(world.now() + TimeDelta::hours(hours)));
    let request = CreateEligibilityRequest {
        principal_id: alice.id.clone(),
        role_id: ROLE.to_owned(),
        scope: "/".to_owned(),
        end_time: end(2),
        justification: "their work".to_owned(),
        ..CreateEligibilityRequest::default()
    };
    let made = assignments.create_eligibility(request).await.unwrap().into_inner();
    walk.left(&[("CreateEligibility", "pim.eligibility.created")]).await;
    let made = made.eligibility.unwrap();
    let mut request = UpdateEligibilityRequest {
        eligibility_id: made.id.clone(),
        etag: made.etag,
        end: end(1).map(update_eligibility_request::End::EndTime),
        justification: "less work".to_owned(),
        ..UpdateEligibilityRequest::default()
    };
    let moved = assignments.update_eligibility(request.clone()).await.unwrap().into_inner();
    walk.left(&[("UpdateEligibility", "pim.eligibility.updated")]).await;
    // They are so already: nothing changes, and nothing is written.
    request.etag = moved.eligibility.unwrap().etag;
    assignments.update_eligibility(request).await.unwrap();
    walk.left(&[]).await;
    let request = ExtendEligibilityRequest {
        eligibility_id: made.id.clone(),
        end: end(3).map(extend_eligibility_request::End::EndTime),
        justification: "more work".to_owned(),
        ..ExtendEligibilityRequest::default()
    };
    assignments.extend_eligibility(request).await.unwrap();
    walk.left(&[("ExtendEligibility", "pim.eligibility.extended")]).await;
    world.advance(TimeDelta::hours(3));
    let request = RenewEligibilityRequest {
        eligibility_id: made.id,
        end_time: end(1),
        justification: "new work".to_owned(),
        ..RenewEligibilityRequest::default()
    };
    assignments.renew_eligibility(request).await.unwrap();
    walk.left(&[("RenewEligibility", "pim.eligibility.renewed")]).await;
    world.advance(TimeDelta::hours(1));
}

pub(super) async fn assignments(
    world: &World,
    organisation: &Organisation,
    alice: &Person,
    walk: &mut Walk<'_>,
) {
    let mut assignments = organisation.admin.client.assignments();
    let end = |hours| Some(timestamp(world.now() + TimeDelta::hours(hours)));
    let request = CreateAssignmentRequest {
        principal_id: alice.id.clone(),
        role_id: ROLE.to_owned(),
        scope: "/".to_owned(),
        end_time: end(2),
        justification: "their work".to_owned(),
        ..CreateAssignmentRequest::default()
    };
    let made = assignments.create_assignment(request).await.unwrap().into_inner();
    walk.left(&[("CreateAssignment", "pim.assignment.created")]).await;
    let made = made.assignment.unwrap();
    let mut request = UpdateAssignmentRequest {
        assignment_id: made.id.clone(),
        etag: made.etag,
        end: end(1).map(update_assignment_request::End::EndTime),
        justification: "less work".to_owned(),
        ..UpdateAssignmentRequest::default()
    };
    let moved = assignments.update_assignment(request.clone()).await.unwrap().into_inner();
    walk.left(&[("UpdateAssignment", "pim.assignment.updated")]).await;
    // They are so already: nothing changes, and nothing is written.
    request.etag = moved.assignment.unwrap().etag;
    assignments.update_assignment(request).await.unwrap();
    walk.left(&[]).await;
    let request = ExtendAssignmentRequest {
        assignment_id: made.id.clone(),
        end: end(3).map(extend_assignment_request::End::EndTime),
        justification: "more work".to_owned(),
        ..ExtendAssignmentRequest::default()
    };
    assignments.extend_assignment(request).await.unwrap();
    walk.left(&[("ExtendAssignment", "pim.assignment.extended")]).await;
    world.advance(TimeDelta::hours(3));
    let request = RenewAssignmentRequest {
        assignment_id: made.id,
        end_time: end(1),
        justification: "new work".to_owned(),
        ..RenewAssignmentRequest::default()
    };
    assignments.renew_assignment(request).await.unwrap();
    walk.left(&[("RenewAssignment", "pim.assignment.renewed")]).await;
    world.advance(TimeDelta::hours(1));
}

pub(super) async fn requests(
    world: &World,
    organisation: &Organisation,
    alice: &Person,
    walk: &mut Walk<'_>,
) {
    let mut assignments = organisation.admin.client.assignments();
    let request = CreateEligibilityRequest {
        principal_id: alice.id.clone(),
        role_id: ROLE.to_owned(),
        scope: "/".to_owned(),
        end_time: Some(timestamp(world.now() + TimeDelta::days(10))),
        ..CreateEligibilityRequest::default()
    };
    let made = assignments.create_eligibility(request).await.unwrap().into_inner();
    let made = made.eligibility.unwrap();
    walk.left(&[("CreateEligibility", "pim.eligibility.created")]).await;
    let asked = [("CreateChangeRequest", "pim.change_request.eligibility_extension_requested")];
    let request = extension(alice, &made).await;
    walk.left(&asked).await;
    let change_request_id = request.id;
    let request =
        CancelChangeRequestRequest { change_request_id, ..CancelChangeRequestRequest::default() };
    alice.client.assignments().cancel_change_request(request).await.unwrap();
    let canceled = "pim.change_request.eligibility_extension_canceled";
    walk.left(&[("CancelChangeRequest", canceled)]).await;

    let request = extension(alice, &made).await;
    walk.left(&asked).await;
    let request = DenyChangeRequestRequest {
        change_request_id: request.id,
        etag: request.etag,
        justification: "not needed".to_owned(),
        ..DenyChangeRequestRequest::default()
    };
    assignments.deny_change_request(request).await.unwrap();
    walk.left(&[("DenyChangeRequest", "pim.change_request.denied")]).await;

    let request = extension(alice, &made).await;
    walk.left(&asked).await;
    let end = timestamp(world.now() + TimeDelta::days(14));
    let request = ApproveChangeRequestRequest {
        change_request_id: request.id,
        etag: request.etag,
        end: Some(approve_change_request_request::End::EndTime(end)),
        ..ApproveChangeRequestRequest::default()
    };
    assignments.approve_change_request(request).await.unwrap();
    walk.left(&[
        ("ApproveChangeRequest", "pim.change_request.approved"),
        ("ApproveChangeRequest", "pim.eligibility.extended"),
    ])
    .await;

    let request = extension(alice, &made).await;
    walk.left(&asked).await;
    world.advance(TimeDelta::days(14));
    let request = TimeOutChangeRequestRequest {
        tenant_id: organisation.tenant.to_string(),
        change_request_id: request.id,
    };
    world.service("scheduler").assignments().time_out_change_request(request).await.unwrap();
    walk.left(&[("TimeOutChangeRequest", "pim.change_request.timed_out")]).await;
}

async fn extension(alice: &Person, made: &Eligibility) -> ChangeRequest {
    let request = CreateChangeRequestRequest {
        kind: ChangeRequestKind::Extension.into(),
        grant: Some(create_change_request_request::Grant::EligibilityId(made.id.clone())),
        justification: "the project goes on".to_owned(),
        ..CreateChangeRequestRequest::default()
    };
    let answer = alice.client.assignments().create_change_request(request).await.unwrap();
    answer.into_inner().change_request.unwrap()
}
