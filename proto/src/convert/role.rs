//! `RoleService`.

use pim_domain::{
    id::RoleId,
    role::{PermissionBlock, Role},
};

use super::{catalog, list, texts, wire_catalog, wire_count, wire_time, write};
use crate::{
    assignment::v1,
    call::{Answer, ImportCatalog, ImportView, List, Listed, RoleFilter, Write},
    field::{self, FieldViolation, Required as _},
};

impl TryFrom<v1::ImportCatalogRequest> for Write<ImportCatalog> {
    type Error = FieldViolation;

    fn try_from(request: v1::ImportCatalogRequest) -> Result<Self, FieldViolation> {
        let catalog = catalog(request.catalog, "catalog")?.required("catalog")?;
        write(ImportCatalog { catalog }, &request.request_id, request.validate_only)
    }
}

impl TryFrom<v1::GetRoleRequest> for RoleId {
    type Error = FieldViolation;

    fn try_from(request: v1::GetRoleRequest) -> Result<Self, FieldViolation> {
        field::id(&request.role_id, "role_id")
    }
}

impl TryFrom<v1::ListRolesRequest> for List<RoleFilter> {
    type Error = FieldViolation;

    fn try_from(request: v1::ListRolesRequest) -> Result<Self, FieldViolation> {
        let filter = RoleFilter {
            catalog: catalog(request.catalog, "catalog")?,
            display_name_contains: field::contains(
                request.display_name_contains,
                "display_name_contains",
            )?,
        };
        list(filter, request.page_size, request.page_token)
    }
}

impl From<Answer<ImportView>> for v1::ImportCatalogResponse {
    fn from(answer: Answer<ImportView>) -> Self {
        let ImportView { import, origin, role_count, changed_count } = answer.value;
        Self {
            catalog: wire_catalog(import.catalog).into(),
            version: import.catalog_version,
            origin,
            role_count: wire_count(role_count),
            changed_count: wire_count(changed_count),
            revision: answer.revision,
        }
    }
}

impl From<Answer<Role>> for v1::GetRoleResponse {
    fn from(answer: Answer<Role>) -> Self {
        Self { role: Some(answer.value.into()), revision: answer.revision }
    }
}

impl From<Listed<Role>> for v1::ListRolesResponse {
    fn from(listed: Listed<Role>) -> Self {
        Self {
            roles: listed.items.into_iter().map(v1::Role::from).collect(),
            next_page_token: listed.next_page_token,
            revision: listed.revision,
        }
    }
}

impl From<Role> for v1::Role {
    fn from(role: Role) -> Self {
        Self {
            id: role.id.to_string(),
            catalog: wire_catalog(role.catalog).into(),
            display_name: role.display_name,
            privileged: role.privileged,
            assignable: role.assignable,
            inherits_role_ids: texts(role.inherits),
            permissions: role.permissions.into_iter().map(v1::PermissionBlock::from).collect(),
            create_time: Some(wire_time(role.create_time)),
            update_time: Some(wire_time(role.update_time)),
            etag: role.version.etag(),
        }
    }
}

impl From<PermissionBlock> for v1::PermissionBlock {
    fn from(block: PermissionBlock) -> Self {
        Self {
            actions: block.actions,
            not_actions: block.not_actions,
            data_actions: block.data_actions,
            not_data_actions: block.not_data_actions,
            condition: block.condition.unwrap_or_default(),
        }
    }
}
