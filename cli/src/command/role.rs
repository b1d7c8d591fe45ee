//! Roles and catalogs.

use clap::{Args, Subcommand, ValueEnum};
use pim_proto::{
    assignment::v1::{GetRoleRequest, ImportCatalogRequest, ListRolesRequest},
    r#type::v1::Catalog,
};

use super::{fetch_pages, note_validation, present, role_permissions, role_write};
use crate::{
    args::{ListOptions, WriteOptions},
    connect::Session,
    error::{CliError, EXIT_OK},
    resolve,
    view::role::{ImportView, RoleView},
};

/// `pim role`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List roles by name
    List(List),
    /// Show a role with its permissions
    Show {
        /// Id or display name
        role: String,
    },
    /// Say what a role permits, with what it inherits, and what it confers here. With an action
    /// exits with 0 where it permits that, else with 1
    Permissions(role_permissions::Permissions),
    /// Make a role of your own out of actions
    Create(role_write::Create),
    /// Change what a custom role permits, where it can be granted, or what it is called
    Update(role_write::Update),
    /// Delete a custom role, and all that there is of it
    Delete(role_write::Delete),
    /// Bring the built-in roles of a catalog into the tenant
    Import {
        /// Which
        catalog: CatalogName,
        #[command(flatten)]
        write: WriteOptions,
    },
}

/// `pim role list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only of this catalog
    #[arg(long)]
    catalog: Option<CatalogName>,
    /// Only those whose name contains this
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    name: String,
    /// Only those that the tenant has made
    #[arg(long)]
    custom: bool,
    /// Deleted ones too
    #[arg(long)]
    deleted: bool,
    #[command(flatten)]
    list: ListOptions,
}

/// A catalog, as it is typed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum CatalogName {
    /// Directory roles of Microsoft Entra
    Entra,
    /// Built-in resource roles of Azure
    Azure,
    /// Roles of this system itself
    Pim,
}

impl From<CatalogName> for Catalog {
    fn from(name: CatalogName) -> Self {
        match name {
            CatalogName::Entra => Self::Entra,
            CatalogName::Azure => Self::Azure,
            CatalogName::Pim => Self::Pim,
        }
    }
}

pub(crate) async fn run(command: Command, session: &mut Session<'_>) -> Result<u8, CliError> {
    let done = match command {
        Command::List(options) => list(options, session).await,
        Command::Show { role } => {
            let role_id = resolve::role(&session.client, &role).await?;
            let answer = session.client.roles().get_role(GetRoleRequest { role_id }).await?;
            let role = present(answer.into_inner().role)?;
            Ok(session.printer.one(&RoleView::from(role))?)
        }
        Command::Permissions(command) => return role_permissions::run(command, session).await,
        Command::Create(command) => role_write::create(command, session).await,
        Command::Update(command) => role_write::update(command, session).await,
        Command::Delete(command) => role_write::delete(command, session).await,
        Command::Import { catalog, write } => {
            let request = ImportCatalogRequest {
                catalog: Catalog::from(catalog).into(),
                request_id: write.request_id(),
                validate_only: write.validate_only,
            };
            let answer = session.client.roles().import_catalog(request).await?.into_inner();
            session.printer.one(&ImportView::from(answer))?;
            note_validation(session, &write)
        }
    };
    done.map(|()| EXIT_OK)
}

async fn list(options: List, session: &mut Session<'_>) -> Result<(), CliError> {
    let mut roles = session.client.roles();
    let catalog = options.catalog.map_or(Catalog::Unspecified, Catalog::from);
    let page = fetch_pages(Some(options.list), async |page_size, page_token| {
        let request = ListRolesRequest {
            catalog: catalog.into(),
            display_name_contains: options.name.clone(),
            page_size,
            page_token,
            custom_only: options.custom,
            include_deleted: options.deleted,
        };
        let answer = roles.list_roles(request).await?.into_inner();
        Ok((answer.roles, answer.next_page_token))
    })
    .await?;
    Ok(session.printer.list(&page.map(RoleView::from))?)
}
