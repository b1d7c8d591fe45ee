//! The requests of package `pim.assignment` that change what is granted, and that ask for it.

use pim_domain::{
    change_request::{Approve, Ask, Deny},
    grant::{Extend, Renew, Update},
    id::ChangeRequestId,
};
use pim_proto::{
    assignment::v1::{
        ApproveChangeRequestRequest, CancelChangeRequestRequest, CreateChangeRequestRequest,
        DenyChangeRequestRequest, ExtendAssignmentRequest, ExtendEligibilityRequest,
        GetChangeRequestRequest, ListChangeRequestsRequest, RenewAssignmentRequest,
        RenewEligibilityRequest, SearchMyChangeRequestsRequest, TimeOutChangeRequestRequest,
        UpdateAssignmentRequest, UpdateEligibilityRequest, approve_change_request_request,
        create_change_request_request, extend_assignment_request, extend_eligibility_request,
        update_assignment_request, update_eligibility_request,
    },
    call::{CancelChangeRequest, ChangeRequestFilter, Internal, List, Write},
};
use prost_types::Timestamp;

use crate::{
    good::{id, scope, second, ticket, why},
    requests::{Shape, shape},
};

const END: Timestamp = Timestamp { seconds: 2, nanos: 0 };

pub(crate) fn eligibilities() -> Vec<Shape> {
    vec![
        shape::<Write<Update>, _>(UpdateEligibilityRequest {
            eligibility_id: id(),
            etag: "v1".to_owned(),
            start_time: second(1),
            end: Some(update_eligibility_request::End::EndTime(END)),
            justification: why(),
            ticket: ticket(),
            request_id: id(),
            validate_only: true,
        }),
        shape::<Write<Extend>, _>(ExtendEligibilityRequest {
            eligibility_id: id(),
            end: Some(extend_eligibility_request::End::EndTime(END)),
            justification: why(),
            ticket: ticket(),
            request_id: id(),
            validate_only: true,
        }),
        shape::<Write<Renew>, _>(RenewEligibilityRequest {
            eligibility_id: id(),
            start_time: second(1),
            end_time: second(2),
            justification: why(),
            ticket: ticket(),
            request_id: id(),
            validate_only: true,
        }),
    ]
}

pub(crate) fn assignments() -> Vec<Shape> {
    vec![
        shape::<Write<Update>, _>(UpdateAssignmentRequest {
            assignment_id: id(),
            etag: "v1".to_owned(),
            start_time: second(1),
            end: Some(update_assignment_request::End::Permanent(true)),
            justification: why(),
            ticket: ticket(),
            request_id: id(),
            validate_only: true,
        }),
        shape::<Write<Extend>, _>(ExtendAssignmentRequest {
            assignment_id: id(),
            end: Some(extend_assignment_request::End::Permanent(true)),
            justification: why(),
            ticket: ticket(),
            request_id: id(),
            validate_only: true,
        }),
        shape::<Write<Renew>, _>(RenewAssignmentRequest {
            assignment_id: id(),
            start_time: second(1),
            end_time: second(2),
            justification: why(),
            ticket: ticket(),
            request_id: id(),
            validate_only: true,
        }),
    ]
}

pub(crate) fn requests() -> Vec<Shape> {
    vec![
        shape::<Write<Ask>, _>(CreateChangeRequestRequest {
            kind: 1,
            grant: Some(create_change_request_request::Grant::EligibilityId(id())),
            end_time: second(2),
            justification: why(),
            ticket: ticket(),
            request_id: id(),
            validate_only: true,
        }),
        shape::<ChangeRequestId, _>(GetChangeRequestRequest { change_request_id: id() }),
        shape::<List<ChangeRequestFilter>, _>(ListChangeRequestsRequest {
            principal_id: id(),
            scope: scope(),
            include_resolved: true,
            page_size: 7,
            page_token: id(),
        }),
        shape::<List<ChangeRequestFilter>, _>(SearchMyChangeRequestsRequest {
            include_resolved: true,
            page_size: 7,
            page_token: id(),
        }),
        shape::<Write<Approve>, _>(ApproveChangeRequestRequest {
            change_request_id: id(),
            etag: "v1".to_owned(),
            start_time: second(1),
            end: Some(approve_change_request_request::End::EndTime(END)),
            justification: why(),
            request_id: id(),
            validate_only: true,
        }),
        shape::<Write<Deny>, _>(DenyChangeRequestRequest {
            change_request_id: id(),
            etag: "v1".to_owned(),
            justification: why(),
            request_id: id(),
            validate_only: true,
        }),
        shape::<Write<CancelChangeRequest>, _>(CancelChangeRequestRequest {
            change_request_id: id(),
            justification: why(),
            request_id: id(),
            validate_only: true,
        }),
        shape::<Internal<ChangeRequestId>, _>(TimeOutChangeRequestRequest {
            tenant_id: id(),
            change_request_id: id(),
        }),
    ]
}
