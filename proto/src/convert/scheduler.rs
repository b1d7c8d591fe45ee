//! `SchedulerService`.

use pim_domain::due::{Due, DueKind};

use super::{list, wire_time};
use crate::{
    call::{List, Listed},
    field::FieldViolation,
    scheduler::v1,
};

impl TryFrom<v1::ListDueRequest> for List<()> {
    type Error = FieldViolation;

    fn try_from(request: v1::ListDueRequest) -> Result<Self, FieldViolation> {
        list((), request.page_size, request.page_token)
    }
}

impl From<Listed<Due>> for v1::ListDueResponse {
    fn from(listed: Listed<Due>) -> Self {
        Self {
            items: listed.items.into_iter().map(v1::DueItem::from).collect(),
            next_page_token: listed.next_page_token,
            revision: listed.revision,
        }
    }
}

impl From<Due> for v1::DueItem {
    fn from(item: Due) -> Self {
        Self {
            kind: v1::DueKind::from(item.kind).into(),
            tenant_id: item.tenant.to_string(),
            thing_id: item.thing.to_string(),
            due_time: Some(wire_time(item.time)),
        }
    }
}

impl From<DueKind> for v1::DueKind {
    fn from(kind: DueKind) -> Self {
        match kind {
            DueKind::ExpireActivation => v1::DueKind::ExpireActivation,
            DueKind::StartActivation => v1::DueKind::StartActivation,
            DueKind::VoidActivation => v1::DueKind::VoidActivation,
            DueKind::ResolveActivation => v1::DueKind::ResolveActivation,
            DueKind::OpenApproval => v1::DueKind::OpenApproval,
            DueKind::CancelApproval => v1::DueKind::CancelApproval,
            DueKind::TimeOutApproval => v1::DueKind::TimeOutApproval,
            DueKind::EndEligibility => v1::DueKind::EndEligibility,
            DueKind::EndAssignment => v1::DueKind::EndAssignment,
            DueKind::TimeOutChangeRequest => v1::DueKind::TimeOutChangeRequest,
        }
    }
}
