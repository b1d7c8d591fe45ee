//! Registered scopes.

use clap::{Args, Subcommand, ValueEnum};
use pim_proto::assignment::v1::{
    CreateScopeRequest, DeleteScopeRequest, GetScopeRequest, ListScopesRequest, Scope, ScopeKind,
    SearchActivatableScopesRequest, UpdateScopeRequest,
};

use super::{fetch_pages, note_validation, present};
use crate::{
    args::{ListOptions, WriteOptions},
    connect::Session,
    error::CliError,
    view::scope::ScopeView,
};

/// `pim scope`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List registered scopes
    List(List),
    /// Show a registered scope
    Show {
        /// Its path
        scope: String,
    },
    /// Register a scope
    Register(Register),
    /// Put a scope below another, with all that lies below it
    Move {
        /// Its path
        scope: String,
        /// A registered management group, or / to take it from below the others
        #[arg(long, value_name = "SCOPE")]
        to: String,
        #[command(flatten)]
        write: WriteOptions,
    },
    /// Give a scope another name
    Rename {
        /// Its path
        scope: String,
        /// For people only
        display_name: String,
        #[command(flatten)]
        write: WriteOptions,
    },
    /// Register a scope no more
    Delete {
        /// Its path
        scope: String,
        #[command(flatten)]
        write: WriteOptions,
    },
    /// List the registered scopes at which an eligibility of yours can be activated
    Activatable {
        /// The eligibility's id
        eligibility: String,
        #[command(flatten)]
        list: ListOptions,
    },
}

/// `pim scope list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only those right below this one
    #[arg(long, value_name = "SCOPE", default_value = "", hide_default_value = true)]
    parent: String,
    /// Only this one and those below
    #[arg(long, value_name = "SCOPE", default_value = "", hide_default_value = true)]
    below: String,
    /// Only of this kind
    #[arg(long)]
    kind: Option<KindName>,
    #[command(flatten)]
    list: ListOptions,
}

/// `pim scope register`.
#[derive(Debug, Args)]
pub(crate) struct Register {
    /// Its path, such as /subscriptions/a
    scope: String,
    /// For people only
    #[arg(long, value_name = "TEXT")]
    name: String,
    /// The management group to put it below [default: its place is that of its path]
    #[arg(long, value_name = "SCOPE", default_value = "", hide_default_value = true)]
    parent: String,
    #[command(flatten)]
    write: WriteOptions,
}

/// A kind of scope, as it is typed.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum KindName {
    /// /administrativeUnits/...
    AdministrativeUnit,
    /// /applications/...
    Application,
    /// /managementGroups/...
    ManagementGroup,
    /// /subscriptions/...
    Subscription,
    /// /subscriptions/.../resourceGroups/...
    ResourceGroup,
    /// Anything else below one of the others
    Resource,
}

impl From<KindName> for ScopeKind {
    fn from(name: KindName) -> Self {
        match name {
            KindName::AdministrativeUnit => Self::AdministrativeUnit,
            KindName::Application => Self::Application,
            KindName::ManagementGroup => Self::ManagementGroup,
            KindName::Subscription => Self::Subscription,
            KindName::ResourceGroup => Self::ResourceGroup,
            KindName::Resource => Self::Resource,
        }
    }
}

pub(crate) async fn run(command: Command, session: &mut Session<'_>) -> Result<(), CliError> {
    match command {
        Command::List(options) => list(options, session).await,
        Command::Show { scope } => {
            let scope = get(scope, session).await?;
            print(scope, session)
        }
        Command::Register(command) => register(command, session).await,
        Command::Move { scope, to, write } => {
            let change = |request: &mut UpdateScopeRequest| request.parent_scope = to;
            update(scope, change, &write, session).await
        }
        Command::Rename { scope, display_name, write } => {
            let change = |request: &mut UpdateScopeRequest| request.display_name = display_name;
            update(scope, change, &write, session).await
        }
        Command::Delete { scope, write } => {
            let Scope { scope, etag, .. } = get(scope, session).await?;
            let (request_id, validate_only) = (write.request_id(), write.validate_only);
            let request = DeleteScopeRequest { scope, etag, request_id, validate_only };
            let answer = session.client.scopes().delete_scope(request).await?;
            print(present(answer.into_inner().scope)?, session)?;
            note_validation(session, &write)
        }
        Command::Activatable { eligibility, list } => activatable(eligibility, list, session).await,
    }
}

async fn get(scope: String, session: &Session<'_>) -> Result<Scope, CliError> {
    let answer = session.client.scopes().get_scope(GetScopeRequest { scope }).await?;
    present(answer.into_inner().scope)
}

async fn list(options: List, session: &mut Session<'_>) -> Result<(), CliError> {
    let mut scopes = session.client.scopes();
    let kind = options.kind.map_or(ScopeKind::Unspecified, ScopeKind::from);
    let page = fetch_pages(Some(options.list), async |page_size, page_token| {
        let request = ListScopesRequest {
            parent_scope: options.parent.clone(),
            below_scope: options.below.clone(),
            kind: kind.into(),
            page_size,
            page_token,
        };
        let answer = scopes.list_scopes(request).await?.into_inner();
        Ok((answer.scopes, answer.next_page_token))
    })
    .await?;
    Ok(session.printer.list(&page.map(ScopeView::from))?)
}

async fn register(command: Register, session: &mut Session<'_>) -> Result<(), CliError> {
    let request = CreateScopeRequest {
        scope: command.scope,
        parent_scope: command.parent,
        display_name: command.name,
        request_id: command.write.request_id(),
        validate_only: command.write.validate_only,
    };
    let answer = session.client.scopes().create_scope(request).await?;
    print(present(answer.into_inner().scope)?, session)?;
    note_validation(session, &command.write)
}

/// Changes the scope as it is now.
async fn update(
    scope: String,
    change: impl FnOnce(&mut UpdateScopeRequest),
    write: &WriteOptions,
    session: &mut Session<'_>,
) -> Result<(), CliError> {
    let Scope { scope, etag, .. } = get(scope, session).await?;
    let (request_id, validate_only) = (write.request_id(), write.validate_only);
    let mut request =
        UpdateScopeRequest { scope, etag, request_id, validate_only, ..Default::default() };
    change(&mut request);
    let answer = session.client.scopes().update_scope(request).await?;
    print(present(answer.into_inner().scope)?, session)?;
    note_validation(session, write)
}

async fn activatable(
    eligibility_id: String,
    options: ListOptions,
    session: &mut Session<'_>,
) -> Result<(), CliError> {
    let mut scopes = session.client.scopes();
    let page = fetch_pages(Some(options), async |page_size, page_token| {
        let eligibility_id = eligibility_id.clone();
        let request = SearchActivatableScopesRequest { eligibility_id, page_size, page_token };
        let answer = scopes.search_activatable_scopes(request).await?.into_inner();
        Ok((answer.scopes, answer.next_page_token))
    })
    .await?;
    Ok(session.printer.list(&page.map(ScopeView::from))?)
}

fn print(scope: Scope, session: &mut Session<'_>) -> Result<(), CliError> {
    Ok(session.printer.one(&ScopeView::from(scope))?)
}
