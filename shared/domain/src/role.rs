//! Roles: what can be held at a scope.

mod custom;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use custom::{
    ASSIGNABLE_SCOPES_MAX, BLOCKS_MAX, Create, Custom, Definition, Delete, Deletion, Facts,
    PATTERNS_MAX, Update, create,
};

use crate::{
    authority::{GROUP_MEMBER, GROUP_OWNER},
    catalog::CatalogFile,
    change::{Change, Thing, Version},
    event::{About, Code, Stamp, ThingKind},
    id::{RoleId, TenantId},
    scope::{Scope, ScopeKind},
};

/// The family a role belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Catalog {
    /// Directory roles of Microsoft Entra.
    Entra,
    /// Built-in resource roles of Azure.
    Azure,
    /// Roles of this system itself.
    Pim,
}

impl Catalog {
    /// Every catalog.
    pub const ALL: [Catalog; 3] = [Catalog::Entra, Catalog::Azure, Catalog::Pim];

    /// As it is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Catalog::Entra => "entra",
            Catalog::Azure => "azure",
            Catalog::Pim => "pim",
        }
    }

    /// Whether its roles can be granted at `scope`, but for access to groups.
    #[must_use]
    pub fn grants_at(self, scope: &Scope) -> bool {
        match (self, scope.kind()) {
            (_, ScopeKind::Root)
            | (Catalog::Pim, ScopeKind::Directory | ScopeKind::Resource)
            | (Catalog::Entra, ScopeKind::Directory)
            | (Catalog::Azure, ScopeKind::Resource) => true,
            (_, ScopeKind::Group)
            | (Catalog::Entra, ScopeKind::Resource)
            | (Catalog::Azure, ScopeKind::Directory) => false,
        }
    }

    /// Where its roles can be granted, in words.
    #[must_use]
    pub fn granted_at(self) -> &'static str {
        match self {
            Catalog::Entra => "/, administrative units and applications, for an Entra role",
            Catalog::Azure => "/, management groups, subscriptions and below, for an Azure role",
            Catalog::Pim => "any scope but a group",
        }
    }
}

/// One permission block. Blocks are evaluated one by one and OR-ed; within a block what is not
/// allowed is taken from what is allowed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PermissionBlock {
    /// Azure's condition on it, as it is published. It is not evaluated here, so a block that has
    /// one says yes to nothing by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Allowed on the control plane.
    pub actions: Vec<String>,
    /// Taken from `actions`.
    pub not_actions: Vec<String>,
    /// Allowed on the data plane.
    pub data_actions: Vec<String>,
    /// Taken from `data_actions`.
    pub not_data_actions: Vec<String>,
}

/// What can be held at a scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// That of a built-in role is the one that Microsoft publishes.
    pub id: RoleId,
    /// Its family.
    pub catalog: Catalog,
    /// For people only.
    pub display_name: String,
    /// Able to take over more than it says: marked so by its catalog or its author, or because it
    /// permits what leads to all else.
    pub privileged: bool,
    /// False: the system assigns it, nobody can be granted it.
    pub assignable: bool,
    /// Roles whose permissions it has as well.
    pub inherits: Vec<RoleId>,
    /// What it permits.
    pub permissions: Vec<PermissionBlock>,
    /// Absent: it is built in, and its catalog alone changes it.
    #[serde(default)]
    pub custom: Option<Custom>,
    /// Counts its changes.
    pub version: Version,
    /// When it was made.
    pub create_time: DateTime<Utc>,
    /// When it last changed.
    pub update_time: DateTime<Utc>,
}

impl Thing for Role {
    const KIND: ThingKind = ThingKind::Role;

    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn version(&self) -> Version {
        self.version
    }
}

/// A catalog as a tenant has it. Its roles are those of that version of the catalog, which is part
/// of this program, so that the log needs one entry and not a thousand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// Derived from tenant and catalog.
    pub id: Uuid,
    /// Which catalog.
    pub catalog: Catalog,
    /// The catalog's version.
    pub catalog_version: String,
    /// Counts the imports that changed something.
    pub version: Version,
    /// When it was first imported.
    pub create_time: DateTime<Utc>,
    /// When it was last imported with a change.
    pub update_time: DateTime<Utc>,
}

/// Access to a group: a role that is held at the group's scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupAccess {
    /// Has what the group holds.
    Member,
    /// Administers the group; has nothing of what it holds.
    Owner,
}

impl GroupAccess {
    /// The access that the role with this id is.
    #[must_use]
    pub fn of(role: RoleId) -> Option<Self> {
        match role.uuid() {
            GROUP_MEMBER => Some(Self::Member),
            GROUP_OWNER => Some(Self::Owner),
            _ => None,
        }
    }
}

impl Role {
    /// Whether it can be granted at `scope`: access to a group at a group and nowhere else, and
    /// nothing else at a group.
    #[must_use]
    pub fn grants_at(&self, scope: &Scope) -> bool {
        match GroupAccess::of(self.id) {
            Some(GroupAccess::Member | GroupAccess::Owner) => scope.kind() == ScopeKind::Group,
            None => self.catalog.grants_at(scope),
        }
    }
}

impl Thing for Import {
    const KIND: ThingKind = ThingKind::Catalog;

    fn id(&self) -> Uuid {
        self.id
    }

    fn version(&self) -> Version {
        self.version
    }
}

/// Brings a catalog to the version of `file`; `None` where the tenant has it already.
#[must_use]
pub fn import(
    tenant: TenantId,
    before: Option<&Import>,
    file: &CatalogFile,
    stamp: &Stamp,
) -> Option<Change<Import>> {
    let about = About { catalog: Some(file.catalog), ..About::default() };
    let Some(before) = before else {
        let after = Import {
            id: import_id(tenant, file.catalog),
            catalog: file.catalog,
            catalog_version: file.version.clone(),
            version: Version::FIRST,
            create_time: stamp.now,
            update_time: stamp.now,
        };
        return Some(Change::created(after, stamp, Code::CatalogImported, about));
    };
    if before.catalog_version == file.version {
        return None;
    }
    let after = Import {
        catalog_version: file.version.clone(),
        version: before.version.next(),
        update_time: stamp.now,
        ..before.clone()
    };
    Some(Change::updated(before, after, stamp, Code::CatalogImported, about))
}

/// The roles of a catalog as the import of `stamp` writes them.
pub fn of_catalog<'a>(
    file: &'a CatalogFile,
    change: &'a Import,
) -> impl Iterator<Item = Role> + 'a {
    file.roles.iter().map(|role| Role {
        id: role.id.into(),
        catalog: file.catalog,
        display_name: role.name.clone(),
        privileged: role.privileged,
        assignable: role.assignable,
        inherits: role.inherits.iter().copied().map(RoleId::from).collect(),
        permissions: role.permissions.clone(),
        custom: None,
        version: change.version,
        create_time: change.update_time,
        update_time: change.update_time,
    })
}

/// An id that is the same each time: the tenant's with the catalog's number in its last byte.
fn import_id(tenant: TenantId, catalog: Catalog) -> Uuid {
    let number = match catalog {
        Catalog::Entra => 1,
        Catalog::Azure => 2,
        Catalog::Pim => 3,
    };
    let mut bytes = tenant.uuid().into_bytes();
    bytes[15] ^= number;
    Uuid::from_bytes(bytes)
}
