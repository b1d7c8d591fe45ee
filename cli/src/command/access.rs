//! Who holds what, and why.

use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, Subcommand};
use pim_client::Client;
use pim_proto::access::v1::{
    CheckAccessRequest, Consistency, Decision, ExplainAccessRequest, Holding,
    ListEffectiveRolesRequest, ListRoleHoldersRequest, check_access_request::Question,
    consistency::Requirement, explain_access_request::Question as Explained,
};
use prost_types::Timestamp;

use super::{fetch_pages, role_token};
use crate::{
    args::ListOptions,
    connect::Session,
    error::CliError,
    output::Page,
    resolve,
    time::{parse_duration, parse_time, timestamp, wire_duration},
    view::{
        access::{CheckView, HoldingView},
        explain::{ExplainView, people},
    },
};

/// `pim access`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Does a principal hold a role at a scope, or one that permits an action, or belong to a group?
    /// Exits with 0 for yes, 1 for no
    Check {
        /// Who
        #[arg(long, default_value = "me")]
        principal: String,
        #[command(flatten)]
        asked: Asked,
        #[command(flatten)]
        when: When,
    },
    /// Say why a check is answered as it is. Exits with 0 for yes, 1 for no
    Explain {
        /// Who
        #[arg(long, default_value = "me")]
        principal: String,
        #[command(flatten)]
        asked: Asked,
        /// At this instant of the past [default: now]
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        at: Option<DateTime<Utc>>,
    },
    /// List what a principal holds
    Roles {
        /// Who
        #[arg(long, default_value = "me")]
        principal: String,
        /// Only what holds at this scope [default: wherever it is held]
        #[arg(long, default_value = "", hide_default_value = true)]
        scope: String,
        #[command(flatten)]
        when: When,
        #[command(flatten)]
        list: ListOptions,
    },
    /// List who holds a role at a scope
    Holders {
        /// What
        #[arg(long)]
        role: String,
        /// Where
        #[arg(long, default_value = "/")]
        scope: String,
        /// At this instant of the past [default: now]
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        at: Option<DateTime<Utc>>,
        #[command(flatten)]
        list: ListOptions,
    },
    /// Print a role token: what you hold now, signed for one reader
    Token(role_token::Token),
    /// List the keys by which role tokens are verified; --output json has them as a JWK set
    Keys,
}

/// What is asked, and where.
#[derive(Debug, Args)]
pub(crate) struct Asked {
    #[command(flatten)]
    what: What,
    /// Where
    #[arg(long, default_value = "/", conflicts_with = "group")]
    scope: String,
}

/// One of these.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct What {
    /// A role
    #[arg(long)]
    role: Option<String>,
    /// What a role must permit, such as Microsoft.Compute/virtualMachines/read
    #[arg(long)]
    action: Option<String>,
    /// What a role must permit on data
    #[arg(long)]
    data_action: Option<String>,
    /// To belong to this group
    #[arg(long)]
    group: Option<String>,
}

/// Of which state.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct When {
    /// At this instant of the past [default: now, with all that has been written]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    at: Option<DateTime<Utc>>,
    /// As new as this revision, which an answer gave
    #[arg(long, value_name = "REVISION")]
    after: Option<String>,
    /// At most this old, which is faster
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    max_staleness: Option<TimeDelta>,
}

impl When {
    fn wire(self) -> (Option<Timestamp>, Option<Consistency>) {
        let revision = self.after.map(Requirement::AtLeastAsFresh);
        let requirement =
            revision.or(self.max_staleness.map(wire_duration).map(Requirement::MaxStaleness));
        let consistency = requirement.map(|one| Consistency { requirement: Some(one) });
        (self.at.map(timestamp), consistency)
    }
}

impl Asked {
    /// The question and its scope for the wire.
    async fn wire(self, client: &Client) -> Result<(Option<Question>, String), CliError> {
        let What { role, action, data_action, group } = self.what;
        let question = match (role, action, data_action, group) {
            (Some(role), ..) => Some(Question::RoleId(resolve::role(client, &role).await?)),
            (_, Some(action), ..) => Some(Question::Action(action)),
            (_, _, Some(data_action), _) => Some(Question::DataAction(data_action)),
            (.., Some(group)) => {
                let group = resolve::group(client, &group).await?;
                return Ok((Some(Question::GroupId(group)), String::new()));
            }
            (None, None, None, None) => None,
        };
        Ok((question, self.scope))
    }
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
        Command::Check { principal, asked, when } => {
            let (question, scope) = asked.wire(&client).await?;
            let principal_id = resolve::principal(&client, &principal).await?;
            let (at, consistency) = when.wire();
            let request = CheckAccessRequest { principal_id, question, scope, consistency, at };
            let response = client.access().check_access(request).await?.into_inner();
            let answer = Answer::from(response.decision());
            session.printer.one(&CheckView::from(response))?;
            Ok(answer)
        }
        Command::Explain { principal, asked, at } => explain(principal, asked, at, session).await,
        Command::Roles { principal, scope, when, list } => {
            let (at, consistency) = when.wire();
            let principal_id = resolve::principal(&client, &principal).await?;
            let page = fetch_pages(Some(list), async |page_size, page_token| {
                let request = ListEffectiveRolesRequest {
                    principal_id: principal_id.clone(),
                    scope: scope.clone(),
                    page_size,
                    page_token,
                    consistency: consistency.clone(),
                    at,
                };
                let answer = client.access().list_effective_roles(request).await?.into_inner();
                Ok((answer.holdings, answer.next_page_token))
            })
            .await?;
            print(page, session).await
        }
        Command::Holders { role, scope, at, list } => {
            let role_id = resolve::role(&client, &role).await?;
            let at = at.map(timestamp);
            let request =
                ListRoleHoldersRequest { role_id, scope, at, ..ListRoleHoldersRequest::default() };
            holders(request, list, session).await?;
            Ok(Answer::Yes)
        }
        Command::Token(token) => {
            role_token::issue(token, session).await?;
            Ok(Answer::Yes)
        }
        Command::Keys => {
            role_token::keys(session).await?;
            Ok(Answer::Yes)
        }
    }
}

impl From<Decision> for Answer {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Allowed => Answer::Yes,
            // Whatever this program does not know is no yes.
            Decision::Denied | Decision::Unspecified => Answer::No,
        }
    }
}

async fn explain(
    principal: String,
    asked: Asked,
    at: Option<DateTime<Utc>>,
    session: &mut Session<'_>,
) -> Result<Answer, CliError> {
    let client = session.client.clone();
    let (question, scope) = asked.wire(&client).await?;
    let question = question.map(|question| match question {
        Question::RoleId(id) => Explained::RoleId(id),
        Question::Action(name) => Explained::Action(name),
        Question::DataAction(name) => Explained::DataAction(name),
        Question::GroupId(id) => Explained::GroupId(id),
    });
    let principal_id = resolve::principal(&client, &principal).await?;
    let request = ExplainAccessRequest { principal_id, question, scope, at: at.map(timestamp) };
    let response = client.access().explain_access(request).await?.into_inner();
    let answer = Answer::from(response.decision());
    let held = response.supports.iter().filter_map(|one| one.holding.as_ref());
    let roles = held.map(|holding| holding.role_id.as_str());
    let roles = roles.chain(response.obstacles.iter().map(|one| one.role_id.as_str()));
    let people = people(&response);
    session.learn(roles, people.iter().map(String::as_str)).await;
    session.printer.one(&ExplainView::new(response, &session.names))?;
    Ok(answer)
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
