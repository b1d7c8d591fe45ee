//! Approvals.

use chrono::TimeDelta;
use clap::Args;
use pim_client::Client;
use pim_proto::approval::v1::{
    Approval, ApproveRequest, DenyRequest, GetApprovalRequest, ListApprovalsRequest,
    ListPossibleApproversRequest, SearchMyApprovalsRequest,
};

use super::{fetch_pages, note_validation, present};
use crate::{
    args::{ListOptions, WriteOptions},
    connect::Session,
    error::CliError,
    time::{parse_duration, wire_duration},
    view::{approval::ApprovalView, policy::people},
};

/// `pim approvals`.
#[derive(Debug, Args)]
pub(crate) struct Approvals {
    /// Show this one, and who could approve it
    approval: Option<String>,
    /// List everybody's, not only what waits for your decision
    #[arg(long, conflicts_with = "approval")]
    all: bool,
    /// With --all: only at this scope and below
    #[arg(long, requires = "all")]
    scope: Option<String>,
    /// With --all: include what is decided
    #[arg(long, requires = "all")]
    resolved: bool,
    #[command(flatten)]
    list: ListOptions,
}

/// `pim approve`.
#[derive(Debug, Args)]
pub(crate) struct Approve {
    /// The approval's id
    approval: String,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    justification: String,
    /// Grant at most this length
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    length: Option<TimeDelta>,
    #[command(flatten)]
    write: WriteOptions,
}

/// `pim deny`.
#[derive(Debug, Args)]
pub(crate) struct Deny {
    /// The approval's id
    approval: String,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    justification: String,
    #[command(flatten)]
    write: WriteOptions,
}

pub(crate) async fn list(command: Approvals, session: &mut Session<'_>) -> Result<(), CliError> {
    if let Some(id) = command.approval {
        let approval = get(&session.client, id.clone()).await?;
        let request = ListPossibleApproversRequest { approval_id: id };
        let answer = session.client.approvals().list_possible_approvers(request).await?;
        let possible = answer.into_inner().approvers;
        learn(std::slice::from_ref(&approval), session).await;
        let view =
            ApprovalView::new(approval, &session.names).with_possible(possible, &session.names);
        return Ok(session.printer.one(&view)?);
    }
    let mut approvals = session.client.approvals();
    let page = fetch_pages(Some(command.list), async |page_size, page_token| {
        if !command.all {
            let request = SearchMyApprovalsRequest { page_size, page_token };
            let answer = approvals.search_my_approvals(request).await?.into_inner();
            return Ok((answer.approvals, answer.next_page_token));
        }
        let request = ListApprovalsRequest {
            scope: command.scope.clone().unwrap_or_default(),
            include_resolved: command.resolved,
            page_size,
            page_token,
        };
        let answer = approvals.list_approvals(request).await?.into_inner();
        Ok((answer.approvals, answer.next_page_token))
    })
    .await?;
    learn(&page.items, session).await;
    let page = page.map(|approval| ApprovalView::new(approval, &session.names));
    Ok(session.printer.list(&page)?)
}

pub(crate) async fn approve(command: Approve, session: &mut Session<'_>) -> Result<(), CliError> {
    let request = ApproveRequest {
        etag: get(&session.client, command.approval.clone()).await?.etag,
        approval_id: command.approval,
        justification: command.justification,
        duration: command.length.map(wire_duration),
        request_id: command.write.request_id(),
        validate_only: command.write.validate_only,
    };
    let answer = session.client.approvals().approve(request).await?;
    print(present(answer.into_inner().approval)?, session).await?;
    note_validation(session, &command.write)
}

pub(crate) async fn deny(command: Deny, session: &mut Session<'_>) -> Result<(), CliError> {
    let request = DenyRequest {
        etag: get(&session.client, command.approval.clone()).await?.etag,
        approval_id: command.approval,
        justification: command.justification,
        request_id: command.write.request_id(),
        validate_only: command.write.validate_only,
    };
    let answer = session.client.approvals().deny(request).await?;
    print(present(answer.into_inner().approval)?, session).await?;
    note_validation(session, &command.write)
}

async fn get(client: &Client, approval_id: String) -> Result<Approval, CliError> {
    let answer = client.approvals().get_approval(GetApprovalRequest { approval_id }).await?;
    present(answer.into_inner().approval)
}

async fn print(approval: Approval, session: &mut Session<'_>) -> Result<(), CliError> {
    learn(std::slice::from_ref(&approval), session).await;
    Ok(session.printer.one(&ApprovalView::new(approval, &session.names))?)
}

async fn learn(approvals: &[Approval], session: &mut Session<'_>) {
    let roles = approvals.iter().map(|it| it.role_id.as_str());
    let named = approvals.iter().flat_map(|it| people(&it.rules).chain([&*it.principal_id]));
    session.learn(roles, named).await;
}
