//! `AssignmentService`: the requests. Eligibilities and assignments have the same fields and
//! messages of their own; each says here which kind it is.

mod answer;
mod change_request;
mod dates;

use pim_domain::grant::{Create, GrantKind};

use super::{list, write};
use crate::{
    assignment::v1,
    call::{GrantFilter, GrantRef, Internal, List, RemoveGrant, Write},
    field::{self, FieldViolation},
};

impl TryFrom<v1::CreateEligibilityRequest> for Write<Create> {
    type Error = FieldViolation;

    fn try_from(request: v1::CreateEligibilityRequest) -> Result<Self, FieldViolation> {
        let start = field::timestamp(request.start_time, "start_time")?;
        let command = Create {
            kind: GrantKind::Eligibility,
            principal: field::id(&request.principal_id, "principal_id")?,
            role: field::id(&request.role_id, "role_id")?,
            scope: field::scope(&request.scope, "scope")?,
            start,
            end: field::end_after(start, request.end_time, "end_time")?,
            justification: field::justification(request.justification)?,
            ticket: field::ticket(request.ticket)?,
        };
        write(command, &request.request_id, request.validate_only)
    }
}

impl TryFrom<v1::GetEligibilityRequest> for GrantRef {
    type Error = FieldViolation;

    fn try_from(request: v1::GetEligibilityRequest) -> Result<Self, FieldViolation> {
        let grant = field::id(&request.eligibility_id, "eligibility_id")?;
        Ok(Self { kind: GrantKind::Eligibility, grant })
    }
}

impl TryFrom<v1::ListEligibilitiesRequest> for List<GrantFilter> {
    type Error = FieldViolation;

    fn try_from(request: v1::ListEligibilitiesRequest) -> Result<Self, FieldViolation> {
        let filter = GrantFilter {
            kind: GrantKind::Eligibility,
            principal: field::optional_id(&request.principal_id, "principal_id")?,
            role: field::optional_id(&request.role_id, "role_id")?,
            scope: field::optional_scope(&request.scope, "scope")?,
            include_ended: request.include_ended,
        };
        list(filter, request.page_size, request.page_token)
    }
}

impl TryFrom<v1::RemoveEligibilityRequest> for Write<RemoveGrant> {
    type Error = FieldViolation;

    fn try_from(request: v1::RemoveEligibilityRequest) -> Result<Self, FieldViolation> {
        let command = RemoveGrant {
            kind: GrantKind::Eligibility,
            grant: field::id(&request.eligibility_id, "eligibility_id")?,
            justification: field::justification(request.justification)?,
        };
        write(command, &request.request_id, request.validate_only)
    }
}

impl TryFrom<v1::EndEligibilityRequest> for Internal<GrantRef> {
    type Error = FieldViolation;

    fn try_from(request: v1::EndEligibilityRequest) -> Result<Self, FieldViolation> {
        let tenant = field::id(&request.tenant_id, "tenant_id")?;
        let grant = field::id(&request.eligibility_id, "eligibility_id")?;
        Ok(Self { tenant, id: GrantRef { kind: GrantKind::Eligibility, grant } })
    }
}

impl TryFrom<v1::SearchMyEligibilitiesRequest> for List<()> {
    type Error = FieldViolation;

    fn try_from(request: v1::SearchMyEligibilitiesRequest) -> Result<Self, FieldViolation> {
        list((), request.page_size, request.page_token)
    }
}

impl TryFrom<v1::CreateAssignmentRequest> for Write<Create> {
    type Error = FieldViolation;

    fn try_from(request: v1::CreateAssignmentRequest) -> Result<Self, FieldViolation> {
        let start = field::timestamp(request.start_time, "start_time")?;
        let command = Create {
            kind: GrantKind::Assignment,
            principal: field::id(&request.principal_id, "principal_id")?,
            role: field::id(&request.role_id, "role_id")?,
            scope: field::scope(&request.scope, "scope")?,
            start,
            end: field::end_after(start, request.end_time, "end_time")?,
            justification: field::justification(request.justification)?,
            ticket: field::ticket(request.ticket)?,
        };
        write(command, &request.request_id, request.validate_only)
    }
}

impl TryFrom<v1::GetAssignmentRequest> for GrantRef {
    type Error = FieldViolation;

    fn try_from(request: v1::GetAssignmentRequest) -> Result<Self, FieldViolation> {
        let grant = field::id(&request.assignment_id, "assignment_id")?;
        Ok(Self { kind: GrantKind::Assignment, grant })
    }
}

impl TryFrom<v1::ListAssignmentsRequest> for List<GrantFilter> {
    type Error = FieldViolation;

    fn try_from(request: v1::ListAssignmentsRequest) -> Result<Self, FieldViolation> {
        let filter = GrantFilter {
            kind: GrantKind::Assignment,
            principal: field::optional_id(&request.principal_id, "principal_id")?,
            role: field::optional_id(&request.role_id, "role_id")?,
            scope: field::optional_scope(&request.scope, "scope")?,
            include_ended: request.include_ended,
        };
        list(filter, request.page_size, request.page_token)
    }
}

impl TryFrom<v1::RemoveAssignmentRequest> for Write<RemoveGrant> {
    type Error = FieldViolation;

    fn try_from(request: v1::RemoveAssignmentRequest) -> Result<Self, FieldViolation> {
        let command = RemoveGrant {
            kind: GrantKind::Assignment,
            grant: field::id(&request.assignment_id, "assignment_id")?,
            justification: field::justification(request.justification)?,
        };
        write(command, &request.request_id, request.validate_only)
    }
}

impl TryFrom<v1::EndAssignmentRequest> for Internal<GrantRef> {
    type Error = FieldViolation;

    fn try_from(request: v1::EndAssignmentRequest) -> Result<Self, FieldViolation> {
        let tenant = field::id(&request.tenant_id, "tenant_id")?;
        let grant = field::id(&request.assignment_id, "assignment_id")?;
        Ok(Self { tenant, id: GrantRef { kind: GrantKind::Assignment, grant } })
    }
}
