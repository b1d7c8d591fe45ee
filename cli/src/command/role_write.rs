//! Custom roles: what a tenant makes, changes and deletes.

use std::{fs, path::PathBuf};

use clap::Args;
use pim_proto::{
    assignment::v1::{
        CreateRoleRequest, DeleteRoleRequest, GetRoleRequest, PermissionBlock, Role,
        RoleDefinition, UpdateRoleRequest,
    },
    r#type::v1::Catalog,
};
use serde::Deserialize;

use super::{note_validation, present, role::CatalogName};
use crate::{args::WriteOptions, connect::Session, error::CliError, resolve, view::role::RoleView};

/// What a custom role permits, and where it can be granted.
#[derive(Debug, Args)]
struct Defined {
    /// Read from a file in the shape of Azure's role definitions; options given beside it go first
    #[arg(long, value_name = "JSON FILE")]
    from: Option<PathBuf>,
    /// It can be granted at this scope and below; once for each
    #[arg(long = "assignable-scope", value_name = "SCOPE")]
    assignable_scopes: Vec<String>,
    /// Permits this; once for each
    #[arg(long = "action", value_name = "PATTERN")]
    actions: Vec<String>,
    /// Takes this from what is permitted; once for each
    #[arg(long = "not-action", value_name = "PATTERN")]
    not_actions: Vec<String>,
    /// Permits this on data; once for each
    #[arg(long = "data-action", value_name = "PATTERN")]
    data_actions: Vec<String>,
    /// Takes this from what is permitted on data; once for each
    #[arg(long = "not-data-action", value_name = "PATTERN")]
    not_data_actions: Vec<String>,
}

/// `pim role create`.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Display name [default: that in the file]
    name: Option<String>,
    /// Out of whose actions it is made
    #[arg(long, default_value = "azure")]
    catalog: CatalogName,
    /// It can take over more than it says
    #[arg(long)]
    privileged: bool,
    #[command(flatten)]
    defined: Defined,
    #[command(flatten)]
    write: WriteOptions,
}

/// `pim role update`.
#[derive(Debug, Args)]
pub(crate) struct Update {
    /// Id or display name
    role: String,
    /// A new display name
    #[arg(long)]
    name: Option<String>,
    /// Whether it can take over more than it says
    #[arg(long)]
    privileged: Option<bool>,
    #[command(flatten)]
    defined: Defined,
    #[command(flatten)]
    write: WriteOptions,
}

/// `pim role delete`.
#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// Id or display name
    role: String,
    /// Why
    #[arg(long, default_value = "", hide_default_value = true)]
    justification: String,
    #[command(flatten)]
    write: WriteOptions,
}

/// A role definition as Azure's tools read and write it: flat with one block, or with a list of
/// blocks, or inside of `properties`. What else is in it does not matter here.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AzureRole {
    properties: Option<Box<AzureRole>>,
    #[serde(alias = "Name", alias = "roleName")]
    name: Option<String>,
    #[serde(flatten)]
    block: AzureBlock,
    permissions: Option<Vec<AzureBlock>>,
    #[serde(alias = "AssignableScopes", default)]
    assignable_scopes: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct AzureBlock {
    #[serde(alias = "Actions")]
    actions: Vec<String>,
    #[serde(alias = "NotActions")]
    not_actions: Vec<String>,
    #[serde(alias = "DataActions")]
    data_actions: Vec<String>,
    #[serde(alias = "NotDataActions")]
    not_data_actions: Vec<String>,
    #[serde(alias = "Condition")]
    condition: Option<String>,
}

impl From<AzureBlock> for PermissionBlock {
    fn from(block: AzureBlock) -> Self {
        Self {
            actions: block.actions,
            not_actions: block.not_actions,
            data_actions: block.data_actions,
            not_data_actions: block.not_data_actions,
            condition: block.condition.unwrap_or_default(),
        }
    }
}

impl AzureRole {
    fn read(text: &str) -> Result<RoleDefinition, serde_json::Error> {
        let whole: Self = serde_json::from_str(text)?;
        // Beside `properties` the name is another id.
        let role = whole.properties.map_or_else(|| Self { properties: None, ..whole }, |it| *it);
        let blocks = role.permissions.unwrap_or_else(|| vec![role.block]);
        Ok(RoleDefinition {
            display_name: role.name.unwrap_or_default(),
            privileged: false,
            permissions: blocks.into_iter().map(PermissionBlock::from).collect(),
            assignable_scopes: role.assignable_scopes,
        })
    }
}

