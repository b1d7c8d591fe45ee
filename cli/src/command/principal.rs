//! Principals.

use clap::{Args, Subcommand, ValueEnum};
use pim_chassis::auth::DEVELOPMENT_PRINCIPALS;
use pim_proto::assignment::v1::{
    CreatePrincipalRequest, DisablePrincipalRequest, EnablePrincipalRequest, GetPrincipalRequest,
    ListPrincipalsRequest, Principal, PrincipalKind,
};
use uuid::Uuid;

use super::{fetch_pages, note_validation, present};
use crate::{
    args::{ListOptions, WriteOptions},
    connect::Session,
    error::CliError,
    resolve,
    view::principal::PrincipalView,
};

/// `pim principal`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List principals
    List {
        /// Only those whose display name or subject contains this
        #[arg(long, default_value = "", hide_default_value = true)]
        text: String,
        #[command(flatten)]
        list: ListOptions,
    },
    /// Show a principal
    Show {
        /// Id, display name, subject, or `me`
        #[arg(default_value = "me")]
        principal: String,
    },
    /// Make an account of the identity provider known
    Create(Create),
    /// Suspend what a principal is assigned and eligible for, and end its activations
    Disable(Switch),
    /// Enable a principal again
    Enable(Switch),
}

/// `pim principal create`.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// For people only
    display_name: String,
    /// The immutable `sub` of its tokens
    #[arg(long)]
    subject: String,
    /// The `iss` of its tokens; with --as, the development issuer where it is not given
    #[arg(long)]
    issuer: Option<String>,
    /// A person's account or a program's
    #[arg(long, value_enum, default_value_t = KindName::User)]
    kind: KindName,
    /// Links several accounts of one human
    #[arg(long, value_name = "UUID")]
    person: Option<Uuid>,
    #[command(flatten)]
    write: WriteOptions,
}

/// `pim principal disable` and `enable`.
#[derive(Debug, Args)]
pub(crate) struct Switch {
    /// Id, display name or subject
    principal: String,
    #[command(flatten)]
    write: WriteOptions,
}

/// A kind of principal, as it is typed.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum KindName {
    /// A person's account
    User,
    /// A program's account
    ServicePrincipal,
}

pub(crate) async fn run(command: Command, session: &mut Session<'_>) -> Result<(), CliError> {
    match command {
        Command::List { text, list: options } => list(text, options, session).await,
        Command::Show { principal } => {
            let principal_id = resolve::principal(&session.client, &principal).await?;
            let request = GetPrincipalRequest { principal_id };
            let answer = session.client.directory().get_principal(request).await?;
            print(present(answer.into_inner().principal)?, session)
        }
        Command::Create(command) => create(command, session).await,
        Command::Disable(Switch { principal, write }) => {
            let request = DisablePrincipalRequest {
                principal_id: resolve::principal(&session.client, &principal).await?,
                request_id: write.request_id(),
                validate_only: write.validate_only,
            };
            let answer = session.client.directory().disable_principal(request).await?;
            print(present(answer.into_inner().principal)?, session)?;
            note_validation(session, &write)
        }
        Command::Enable(Switch { principal, write }) => {
            let request = EnablePrincipalRequest {
                principal_id: resolve::principal(&session.client, &principal).await?,
                request_id: write.request_id(),
                validate_only: write.validate_only,
            };
            let answer = session.client.directory().enable_principal(request).await?;
            print(present(answer.into_inner().principal)?, session)?;
            note_validation(session, &write)
        }
    }
}

async fn list(
    text: String,
    options: ListOptions,
    session: &mut Session<'_>,
) -> Result<(), CliError> {
    let mut directory = session.client.directory();
    let page = fetch_pages(Some(options), async |page_size, page_token| {
        let request = ListPrincipalsRequest { text_contains: text.clone(), page_size, page_token };
        let answer = directory.list_principals(request).await?.into_inner();
        Ok((answer.principals, answer.next_page_token))
    })
    .await?;
    Ok(session.printer.list(&page.map(PrincipalView::from))?)
}

async fn create(command: Create, session: &mut Session<'_>) -> Result<(), CliError> {
    let issuer = match command.issuer {
        Some(issuer) => issuer,
        None if session.is_development => DEVELOPMENT_PRINCIPALS.to_owned(),
        None => return Err(CliError::Usage("--issuer is needed".to_owned())),
    };
    let kind = match command.kind {
        KindName::User => PrincipalKind::User,
        KindName::ServicePrincipal => PrincipalKind::ServicePrincipal,
    };
    let request = CreatePrincipalRequest {
        kind: kind.into(),
        issuer,
        subject: command.subject,
        display_name: command.display_name,
        person_id: command.person.map(|id| id.to_string()).unwrap_or_default(),
        request_id: command.write.request_id(),
        validate_only: command.write.validate_only,
    };
    let answer = session.client.directory().create_principal(request).await?;
    print(present(answer.into_inner().principal)?, session)?;
    note_validation(session, &command.write)
}

fn print(principal: Principal, session: &mut Session<'_>) -> Result<(), CliError> {
    Ok(session.printer.one(&PrincipalView::from(principal))?)
}
