//! Approvals.

use chrono::TimeDelta;
use clap::Args;
use pim_client::{Client, status_of_item};
use pim_proto::approval::v1::{
    Approval, ApproveRequest, BatchDecideRequest, DenyRequest, GetApprovalRequest,
    ListApprovalsRequest, ListPossibleApproversRequest, SearchMyApprovalsRequest, Verdict,
    batch_decide_request::Item,
    batch_decide_response::{self, result::Outcome},
};

use super::{batch, fetch_pages, note_validation, present};
use crate::{
    args::{ListOptions, WriteOptions},
    connect::Session,
    error::{CliError, EXIT_OK},
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
    #[command(flatten)]
    decide: Deny,
    /// Grant at most this length
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    length: Option<TimeDelta>,
}

/// `pim deny`.
#[derive(Debug, Args)]
pub(crate) struct Deny {
    /// The ids of the approvals
    #[arg(required = true, value_name = "APPROVAL")]
    approvals: Vec<String>,
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

pub(crate) async fn approve(command: Approve, session: &mut Session<'_>) -> Result<u8, CliError> {
    let Approve { decide: command, length } = command;
    let duration = length.map(wire_duration);
    let [approval_id] = command.approvals.as_slice() else {
        return decide_all(command, Verdict::Approve, duration, session).await;
    };
    let request = ApproveRequest {
        etag: get(&session.client, approval_id.clone()).await?.etag,
        approval_id: approval_id.clone(),
        justification: command.justification,
        duration,
        request_id: command.write.request_id(),
        validate_only: command.write.validate_only,
    };
    let answer = session.client.approvals().approve(request).await?;
    print(present(answer.into_inner().approval)?, session).await?;
    note_validation(session, &command.write)?;
    Ok(EXIT_OK)
}

pub(crate) async fn deny(command: Deny, session: &mut Session<'_>) -> Result<u8, CliError> {
    let [approval_id] = command.approvals.as_slice() else {
        return decide_all(command, Verdict::Deny, None, session).await;
    };
    let request = DenyRequest {
        etag: get(&session.client, approval_id.clone()).await?.etag,
        approval_id: approval_id.clone(),
        justification: command.justification,
        request_id: command.write.request_id(),
        validate_only: command.write.validate_only,
    };
    let answer = session.client.approvals().deny(request).await?;
    print(present(answer.into_inner().approval)?, session).await?;
    note_validation(session, &command.write)?;
    Ok(EXIT_OK)
}

/// Says the same of several at once, for the same reason.
async fn decide_all(
    command: Deny,
    verdict: Verdict,
    duration: Option<prost_types::Duration>,
    session: &mut Session<'_>,
) -> Result<u8, CliError> {
    let client = session.client.clone();
    let Deny { approvals, justification, write } = command;
    let send = async |ids: Vec<String>, request_id| {
        let (mut items, mut unread) = (Vec::new(), Vec::new());
        for approval_id in ids {
            let read = get(&client, approval_id.clone()).await;
            let etag = read.as_ref().map(|approval| approval.etag.clone()).unwrap_or_default();
            unread.push(read.err());
            // One that cannot be read is sent nevertheless: a repeat must find each in its place.
            let (verdict, justification) = (verdict.into(), justification.clone());
            items.push(Item { approval_id, etag, verdict, justification, duration });
        }
        let validate_only = write.validate_only;
        let request = BatchDecideRequest { items, request_id, validate_only };
        let answer = client.approvals().batch_decide(request).await?.into_inner();
        let results = answer.results.into_iter().zip(unread);
        Ok(results.map(|(result, unread)| unread.map_or_else(|| outcome(result), Err)).collect())
    };
    let answers = batch::in_chunks(approvals.clone(), &write, session.printer, send).await?;
    let done: Vec<Approval> = answers.outcomes.iter().flatten().cloned().collect();
    learn(&done, session).await;
    batch::print(&approvals, answers, &write, session, |approval, session| {
        ApprovalView::new(approval, &session.names)
    })
}

fn outcome(result: batch_decide_response::Result) -> Result<Approval, CliError> {
    match present(result.outcome)? {
        Outcome::Approval(approval) => Ok(approval),
        Outcome::Status(status) => Err(status_of_item(&status).into()),
    }
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
