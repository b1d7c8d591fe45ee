//! What somebody should look at.

use clap::{Args, Subcommand, ValueEnum};
use pim_client::Client;
use pim_proto::audit::v1::{
    Alert, AlertParameterValue, AlertSettings, AlertState, DismissAlertRequest, GetAlertRequest,
    GetAlertSettingsRequest, ListAlertsRequest, UpdateAlertSettingsRequest,
};

use super::{fetch_pages, note_validation, present};
use crate::{
    args::{ListOptions, WriteOptions},
    connect::Session,
    error::CliError,
    output::Page,
    view::alert::{AlertSettingsView, AlertView},
};

/// `pim alerts`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List alerts, the newest first
    List(List),
    /// Show one, with what mends it
    Show {
        /// Its id
        id: String,
    },
    /// Say that what it tells of may last
    Dismiss(Dismiss),
    /// Show what is set of each kind of alert
    Settings {
        /// Only of this kind, such as RedundantAssignmentAlert
        kind: Option<String>,
    },
    /// Enable, disable or set a kind of alert
    Set(Set),
}

/// Where an alert stands.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum State {
    /// The condition lasts
    Triggered,
    /// It may last
    Dismissed,
    /// It is gone
    Resolved,
}

/// `list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only of this kind, such as RedundantAssignmentAlert
    #[arg(long, default_value = "", hide_default_value = true)]
    kind: String,
    /// Only in this state
    #[arg(long)]
    state: Option<State>,
    #[command(flatten)]
    list: ListOptions,
}

/// `dismiss`.
#[derive(Debug, Args)]
pub(crate) struct Dismiss {
    /// Its id
    id: String,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    justification: String,
    #[command(flatten)]
    write: WriteOptions,
}

/// `set`.
#[derive(Debug, Args)]
pub(crate) struct Set {
    /// Which kind, such as RedundantAssignmentAlert
    kind: String,
    /// Parameters, such as days=30
    #[arg(value_name = "NAME=VALUE", value_parser = parse_parameter)]
    parameters: Vec<(String, i64)>,
    /// Look for it
    #[arg(long, conflicts_with = "disable")]
    enable: bool,
    /// Look for it no more
    #[arg(long)]
    disable: bool,
    #[command(flatten)]
    write: WriteOptions,
}

fn parse_parameter(text: &str) -> Result<(String, i64), String> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE")?;
    let value = value.parse().map_err(|_| format!("{value:?} is no whole number"))?;
    Ok((name.to_owned(), value))
}

pub(crate) async fn run(command: Command, session: &mut Session<'_>) -> Result<(), CliError> {
    match command {
        Command::List(options) => list(options, session).await,
        Command::Show { id } => {
            let request = GetAlertRequest { alert_id: id };
            let answer = session.client.alerts().get_alert(request).await?;
            print(present(answer.into_inner().alert)?, session).await
        }
        Command::Dismiss(command) => dismiss(command, session).await,
        Command::Settings { kind } => {
            let items = settings(&session.client, kind.unwrap_or_default()).await?;
            let page = Page { items, more: false }.map(AlertSettingsView::new);
            Ok(session.printer.list(&page)?)
        }
        Command::Set(command) => set(command, session).await,
    }
}

async fn list(options: List, session: &mut Session<'_>) -> Result<(), CliError> {
    let state = match options.state {
        None => AlertState::Unspecified,
        Some(State::Triggered) => AlertState::Triggered,
        Some(State::Dismissed) => AlertState::Dismissed,
        Some(State::Resolved) => AlertState::Resolved,
    };
    let mut client = session.client.alerts();
    let page = fetch_pages(Some(options.list), async |page_size, page_token| {
        let (kind, state) = (options.kind.clone(), state.into());
        let request = ListAlertsRequest { kind, state, page_size, page_token };
        let answer = client.list_alerts(request).await?.into_inner();
        Ok((answer.alerts, answer.next_page_token))
    })
    .await?;
    learn(&page.items, session).await;
    let page = page.map(|alert| AlertView::new(alert, &session.names));
    Ok(session.printer.list(&page)?)
}

async fn dismiss(command: Dismiss, session: &mut Session<'_>) -> Result<(), CliError> {
    let request = DismissAlertRequest {
        alert_id: command.id,
        justification: command.justification,
        request_id: command.write.request_id(),
        validate_only: command.write.validate_only,
    };
    let answer = session.client.alerts().dismiss_alert(request).await?;
    print(present(answer.into_inner().alert)?, session).await?;
    note_validation(session, &command.write)
}

async fn settings(client: &Client, kind: String) -> Result<Vec<AlertSettings>, CliError> {
    let request = GetAlertSettingsRequest { kind };
    Ok(client.alerts().get_alert_settings(request).await?.into_inner().settings)
}

async fn set(command: Set, session: &mut Session<'_>) -> Result<(), CliError> {
    let parameters = command.parameters.into_iter();
    let parameters = parameters.map(|(name, value)| AlertParameterValue { name, value });
    let request = UpdateAlertSettingsRequest {
        etag: present(settings(&session.client, command.kind.clone()).await?.pop())?.etag,
        kind: command.kind,
        is_enabled: (command.enable || command.disable).then_some(command.enable),
        parameters: parameters.collect(),
        request_id: command.write.request_id(),
        validate_only: command.write.validate_only,
    };
    let answer = session.client.alerts().update_alert_settings(request).await?;
    let settings = present(answer.into_inner().settings)?;
    session.printer.one(&AlertSettingsView::new(settings))?;
    note_validation(session, &command.write)
}

async fn print(alert: Alert, session: &mut Session<'_>) -> Result<(), CliError> {
    learn(std::slice::from_ref(&alert), session).await;
    Ok(session.printer.one(&AlertView::new(alert, &session.names))?)
}

async fn learn(alerts: &[Alert], session: &mut Session<'_>) {
    let roles = alerts.iter().map(|it| it.role_id.as_str());
    let people = alerts.iter().flat_map(|it| [it.subject_id.as_str(), it.dismissed_by_id.as_str()]);
    session.learn(roles, people).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_has_a_name_and_a_whole_number() {
        assert_eq!(parse_parameter("days=30"), Ok(("days".to_owned(), 30)));
        assert_eq!(parse_parameter("days=-1"), Ok(("days".to_owned(), -1)));
        for wrong in ["days", "days=", "days=1.5", "days=many"] {
            assert!(parse_parameter(wrong).is_err(), "{wrong}");
        }
    }
}
