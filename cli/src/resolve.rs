//! Names of the command line to ids.

use std::fmt::Write as _;

use pim_client::Client;
use pim_proto::assignment::v1::{
    GetPrincipalRequest, Group, ListGroupsRequest, ListPrincipalsRequest, ListRolesRequest,
    Principal, Role,
};
use tonic::Code;
use uuid::Uuid;

use crate::{
    command::{fetch_pages, present},
    error::CliError,
    time::instant,
    view::{exact, role::catalog_name},
};

/// The caller, as a principal.
const SELF: &str = "me";
/// Before the name of a group, where a principal could be named.
pub(crate) const GROUP: &str = "group:";
/// The roles that are access to a group.
pub(crate) const GROUP_MEMBER: &str = "96a66df7-c666-4f3f-a850-b062eda97e17";
pub(crate) const GROUP_OWNER: &str = "13fd7bdf-8c6a-4f58-912a-25ea844b51be";
/// Candidates in an error message, at most.
const CANDIDATES_SHOWN_MAX: usize = 8;

/// Something that a name may mean.
struct Candidate {
    id: String,
    name: String,
    /// Another name, compared exactly: subjects differ by case.
    subject: Option<String>,
    /// What tells it from others of its name.
    detail: String,
}

/// The id of a role that was given by id or display name.
pub(crate) async fn role(client: &Client, text: &str) -> Result<String, CliError> {
    if let Ok(id) = Uuid::try_parse(text) {
        return Ok(id.to_string());
    }
    let page = fetch_pages(None, async |page_size, page_token| {
        let display_name_contains = text.to_owned();
        let request = ListRolesRequest {
            display_name_contains,
            page_size,
            page_token,
            ..ListRolesRequest::default()
        };
        let answer = client.roles().list_roles(request).await?.into_inner();
        Ok((answer.roles, answer.next_page_token))
    })
    .await?;
    pick("role", text, page.items.into_iter().map(Candidate::from).collect())
}

/// The id of a group that was given by id or display name.
pub(crate) async fn group(client: &Client, text: &str) -> Result<String, CliError> {
    if let Ok(id) = Uuid::try_parse(text) {
        return Ok(id.to_string());
    }
    let page = fetch_pages(None, async |page_size, page_token| {
        let (text_contains, include_deleted) = (text.to_owned(), false);
        let request = ListGroupsRequest { text_contains, include_deleted, page_size, page_token };
        let answer = client.directory().list_groups(request).await?.into_inner();
        Ok((answer.groups, answer.next_page_token))
    })
    .await?;
    pick("group", text, page.items.into_iter().map(Candidate::from).collect())
}

/// The scope at which access to a group is held, that was given by id or display name.
pub(crate) async fn group_scope(client: &Client, text: &str) -> Result<String, CliError> {
    Ok(format!("/groups/{}", group(client, text).await?))
}

/// The id of a principal that was given by id, display name or subject, or as `me`; or of a group
/// that was given as `group:` and its display name.
pub(crate) async fn principal(client: &Client, text: &str) -> Result<String, CliError> {
    if let Ok(id) = Uuid::try_parse(text) {
        return Ok(id.to_string());
    }
    if let Some(name) = text.strip_prefix(GROUP) {
        return group(client, name).await;
    }
    if text == SELF {
        return Ok(caller(client).await?.id);
    }
    let page = fetch_pages(None, async |page_size, page_token| {
        let request =
            ListPrincipalsRequest { text_contains: text.to_owned(), page_size, page_token };
        let answer = client.directory().list_principals(request).await?.into_inner();
        Ok((answer.principals, answer.next_page_token))
    })
    .await;
    let candidates = match page {
        Ok(page) => page.items,
        // Who may not read others may still go by their own name.
        Err(CliError::Refused(refusal)) if refusal.code == Code::PermissionDenied => {
            let own = Candidate::from(caller(client).await?);
            return if own.is(text) { Ok(own.id) } else { Err(CliError::Refused(refusal)) };
        }
        Err(error) => return Err(error),
    };
    pick("principal", text, candidates.into_iter().map(Candidate::from).collect())
}

/// The caller's own principal.
pub(crate) async fn caller(client: &Client) -> Result<Principal, CliError> {
    let request = GetPrincipalRequest { principal_id: String::new() };
    present(client.directory().get_principal(request).await?.into_inner().principal)
}

