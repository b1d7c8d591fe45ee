//! Activations.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use pim_client::status_of_item;
use pim_proto::activation::v1::{
    ActivateRoleRequest, Activation, BatchActivateRolesRequest, CancelActivationRequest,
    DeactivateRoleRequest, ExtendActivationRequest, GetActivationRequest, ListActivationsRequest,
    RevokeActivationRequest, SearchMyActivationsRequest, activate_role_request,
    batch_activate_roles_request::{Item, item},
    batch_activate_roles_response::{self, result::Outcome},
    extend_activation_request,
};

use super::{batch, fetch_pages, note_validation, present};
use crate::{
    args::{ListOptions, TicketOptions, WriteOptions},
    connect::Session,
    error::{CliError, EXIT_OK},
    output::Page,
    resolve,
    time::{parse_duration, parse_time, timestamp, wire_duration},
    view::activation::ActivationView,
};

/// `pim activate`.
#[derive(Debug, Args)]
pub(crate) struct Activate {
    /// Ids or display names, each perhaps with a scope of its own: Reader@/subscriptions/7
    #[arg(required = true, value_name = "ROLE[@SCOPE]")]
    roles: Vec<String>,
    /// Where, of roles without a scope of their own: the eligibility's scope or one below it
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
    /// By which eligibility, of a single role [default: the nearest that fits]
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    eligibility: String,
    #[command(flatten)]
    write: WriteOptions,
}

/// How long.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Length {
    /// For how long from the start, or how much longer
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    length: Option<TimeDelta>,
    /// Until when
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    until: Option<DateTime<Utc>>,
}

/// `pim extend`.
#[derive(Debug, Args)]
pub(crate) struct Extend {
    /// The activation's id
    activation: String,
    #[command(flatten)]
    length: Length,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    justification: String,
    #[command(flatten)]
    ticket: TicketOptions,
    #[command(flatten)]
    write: WriteOptions,
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

pub(crate) async fn activate(command: Activate, session: &mut Session<'_>) -> Result<u8, CliError> {
    let [target] = command.roles.as_slice() else { return activate_all(command, session).await };
    let (role, scope) = split(target, &command.scope);
    let request = ActivateRoleRequest {
        role_id: resolve::role(&session.client, role).await?,
        scope,
        eligibility_id: command.eligibility,
        start_time: command.start.map(timestamp),
        length: command.length.into_message(),
        justification: command.justification,
        ticket: command.ticket.into_message(),
        request_id: command.write.request_id(),
        validate_only: command.write.validate_only,
    };
    let answer = session.client.activations().activate_role(request).await?.into_inner();
    let possible = answer.possible_approver_ids;
    let activation = present(answer.activation)?;
    let role = activation.role_id.clone();
    let people = possible.iter().map(String::as_str).chain([&*activation.principal_id]);
    session.learn([&*role].into_iter(), people).await;
    let view = ActivationView::new(activation, &session.names);
    session.printer.one(&view.with_possible(possible, &session.names))?;
    note_validation(session, &command.write)?;
    Ok(EXIT_OK)
}

pub(crate) async fn extend(command: Extend, session: &mut Session<'_>) -> Result<(), CliError> {
    let request = ExtendActivationRequest {
        activation_id: command.activation,
        length: command.length.into_extension(),
        justification: command.justification,
        ticket: command.ticket.into_message(),
        request_id: command.write.request_id(),
        validate_only: command.write.validate_only,
    };
    let answer = session.client.activations().extend_activation(request).await?;
    print(present(answer.into_inner().activation)?, session).await?;
    note_validation(session, &command.write)
}

/// Asks for several roles at once, for the same time and reason.
async fn activate_all(command: Activate, session: &mut Session<'_>) -> Result<u8, CliError> {
    if !command.eligibility.is_empty() {
        return Err(CliError::Usage("--eligibility goes with a single role".to_owned()));
    }
    let ticket = command.ticket.into_message();
    let length = command.length.into_message().map(|length| match length {
        activate_role_request::Length::Duration(duration) => item::Length::Duration(duration),
        activate_role_request::Length::EndTime(end) => item::Length::EndTime(end),
    });
    let (mut labels, mut items) = (Vec::new(), Vec::new());
    // One role may be asked for at many scopes.
    let mut ids: HashMap<&str, String> = HashMap::new();
    for target in &command.roles {
        let (role, scope) = split(target, &command.scope);
        labels.push(format!("{role}@{scope}"));
        let role_id = match ids.get(role) {
            Some(id) => id.clone(),
            None => resolve::role(&session.client, role).await?,
        };
        ids.insert(role, role_id.clone());
        items.push(Item {
            role_id,
            scope,
            eligibility_id: String::new(),
            start_time: command.start.map(timestamp),
            length,
            justification: command.justification.clone(),
            ticket: ticket.clone(),
        });
    }
    let (mut activations, validate_only) =
        (session.client.activations(), command.write.validate_only);
    let send = async |items, request_id| {
        let request = BatchActivateRolesRequest { items, request_id, validate_only };
        let answer = activations.batch_activate_roles(request).await?.into_inner();
        Ok(answer.results.into_iter().map(outcome).collect())
    };
    let answers = batch::in_chunks(items, &command.write, session.printer, send).await?;
    let done = answers.outcomes.iter().flatten();
    let principals = done.clone().map(|it| it.principal_id.as_str());
    session.learn(done.map(|it| it.role_id.as_str()), principals).await;
    batch::print(&labels, answers, &command.write, session, |activation, session| {
        ActivationView::new(activation, &session.names)
    })
}

/// A role's name and its scope. No name of a role has an `@` before a slash.
fn split<'a>(target: &'a str, scope: &str) -> (&'a str, String) {
    match target.split_once("@/") {
        Some((role, scope)) => (role, format!("/{scope}")),
        None => (target, scope.to_owned()),
    }
}

fn outcome(result: batch_activate_roles_response::Result) -> Result<Activation, CliError> {
    match present(result.outcome)? {
        Outcome::Activation(activation) => Ok(activation),
        Outcome::Status(status) => Err(status_of_item(&status).into()),
    }
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
    fn into_extension(self) -> Option<extend_activation_request::Length> {
        use extend_activation_request::Length::{Duration, EndTime};
        let length = self.length.map(|it| Duration(wire_duration(it)));
        length.or_else(|| self.until.map(|it| EndTime(timestamp(it))))
    }

    fn into_message(self) -> Option<activate_role_request::Length> {
        let length =
            self.length.map(|it| activate_role_request::Length::Duration(wire_duration(it)));
        let until = || self.until.map(|it| activate_role_request::Length::EndTime(timestamp(it)));
        length.or_else(until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_may_bring_its_scope() {
        assert_eq!(split("Key Reader", "/"), ("Key Reader", "/".to_owned()));
        let own = split("Key Reader@/subscriptions/7", "/");
        assert_eq!(own, ("Key Reader", "/subscriptions/7".to_owned()));
        assert_eq!(split("Reader@/", "/subscriptions/7"), ("Reader", "/".to_owned()));
        assert_eq!(split("a@b", "/"), ("a@b", "/".to_owned()));
    }
}
