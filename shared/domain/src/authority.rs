//! What callers may do to the system itself: own actions, and which of the roles that it manages
//! confer them, as data. A caller must hold such a role effectively, now, at the object's scope.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::{Uuid, uuid};

use crate::{
    condition::Signals,
    denial::{Denial, Reason},
    effective::Held,
    id::RoleId,
    principal::Principal,
    role::Catalog,
    scope::{Lineage, Scope, ScopeKind},
};

/// What can be done to the system, by whoever holds it at the object's scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is its text in as_str")]
pub enum Action {
    TenantUpdate,
    TenantFreeze,
    TenantUnfreeze,
    RoleImport,
    RoleCreate,
    RoleUpdate,
    RoleDelete,
    PrincipalCreate,
    PrincipalRead,
    PrincipalDisable,
    PrincipalEnable,
    GroupCreate,
    GroupRead,
    GroupUpdate,
    GroupDelete,
    PolicyUpdate,
    ScopeCreate,
    ScopeUpdate,
    ScopeDelete,
    ScopeRead,
    EligibilityCreate,
    EligibilityUpdate,
    EligibilityExtend,
    EligibilityRenew,
    EligibilityRead,
    EligibilityRemove,
    AssignmentCreate,
    AssignmentUpdate,
    AssignmentExtend,
    AssignmentRenew,
    AssignmentRead,
    AssignmentRemove,
    ChangeRequestRead,
    ChangeRequestApprove,
    ChangeRequestDeny,
    ChangeRequestCancel,
    ActivationRead,
    ActivationCancel,
    ActivationRevoke,
    ApprovalRead,
    EventRead,
    JustificationErase,
    AlertDismiss,
    AlertUpdate,
    AccessCheck,
    AccessRead,
}

impl Action {
    /// Every action.
    pub const ALL: [Action; 46] = [
        Action::TenantUpdate,
        Action::TenantFreeze,
        Action::TenantUnfreeze,
        Action::RoleImport,
        Action::RoleCreate,
        Action::RoleUpdate,
        Action::RoleDelete,
        Action::PrincipalCreate,
        Action::PrincipalRead,
        Action::PrincipalDisable,
        Action::PrincipalEnable,
        Action::GroupCreate,
        Action::GroupRead,
        Action::GroupUpdate,
        Action::GroupDelete,
        Action::PolicyUpdate,
        Action::ScopeCreate,
        Action::ScopeUpdate,
        Action::ScopeDelete,
        Action::ScopeRead,
        Action::EligibilityCreate,
        Action::EligibilityUpdate,
        Action::EligibilityExtend,
        Action::EligibilityRenew,
        Action::EligibilityRead,
        Action::EligibilityRemove,
        Action::AssignmentCreate,
        Action::AssignmentUpdate,
        Action::AssignmentExtend,
        Action::AssignmentRenew,
        Action::AssignmentRead,
        Action::AssignmentRemove,
        Action::ChangeRequestRead,
        Action::ChangeRequestApprove,
        Action::ChangeRequestDeny,
        Action::ChangeRequestCancel,
        Action::ActivationRead,
        Action::ActivationCancel,
        Action::ActivationRevoke,
        Action::ApprovalRead,
        Action::EventRead,
        Action::JustificationErase,
        Action::AlertDismiss,
        Action::AlertUpdate,
        Action::AccessCheck,
        Action::AccessRead,
    ];

