//! What holders ask about their eligibilities and active assignments.

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand, ValueEnum};
use pim_client::Client;
use pim_proto::assignment::v1::{
    ApproveChangeRequestRequest, CancelChangeRequestRequest, ChangeRequest, ChangeRequestKind,
    CreateChangeRequestRequest, DenyChangeRequestRequest, GetChangeRequestRequest,
    ListChangeRequestsRequest, SearchMyChangeRequestsRequest, approve_change_request_request::End,
    create_change_request_request::Grant,
};

use super::{
    dates::{Given, NewEnd},
    fetch_pages, note_validation, present,
};
use crate::{
    args::{ListOptions, TicketOptions, WriteOptions},
    connect::Session,
    error::CliError,
    resolve,
    time::{parse_time, timestamp},
    view::change_request::ChangeRequestView,
};

/// `pim change-request`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Ask to extend one of yours shortly before its end, or to renew it after
    Create(Create),
    /// List yours that wait, or everybody's
    List(List),
    /// Show one
    Show {
        /// Its id
        id: String,
    },
    /// Say yes, which extends or renews at once
    Approve(Approve),
    /// Say no, which ends it
    Deny(Say),
    /// Withdraw one
    Cancel(Say),
}

/// What is asked for.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// A later end
    Extension,
    /// A new one like it
    Renewal,
}

/// `create`.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// What to ask for
    kind: Kind,
    #[command(flatten)]
    about: About,
    /// The end that you wish for [default: as administrators see fit]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    end: Option<DateTime<Utc>>,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    justification: String,
    #[command(flatten)]
    ticket: TicketOptions,
    #[command(flatten)]
    write: WriteOptions,
}

/// About what.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct About {
    /// About this eligibility of yours
    #[arg(long, value_name = "ID")]
    eligibility: Option<String>,
    /// About this active assignment of yours
    #[arg(long, value_name = "ID")]
    assignment: Option<String>,
}

/// `list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// List everybody's, not only your own
    #[arg(long)]
    all: bool,
    /// With --all: only of this principal
    #[arg(long, requires = "all")]
    principal: Option<String>,
    /// With --all: only about what is at this scope and below
    #[arg(long, requires = "all")]
    scope: Option<String>,
    /// Include what is decided, withdrawn or timed out
    #[arg(long)]
    resolved: bool,
    #[command(flatten)]
    list: ListOptions,
}

/// `approve`.
#[derive(Debug, Args)]
pub(crate) struct Approve {
    /// Its id
    id: String,
    /// Of a renewal: from when on [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    start: Option<DateTime<Utc>>,
    #[command(flatten)]
    end: NewEnd,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    justification: String,
    #[command(flatten)]
    write: WriteOptions,
}

/// `deny` and `cancel`.
#[derive(Debug, Args)]
pub(crate) struct Say {
    /// Its id
    id: String,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    justification: String,
    #[command(flatten)]
    write: WriteOptions,
}

pub(crate) async fn run(command: Command, session: &mut Session<'_>) -> Result<(), CliError> {
    match command {
        Command::Create(command) => create(command, session).await,
        Command::List(options) => list(options, session).await,
        Command::Show { id } => {
            let request = get(&session.client, id).await?;
            print(request, session).await
        }
        Command::Approve(command) => approve(command, session).await,
        Command::Deny(command) => deny(command, session).await,
        Command::Cancel(command) => cancel(command, session).await,
    }
}

async fn create(command: Create, session: &mut Session<'_>) -> Result<(), CliError> {
    let kind = match command.kind {
        Kind::Extension => ChangeRequestKind::Extension,
        Kind::Renewal => ChangeRequestKind::Renewal,
    };
    let About { eligibility, assignment } = command.about;
    let request = CreateChangeRequestRequest {
        kind: kind.into(),
        grant: eligibility.map(Grant::EligibilityId).or(assignment.map(Grant::AssignmentId)),
        end_time: command.end.map(timestamp),
        justification: command.justification,
        ticket: command.ticket.into_message(),
        request_id: command.write.request_id(),
        validate_only: command.write.validate_only,
    };
    let answer = session.client.assignments().create_change_request(request).await?;
    print(present(answer.into_inner().change_request)?, session).await?;
    note_validation(session, &command.write)
}

