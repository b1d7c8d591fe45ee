//! The calls that move dates, in the same words for both kinds, and those of change requests.

use chrono::{DateTime, Utc};
use pim_client::Client;
use pim_proto::assignment::v1::{
    ApproveChangeRequestRequest, CancelChangeRequestRequest, ChangeRequest, ChangeRequestKind,
    CreateChangeRequestRequest, DenyChangeRequestRequest, Eligibility, ExtendAssignmentRequest,
    ExtendEligibilityRequest, GetChangeRequestRequest, RenewAssignmentRequest,
    RenewEligibilityRequest, UpdateAssignmentRequest, UpdateEligibilityRequest,
    approve_change_request_request, create_change_request_request::Grant,
    extend_assignment_request, extend_eligibility_request, update_assignment_request,
    update_eligibility_request,
};
use pim_tests::timestamp;
use tonic::Status;

use crate::grants::{Kind, alike};

/// New dates; what is absent stays as it is.
pub(crate) fn dates(
    grant: &Eligibility,
    start: Option<DateTime<Utc>>,
    end: Option<DateTime<Utc>>,
) -> UpdateEligibilityRequest {
    UpdateEligibilityRequest {
        eligibility_id: grant.id.clone(),
        etag: grant.etag.clone(),
        start_time: start.map(timestamp),
        end: end.map(|end| update_eligibility_request::End::EndTime(timestamp(end))),
        justification: "their work".to_owned(),
        ..Default::default()
    }
}

pub(crate) fn permanently(grant: &Eligibility) -> UpdateEligibilityRequest {
    let end = Some(update_eligibility_request::End::Permanent(true));
    UpdateEligibilityRequest { end, ..dates(grant, None, None) }
}

pub(crate) async fn update(
    client: &Client,
    kind: Kind,
    request: UpdateEligibilityRequest,
) -> Result<Eligibility, Status> {
    use update_assignment_request::End as Its;
    use update_eligibility_request::End;
    let mut service = client.assignments();
    Ok(match kind {
        Kind::Eligibility => {
            service.update_eligibility(request).await?.into_inner().eligibility.unwrap()
        }
        Kind::Assignment => {
            let request = UpdateAssignmentRequest {
                assignment_id: request.eligibility_id,
                etag: request.etag,
                start_time: request.start_time,
                end: request.end.map(|end| match end {
                    End::EndTime(end) => Its::EndTime(end),
                    End::Permanent(yes) => Its::Permanent(yes),
                }),
                justification: request.justification,
                ticket: request.ticket,
                request_id: request.request_id,
                validate_only: request.validate_only,
            };
            alike(service.update_assignment(request).await?.into_inner().assignment.unwrap())
        }
    })
}

pub(crate) fn extension(id: &str, end: DateTime<Utc>) -> ExtendEligibilityRequest {
    ExtendEligibilityRequest {
        eligibility_id: id.to_owned(),
        end: Some(extend_eligibility_request::End::EndTime(timestamp(end))),
        justification: "their work".to_owned(),
        ..Default::default()
    }
}

pub(crate) async fn extend(
    client: &Client,
    kind: Kind,
    request: ExtendEligibilityRequest,
) -> Result<Eligibility, Status> {
    use extend_assignment_request::End as Its;
    use extend_eligibility_request::End;
    let mut service = client.assignments();
    Ok(match kind {
        Kind::Eligibility => {
            service.extend_eligibility(request).await?.into_inner().eligibility.unwrap()
        }
        Kind::Assignment => {
            let request = ExtendAssignmentRequest {
                assignment_id: request.eligibility_id,
                end: request.end.map(|end| match end {
                    End::EndTime(end) => Its::EndTime(end),
                    End::Permanent(yes) => Its::Permanent(yes),
                }),
                justification: request.justification,
                ticket: request.ticket,
                request_id: request.request_id,
                validate_only: request.validate_only,
            };
            alike(service.extend_assignment(request).await?.into_inner().assignment.unwrap())
        }
    })
}

