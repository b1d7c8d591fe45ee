//! Groups, and who belongs to them and owns them: assignments of two roles at a group's scope.

use clap::{Args, Subcommand};
use pim_proto::{
    access::v1::ListRoleHoldersRequest,
    assignment::v1::{
        CreateGroupRequest, DeleteGroupRequest, GetGroupRequest, Group, ListEligibilitiesRequest,
        ListGroupsRequest, RemoveEligibilityRequest, UpdateGroupRequest,
    },
};

use super::{
    access, fetch_pages,
    grant::{self, Grantee},
    grant_calls::Kind,
    note_validation, present,
};
use crate::{
    args::{ListOptions, WriteOptions},
    connect::Session,
    error::CliError,
    resolve::{self, GROUP_MEMBER, GROUP_OWNER},
    view::group::GroupView,
};

/// `pim group`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a group, without members
    Create {
        /// For people only
        display_name: String,
        /// It may hold Entra and privileged roles and approve; cannot be changed later
        #[arg(long)]
        role_assignable: bool,
        #[command(flatten)]
        write: WriteOptions,
    },
    /// List groups
    List {
        /// Only those whose display name contains this
        #[arg(long, default_value = "", hide_default_value = true)]
        text: String,
        /// Include deleted ones
        #[arg(long)]
        deleted: bool,
        #[command(flatten)]
        list: ListOptions,
    },
    /// Show a group
    Show {
        /// Id or display name
        group: String,
    },
    /// Give a group another name
    Rename {
        /// Id or display name
        group: String,
        /// For people only
        display_name: String,
        #[command(flatten)]
        write: WriteOptions,
    },
    /// End a group at once: what it holds, and all access to it
    Delete {
        /// Id or display name
        group: String,
        #[command(flatten)]
        write: WriteOptions,
    },
    /// List all who belong to a group now, through other groups too
    Members {
        /// Id or display name
        group: String,
        #[command(flatten)]
        list: ListOptions,
    },
    /// Put a principal or another group into a group; without an end, permanently
    AddMember(Grantee),
    /// Have a group administered; without an end, permanently
    AddOwner(Grantee),
    /// Take a principal or another group out of a group, at once
    RemoveMember(Leave),
    /// Have a group administered no longer, at once
    RemoveOwner(Leave),
}

/// `pim group remove-member` and `remove-owner`.
#[derive(Debug, Args)]
pub(crate) struct Leave {
    /// Id or display name
    group: String,
    /// A principal by id, display name or subject, or group:NAME
    principal: String,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    justification: String,
    /// Judge and answer as usual, write nothing
    #[arg(long)]
    validate_only: bool,
}

pub(crate) async fn run(command: Command, session: &mut Session<'_>) -> Result<(), CliError> {
    match command {
        Command::Create { display_name, role_assignable, write } => {
            let request = CreateGroupRequest {
                display_name,
                role_assignable,
                request_id: write.request_id(),
                validate_only: write.validate_only,
            };
            let answer = session.client.directory().create_group(request).await?;
            print(answer.into_inner().group, session)?;
            note_validation(session, &write)
        }
        Command::List { text, deleted, list } => {
            let mut directory = session.client.directory();
            let page = fetch_pages(Some(list), async |page_size, page_token| {
                let (text_contains, include_deleted) = (text.clone(), deleted);
                let request =
                    ListGroupsRequest { text_contains, include_deleted, page_size, page_token };
                let answer = directory.list_groups(request).await?.into_inner();
                Ok((answer.groups, answer.next_page_token))
            })
            .await?;
            Ok(session.printer.list(&page.map(GroupView::from))?)
        }
        Command::Show { group } => {
            let group = read(&group, session).await?;
            print(Some(group), session)
        }
        Command::Rename { group, display_name, write } => {
            let group = read(&group, session).await?;
            let request = UpdateGroupRequest {
                group_id: group.id,
                etag: group.etag,
                display_name,
                request_id: write.request_id(),
                validate_only: write.validate_only,
            };
            let answer = session.client.directory().update_group(request).await?;
            print(answer.into_inner().group, session)?;
            note_validation(session, &write)
        }
        Command::Delete { group, write } => {
            let group = read(&group, session).await?;
            let request = DeleteGroupRequest {
                group_id: group.id,
                etag: group.etag,
                request_id: write.request_id(),
                validate_only: write.validate_only,
            };
            let answer = session.client.directory().delete_group(request).await?;
            print(answer.into_inner().group, session)?;
            note_validation(session, &write)
        }
        Command::Members { group, list } => {
            let request = ListRoleHoldersRequest {
                role_id: GROUP_MEMBER.to_owned(),
                scope: resolve::group_scope(&session.client, &group).await?,
                ..ListRoleHoldersRequest::default()
            };
            access::holders(request, list, session).await
        }
        Command::AddMember(to) => grant::create_access(GROUP_MEMBER, to, session).await,
        Command::AddOwner(to) => grant::create_access(GROUP_OWNER, to, session).await,
        Command::RemoveMember(leave) => remove(GROUP_MEMBER, leave, session).await,
        Command::RemoveOwner(leave) => remove(GROUP_OWNER, leave, session).await,
    }
}

async fn read(group: &str, session: &mut Session<'_>) -> Result<Group, CliError> {
    let group_id = resolve::group(&session.client, group).await?;
    let answer = session.client.directory().get_group(GetGroupRequest { group_id }).await?;
    present(answer.into_inner().group)
}

/// Ends every assignment by which somebody has access, own ones only.
async fn remove(role: &str, leave: Leave, session: &mut Session<'_>) -> Result<(), CliError> {
    let filter = ListEligibilitiesRequest {
        principal_id: resolve::principal(&session.client, &leave.principal).await?,
        role_id: role.to_owned(),
        scope: resolve::group_scope(&session.client, &leave.group).await?,
        ..ListEligibilitiesRequest::default()
    };
    let all = ListOptions { limit: None };
    let found = Kind::Assignment.list(&session.client, all, filter).await?;
    if found.items.is_empty() {
        let message = format!("{:?} has no such access of its own", leave.principal);
        return Err(CliError::NotFound(message));
    }
    for one in found.items {
        let request = RemoveEligibilityRequest {
            eligibility_id: one.id,
            justification: leave.justification.clone(),
            request_id: String::new(),
            validate_only: leave.validate_only,
        };
        let ended = Kind::Assignment.remove(&session.client, request).await?;
        grant::print(ended, session).await?;
    }
    Ok(())
}

fn print(group: Option<Group>, session: &mut Session<'_>) -> Result<(), CliError> {
    Ok(session.printer.one(&GroupView::from(present(group)?))?)
}
