//! `AssignmentService`: the requests that move dates.

use chrono::{DateTime, Utc};
use pim_domain::grant::{Extend, GrantKind, NewEnd, Renew, Update};
use prost_types::Timestamp;

use crate::{
    assignment::v1,
    call::Write,
    convert::write,
    field::{self, FieldViolation, Required as _},
};

/// An end that is given as an instant.
pub(super) fn end_at(
    start: Option<DateTime<Utc>>,
    end: Timestamp,
) -> Result<Option<NewEnd>, FieldViolation> {
    Ok(field::end_after(start, Some(end), "end_time")?.map(NewEnd::At))
}

/// An end that is given as that there is none; a no would leave open what is meant.
pub(super) fn permanent(given: bool) -> Result<Option<NewEnd>, FieldViolation> {
    if given {
        return Ok(Some(NewEnd::Permanent));
    }
    Err(FieldViolation::new("permanent", "must be true or absent; it is false"))
}

impl TryFrom<v1::UpdateEligibilityRequest> for Write<Update> {
    type Error = FieldViolation;

    fn try_from(request: v1::UpdateEligibilityRequest) -> Result<Self, FieldViolation> {
        use v1::update_eligibility_request::End;
        let start = field::timestamp(request.start_time, "start_time")?;
        let end = match request.end {
            Some(End::EndTime(end)) => end_at(start, end)?,
            Some(End::Permanent(given)) => permanent(given)?,
            None => None,
        };
        let command = Update {
            kind: GrantKind::Eligibility,
            grant: field::id(&request.eligibility_id, "eligibility_id")?,
            etag: field::etag(request.etag)?,
            start,
            end,
            justification: field::justification(request.justification)?,
            ticket: field::ticket(request.ticket)?,
        };
        write(command, &request.request_id, request.validate_only)
    }
}

impl TryFrom<v1::ExtendEligibilityRequest> for Write<Extend> {
    type Error = FieldViolation;

    fn try_from(request: v1::ExtendEligibilityRequest) -> Result<Self, FieldViolation> {
        use v1::extend_eligibility_request::End;
        let end = match request.end {
            Some(End::EndTime(end)) => end_at(None, end)?,
            Some(End::Permanent(given)) => permanent(given)?,
            None => None,
        };
        let command = Extend {
            kind: GrantKind::Eligibility,
            grant: field::id(&request.eligibility_id, "eligibility_id")?,
            end: end.required("end_time")?,
            justification: field::justification(request.justification)?,
            ticket: field::ticket(request.ticket)?,
        };
        write(command, &request.request_id, request.validate_only)
    }
}

impl TryFrom<v1::RenewEligibilityRequest> for Write<Renew> {
    type Error = FieldViolation;

    fn try_from(request: v1::RenewEligibilityRequest) -> Result<Self, FieldViolation> {
        let start = field::timestamp(request.start_time, "start_time")?;
        let command = Renew {
            kind: GrantKind::Eligibility,
            grant: field::id(&request.eligibility_id, "eligibility_id")?,
            start,
            end: field::end_after(start, request.end_time, "end_time")?,
            justification: field::justification(request.justification)?,
            ticket: field::ticket(request.ticket)?,
        };
        write(command, &request.request_id, request.validate_only)
    }
}

impl TryFrom<v1::UpdateAssignmentRequest> for Write<Update> {
    type Error = FieldViolation;

    fn try_from(request: v1::UpdateAssignmentRequest) -> Result<Self, FieldViolation> {
        use v1::update_assignment_request::End;
        let start = field::timestamp(request.start_time, "start_time")?;
        let end = match request.end {
            Some(End::EndTime(end)) => end_at(start, end)?,
            Some(End::Permanent(given)) => permanent(given)?,
            None => None,
        };
        let command = Update {
            kind: GrantKind::Assignment,
            grant: field::id(&request.assignment_id, "assignment_id")?,
            etag: field::etag(request.etag)?,
            start,
            end,
            justification: field::justification(request.justification)?,
            ticket: field::ticket(request.ticket)?,
        };
        write(command, &request.request_id, request.validate_only)
    }
}

impl TryFrom<v1::ExtendAssignmentRequest> for Write<Extend> {
    type Error = FieldViolation;

    fn try_from(request: v1::ExtendAssignmentRequest) -> Result<Self, FieldViolation> {
        use v1::extend_assignment_request::End;
        let end = match request.end {
            Some(End::EndTime(end)) => end_at(None, end)?,
            Some(End::Permanent(given)) => permanent(given)?,
            None => None,
        };
        let command = Extend {
            kind: GrantKind::Assignment,
            grant: field::id(&request.assignment_id, "assignment_id")?,
            end: end.required("end_time")?,
            justification: field::justification(request.justification)?,
            ticket: field::ticket(request.ticket)?,
        };
        write(command, &request.request_id, request.validate_only)
    }
}

impl TryFrom<v1::RenewAssignmentRequest> for Write<Renew> {
    type Error = FieldViolation;

    fn try_from(request: v1::RenewAssignmentRequest) -> Result<Self, FieldViolation> {
        let start = field::timestamp(request.start_time, "start_time")?;
        let command = Renew {
            kind: GrantKind::Assignment,
            grant: field::id(&request.assignment_id, "assignment_id")?,
            start,
            end: field::end_after(start, request.end_time, "end_time")?,
            justification: field::justification(request.justification)?,
            ticket: field::ticket(request.ticket)?,
        };
        write(command, &request.request_id, request.validate_only)
    }
}