pub(crate) fn renewal(id: &str, end: Option<DateTime<Utc>>) -> RenewEligibilityRequest {
    RenewEligibilityRequest {
        eligibility_id: id.to_owned(),
        end_time: end.map(timestamp),
        justification: "new work".to_owned(),
        ..Default::default()
    }
}

pub(crate) async fn renew(
    client: &Client,
    kind: Kind,
    request: RenewEligibilityRequest,
) -> Result<Eligibility, Status> {
    let mut service = client.assignments();
    Ok(match kind {
        Kind::Eligibility => {
            service.renew_eligibility(request).await?.into_inner().eligibility.unwrap()
        }
        Kind::Assignment => {
            let request = RenewAssignmentRequest {
                assignment_id: request.eligibility_id,
                start_time: request.start_time,
                end_time: request.end_time,
                justification: request.justification,
                ticket: request.ticket,
                request_id: request.request_id,
                validate_only: request.validate_only,
            };
            alike(service.renew_assignment(request).await?.into_inner().assignment.unwrap())
        }
    })
}

/// A wish to have a grant extended or renewed.
pub(crate) fn asking(what: ChangeRequestKind, kind: Kind, id: &str) -> CreateChangeRequestRequest {
    let grant = match kind {
        Kind::Eligibility => Grant::EligibilityId(id.to_owned()),
        Kind::Assignment => Grant::AssignmentId(id.to_owned()),
    };
    CreateChangeRequestRequest {
        kind: what.into(),
        grant: Some(grant),
        justification: "the project goes on".to_owned(),
        ..Default::default()
    }
}

pub(crate) async fn ask(
    client: &Client,
    request: CreateChangeRequestRequest,
) -> Result<ChangeRequest, Status> {
    let answer = client.assignments().create_change_request(request).await?;
    Ok(answer.into_inner().change_request.unwrap())
}

pub(crate) async fn request(client: &Client, id: &str) -> Result<ChangeRequest, Status> {
    let request = GetChangeRequestRequest { change_request_id: id.to_owned() };
    let answer = client.assignments().get_change_request(request).await?;
    Ok(answer.into_inner().change_request.unwrap())
}

pub(crate) fn yes(
    request: &ChangeRequest,
    end: Option<DateTime<Utc>>,
) -> ApproveChangeRequestRequest {
    ApproveChangeRequestRequest {
        change_request_id: request.id.clone(),
        etag: request.etag.clone(),
        end: end.map(|end| approve_change_request_request::End::EndTime(timestamp(end))),
        justification: "seen".to_owned(),
        ..Default::default()
    }
}

pub(crate) async fn approve(
    client: &Client,
    request: ApproveChangeRequestRequest,
) -> Result<ChangeRequest, Status> {
    let answer = client.assignments().approve_change_request(request).await?;
    Ok(answer.into_inner().change_request.unwrap())
}

pub(crate) fn no(request: &ChangeRequest) -> DenyChangeRequestRequest {
    DenyChangeRequestRequest {
        change_request_id: request.id.clone(),
        etag: request.etag.clone(),
        justification: "not needed".to_owned(),
        ..Default::default()
    }
}

pub(crate) async fn deny(
    client: &Client,
    request: DenyChangeRequestRequest,
) -> Result<ChangeRequest, Status> {
    let answer = client.assignments().deny_change_request(request).await?;
    Ok(answer.into_inner().change_request.unwrap())
}

pub(crate) fn withdrawal(id: &str) -> CancelChangeRequestRequest {
    CancelChangeRequestRequest { change_request_id: id.to_owned(), ..Default::default() }
}

pub(crate) async fn cancel(
    client: &Client,
    request: CancelChangeRequestRequest,
) -> Result<ChangeRequest, Status> {
    let answer = client.assignments().cancel_change_request(request).await?;
    Ok(answer.into_inner().change_request.unwrap())
}
