//! One file a noun: its arguments, and what each verb does.

pub(crate) mod access;
pub(crate) mod activation;
pub(crate) mod alert;
pub(crate) mod approval;
pub(crate) mod approvers;
pub(crate) mod audit;
mod batch;
pub(crate) mod change_request;
mod dates;
pub(crate) mod grant;
mod grant_calls;
pub(crate) mod group;
pub(crate) mod policy;
mod policy_test;
pub(crate) mod principal;
pub(crate) mod role;
mod role_permissions;
mod role_token;
mod role_write;
pub(crate) mod scope;
pub(crate) mod tenant;
mod whoami;

use crate::{
    args::{ClientCommand, ListOptions, WriteOptions},
    connect::Session,
    error::{CliError, EXIT_NO, EXIT_OK},
    output::Page,
};

/// Things asked for at once. Roles carry their permissions, so that a page of a thousand could be
/// larger than a message may be.
const PAGE_SIZE: u32 = 200;

/// Runs a command and says with which code the process should exit.
pub(crate) async fn run(command: ClientCommand, session: &mut Session<'_>) -> Result<u8, CliError> {
    match command {
        ClientCommand::Whoami => whoami::run(session).await?,
        ClientCommand::Role(command) => return role::run(command, session).await,
        ClientCommand::Principal(command) => principal::run(command, session).await?,
        ClientCommand::Group(command) => group::run(command, session).await?,
        ClientCommand::Eligibility(command) => {
            grant::run(grant_calls::Kind::Eligibility, command, session).await?;
        }
        ClientCommand::Assignment(command) => {
            grant::run(grant_calls::Kind::Assignment, command, session).await?;
        }
        ClientCommand::ChangeRequest(command) => change_request::run(command, session).await?,
        ClientCommand::Policy(command) => return policy::run(command, session).await,
        ClientCommand::Scope(command) => scope::run(command, session).await?,
        ClientCommand::Activate(command) => return activation::activate(command, session).await,
        ClientCommand::Deactivate(command) => activation::deactivate(command, session).await?,
        ClientCommand::Extend(command) => activation::extend(command, session).await?,
        ClientCommand::Cancel(command) => activation::cancel(command, session).await?,
        ClientCommand::Revoke(command) => activation::revoke(command, session).await?,
        ClientCommand::Activations(command) => activation::list(command, session).await?,
        ClientCommand::Approvals(command) => approval::list(command, session).await?,
        ClientCommand::Approve(command) => return approval::approve(command, session).await,
        ClientCommand::Deny(command) => return approval::deny(command, session).await,
        ClientCommand::Access(command) => {
            return Ok(match access::run(command, session).await? {
                access::Answer::Yes => EXIT_OK,
                access::Answer::No => EXIT_NO,
            });
        }
        ClientCommand::Audit(command) => return audit::run(command, session).await,
        ClientCommand::Alerts(command) => alert::run(command, session).await?,
        ClientCommand::Tenant(command) => tenant::run(command, session).await?,
    }
    Ok(EXIT_OK)
}

/// All pages of a list, or as many as are needed for `limit` things. `fetch` takes a page's size
/// and token and gives its things and the next page's token.
pub(crate) async fn fetch_pages<T>(
    limit: Option<ListOptions>,
    mut fetch: impl AsyncFnMut(i32, String) -> Result<(Vec<T>, String), CliError>,
) -> Result<Page<T>, CliError> {
    let limit = limit.and_then(|options| options.limit).unwrap_or(u32::MAX);
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let page_size = i32::try_from(limit.min(PAGE_SIZE)).unwrap_or(i32::MAX);
    let mut items: Vec<T> = Vec::new();
    let mut token = String::new();
    loop {
        let (page, next) = fetch(page_size, token).await?;
        items.extend(page);
        let more = items.len() > wanted || !next.is_empty();
        if items.len() >= wanted || !more {
            items.truncate(wanted);
            return Ok(Page { items, more });
        }
        token = next;
    }
}

/// The thing that an answer is about.
pub(crate) fn present<T>(thing: Option<T>) -> Result<T, CliError> {
    thing.ok_or(CliError::Incomplete)
}

/// Says that nothing has been written, where that was asked for.
fn note_validation(session: &mut Session<'_>, write: &WriteOptions) -> Result<(), CliError> {
    if write.validate_only {
        session.printer.note("permitted; nothing was written")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn pages(limit: Option<u32>) -> (Vec<usize>, bool, Vec<(i32, String)>) {
        let mut asked = Vec::new();
        let page = fetch_pages(Some(ListOptions { limit }), async |size, token| {
            asked.push((size, token.clone()));
            let start: usize = token.parse().unwrap_or(0);
            let next = if start < 6 { (start + 3).to_string() } else { String::new() };
            Ok(((start..start + 3).collect(), next))
        })
        .await
        .unwrap();
        (page.items, page.more, asked)
    }

    #[tokio::test]
    async fn all_pages_are_fetched() {
        let (items, more, asked) = pages(None).await;
        assert_eq!(items, (0..9).collect::<Vec<_>>());
        assert!(!more);
        let tokens: Vec<&str> = asked.iter().map(|(_, token)| token.as_str()).collect();
        assert_eq!(tokens, ["", "3", "6"]);
        assert_eq!(asked[0].0, 200);
    }

    #[tokio::test]
    async fn a_limit_cuts_and_says_so() {
        let (items, more, asked) = pages(Some(4)).await;
        assert_eq!((items, more), (vec![0, 1, 2, 3], true));
        assert_eq!(asked.len(), 2);
        assert_eq!(asked[0].0, 4);
        let (items, more, _) = pages(Some(9)).await;
        assert_eq!((items.len(), more), (9, false));
    }
}
