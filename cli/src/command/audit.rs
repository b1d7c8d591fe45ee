//! The audit log.

mod bundle;
mod examine;
mod verify;

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand, ValueEnum};
use pim_chassis::auth::SERVICE_NAMES;
use pim_client::Client;
use pim_proto::audit::v1::{
    self as proto, EraseJustificationRequest, Event, EventFilter, ExportEventsRequest,
    ExportEventsResponse, ExportFormat, GetEventRequest, ListEventsRequest, TailEventsRequest,
    TailEventsResponse,
};
use tonic::Streaming;

use super::{fetch_pages, note_validation, present};
use crate::{
    args::{ListOptions, WriteOptions},
    connect::Session,
    error::{CliError, EXIT_OK},
    resolve,
    time::{instant, parse_time, timestamp},
    view::{event::EventView, exact},
};

/// `pim audit`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List entries, newest first
    List {
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        list: ListOptions,
    },
    /// Print entries as they are committed, one a line, until interrupted
    Tail {
        #[command(flatten)]
        filter: Filter,
        /// Start after this position, which an earlier tail has printed [default: from now on]
        #[arg(long, value_name = "POSITION", default_value = "", hide_default_value = true)]
        after: String,
    },
    /// Write entries as a file, oldest first
    Export {
        #[command(flatten)]
        filter: Filter,
        /// How it is written
        #[arg(long)]
        format: FormatName,
        /// The file; it must not exist, but for --after, which appends [default: standard output]
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
        /// Go on after this position, which an export with the same filter and format has printed
        #[arg(long, value_name = "POSITION", default_value = "", hide_default_value = true)]
        after: String,
    },
    /// Show an entry
    Show {
        /// Its id
        event: String,
    },
    /// Erase for good what was written to justify what an entry tells of; proofs stay valid
    Erase(Erase),
    /// Verify that the log is what was signed, and has only grown; by files without a server
    Verify(verify::Verify),
    /// Write a part of the log, up to its newest checkpoint, into a file that verifies by itself
    Bundle(bundle::Bundle),
    /// Write an entry with the proof that it is in the log into a file that verifies by itself
    Prove(bundle::Prove),
    /// Check, in the database, every entry and checkpoint, and the version of all that is stored
    Fsck(examine::Fsck),
    /// Rebuild, in the database, all that is stored from the log, and compare
    Replay(examine::Where),
}

/// `erase`.
#[derive(Debug, Args)]
pub(crate) struct Erase {
    /// The entry's id
    event: String,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    justification: String,
    #[command(flatten)]
    write: WriteOptions,
}

/// Only entries that match all that is given.
#[derive(Debug, Args)]
pub(crate) struct Filter {
    /// At or after this time
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    since: Option<DateTime<Utc>>,
    /// Before this time
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    until: Option<DateTime<Utc>>,
    /// Done by this principal or service
    #[arg(long)]
    actor: Option<String>,
    /// Concerning this principal
    #[arg(long)]
    subject: Option<String>,
    /// Concerning this role
    #[arg(long)]
    role: Option<String>,
    /// Exactly at this scope
    #[arg(long)]
    scope: Option<String>,
    /// With this code, for example pim.activation.denied
    #[arg(long)]
    code: Option<String>,
    /// With this result
    #[arg(long)]
    result: Option<ResultName>,
    /// Of the same request
    #[arg(long, value_name = "ID")]
    correlation: Option<String>,
    /// About the thing with this id
    #[arg(long, value_name = "ID")]
    thing: Option<String>,
    /// Of this Entra category
    #[arg(long)]
    category: Option<String>,
}

/// A result, as it is typed.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum ResultName {
    /// It was done
    Success,
    /// It was refused
    Failure,
}

/// A format, as it is typed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum FormatName {
    /// Each entry with the text that is hashed, one a line
    JsonLines,
    /// CloudEvents 1.0, one a line
    CloudEvents,
    /// Microsoft Graph's directoryAudit, one a line
    DirectoryAudit,
    /// For spreadsheets
    Csv,
}

impl From<FormatName> for ExportFormat {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::JsonLines => ExportFormat::JsonLines,
            FormatName::CloudEvents => ExportFormat::CloudEvents,
            FormatName::DirectoryAudit => ExportFormat::DirectoryAudit,
            FormatName::Csv => ExportFormat::Csv,
        }
    }
}

pub(crate) async fn run(command: Command, session: &mut Session<'_>) -> Result<u8, CliError> {
    match command {
        Command::List { filter, list: options } => list(filter, options, session).await?,
        Command::Tail { filter, after } => tail(filter, after, session).await?,
        Command::Export { filter, format, to, after } => {
            export(filter, format, to, after, session).await?;
        }
        Command::Show { event } => show(event, session).await?,
        Command::Erase(command) => erase(command, session).await?,
        Command::Verify(command) => verify::run(command, session).await?,
        Command::Bundle(command) => bundle::bundle(command, session).await?,
        Command::Prove(command) => bundle::prove(command, session).await?,
        Command::Fsck(command) => return examine::fsck(command, session).await,
        Command::Replay(command) => return examine::replay(command, session).await,
    }
    Ok(EXIT_OK)
}

async fn show(event: String, session: &mut Session<'_>) -> Result<(), CliError> {
    let request = GetEventRequest { event_id: event };
    let event = present(session.client.audit().get_event(request).await?.into_inner().event)?;
    learn(std::slice::from_ref(&event), session).await;
    Ok(session.printer.one(&EventView::new(event, &session.names))?)
}

