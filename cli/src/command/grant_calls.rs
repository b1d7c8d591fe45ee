//! The calls for eligibilities and for active assignments, which differ by name alone: each takes
//! and gives what an eligibility's does.

use pim_client::Client;
use pim_proto::{
    access::v1::{HoldingKind, ListEffectiveRolesRequest},
    assignment::v1::{
        Assignment, CreateAssignmentRequest, CreateEligibilityRequest, Eligibility,
        GetAssignmentRequest, GetEligibilityRequest, ListAssignmentsRequest,
        ListEligibilitiesRequest, RemoveAssignmentRequest, RemoveEligibilityRequest,
        SearchMyEligibilitiesRequest,
    },
};

use super::{fetch_pages, present};
use crate::{args::ListOptions, error::CliError, output::Page, resolve};

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// May activate.
    Eligibility,
    /// Holds without activation.
    Assignment,
}

impl Kind {
    pub(super) async fn create(
        self,
        client: &Client,
        request: CreateEligibilityRequest,
    ) -> Result<Eligibility, CliError> {
        let mut client = client.assignments();
        match self {
            Self::Eligibility => {
                present(client.create_eligibility(request).await?.into_inner().eligibility)
            }
            Self::Assignment => {
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
                let answer = client.create_assignment(request).await?.into_inner();
                Ok(as_eligibility(present(answer.assignment)?))
            }
        }
    }

    pub(super) async fn get(self, client: &Client, id: String) -> Result<Eligibility, CliError> {
        let mut client = client.assignments();
        match self {
            Self::Eligibility => {
                let request = GetEligibilityRequest { eligibility_id: id };
                present(client.get_eligibility(request).await?.into_inner().eligibility)
            }
            Self::Assignment => {
                let request = GetAssignmentRequest { assignment_id: id };
                let answer = client.get_assignment(request).await?.into_inner();
                Ok(as_eligibility(present(answer.assignment)?))
            }
        }
    }

    pub(super) async fn remove(
        self,
        client: &Client,
        request: RemoveEligibilityRequest,
    ) -> Result<Eligibility, CliError> {
        let mut client = client.assignments();
        match self {
            Self::Eligibility => {
                present(client.remove_eligibility(request).await?.into_inner().eligibility)
            }
            Self::Assignment => {
                let request = RemoveAssignmentRequest {
                    assignment_id: request.eligibility_id,
                    justification: request.justification,
                    request_id: request.request_id,
                    validate_only: request.validate_only,
                };
                let answer = client.remove_assignment(request).await?.into_inner();
                Ok(as_eligibility(present(answer.assignment)?))
            }
        }
    }

    /// The page's size and token are filled in here.
    pub(super) async fn list(
        self,
        client: &Client,
        limit: ListOptions,
        filter: ListEligibilitiesRequest,
    ) -> Result<Page<Eligibility>, CliError> {
        let mut client = client.assignments();
        fetch_pages(Some(limit), async |page_size, page_token| {
            let request = ListEligibilitiesRequest { page_size, page_token, ..filter.clone() };
            match self {
                Self::Eligibility => {
                    let answer = client.list_eligibilities(request).await?.into_inner();
                    Ok((answer.eligibilities, answer.next_page_token))
                }
                Self::Assignment => {
                    let request = ListAssignmentsRequest {
                        principal_id: request.principal_id,
                        role_id: request.role_id,
                        scope: request.scope,
                        include_ended: request.include_ended,
                        page_size: request.page_size,
                        page_token: request.page_token,
                    };
                    let answer = client.list_assignments(request).await?.into_inner();
                    let grants = answer.assignments.into_iter().map(as_eligibility).collect();
                    Ok((grants, answer.next_page_token))
                }
            }
        })
        .await
    }

    /// The caller's own.
    pub(super) async fn mine(
        self,
        client: &Client,
        limit: ListOptions,
    ) -> Result<Page<Eligibility>, CliError> {
        match self {
            Self::Eligibility => {
                fetch_pages(Some(limit), async |page_size, page_token| {
                    let request = SearchMyEligibilitiesRequest { page_size, page_token };
                    let answer = client.assignments().search_my_eligibilities(request).await?;
                    let answer = answer.into_inner();
                    Ok((answer.eligibilities, answer.next_page_token))
                })
                .await
            }
            Self::Assignment => my_assignments(client, limit).await,
        }
    }
}

/// What the caller holds by assignment now. There is no call that answers just that.
async fn my_assignments(
    client: &Client,
    limit: ListOptions,
) -> Result<Page<Eligibility>, CliError> {
    let principal_id = resolve::caller(client).await?.id;
    fetch_pages(Some(limit), async |page_size, page_token| {
        let request = ListEffectiveRolesRequest {
            principal_id: principal_id.clone(),
            scope: String::new(),
            page_size,
            page_token,
            ..ListEffectiveRolesRequest::default()
        };
        let answer = client.access().list_effective_roles(request).await?.into_inner();
        let mut grants = Vec::new();
        for holding in answer.holdings {
            if holding.kind == i32::from(HoldingKind::Assignment) {
                grants.push(Kind::Assignment.get(client, holding.id).await?);
            }
        }
        Ok((grants, answer.next_page_token))
    })
    .await
}

pub(super) fn as_eligibility(assignment: Assignment) -> Eligibility {
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
