//! Eligibilities and active assignments have RPCs and messages of their own and one meaning: here
//! both are asked for in the same words, so that each test is made of both.

use pim_client::Client;
use pim_proto::assignment::v1::{
    Assignment, CreateAssignmentRequest, CreateEligibilityRequest, Eligibility,
    EndAssignmentRequest, EndEligibilityRequest, GetAssignmentRequest, GetEligibilityRequest,
    ListAssignmentsRequest, ListEligibilitiesRequest, RemoveAssignmentRequest,
    RemoveEligibilityRequest,
};
use pim_tests::Person;
use tonic::Status;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Eligibility,
    Assignment,
}

pub(crate) const KINDS: [Kind; 2] = [Kind::Eligibility, Kind::Assignment];

impl Kind {
    pub(crate) fn other(self) -> Self {
        match self {
            Kind::Eligibility => Kind::Assignment,
            Kind::Assignment => Kind::Eligibility,
        }
    }

    /// The name of the field that names one.
    pub(crate) fn id_field(self) -> &'static str {
        match self {
            Kind::Eligibility => "eligibility_id",
            Kind::Assignment => "assignment_id",
        }
    }
}

/// An assignment has the fields of an eligibility.
pub(crate) fn alike(assignment: Assignment) -> Eligibility {
    Eligibility {
        id: assignment.id,
        principal_id: assignment.principal_id,
        role_id: assignment.role_id,
        scope: assignment.scope,
        state: assignment.state,
        start_time: assignment.start_time,
        end_time: assignment.end_time,
        ended_time: assignment.ended_time,
        justification: assignment.justification,
        ticket: assignment.ticket,
        policy_revision: assignment.policy_revision,
        create_time: assignment.create_time,
        update_time: assignment.update_time,
        etag: assignment.etag,
        renewed_from_id: assignment.renewed_from_id,
    }
}

/// A wish that breaks no default rule of either kind: permanent, with a justification.
pub(crate) fn wish(person: &Person, role: &str, scope: &str) -> CreateEligibilityRequest {
    CreateEligibilityRequest {
        principal_id: person.id.clone(),
        role_id: role.to_owned(),
        scope: scope.to_owned(),
        justification: "their work".to_owned(),
        ..Default::default()
    }
}

pub(crate) async fn create(
    client: &Client,
    kind: Kind,
    request: CreateEligibilityRequest,
) -> Result<Eligibility, Status> {
    let mut service = client.assignments();
    Ok(match kind {
        Kind::Eligibility => {
            service.create_eligibility(request).await?.into_inner().eligibility.unwrap()
        }
        Kind::Assignment => {
            let request = CreateAssignmentRequest {
                principal_id: request.principal_id,
                role_id: request.role_id,
                scope: request.scope,
                start_time: request.start_time,
                end_time: request.end_time,
                justification: request.justification,
                ticket: request.ticket,
                request_id: request.request_id,
                validate_only: request.validate_only,
            };
            alike(service.create_assignment(request).await?.into_inner().assignment.unwrap())
        }
    })
}

pub(crate) async fn get(client: &Client, kind: Kind, id: &str) -> Result<Eligibility, Status> {
    let (mut service, id) = (client.assignments(), id.to_owned());
    Ok(match kind {
        Kind::Eligibility => {
            let request = GetEligibilityRequest { eligibility_id: id };
            service.get_eligibility(request).await?.into_inner().eligibility.unwrap()
        }
        Kind::Assignment => {
            let request = GetAssignmentRequest { assignment_id: id };
            alike(service.get_assignment(request).await?.into_inner().assignment.unwrap())
        }
    })
}

/// A page, and the token of the next.
pub(crate) async fn list(
    client: &Client,
    kind: Kind,
    request: ListEligibilitiesRequest,
) -> Result<(Vec<Eligibility>, String), Status> {
    let mut service = client.assignments();
    Ok(match kind {
        Kind::Eligibility => {
            let page = service.list_eligibilities(request).await?.into_inner();
            (page.eligibilities, page.next_page_token)
        }
        Kind::Assignment => {
            let request = ListAssignmentsRequest {
                principal_id: request.principal_id,
                role_id: request.role_id,
                scope: request.scope,
                include_ended: request.include_ended,
                page_size: request.page_size,
                page_token: request.page_token,
            };
            let page = service.list_assignments(request).await?.into_inner();
            (page.assignments.into_iter().map(alike).collect(), page.next_page_token)
        }
    })
}

/// All of somebody's, ended ones too.
pub(crate) async fn all_of(client: &Client, kind: Kind, person: &Person) -> Vec<Eligibility> {
    let principal_id = person.id.clone();
    let request =
        ListEligibilitiesRequest { principal_id, include_ended: true, ..Default::default() };
    list(client, kind, request).await.unwrap().0
}

pub(crate) fn removal(id: &str) -> RemoveEligibilityRequest {
    RemoveEligibilityRequest { eligibility_id: id.to_owned(), ..Default::default() }
}

pub(crate) async fn remove(
    client: &Client,
    kind: Kind,
    request: RemoveEligibilityRequest,
) -> Result<Eligibility, Status> {
    let mut service = client.assignments();
    Ok(match kind {
        Kind::Eligibility => {
            service.remove_eligibility(request).await?.into_inner().eligibility.unwrap()
        }
        Kind::Assignment => {
            let request = RemoveAssignmentRequest {
                assignment_id: request.eligibility_id,
                justification: request.justification,
                request_id: request.request_id,
                validate_only: request.validate_only,
            };
            alike(service.remove_assignment(request).await?.into_inner().assignment.unwrap())
        }
    })
}

/// Records that its time is up.
pub(crate) async fn end(
    client: &Client,
    kind: Kind,
    tenant: &str,
    id: &str,
) -> Result<Eligibility, Status> {
    let (mut service, tenant_id, id) = (client.assignments(), tenant.to_owned(), id.to_owned());
    Ok(match kind {
        Kind::Eligibility => {
            let request = EndEligibilityRequest { tenant_id, eligibility_id: id };
            service.end_eligibility(request).await?.into_inner().eligibility.unwrap()
        }
        Kind::Assignment => {
            let request = EndAssignmentRequest { tenant_id, assignment_id: id };
            alike(service.end_assignment(request).await?.into_inner().assignment.unwrap())
        }
    })
}
