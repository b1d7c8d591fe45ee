//! `RoleService`.

use pim_domain::{
    authority::conferred_by,
    id::RoleId,
    permission::well_formed,
    role::{Create, Definition, Delete, PermissionBlock, Role, Update},
    text::NAME_CHARS_MAX,
};

use super::{catalog, list, texts, wire_catalog, wire_conferred, wire_count, wire_time, write};
use crate::{
    assignment::v1,
    call::{Answer, ImportCatalog, ImportView, List, Listed, RoleFilter, Write},
    field::{self, FieldViolation, Nested as _, Required as _},
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
            custom_only: request.custom_only,
            include_deleted: request.include_deleted,
        };
        list(filter, request.page_size, request.page_token)
    }
}

impl TryFrom<v1::CreateRoleRequest> for Write<Create> {
    type Error = FieldViolation;

    fn try_from(request: v1::CreateRoleRequest) -> Result<Self, FieldViolation> {
        let create = Create {
            catalog: catalog(request.catalog, "catalog")?.required("catalog")?,
            definition: definition(request.definition)?,
        };
        write(create, &request.request_id, request.validate_only)
    }
}

impl TryFrom<v1::UpdateRoleRequest> for Write<Update> {
    type Error = FieldViolation;

    fn try_from(request: v1::UpdateRoleRequest) -> Result<Self, FieldViolation> {
        let update = Update {
            role: field::id(&request.role_id, "role_id")?,
            etag: field::etag(request.etag)?,
            definition: definition(request.definition)?,
        };
        write(update, &request.request_id, request.validate_only)
    }
}

impl TryFrom<v1::DeleteRoleRequest> for Write<Delete> {
    type Error = FieldViolation;

    fn try_from(request: v1::DeleteRoleRequest) -> Result<Self, FieldViolation> {
        let delete = Delete {
            role: field::id(&request.role_id, "role_id")?,
            etag: field::etag(request.etag)?,
            justification: field::justification(request.justification)?,
        };
        write(delete, &request.request_id, request.validate_only)
    }
}

/// Whether its patterns are of its catalog, and not too many, is judged with the catalog in hand.
fn definition(definition: Option<v1::RoleDefinition>) -> Result<Definition, FieldViolation> {
    read_definition(definition.required("definition")?).field("definition")
}

fn read_definition(definition: v1::RoleDefinition) -> Result<Definition, FieldViolation> {
    let scopes = definition.assignable_scopes.iter().enumerate();
    let scopes =
        scopes.map(|(index, scope)| field::scope(scope, &format!("assignable_scopes[{index}]")));
    let blocks = definition.permissions.into_iter().enumerate();
    let blocks = blocks.map(|(index, one)| block(one).field(format_args!("permissions[{index}]")));
    Ok(Definition {
        display_name: field::name(definition.display_name, "display_name", NAME_CHARS_MAX)?,
        privileged: definition.privileged,
        assignable_scopes: scopes.collect::<Result<_, _>>()?,
        permissions: blocks.collect::<Result<_, _>>()?,
    })
}

fn block(block: v1::PermissionBlock) -> Result<PermissionBlock, FieldViolation> {
    if !block.condition.is_empty() {
        let description = "must be empty: conditions are not evaluated here";
        return Err(FieldViolation::new("condition", description));
    }
    Ok(PermissionBlock {
        condition: None,
        actions: patterns(block.actions, "actions")?,
        not_actions: patterns(block.not_actions, "not_actions")?,
        data_actions: patterns(block.data_actions, "data_actions")?,
        not_data_actions: patterns(block.not_data_actions, "not_data_actions")?,
    })
}

fn patterns(texts: Vec<String>, path: &str) -> Result<Vec<String>, FieldViolation> {
    let malformed = texts.iter().enumerate().find_map(|(index, text)| {
        let error = well_formed(text).err()?;
        let description = format!("{error}; it is {}", field::given(text));
        Some(FieldViolation::new(format!("{path}[{index}]"), description))
    });
    malformed.map_or(Ok(texts), Err)
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
        let (own_realms, own_actions) = wire_conferred(conferred_by(answer.value.id));
        let (role, revision) = (Some(answer.value.into()), answer.revision);
        Self { role, revision, own_actions, own_realms }
    }
}

impl From<Answer<Role>> for v1::CreateRoleResponse {
    fn from(answer: Answer<Role>) -> Self {
        Self { role: Some(answer.value.into()), revision: answer.revision }
    }
}

impl From<Answer<Role>> for v1::UpdateRoleResponse {
    fn from(answer: Answer<Role>) -> Self {
        Self { role: Some(answer.value.into()), revision: answer.revision }
    }
}

impl From<Answer<Role>> for v1::DeleteRoleResponse {
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
        let delete_time = role.deletion().map(|deletion| wire_time(deletion.at));
        let scopes = role.custom.as_ref().map(|custom| texts(&custom.assignable_scopes));
        Self {
            custom: role.custom.is_some(),
            assignable_scopes: scopes.unwrap_or_default(),
            delete_time,
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
