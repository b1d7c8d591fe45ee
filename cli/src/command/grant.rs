//! Eligibilities and active assignments.

use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, Subcommand};
use pim_chassis::clock::Clock;
use pim_proto::assignment::v1::{
    CreateEligibilityRequest, Eligibility, ListEligibilitiesRequest, RemoveEligibilityRequest,
};

use super::{dates, grant_calls::Kind, note_validation};
use crate::{
    args::{ListOptions, TicketOptions, WriteOptions},
    connect::Session,
    error::CliError,
    output::Page,
    resolve::{self, GROUP_MEMBER, GROUP_OWNER},
    time::{parse_duration, parse_time, timestamp},
    view::grant::GrantView,
};

/// `pim eligibility` and `pim assignment`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Grant a role to a principal; without an end, permanently
    Create(Create),
    /// List them, oldest first
    List(List),
    /// List your own (assignments: those in force)
    Mine {
        #[command(flatten)]
        list: ListOptions,
    },
    /// Show one
    Show {
        /// Its id
        id: String,
    },
    /// Move its dates
    Update(dates::Update),
    /// Move its end further away
    Extend(dates::Extend),
    /// Make a new one like one that has ended by time; without an end, permanently
    Renew(dates::Renew),
    /// End one at once, and what was activated on it
    Remove {
        /// Its id
        id: String,
        /// Why
        #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
        justification: String,
        #[command(flatten)]
        write: WriteOptions,
    },
}

/// `create`.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// To whom
    #[arg(long)]
    principal: String,
    #[command(flatten)]
    what: What,
    /// Where: at this scope and below
    #[arg(long, default_value = "/", conflicts_with_all = ["member_of", "owner_of"])]
    scope: String,
    /// From when on [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    start: Option<DateTime<Utc>>,
    #[command(flatten)]
    end: End,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    justification: String,
    #[command(flatten)]
    ticket: TicketOptions,
    #[command(flatten)]
    write: WriteOptions,
}

/// What is granted: a role, or access to a group.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct What {
    /// A role
    #[arg(long)]
    role: Option<String>,
    /// Membership of this group
    #[arg(long, value_name = "GROUP")]
    member_of: Option<String>,
    /// Ownership of this group
    #[arg(long, value_name = "GROUP")]
    owner_of: Option<String>,
}

/// `pim group add-member` and `add-owner`.
#[derive(Debug, Args)]
pub(crate) struct Grantee {
    /// Id or display name
    group: String,
    /// A principal by id, display name or subject, or group:NAME
    principal: String,
    #[command(flatten)]
    end: End,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    justification: String,
    #[command(flatten)]
    write: WriteOptions,
}

/// Until when; neither means permanently.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(super) struct End {
    /// Until when
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    end: Option<DateTime<Utc>>,
    /// For how long from the start
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    length: Option<TimeDelta>,
}

/// `list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only of this principal
    #[arg(long)]
    principal: Option<String>,
    /// Only of this role
    #[arg(long)]
    role: Option<String>,
    /// Only at this scope and below
    #[arg(long, default_value = "", hide_default_value = true)]
    scope: String,
    /// Include what has ended
    #[arg(long)]
    ended: bool,
    #[command(flatten)]
    list: ListOptions,
}

pub(crate) async fn run(
    kind: Kind,
    command: Command,
    session: &mut Session<'_>,
) -> Result<(), CliError> {
    match command {
        Command::Create(command) => create(kind, command, session).await,
        Command::List(options) => list(kind, options, session).await,
        Command::Mine { list } => {
            let page = kind.mine(&session.client, list).await?;
            print_list(page, session).await
        }
        Command::Show { id } => {
            let grant = kind.get(&session.client, id).await?;
            print(grant, session).await
        }
        Command::Update(command) => dates::update(kind, command, session).await,
        Command::Extend(command) => dates::extend(kind, command, session).await,
        Command::Renew(command) => dates::renew(kind, command, session).await,
        Command::Remove { id, justification, write } => {
            let request = RemoveEligibilityRequest {
                eligibility_id: id,
                justification,
                request_id: write.request_id(),
                validate_only: write.validate_only,
            };
            let grant = kind.remove(&session.client, request).await?;
            print(grant, session).await?;
            note_validation(session, &write)
        }
    }
}