    /// As it is shown: `pim/<thing>/<verb>`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Action::TenantUpdate => "pim/tenant/update",
            Action::TenantFreeze => "pim/tenant/freeze",
            Action::TenantUnfreeze => "pim/tenant/unfreeze",
            Action::RoleImport => "pim/role/import",
            Action::RoleCreate => "pim/role/create",
            Action::RoleUpdate => "pim/role/update",
            Action::RoleDelete => "pim/role/delete",
            Action::PrincipalCreate => "pim/principal/create",
            Action::PrincipalRead => "pim/principal/read",
            Action::PrincipalDisable => "pim/principal/disable",
            Action::PrincipalEnable => "pim/principal/enable",
            Action::GroupCreate => "pim/group/create",
            Action::GroupRead => "pim/group/read",
            Action::GroupUpdate => "pim/group/update",
            Action::GroupDelete => "pim/group/delete",
            Action::PolicyUpdate => "pim/policy/update",
            Action::ScopeCreate => "pim/scope/create",
            Action::ScopeUpdate => "pim/scope/update",
            Action::ScopeDelete => "pim/scope/delete",
            Action::ScopeRead => "pim/scope/read",
            Action::EligibilityCreate => "pim/eligibility/create",
            Action::EligibilityUpdate => "pim/eligibility/update",
            Action::EligibilityExtend => "pim/eligibility/extend",
            Action::EligibilityRenew => "pim/eligibility/renew",
            Action::EligibilityRead => "pim/eligibility/read",
            Action::EligibilityRemove => "pim/eligibility/remove",
            Action::AssignmentCreate => "pim/assignment/create",
            Action::AssignmentUpdate => "pim/assignment/update",
            Action::AssignmentExtend => "pim/assignment/extend",
            Action::AssignmentRenew => "pim/assignment/renew",
            Action::AssignmentRead => "pim/assignment/read",
            Action::AssignmentRemove => "pim/assignment/remove",
            Action::ChangeRequestRead => "pim/change_request/read",
            Action::ChangeRequestApprove => "pim/change_request/approve",
            Action::ChangeRequestDeny => "pim/change_request/deny",
            Action::ChangeRequestCancel => "pim/change_request/cancel",
            Action::ActivationRead => "pim/activation/read",
            Action::ActivationCancel => "pim/activation/cancel",
            Action::ActivationRevoke => "pim/activation/revoke",
            Action::ApprovalRead => "pim/approval/read",
            Action::EventRead => "pim/event/read",
            Action::JustificationErase => "pim/justification/erase",
            Action::AlertDismiss => "pim/alert/dismiss",
            Action::AlertUpdate => "pim/alert/update",
            Action::AccessCheck => "pim/access/check",
            Action::AccessRead => "pim/access/read",
        }
    }

    fn is_reading(self) -> bool {
        match self {
            Action::PrincipalRead
            | Action::GroupRead
            | Action::ScopeRead
            | Action::EligibilityRead
            | Action::AssignmentRead
            | Action::ChangeRequestRead
            | Action::ActivationRead
            | Action::ApprovalRead
            | Action::EventRead
            | Action::AccessRead => true,
            Action::TenantUpdate
            | Action::TenantFreeze
            | Action::TenantUnfreeze
            | Action::RoleImport
            | Action::RoleCreate
            | Action::RoleUpdate
            | Action::RoleDelete
            | Action::PrincipalCreate
            | Action::PrincipalDisable
            | Action::PrincipalEnable
            | Action::GroupCreate
            | Action::GroupUpdate
            | Action::GroupDelete
            | Action::PolicyUpdate
            | Action::ScopeCreate
            | Action::ScopeUpdate
            | Action::ScopeDelete
            | Action::EligibilityCreate
            | Action::EligibilityUpdate
            | Action::EligibilityExtend
            | Action::EligibilityRenew
            | Action::EligibilityRemove
            | Action::AssignmentCreate
            | Action::AssignmentUpdate
            | Action::AssignmentExtend
            | Action::AssignmentRenew
            | Action::AssignmentRemove
            | Action::ChangeRequestApprove
            | Action::ChangeRequestDeny
            | Action::ChangeRequestCancel
            | Action::ActivationCancel
            | Action::ActivationRevoke
            | Action::JustificationErase
            | Action::AlertDismiss
            | Action::AlertUpdate
            | Action::AccessCheck => false,
        }
    }
}

/// What part of the tenant an object belongs to: that of its role's catalog, the directory where
/// it has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Realm {
    /// The directory: its roles, principals, and the log.
    Directory,
    /// Resources: what Azure roles are granted at.
    Resources,
    /// Groups: who belongs to them and owns them. Whatever is at a group's scope is of this one.
    Groups,
}

impl Realm {
    /// Every realm.
    pub const ALL: [Realm; 3] = [Realm::Directory, Realm::Resources, Realm::Groups];
}

impl From<Catalog> for Realm {
    fn from(catalog: Catalog) -> Self {
        match catalog {
            Catalog::Entra | Catalog::Pim => Realm::Directory,
            Catalog::Azure => Realm::Resources,
        }
    }
}

impl From<&Scope> for Realm {
    fn from(scope: &Scope) -> Self {
        scope.kind().into()
    }
}

impl From<ScopeKind> for Realm {
    /// That of what is granted there; at the root the directory's.
    fn from(kind: ScopeKind) -> Self {
        match kind {
            ScopeKind::Root | ScopeKind::Directory => Realm::Directory,
            ScopeKind::Resource => Realm::Resources,
            ScopeKind::Group => Realm::Groups,
        }
    }
}

