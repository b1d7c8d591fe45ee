//! The requests that are about several things, and their items.

use pim_domain::{activation::Ask, approval::Decide};
use pim_proto::{
    access::v1::{
        BatchCheckAccessRequest,
        batch_check_access_request::{self, item::Question},
    },
    activation::v1::{
        BatchActivateRolesRequest,
        batch_activate_roles_request::{self, item::Length},
    },
    approval::v1::{BatchDecideRequest, Verdict, batch_decide_request},
    call::{Asked, Batch, BatchRead, CheckAccess},
};

use crate::{
    good::{hours, id, others::fully, scope, second, ticket, why},
    requests::{Shape, shape},
};

pub(crate) fn batches() -> Vec<Shape> {
    vec![
        shape::<Batch<Ask>, _>(BatchActivateRolesRequest {
            items: vec![ask()],
            request_id: id(),
            validate_only: true,
        }),
        shape::<Batch<Decide>, _>(BatchDecideRequest {
            items: vec![decide()],
            request_id: id(),
            validate_only: true,
        }),
        shape::<Asked<BatchRead<CheckAccess>>, _>(BatchCheckAccessRequest {
            items: vec![question()],
            consistency: fully(),
            at: second(1),
        }),
    ]
}

/// Each kind of item, by its full name.
pub(crate) fn items() -> Vec<(&'static str, Shape)> {
    vec![
        (".pim.activation.v1.BatchActivateRolesRequest.Item", shape::<Ask, _>(ask())),
        (".pim.approval.v1.BatchDecideRequest.Item", shape::<Decide, _>(decide())),
        (".pim.access.v1.BatchCheckAccessRequest.Item", shape::<CheckAccess, _>(question())),
    ]
}

pub(crate) fn ask() -> batch_activate_roles_request::Item {
    batch_activate_roles_request::Item {
        role_id: id(),
        scope: scope(),
        eligibility_id: id(),
        start_time: second(1),
        length: hours(1).map(Length::Duration),
        justification: why(),
        ticket: ticket(),
    }
}

pub(crate) fn decide() -> batch_decide_request::Item {
    batch_decide_request::Item {
        approval_id: id(),
        etag: "a1".to_owned(),
        verdict: Verdict::Approve.into(),
        justification: why(),
        duration: hours(1),
    }
}

pub(crate) fn question() -> batch_check_access_request::Item {
    batch_check_access_request::Item {
        principal_id: id(),
        question: Some(Question::Action("Microsoft.Web/sites/read".to_owned())),
        scope: scope(),
    }
}