async fn list(options: List, session: &mut Session<'_>) -> Result<(), CliError> {
    let principal_id = match &options.principal {
        Some(principal) => resolve::principal(&session.client, principal).await?,
        None => String::new(),
    };
    let mut client = session.client.assignments();
    let include_resolved = options.resolved;
    let page = fetch_pages(Some(options.list), async |page_size, page_token| {
        if !options.all {
            let request = SearchMyChangeRequestsRequest { include_resolved, page_size, page_token };
            let answer = client.search_my_change_requests(request).await?.into_inner();
            return Ok((answer.change_requests, answer.next_page_token));
        }
        let request = ListChangeRequestsRequest {
            principal_id: principal_id.clone(),
            scope: options.scope.clone().unwrap_or_default(),
            include_resolved,
            page_size,
            page_token,
        };
        let answer = client.list_change_requests(request).await?.into_inner();
        Ok((answer.change_requests, answer.next_page_token))
    })
    .await?;
    learn(&page.items, session).await;
    let page = page.map(|request| ChangeRequestView::new(request, &session.names));
    Ok(session.printer.list(&page)?)
}

async fn approve(command: Approve, session: &mut Session<'_>) -> Result<(), CliError> {
    let end = command.end.given(command.start)?.map(|end| match end {
        Given::At(end) => End::EndTime(timestamp(end)),
        Given::Permanent => End::Permanent(true),
    });
    let request = ApproveChangeRequestRequest {
        etag: get(&session.client, command.id.clone()).await?.etag,
        change_request_id: command.id,
        start_time: command.start.map(timestamp),
        end,
        justification: command.justification,
        request_id: command.write.request_id(),
        validate_only: command.write.validate_only,
    };
    let answer = session.client.assignments().approve_change_request(request).await?;
    print(present(answer.into_inner().change_request)?, session).await?;
    note_validation(session, &command.write)
}

async fn deny(command: Say, session: &mut Session<'_>) -> Result<(), CliError> {
    let request = DenyChangeRequestRequest {
        etag: get(&session.client, command.id.clone()).await?.etag,
        change_request_id: command.id,
        justification: command.justification,
        request_id: command.write.request_id(),
        validate_only: command.write.validate_only,
    };
    let answer = session.client.assignments().deny_change_request(request).await?;
    print(present(answer.into_inner().change_request)?, session).await?;
    note_validation(session, &command.write)
}

async fn cancel(command: Say, session: &mut Session<'_>) -> Result<(), CliError> {
    let request = CancelChangeRequestRequest {
        change_request_id: command.id,
        justification: command.justification,
        request_id: command.write.request_id(),
        validate_only: command.write.validate_only,
    };
    let answer = session.client.assignments().cancel_change_request(request).await?;
    print(present(answer.into_inner().change_request)?, session).await?;
    note_validation(session, &command.write)
}

async fn get(client: &Client, change_request_id: String) -> Result<ChangeRequest, CliError> {
    let request = GetChangeRequestRequest { change_request_id };
    present(client.assignments().get_change_request(request).await?.into_inner().change_request)
}

async fn print(request: ChangeRequest, session: &mut Session<'_>) -> Result<(), CliError> {
    learn(std::slice::from_ref(&request), session).await;
    Ok(session.printer.one(&ChangeRequestView::new(request, &session.names))?)
}

async fn learn(requests: &[ChangeRequest], session: &mut Session<'_>) {
    let roles = requests.iter().map(|it| it.role_id.as_str());
    let people = requests.iter().flat_map(|it| [it.principal_id.as_str(), it.decider_id.as_str()]);
    session.learn(roles, people).await;
}