/// Which actions a role confers.
enum Extent {
    Everything,
    Reading,
    Checking,
}

struct Administrative {
    role: Uuid,
    extent: Extent,
    realms: &'static [Realm],
}

/// Holds everything at its scope; the first two administrators of a tenant hold it at the root.
pub const GLOBAL_ADMINISTRATOR: Uuid = uuid!("62e90394-69f5-4237-9190-012177145e10");
/// Manages who holds directory roles.
pub const PRIVILEGED_ROLE_ADMINISTRATOR: Uuid = uuid!("e8611ab8-c189-46e8-94e1-60213ab1f814");
/// Reads everything.
pub const GLOBAL_READER: Uuid = uuid!("f2ef992c-3afb-46b9-b7cf-a126ee74c451");
/// Reads everything that security needs.
pub const SECURITY_READER: Uuid = uuid!("5d6b6bb7-de71-4623-b4af-96380a352509");
/// As the reader, here.
pub const SECURITY_ADMINISTRATOR: Uuid = uuid!("194ae4cb-b126-40b2-bd5b-6091b380977d");
/// Manages who holds Azure roles at its scope.
pub const OWNER: Uuid = uuid!("8e3af657-a8ff-443c-a75c-2fe8c4bcb635");
/// Manages who holds Azure roles at its scope.
pub const USER_ACCESS_ADMINISTRATOR: Uuid = uuid!("18d7d88d-d35e-4fb5-a5c3-7773c20a72d9");
/// Belongs to the group at whose scope it is held.
pub const GROUP_MEMBER: Uuid = uuid!("96a66df7-c666-4f3f-a850-b062eda97e17");
/// Administers the group at whose scope it is held.
pub const GROUP_OWNER: Uuid = uuid!("13fd7bdf-8c6a-4f58-912a-25ea844b51be");
/// May ask whether somebody holds something.
pub const ACCESS_CHECKER: Uuid = uuid!("5a3cde95-7a1e-4b52-9a3f-2d1f6c1f6e0b");

const ALL: &[Realm] = &Realm::ALL;

const ADMINISTRATIVE: [Administrative; 9] = [
    Administrative { role: GLOBAL_ADMINISTRATOR, extent: Extent::Everything, realms: ALL },
    Administrative {
        role: PRIVILEGED_ROLE_ADMINISTRATOR,
        extent: Extent::Everything,
        realms: &[Realm::Directory, Realm::Groups],
    },
    Administrative { role: OWNER, extent: Extent::Everything, realms: &[Realm::Resources] },
    Administrative {
        role: USER_ACCESS_ADMINISTRATOR,
        extent: Extent::Everything,
        realms: &[Realm::Resources],
    },
    Administrative { role: GROUP_OWNER, extent: Extent::Everything, realms: &[Realm::Groups] },
    Administrative { role: GLOBAL_READER, extent: Extent::Reading, realms: ALL },
    Administrative { role: SECURITY_READER, extent: Extent::Reading, realms: ALL },
    Administrative { role: SECURITY_ADMINISTRATOR, extent: Extent::Reading, realms: ALL },
    Administrative { role: ACCESS_CHECKER, extent: Extent::Checking, realms: ALL },
];

impl Administrative {
    fn confers(&self, action: Action) -> bool {
        match self.extent {
            Extent::Everything => true,
            Extent::Reading => action.is_reading(),
            Extent::Checking => action == Action::AccessCheck,
        }
    }
}

/// How somebody signed in, by their verified token.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    /// With multi-factor authentication (`mfa` in `amr`, RFC 8176).
    pub mfa: bool,
    /// When they last did so (`auth_time`), where the token says.
    pub time: Option<DateTime<Utc>>,
    /// The authentication contexts that it satisfied (`acrs`).
    pub contexts: Vec<String>,
    /// What else was known of it.
    #[serde(default, skip_serializing_if = "Signals::is_empty")]
    pub signals: Signals,
}

/// Somebody of the directory who calls, with all that they may hold.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who.
    pub principal: Principal,
    /// How they signed in.
    pub sign_in: SignIn,
    /// Their holdings of administrative roles; time is applied when they are asked.
    pub holdings: Vec<Held>,
}

impl Caller {
    /// Whether the caller may do `action` to something of `realm` at the scope of `at`, now.
    #[must_use]
    pub fn may(&self, action: Action, realm: Realm, at: &Lineage, now: DateTime<Utc>) -> bool {
        let is_group = at.scope().kind() == ScopeKind::Group;
        let realm = if is_group { Realm::Groups } else { realm };
        self.confers(action, now, |row, held| {
            row.realms.contains(&realm) && at.is_below(&held.holding.scope)
        })
    }

