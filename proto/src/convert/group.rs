//! Groups of `DirectoryService`.

use pim_domain::{
    group::{Delete, Group, NewGroup, Update},
    id::GroupId,
    scope::Scope,
    text::NAME_CHARS_MAX,
};

use super::{list, wire_time, write};
use crate::{
    assignment::v1,
    call::{Answer, GroupFilter, List, Listed, Write},
    field::{self, FieldViolation},
};

impl TryFrom<v1::CreateGroupRequest> for Write<NewGroup> {
    type Error = FieldViolation;

    fn try_from(request: v1::CreateGroupRequest) -> Result<Self, FieldViolation> {
        let command = NewGroup {
            display_name: field::name(request.display_name, "display_name", NAME_CHARS_MAX)?,
            role_assignable: request.role_assignable,
        };
        write(command, &request.request_id, request.validate_only)
    }
}

impl TryFrom<v1::GetGroupRequest> for GroupId {
    type Error = FieldViolation;

    fn try_from(request: v1::GetGroupRequest) -> Result<Self, FieldViolation> {
        field::id(&request.group_id, "group_id")
    }
}

impl TryFrom<v1::ListGroupsRequest> for List<GroupFilter> {
    type Error = FieldViolation;

    fn try_from(request: v1::ListGroupsRequest) -> Result<Self, FieldViolation> {
        let filter = GroupFilter {
            text_contains: field::contains(request.text_contains, "text_contains")?,
            include_deleted: request.include_deleted,
        };
        list(filter, request.page_size, request.page_token)
    }
}

impl TryFrom<v1::UpdateGroupRequest> for Write<Update> {
    type Error = FieldViolation;

    fn try_from(request: v1::UpdateGroupRequest) -> Result<Self, FieldViolation> {
        let command = Update {
            group: field::id(&request.group_id, "group_id")?,
            etag: field::etag(request.etag)?,
            display_name: field::name(request.display_name, "display_name", NAME_CHARS_MAX)?,
        };
        write(command, &request.request_id, request.validate_only)
    }
}

impl TryFrom<v1::DeleteGroupRequest> for Write<Delete> {
    type Error = FieldViolation;

    fn try_from(request: v1::DeleteGroupRequest) -> Result<Self, FieldViolation> {
        let command = Delete {
            group: field::id(&request.group_id, "group_id")?,
            etag: field::etag(request.etag)?,
        };
        write(command, &request.request_id, request.validate_only)
    }
}

impl From<Answer<Group>> for v1::CreateGroupResponse {
    fn from(answer: Answer<Group>) -> Self {
        Self { group: Some(answer.value.into()), revision: answer.revision }
    }
}

impl From<Answer<Group>> for v1::GetGroupResponse {
    fn from(answer: Answer<Group>) -> Self {
        Self { group: Some(answer.value.into()), revision: answer.revision }
    }
}

impl From<Listed<Group>> for v1::ListGroupsResponse {
    fn from(listed: Listed<Group>) -> Self {
        Self {
            groups: listed.items.into_iter().map(v1::Group::from).collect(),
            next_page_token: listed.next_page_token,
            revision: listed.revision,
        }
    }
}

impl From<Answer<Group>> for v1::UpdateGroupResponse {
    fn from(answer: Answer<Group>) -> Self {
        Self { group: Some(answer.value.into()), revision: answer.revision }
    }
}

impl From<Answer<Group>> for v1::DeleteGroupResponse {
    fn from(answer: Answer<Group>) -> Self {
        Self { group: Some(answer.value.into()), revision: answer.revision }
    }
}

impl From<Group> for v1::Group {
    fn from(group: Group) -> Self {
        Self {
            id: group.id.to_string(),
            scope: Scope::of_group(group.id).into(),
            etag: group.version.etag(),
            display_name: group.display_name,
            role_assignable: group.role_assignable,
            create_time: Some(wire_time(group.create_time)),
            update_time: Some(wire_time(group.update_time)),
            delete_time: group.deleted.map(wire_time),
        }
    }
}
