//! Activations.

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use pim_proto::activation::v1::{
    ActivateRoleRequest, Activation, CancelActivationRequest, DeactivateRoleRequest,
    GetActivationRequest, ListActivationsRequest, RevokeActivationRequest,
    SearchMyActivationsRequest, activate_role_request,
};

use super::{fetch_pages, note_validation, present};
use crate::{
    args::{ListOptions, TicketOptions, WriteOptions},
    connect::Session,
    error::CliError,
    output::Page,
    resolve,
    time::{parse_duration, parse_time, timestamp, wire_duration},
    view::activation::ActivationView,
};

/// `pim activate`.
#[derive(Debug, Args)]
pub(crate) struct Activate {
    /// Id or display name
    role: String,
    /// The eligibility's scope or one below it
    #[arg(long, default_value = "/")]
    scope: String,
    #[command(flatten)]
    length: Length,
    /// From when on [default: as soon as it may]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    start: Option<DateTime<Utc>>,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    justification: String,
    #[command(flatten)]
    ticket: TicketOptions,
    /// By which eligibility [default: the nearest that fits]
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    eligibility: String,
    #[command(flatten)]
    write: WriteOptions,
}

/// How long.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Length {
    /// For how long from the start
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    length: Option<TimeDelta>,
    /// Until when
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    until: Option<DateTime<Utc>>,
}

/// `pim deactivate` and `pim cancel`.
#[derive(Debug, Args)]
pub(crate) struct End {
    /// The activation's id
    activation: String,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    justification: String,
    #[command(flatten)]
    write: WriteOptions,
}

/// `pim revoke`.
#[derive(Debug, Args)]
pub(crate) struct Revoke {
    /// The activation's id
    activation: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    justification: String,
    #[command(flatten)]
    write: WriteOptions,
}

/// `pim activations`.
#[derive(Debug, Args)]
pub(crate) struct Activations {
    /// Show this one
    activation: Option<String>,
    /// List your own (the default)
    #[arg(long, conflicts_with_all = ["all", "activation"])]
    mine: bool,
    /// List everybody's
    #[arg(long, conflicts_with = "activation")]
    all: bool,
    /// With --all: only of this principal
    #[arg(long, requires = "all")]
    principal: Option<String>,
    /// With --all: only of this role
    #[arg(long, requires = "all")]
    role: Option<String>,
    /// With --all: only at this scope and below
    #[arg(long, requires = "all")]
    scope: Option<String>,
    /// Include what has ended
    #[arg(long, conflicts_with = "activation")]
    ended: bool,
    #[command(flatten)]
    list: ListOptions,
}

pub(crate) async fn activate(command: Activate, session: &mut Session<'_>) -> Result<(), CliError> {
    let request = ActivateRoleRequest {
        role_id: resolve::role(&session.client, &command.role).await?,
        scope: command.scope,
        eligibility_id: command.eligibility,
        start_time: command.start.map(timestamp),
        length: command.length.into_message(),
        justification: command.justification,
        ticket: command.ticket.into_message(),
        request_id: command.write.request_id(),
        validate_only: command.write.validate_only,
    };
    let answer = session.client.activations().activate_role(request).await?;
    print(present(answer.into_inner().activation)?, session).await?;
    note_validation(session, &command.write)
}

pub(crate) async fn deactivate(command: End, session: &mut Session<'_>) -> Result<(), CliError> {
    let request = DeactivateRoleRequest {
        activation_id: command.activation,
        justification: command.justification,
        request_id: command.write.request_id(),
        validate_only: command.write.validate_only,
    };
    let answer = session.client.activations().deactivate_role(request).await?;
    print(present(answer.into_inner().activation)?, session).await?;
    note_validation(session, &command.write)
}

pub(crate) async fn cancel(command: End, session: &mut Session<'_>) -> Result<(), CliError> {
    let request = CancelActivationRequest {
        activation_id: command.activation,
        justification: command.justification,
        request_id: command.write.request_id(),
        validate_only: command.write.validate_only,
    };
    let answer = session.client.activations().cancel_activation(request).await?;
    print(present(answer.into_inner().activation)?, session).await?;
    note_validation(session, &command.write)
}

pub(crate) async fn revoke(command: Revoke, session: &mut Session<'_>) -> Result<(), CliError> {
    let request = RevokeActivationRequest {
        activation_id: command.activation,
        justification: command.justification,
        request_id: command.write.request_id(),
        validate_only: command.write.validate_only,
    };
    let answer = session.client.activations().revoke_activation(request).await?;
    print(present(answer.into_inner().activation)?, session).await?;
    note_validation(session, &command.write)
}

pub(crate) async fn list(command: Activations, session: &mut Session<'_>) -> Result<(), CliError> {
    if let Some(activation_id) = command.activation {
        let request = GetActivationRequest { activation_id };
        let answer = session.client.activations().get_activation(request).await?;
        return print(present(answer.into_inner().activation)?, session).await;
    }
    let page = if command.all {
        everybodys(command, session).await?
    } else {
        let mut activations = session.client.activations();
        fetch_pages(Some(command.list), async |page_size, page_token| {
            let include_ended = command.ended;
            let request = SearchMyActivationsRequest { include_ended, page_size, page_token };
            let answer = activations.search_my_activations(request).await?.into_inner();
            Ok((answer.activations, answer.next_page_token))
        })
        .await?
    };
    let roles = page.items.iter().map(|it| it.role_id.as_str());
    let principals = page.items.iter().map(|it| it.principal_id.as_str());
    session.learn(roles, principals).await;
    let page = page.map(|activation| ActivationView::new(activation, &session.names));
    Ok(session.printer.list(&page)?)
}

async fn everybodys(
    command: Activations,
    session: &mut Session<'_>,
) -> Result<Page<Activation>, CliError> {
    let mut filter = ListActivationsRequest {
        scope: command.scope.unwrap_or_default(),
        include_ended: command.ended,
        ..ListActivationsRequest::default()
    };
    if let Some(principal) = &command.principal {
        filter.principal_id = resolve::principal(&session.client, principal).await?;
    }
    if let Some(role) = &command.role {
        filter.role_id = resolve::role(&session.client, role).await?;
    }
    let mut activations = session.client.activations();
    fetch_pages(Some(command.list), async |page_size, page_token| {
        let request = ListActivationsRequest { page_size, page_token, ..filter.clone() };
        let answer = activations.list_activations(request).await?.into_inner();
        Ok((answer.activations, answer.next_page_token))
    })
    .await
}

async fn print(activation: Activation, session: &mut Session<'_>) -> Result<(), CliError> {
    let (role, principal) = (activation.role_id.as_str(), activation.principal_id.as_str());
    session.learn([role].into_iter(), [principal].into_iter()).await;
    Ok(session.printer.one(&ActivationView::new(activation, &session.names))?)
}

impl Length {
    fn into_message(self) -> Option<activate_role_request::Length> {
        let length =
            self.length.map(|it| activate_role_request::Length::Duration(wire_duration(it)));
        let until = || self.until.map(|it| activate_role_request::Length::EndTime(timestamp(it)));
        length.or_else(until)
    }
}
