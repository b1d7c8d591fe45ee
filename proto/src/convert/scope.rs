//! `ScopeService`.

use pim_domain::{
    id::GrantId,
    scope::{Deletion, Node, NodeKind, Register, Scope, Update},
    text::NAME_CHARS_MAX,
};

use super::{known, list, wire_time, write};
use crate::{
    assignment::v1,
    call::{Answer, List, Listed, ScopeFilter, Write},
    field::{self, FieldViolation},
};

impl TryFrom<v1::GetScopeRequest> for Scope {
    type Error = FieldViolation;

    fn try_from(request: v1::GetScopeRequest) -> Result<Self, FieldViolation> {
        field::scope(&request.scope, "scope")
    }
}

impl TryFrom<v1::ListScopesRequest> for List<ScopeFilter> {
    type Error = FieldViolation;

    fn try_from(request: v1::ListScopesRequest) -> Result<Self, FieldViolation> {
        let filter = ScopeFilter {
            parent: field::optional_scope(&request.parent_scope, "parent_scope")?,
            below: field::optional_scope(&request.below_scope, "below_scope")?,
            kind: kind(request.kind)?,
        };
        list(filter, request.page_size, request.page_token)
    }
}

fn kind(number: i32) -> Result<Option<NodeKind>, FieldViolation> {
    Ok(match known(number, "kind")? {
        v1::ScopeKind::Unspecified => None,
        v1::ScopeKind::AdministrativeUnit => Some(NodeKind::AdministrativeUnit),
        v1::ScopeKind::Application => Some(NodeKind::Application),
        v1::ScopeKind::ManagementGroup => Some(NodeKind::ManagementGroup),
        v1::ScopeKind::Subscription => Some(NodeKind::Subscription),
        v1::ScopeKind::ResourceGroup => Some(NodeKind::ResourceGroup),
        v1::ScopeKind::Resource => Some(NodeKind::Resource),
    })
}

impl TryFrom<v1::CreateScopeRequest> for Write<Register> {
    type Error = FieldViolation;

    fn try_from(request: v1::CreateScopeRequest) -> Result<Self, FieldViolation> {
        let command = Register {
            scope: field::scope(&request.scope, "scope")?,
            parent: field::optional_scope(&request.parent_scope, "parent_scope")?,
            display_name: field::name(request.display_name, "display_name", NAME_CHARS_MAX)?,
        };
        write(command, &request.request_id, request.validate_only)
    }
}

impl TryFrom<v1::UpdateScopeRequest> for Write<Update> {
    type Error = FieldViolation;

    fn try_from(request: v1::UpdateScopeRequest) -> Result<Self, FieldViolation> {
        let name = Some(request.display_name).filter(|name| !name.is_empty());
        let name = name.map(|name| field::name(name, "display_name", NAME_CHARS_MAX));
        let command = Update {
            scope: field::scope(&request.scope, "scope")?,
            etag: field::etag(request.etag)?,
            display_name: name.transpose()?,
            parent: field::optional_scope(&request.parent_scope, "parent_scope")?,
        };
        if command.display_name.is_none() && command.parent.is_none() {
            let description = "must be given, or parent_scope must; nothing is changed";
            return Err(FieldViolation::new("display_name", description));
        }
        write(command, &request.request_id, request.validate_only)
    }
}

impl TryFrom<v1::DeleteScopeRequest> for Write<Deletion> {
    type Error = FieldViolation;

    fn try_from(request: v1::DeleteScopeRequest) -> Result<Self, FieldViolation> {
        let command = Deletion {
            scope: field::scope(&request.scope, "scope")?,
            etag: field::etag(request.etag)?,
        };
        write(command, &request.request_id, request.validate_only)
    }
}

impl TryFrom<v1::SearchActivatableScopesRequest> for List<GrantId> {
    type Error = FieldViolation;

    fn try_from(request: v1::SearchActivatableScopesRequest) -> Result<Self, FieldViolation> {
        let eligibility = field::id(&request.eligibility_id, "eligibility_id")?;
        list(eligibility, request.page_size, request.page_token)
    }
}

impl From<Answer<Node>> for v1::GetScopeResponse {
    fn from(answer: Answer<Node>) -> Self {
        Self { scope: Some(answer.value.into()), revision: answer.revision }
    }
}

impl From<Listed<Node>> for v1::ListScopesResponse {
    fn from(listed: Listed<Node>) -> Self {
        Self {
            scopes: listed.items.into_iter().map(v1::Scope::from).collect(),
            next_page_token: listed.next_page_token,
            revision: listed.revision,
        }
    }
}

impl From<Answer<Node>> for v1::CreateScopeResponse {
    fn from(answer: Answer<Node>) -> Self {
        Self { scope: Some(answer.value.into()), revision: answer.revision }
    }
}

impl From<Answer<Node>> for v1::UpdateScopeResponse {
    fn from(answer: Answer<Node>) -> Self {
        Self { scope: Some(answer.value.into()), revision: answer.revision }
    }
}

impl From<Answer<Node>> for v1::DeleteScopeResponse {
    fn from(answer: Answer<Node>) -> Self {
        Self { scope: Some(answer.value.into()), revision: answer.revision }
    }
}

impl From<Listed<Node>> for v1::SearchActivatableScopesResponse {
    fn from(listed: Listed<Node>) -> Self {
        Self {
            scopes: listed.items.into_iter().map(v1::Scope::from).collect(),
            next_page_token: listed.next_page_token,
            revision: listed.revision,
        }
    }
}

impl From<Node> for v1::Scope {
    fn from(node: Node) -> Self {
        Self {
            id: node.id.to_string(),
            kind: wire_kind(node.kind()).into(),
            scope: node.scope.to_string(),
            parent_scope: node.parent.map(String::from).unwrap_or_default(),
            display_name: node.display_name,
            create_time: Some(wire_time(node.create_time)),
            update_time: Some(wire_time(node.update_time)),
            etag: node.version.etag(),
        }
    }
}

fn wire_kind(kind: NodeKind) -> v1::ScopeKind {
    match kind {
        // Nobody registers the root.
        NodeKind::Root => v1::ScopeKind::Unspecified,
        NodeKind::AdministrativeUnit => v1::ScopeKind::AdministrativeUnit,
        NodeKind::Application => v1::ScopeKind::Application,
        NodeKind::ManagementGroup => v1::ScopeKind::ManagementGroup,
        NodeKind::Subscription => v1::ScopeKind::Subscription,
        NodeKind::ResourceGroup => v1::ScopeKind::ResourceGroup,
        NodeKind::Resource => v1::ScopeKind::Resource,
    }
}