async fn create(kind: Kind, command: Create, session: &mut Session<'_>) -> Result<(), CliError> {
    let now = Clock::disciplined().now().now;
    let (role_id, scope) = command.what.target(command.scope, session).await?;
    let request = CreateEligibilityRequest {
        principal_id: resolve::principal(&session.client, &command.principal).await?,
        role_id,
        scope,
        start_time: command.start.map(timestamp),
        end_time: command.end.time(command.start.unwrap_or(now))?.map(timestamp),
        justification: command.justification,
        ticket: command.ticket.into_message(),
        request_id: command.write.request_id(),
        validate_only: command.write.validate_only,
    };
    let grant = kind.create(&session.client, request).await?;
    print(grant, session).await?;
    note_validation(session, &command.write)
}

impl What {
    /// The role, and where.
    async fn target(
        self,
        scope: String,
        session: &Session<'_>,
    ) -> Result<(String, String), CliError> {
        let client = &session.client;
        let (access, group) = match (self.role, self.member_of, self.owner_of) {
            (Some(role), _, _) => return Ok((resolve::role(client, &role).await?, scope)),
            (None, Some(group), _) => (GROUP_MEMBER, group),
            (None, None, Some(group)) => (GROUP_OWNER, group),
            (None, None, None) => return Err(CliError::Usage("--role is needed".to_owned())),
        };
        Ok((access.to_owned(), resolve::group_scope(client, &group).await?))
    }
}

/// Assigns access to a group.
pub(super) async fn create_access(
    role: &str,
    to: Grantee,
    session: &mut Session<'_>,
) -> Result<(), CliError> {
    let now = Clock::disciplined().now().now;
    let request = CreateEligibilityRequest {
        principal_id: resolve::principal(&session.client, &to.principal).await?,
        role_id: role.to_owned(),
        scope: resolve::group_scope(&session.client, &to.group).await?,
        end_time: to.end.time(now)?.map(timestamp),
        justification: to.justification,
        request_id: to.write.request_id(),
        validate_only: to.write.validate_only,
        ..CreateEligibilityRequest::default()
    };
    let grant = Kind::Assignment.create(&session.client, request).await?;
    print(grant, session).await?;
    note_validation(session, &to.write)
}

async fn list(kind: Kind, options: List, session: &mut Session<'_>) -> Result<(), CliError> {
    let mut filter = ListEligibilitiesRequest {
        scope: options.scope,
        include_ended: options.ended,
        ..ListEligibilitiesRequest::default()
    };
    if let Some(principal) = &options.principal {
        filter.principal_id = resolve::principal(&session.client, principal).await?;
    }
    if let Some(role) = &options.role {
        filter.role_id = resolve::role(&session.client, role).await?;
    }
    let page = kind.list(&session.client, options.list, filter).await?;
    print_list(page, session).await
}

pub(super) async fn print(grant: Eligibility, session: &mut Session<'_>) -> Result<(), CliError> {
    session.learn([&*grant.role_id].into_iter(), [&*grant.principal_id].into_iter()).await;
    Ok(session.printer.one(&GrantView::new(grant, &session.names))?)
}

async fn print_list(page: Page<Eligibility>, session: &mut Session<'_>) -> Result<(), CliError> {
    let roles = page.items.iter().map(|grant| grant.role_id.as_str());
    let principals = page.items.iter().map(|grant| grant.principal_id.as_str());
    session.learn(roles, principals).await;
    let page = page.map(|grant| GrantView::new(grant, &session.names));
    Ok(session.printer.list(&page)?)
}

impl End {
    pub(super) fn time(&self, start: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, CliError> {
        end_after(start, self.end, self.length)
    }
}

/// An end that was given, or counted from the start.
pub(super) fn end_after(
    start: DateTime<Utc>,
    end: Option<DateTime<Utc>>,
    length: Option<TimeDelta>,
) -> Result<Option<DateTime<Utc>>, CliError> {
    let Some(length) = length else { return Ok(end) };
    let end = start.checked_add_signed(length);
    end.map(Some).ok_or_else(|| CliError::Usage("--for is too long".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_given_or_counted_from_the_start() {
        let start = parse_time("2030-01-31T08:00:00Z").unwrap();
        let length = |text| End { end: None, length: Some(parse_duration(text).unwrap()) };
        let end = length("P30D").time(start).unwrap().unwrap();
        assert_eq!(end, parse_time("2030-03-02T08:00:00Z").unwrap());
        assert_eq!(End { end: Some(end), length: None }.time(start).unwrap(), Some(end));
        assert_eq!(End { end: None, length: None }.time(start).unwrap(), None);
        assert_eq!(length("P4000000000D").time(start).unwrap_err().exit_code(), 2);
    }
}