    /// Whether the caller may do `action` to anything at all, now.
    #[must_use]
    pub fn may_somewhere(&self, action: Action, now: DateTime<Utc>) -> bool {
        self.confers(action, now, |_, _| true)
    }

    fn confers(
        &self,
        action: Action,
        now: DateTime<Utc>,
        reaches: impl Fn(&Administrative, &Held) -> bool,
    ) -> bool {
        self.principal.is_enabled()
            && self.holdings.iter().filter(|held| held.counts(now)).any(|held| {
                ADMINISTRATIVE.iter().any(|row| {
                    row.role == held.holding.role.uuid()
                        && row.confers(action)
                        && reaches(row, held)
                })
            })
    }

    /// All that the caller may do now, by what they hold: the same as [`Caller::may`] says of each
    /// action by itself.
    #[must_use]
    pub fn conferred(&self, now: DateTime<Utc>) -> Vec<(&Held, Conferred)> {
        let enabled = self.holdings.iter().filter(|_| self.principal.is_enabled());
        let counting = enabled.filter(|held| held.counts(now));
        let conferred = counting.filter_map(|held| {
            let mut conferred = conferred_by(held.holding.role)?;
            // Groups lie below the root alone, and at a group's scope all is of the group.
            conferred.realms.retain(|realm| match held.holding.scope.kind() {
                ScopeKind::Root => true,
                ScopeKind::Group => *realm == Realm::Groups,
                ScopeKind::Directory | ScopeKind::Resource => *realm != Realm::Groups,
            });
            (!conferred.realms.is_empty()).then_some((held, conferred))
        });
        conferred.collect()
    }

    /// Passes who may do `action` to something of `realm` at the scope of `at`.
    ///
    /// # Errors
    /// `NOT_PERMITTED`, which says nothing about whether the thing exists.
    pub fn authorise(
        &self,
        action: Action,
        realm: Realm,
        at: &Lineage,
        now: DateTime<Utc>,
    ) -> Result<(), Denial> {
        if self.may(action, realm, at, now) {
            Ok(())
        } else {
            Err(Denial::new(Reason::NotPermitted))
        }
    }

    /// The catalogs of whose roles the caller may do `action` to something at the scope of `at`.
    ///
    /// # Errors
    /// `NOT_PERMITTED` where there are none.
    pub fn catalogs(
        &self,
        action: Action,
        at: &Lineage,
        now: DateTime<Utc>,
    ) -> Result<Vec<Catalog>, Denial> {
        let may = |catalog: &Catalog| self.may(action, Realm::from(*catalog), at, now);
        let catalogs: Vec<Catalog> = Catalog::ALL.into_iter().filter(may).collect();
        if catalogs.is_empty() { Err(Denial::new(Reason::NotPermitted)) } else { Ok(catalogs) }
    }

    /// What to answer where the thing that was named is not there: `missing` to who may do
    /// `action` everywhere, and so may know; to anybody else what they would hear if it were.
    #[must_use]
    pub fn not_found(&self, action: Action, missing: Reason, now: DateTime<Utc>) -> Denial {
        Denial::new(if self.may_know(action, now) { missing } else { Reason::NotPermitted })
    }

    /// Whether the caller may do `action` everywhere, and so may know what is not there.
    #[must_use]
    pub fn may_know(&self, action: Action, now: DateTime<Utc>) -> bool {
        [Realm::Directory, Realm::Resources]
            .into_iter()
            .any(|realm| self.may(action, realm, &Lineage::root(), now))
    }
}

/// What a role confers on who holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conferred {
    /// On things of these.
    pub realms: Vec<Realm>,
    /// What may be done to them.
    pub actions: Vec<Action>,
}

/// The own actions that a role confers at its scope, if it confers any.
#[must_use]
pub fn conferred_by(role: RoleId) -> Option<Conferred> {
    let row = ADMINISTRATIVE.iter().find(|row| row.role == role.uuid())?;
    let actions = Action::ALL.into_iter().filter(|action| row.confers(*action));
    Some(Conferred { realms: row.realms.to_vec(), actions: actions.collect() })
}

/// The roles that confer own actions.
pub fn administrative_roles() -> impl Iterator<Item = Uuid> {
    ADMINISTRATIVE.iter().map(|row| row.role)
}