impl Defined {
    /// `definition` with what was given in place of what it says.
    fn over(self, definition: RoleDefinition) -> Result<RoleDefinition, CliError> {
        let mut definition = match &self.from {
            Some(path) => {
                let unreadable =
                    |error: String| CliError::Usage(format!("{}: {error}", path.display()));
                let text = fs::read_to_string(path).map_err(|it| unreadable(it.to_string()))?;
                let read = AzureRole::read(&text).map_err(|it| unreadable(it.to_string()))?;
                let name = Some(read.display_name).filter(|name| !name.is_empty());
                RoleDefinition {
                    display_name: name.unwrap_or(definition.display_name),
                    privileged: definition.privileged,
                    ..RoleDefinition { display_name: String::new(), ..read }
                }
            }
            None => definition,
        };
        if !self.assignable_scopes.is_empty() {
            definition.assignable_scopes = self.assignable_scopes;
        }
        let block = PermissionBlock {
            actions: self.actions,
            not_actions: self.not_actions,
            data_actions: self.data_actions,
            not_data_actions: self.not_data_actions,
            condition: String::new(),
        };
        if block != PermissionBlock::default() {
            definition.permissions = vec![block];
        }
        Ok(definition)
    }
}

pub(crate) async fn create(command: Create, session: &mut Session<'_>) -> Result<(), CliError> {
    let mut definition = command.defined.over(RoleDefinition::default())?;
    definition.display_name = command.name.unwrap_or(definition.display_name);
    definition.privileged = command.privileged;
    let request = CreateRoleRequest {
        catalog: Catalog::from(command.catalog).into(),
        definition: Some(definition),
        request_id: command.write.request_id(),
        validate_only: command.write.validate_only,
    };
    let answer = session.client.roles().create_role(request).await?.into_inner();
    show(answer.role, &command.write, session)
}

pub(crate) async fn update(command: Update, session: &mut Session<'_>) -> Result<(), CliError> {
    let role = read(session, &command.role).await?;
    let now = RoleDefinition {
        display_name: role.display_name,
        privileged: role.privileged,
        permissions: role.permissions,
        assignable_scopes: role.assignable_scopes,
    };
    let mut definition = command.defined.over(now)?;
    definition.display_name = command.name.unwrap_or(definition.display_name);
    definition.privileged = command.privileged.unwrap_or(definition.privileged);
    let request = UpdateRoleRequest {
        role_id: role.id,
        etag: role.etag,
        definition: Some(definition),
        request_id: command.write.request_id(),
        validate_only: command.write.validate_only,
    };
    let answer = session.client.roles().update_role(request).await?.into_inner();
    show(answer.role, &command.write, session)
}

pub(crate) async fn delete(command: Delete, session: &mut Session<'_>) -> Result<(), CliError> {
    let role = read(session, &command.role).await?;
    let request = DeleteRoleRequest {
        role_id: role.id,
        etag: role.etag,
        justification: command.justification,
        request_id: command.write.request_id(),
        validate_only: command.write.validate_only,
    };
    let answer = session.client.roles().delete_role(request).await?.into_inner();
    show(answer.role, &command.write, session)
}

async fn read(session: &Session<'_>, role: &str) -> Result<Role, CliError> {
    let role_id = resolve::role(&session.client, role).await?;
    let answer = session.client.roles().get_role(GetRoleRequest { role_id }).await?;
    present(answer.into_inner().role)
}

fn show(
    role: Option<Role>,
    write: &WriteOptions,
    session: &mut Session<'_>,
) -> Result<(), CliError> {
    session.printer.one(&RoleView::from(present(role)?))?;
    note_validation(session, write)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_of_a_role_definition_is_read() {
        let flat = r#"{"Name": "Restarter", "IsCustom": true, "Description": "restarts",
            "Actions": ["Microsoft.Compute/*/read"], "NotActions": [],
            "DataActions": [], "NotDataActions": [], "AssignableScopes": ["/subscriptions/a"]}"#;
        let list = r#"{"roleName": "Restarter", "roleType": "CustomRole",
            "assignableScopes": ["/subscriptions/a"],
            "permissions": [{"actions": ["Microsoft.Compute/*/read"], "notActions": []}]}"#;
        let whole = format!(r#"{{"id": "/x", "name": "0", "properties": {list}}}"#);
        let read = |text: &str| AzureRole::read(text).unwrap();
        assert_eq!(read(flat).display_name, "Restarter");
        assert_eq!(read(flat).permissions[0].actions, ["Microsoft.Compute/*/read"]);
        assert_eq!(read(flat).assignable_scopes, ["/subscriptions/a"]);
        assert_eq!(read(list), read(flat));
        assert_eq!(read(&whole), read(flat));
    }
}