fn pick(kind: &str, text: &str, candidates: Vec<Candidate>) -> Result<String, CliError> {
    let (fitting, others): (Vec<_>, Vec<_>) = candidates.into_iter().partition(|it| it.is(text));
    match fitting.as_slice() {
        [one] => Ok(one.id.clone()),
        [] => {
            let mut message = format!("there is no {kind} named {text:?}");
            if !others.is_empty() {
                message.push_str("; these come near:");
                describe(&mut message, &others);
            }
            Err(CliError::NotFound(message))
        }
        several => {
            let mut message = format!("more than one {kind} is named {text:?}; give the id:");
            describe(&mut message, several);
            Err(CliError::Ambiguous(message))
        }
    }
}

fn describe(message: &mut String, candidates: &[Candidate]) {
    for Candidate { id, name, detail, .. } in candidates.iter().take(CANDIDATES_SHOWN_MAX) {
        let _ = write!(message, "\n  {id}  {name} ({detail})");
    }
    if let Some(more @ 1..) = candidates.len().checked_sub(CANDIDATES_SHOWN_MAX) {
        let _ = write!(message, "\n  and {more} more");
    }
}

impl Candidate {
    fn is(&self, text: &str) -> bool {
        self.name.to_lowercase() == text.to_lowercase() || self.subject.as_deref() == Some(text)
    }
}

impl From<Role> for Candidate {
    fn from(role: Role) -> Self {
        let detail = catalog_name(role.catalog);
        Self { id: role.id, name: role.display_name, subject: None, detail }
    }
}

impl From<Group> for Candidate {
    fn from(group: Group) -> Self {
        let detail = format!("made {}", exact(instant(group.create_time)));
        Self { id: group.id, name: group.display_name, subject: None, detail }
    }
}

impl From<Principal> for Candidate {
    fn from(principal: Principal) -> Self {
        Self {
            id: principal.id,
            name: principal.display_name,
            detail: format!("{} of {}", principal.subject, principal.issuer),
            subject: Some(principal.subject),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(id: &str, name: &str, subject: Option<&str>) -> Candidate {
        Candidate {
            id: id.to_owned(),
            name: name.to_owned(),
            subject: subject.map(str::to_owned),
            detail: format!("detail {id}"),
        }
    }

    #[test]
    fn a_name_is_compared_whole_and_without_case() {
        let candidates =
            || vec![candidate("1", "Reader", None), candidate("2", "Key Reader", None)];
        assert_eq!(pick("role", "reader", candidates()).unwrap(), "1");
        let missing = pick("role", "read", candidates()).unwrap_err();
        assert_eq!(missing.exit_code(), 5);
        assert!(missing.to_string().contains("2  Key Reader (detail 2)"), "{missing}");
    }

    #[test]
    fn an_ambiguous_name_lists_its_candidates() {
        let candidates = vec![candidate("1", "Reader", None), candidate("2", "Reader", None)];
        let ambiguous = pick("role", "Reader", candidates).unwrap_err();
        assert_eq!(ambiguous.exit_code(), 6);
        for line in ["1  Reader (detail 1)", "2  Reader (detail 2)"] {
            assert!(ambiguous.to_string().contains(line), "{ambiguous}");
        }
    }

    #[test]
    fn a_principal_goes_by_its_subject_too_which_has_a_case() {
        let candidates = || {
            vec![candidate("1", "Alice A", Some("alice")), candidate("2", "Other", Some("Alice"))]
        };
        assert_eq!(pick("principal", "alice", candidates()).unwrap(), "1");
        assert_eq!(pick("principal", "Alice", candidates()).unwrap(), "2");
        assert_eq!(pick("principal", "alice a", candidates()).unwrap(), "1");
    }

    #[test]
    fn many_candidates_are_counted() {
        let candidates = (0..20).map(|id| candidate(&id.to_string(), "near", None)).collect();
        let missing = pick("role", "nea", candidates).unwrap_err().to_string();
        assert_eq!(missing.lines().count(), 1 + CANDIDATES_SHOWN_MAX + 1);
        assert!(missing.ends_with("and 12 more"), "{missing}");
    }
}