async fn erase(command: Erase, session: &mut Session<'_>) -> Result<(), CliError> {
    let request = EraseJustificationRequest {
        event_id: command.event,
        justification: command.justification,
        request_id: command.write.request_id(),
        validate_only: command.write.validate_only,
    };
    let answer = session.client.audit().erase_justification(request).await?;
    let event = present(answer.into_inner().event)?;
    learn(std::slice::from_ref(&event), session).await;
    session.printer.one(&EventView::new(event, &session.names))?;
    note_validation(session, &command.write)
}

async fn list(
    filter: Filter,
    options: ListOptions,
    session: &mut Session<'_>,
) -> Result<(), CliError> {
    let filter = filter.into_message(&session.client).await?;
    let mut audit = session.client.audit();
    let page = fetch_pages(Some(options), async |page_size, page_token| {
        let request = ListEventsRequest { filter: Some(filter.clone()), page_size, page_token };
        let answer = audit.list_events(request).await?.into_inner();
        Ok((answer.events, answer.next_page_token))
    })
    .await?;
    learn(&page.items, session).await;
    let page = page.map(|event| EventView::new(event, &session.names));
    Ok(session.printer.list(&page)?)
}

async fn tail(
    filter: Filter,
    mut position: String,
    session: &mut Session<'_>,
) -> Result<(), CliError> {
    let filter = filter.into_message(&session.client).await?;
    let request = TailEventsRequest { filter: Some(filter), after_position: position.clone() };
    let answer = session.client.audit().tail_events(request).await?;
    let result = follow(answer.into_inner(), &mut position, session).await;
    if !position.is_empty() {
        session.printer.note(&format!("go on with --after {position}"))?;
    }
    result
}

/// Prints until the stream ends or somebody interrupts. What has been printed is behind
/// `position`.
async fn follow(
    mut stream: Streaming<TailEventsResponse>,
    position: &mut String,
    session: &mut Session<'_>,
) -> Result<(), CliError> {
    loop {
        let message = tokio::select! {
            message = stream.message() => message?,
            signal = tokio::signal::ctrl_c() => return Ok(signal?),
        };
        let Some(message) = message else { return Ok(()) };
        learn(&message.events, session).await;
        for event in message.events {
            let view = EventView::new(event, &session.names);
            session.printer.record(&view, &view.line())?;
        }
        *position = message.position;
    }
}

async fn export(
    filter: Filter,
    format: FormatName,
    to: Option<PathBuf>,
    mut position: String,
    session: &mut Session<'_>,
) -> Result<(), CliError> {
    let filter = filter.into_message(&session.client).await?;
    let mut file = to.as_deref().map(|path| create(path, !position.is_empty())).transpose()?;
    let request = ExportEventsRequest {
        filter: Some(filter),
        format: ExportFormat::from(format).into(),
        after_position: position.clone(),
    };
    let mut stream = session.client.audit().export_events(request).await?.into_inner();
    let result = copy(&mut stream, &mut file, &mut position, session).await;
    if result.is_err() && !position.is_empty() {
        session.printer.note(&format!("go on with --after {position}"))?;
    }
    result
}

/// A new file, or one that goes on.
fn create(path: &Path, goes_on: bool) -> Result<File, CliError> {
    let mut options = OpenOptions::new();
    if goes_on {
        options.append(true)
    } else {
        options.write(true).create_new(true)
    };
    options
        .open(path)
        .map_err(|error| CliError::Usage(format!("cannot write {}: {error}", path.display())))
}

/// Writes what comes until the last of it. What has been written is behind `position`.
async fn copy(
    stream: &mut Streaming<ExportEventsResponse>,
    file: &mut Option<File>,
    position: &mut String,
    session: &mut Session<'_>,
) -> Result<(), CliError> {
    loop {
        let Some(piece) = stream.message().await? else {
            return Err(CliError::Incomplete);
        };
        match file {
            Some(file) => file.write_all(&piece.data)?,
            None => session.printer.raw(&piece.data)?,
        }
        *position = piece.position;
        if file.is_some() {
            let reached = exact(instant(piece.reached_time));
            session.printer.note(&format!("{} entries, {reached}", piece.exported_count))?;
        }
        if piece.is_last {
            return Ok(());
        }
    }
}

async fn learn(events: &[Event], session: &mut Session<'_>) {
    let roles = events.iter().map(|event| event.role_id.as_str());
    let actors = events.iter().filter_map(|event| event.actor.as_ref()).map(|it| it.id.as_str());
    let subjects = events.iter().map(|event| event.subject_id.as_str());
    session.learn(roles, actors.chain(subjects)).await;
}

impl Filter {
    async fn into_message(self, client: &Client) -> Result<EventFilter, CliError> {
        let result = match self.result {
            Some(ResultName::Success) => proto::Result::Success,
            Some(ResultName::Failure) => proto::Result::Failure,
            None => proto::Result::Unspecified,
        };
        Ok(EventFilter {
            start_time: self.since.map(timestamp),
            end_time: self.until.map(timestamp),
            actor_id: match self.actor {
                Some(name) if SERVICE_NAMES.contains(&name.as_str()) => name,
                Some(name) => resolve::principal(client, &name).await?,
                None => String::new(),
            },
            subject_id: match self.subject {
                Some(name) => resolve::principal(client, &name).await?,
                None => String::new(),
            },
            role_id: match self.role {
                Some(name) => resolve::role(client, &name).await?,
                None => String::new(),
            },
            scope: self.scope.unwrap_or_default(),
            code: self.code.unwrap_or_default(),
            result: result.into(),
            correlation_id: self.correlation.unwrap_or_default(),
            thing_id: self.thing.unwrap_or_default(),
            category: self.category.unwrap_or_default(),
        })
    }
}
