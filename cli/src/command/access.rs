//! Who holds what now.

use clap::{Args, Subcommand};
use pim_proto::access::v1::{
    CheckAccessRequest, Decision, Holding, ListEffectiveRolesRequest, ListRoleHoldersRequest,
    check_access_request::Question,
};

use super::fetch_pages;
use crate::{
    args::ListOptions,
    connect::Session,
    error::CliError,
    output::Page,
    resolve,
    view::access::{CheckView, HoldingView},
};

/// `pim access`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Does a principal hold a role at a scope now, or one that permits an action? Exits with 0 for
    /// yes, 1 for no
    Check {
        /// Who
        #[arg(long, default_value = "me")]
        principal: String,
        #[command(flatten)]
        asked: Asked,
        /// Where
        #[arg(long, default_value = "/")]
        scope: String,
    },
    /// List what a principal holds now
    Roles {
        /// Who
        #[arg(long, default_value = "me")]
        principal: String,
        /// Only what holds at this scope [default: wherever it is held]
        #[arg(long, default_value = "", hide_default_value = true)]
        scope: String,
        #[command(flatten)]
        list: ListOptions,
    },
    /// List who holds a role at a scope now
    Holders {
        /// What
        #[arg(long)]
        role: String,
        /// Where
        #[arg(long, default_value = "/")]
        scope: String,
        #[command(flatten)]
        list: ListOptions,
    },
}

/// One of these.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Asked {
    /// A role
    #[arg(long)]
    role: Option<String>,
    /// What a role must permit, such as Microsoft.Compute/virtualMachines/read
    #[arg(long)]
    action: Option<String>,
    /// What a role must permit on data
    #[arg(long)]
    data_action: Option<String>,
}

/// What a script wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Allowed, or a list.
    Yes,
    /// Not allowed.
    No,
}

pub(crate) async fn run(command: Command, session: &mut Session<'_>) -> Result<Answer, CliError> {
    let client = session.client.clone();
    match command {
        Command::Check { principal, asked, scope } => {
            let question = match (asked.role, asked.action, asked.data_action) {
                (Some(role), _, _) => Some(Question::RoleId(resolve::role(&client, &role).await?)),
                (None, Some(action), _) => Some(Question::Action(action)),
                (None, None, data_action) => data_action.map(Question::DataAction),
            };
            let request = CheckAccessRequest {
                principal_id: resolve::principal(&client, &principal).await?,
                question,
                scope,
                ..CheckAccessRequest::default()
            };
            let response = client.access().check_access(request).await?.into_inner();
            // Whatever this program does not know is no yes.
            let answer = match response.decision() {
                Decision::Allowed => Answer::Yes,
                Decision::Denied | Decision::Unspecified => Answer::No,
            };
            session.printer.one(&CheckView::from(response))?;
            Ok(answer)
        }
        Command::Roles { principal, scope, list } => {
            let principal_id = resolve::principal(&client, &principal).await?;
            let page = fetch_pages(Some(list), async |page_size, page_token| {
                let (principal_id, scope) = (principal_id.clone(), scope.clone());
                let request = ListEffectiveRolesRequest {
                    principal_id,
                    scope,
                    page_size,
                    page_token,
                    ..ListEffectiveRolesRequest::default()
                };
                let answer = client.access().list_effective_roles(request).await?.into_inner();
                Ok((answer.holdings, answer.next_page_token))
            })
            .await?;
            print(page, session).await
        }
        Command::Holders { role, scope, list } => {
            let role_id = resolve::role(&client, &role).await?;
            let request =
                ListRoleHoldersRequest { role_id, scope, ..ListRoleHoldersRequest::default() };
            holders(request, list, session).await?;
            Ok(Answer::Yes)
        }
    }
}

/// Prints who holds what is asked for.
pub(super) async fn holders(
    request: ListRoleHoldersRequest,
    list: ListOptions,
    session: &mut Session<'_>,
) -> Result<(), CliError> {
    let client = session.client.clone();
    let page = fetch_pages(Some(list), async |page_size, page_token| {
        let request = ListRoleHoldersRequest { page_size, page_token, ..request.clone() };
        let answer = client.access().list_role_holders(request).await?.into_inner();
        Ok((answer.holdings, answer.next_page_token))
    })
    .await?;
    print(page, session).await?;
    Ok(())
}

async fn print(page: Page<Holding>, session: &mut Session<'_>) -> Result<Answer, CliError> {
    let roles = page.items.iter().map(|it| it.role_id.as_str());
    let principals =
        page.items.iter().flat_map(|it| [it.principal_id.as_str(), it.group_id.as_str()]);
    session.learn(roles, principals).await;
    let page = page.map(|holding| HoldingView::new(holding, &session.names));
    session.printer.list(&page)?;
    Ok(Answer::Yes)
}
