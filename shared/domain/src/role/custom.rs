//! Custom roles: what a tenant makes of one catalog's actions, for scopes that it names.
//!
//! A deleted one stays as a row, because records are never purged; from that instant it counts for
//! nothing, and what there is of it ends.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Catalog, GroupAccess, PermissionBlock, Role};
use crate::{
    change::{Change, Version},
    denial::{Denial, FieldError, Reason, Rule, Violation},
    event::{About, Code, Stamp, ThingKind},
    grant::Grant,
    id::{PrincipalId, RoleId},
    justification::Justification,
    permission::{Operation, Pattern, Permissions, Plane, widens},
    scope::{Lineage, Scope},
};

/// Permission blocks of a custom role, at most.
pub const BLOCKS_MAX: usize = 16;
/// Patterns of a custom role in all its blocks together, at most.
pub const PATTERNS_MAX: usize = 500;
/// Scopes at which a custom role can be granted, at most.
pub const ASSIGNABLE_SCOPES_MAX: usize = 50;

/// What leads to every other permission: a custom role that permits one of these is privileged,
/// whatever its author says.
const PRIVILEGED: [(Catalog, &str); 10] = [
    (Catalog::Azure, "Microsoft.Authorization/roleAssignments/write"),
    (Catalog::Azure, "Microsoft.Authorization/roleDefinitions/write"),
    (Catalog::Azure, "Microsoft.Authorization/roleEligibilityScheduleRequests/write"),
    (Catalog::Azure, "Microsoft.Authorization/roleManagementPolicies/write"),
    (Catalog::Azure, "Microsoft.Authorization/elevateAccess/action"),
    (Catalog::Entra, "microsoft.directory/roleAssignments/allProperties/allTasks"),
    (Catalog::Entra, "microsoft.directory/roleDefinitions/allProperties/allTasks"),
    (Catalog::Entra, "microsoft.directory/users/password/update"),
    (Catalog::Entra, "microsoft.directory/applications/credentials/update"),
    (Catalog::Entra, "microsoft.directory/servicePrincipals/credentials/update"),
];

/// What only custom roles have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Custom {
    /// It can be granted and activated at these and below. At least one.
    pub assignable_scopes: Vec<Scope>,
    /// That it was deleted.
    pub deleted: Option<Deletion>,
}

/// By whom and when a role was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    /// From then on it counts for nothing.
    pub at: DateTime<Utc>,
    /// Who.
    pub by: PrincipalId,
}

/// All that its author says of a custom role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// Of no other role of the tenant, in whatever case.
    pub display_name: String,
    /// Whether it can take over more than it says.
    pub privileged: bool,
    /// What it permits.
    pub permissions: Vec<PermissionBlock>,
    /// Where it can be granted.
    pub assignable_scopes: Vec<Scope>,
}

/// A wish for a custom role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Create {
    /// Whose actions it permits, and where roles of whose can be granted.
    pub catalog: Catalog,
    /// All else.
    pub definition: Definition,
}

/// A wish to define a custom role anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// Which.
    pub role: RoleId,
    /// Of the role as the caller read it.
    pub etag: String,
    /// What it is to be.
    pub definition: Definition,
}

/// A wish to delete a custom role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delete {
    /// Which.
    pub role: RoleId,
    /// Of the role as the caller read it.
    pub etag: String,
    /// Why.
    pub justification: Justification,
}

/// What an update is judged by.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The role.
    pub role: Role,
    /// Another role with the name that it is to have.
    pub namesake: Option<RoleId>,
    /// What of the role accounts of the caller's person have, or groups of theirs, as far as it is not
    /// recorded as ended.
    pub own: Vec<Grant>,
    /// Where somebody has it, as far as that is not recorded as ended.
    pub granted_at: Vec<Lineage>,
}

/// The new role.
///
/// # Errors
/// `INVALID_FIELD` with every field that is wrong, then `DUPLICATE`.
pub fn create(
    wish: Create,
    namesake: Option<RoleId>,
    stamp: &Stamp,
) -> Result<Change<Role>, Denial> {
    let Create { catalog, definition } = wish;
    let role = Role {
        id: RoleId::at(stamp.now),
        catalog,
        display_name: String::new(),
        privileged: false,
        assignable: true,
        inherits: Vec::new(),
        permissions: Vec::new(),
        custom: Some(Custom { assignable_scopes: Vec::new(), deleted: None }),
        version: Version::FIRST,
        create_time: stamp.now,
        update_time: stamp.now,
    };
    let about = About { catalog: Some(catalog), ..About::default() };
    let refuse = |denial: Denial| denial.about(about.clone());
    valid(catalog, &definition).map_err(refuse)?;
    unique(namesake).map_err(refuse)?;
    let role = role.defined(definition);
    let about = role.about(Justification::default());
    Ok(Change::created(role, stamp, Code::RoleCreated, about))
}

impl Role {
    /// Whether nobody can hold it any more.
    #[must_use]
    pub fn deletion(&self) -> Option<Deletion> {
        self.custom.as_ref().and_then(|custom| custom.deleted)
    }

    /// What forbids that the role is held at a scope; `None`: nothing.
    #[must_use]
    pub fn misfit(&self, at: &Lineage) -> Option<String> {
        if !self.grants_at(at.scope()) {
            let limit = match GroupAccess::of(self.id) {
                Some(GroupAccess::Member | GroupAccess::Owner) => "a group, for access to it",
                None => self.catalog.granted_at(),
            };
            return Some(limit.to_owned());
        }
        let scopes = self.custom.as_ref().map(|custom| custom.assignable_scopes.as_slice())?;
        (!reach(scopes, at))
            .then(|| format!("one of its assignable scopes or below: {}", listed(scopes)))
    }

    /// Defines it anew. `None` where it is so already.
    ///
    /// # Errors
    /// `WRONG_STATE` of what is no custom role or was deleted; `INVALID_FIELD` with every field that
    /// is wrong; `SELF_GRANT` where it would permit more and the caller's own person has it;
    /// `POLICY_DENIED` where somebody has it at a scope that is no longer among the assignable ones;
    /// `DUPLICATE`; `ETAG_MISMATCH`.
    pub fn update(
        facts: &Facts,
        wish: Update,
        stamp: &Stamp,
    ) -> Result<Option<Change<Self>>, Denial> {
        let role = &facts.role;
        let about = role.about(Justification::default());
        let refuse =
            |denial: Denial| denial.about(about.clone()).of(ThingKind::Role, role.id.uuid());
        let custom = role.live_custom().map_err(refuse)?;
        let definition = wish.definition;
        valid(role.catalog, &definition).map_err(refuse)?;
        let holds = facts.own.iter().any(|grant| !grant.state(stamp.now).is_ended());
        if holds && widens(role.catalog, &role.permissions, &definition.permissions) {
            return Err(refuse(Denial::new(Reason::SelfGrant)));
        }
        let scopes = &definition.assignable_scopes;
        let uncovered = |at: &&Lineage| reach(&custom.assignable_scopes, at) && !reach(scopes, at);
        let left_out = facts.granted_at.iter().find(uncovered).map(|at| {
            let limit = "every scope at which somebody has the role, or one above it";
            let given = format!("{}, without {}", listed(scopes), at.scope());
            Violation::new(Rule::Role, "definition.assignable_scopes", limit, given)
        });
        Denial::check(left_out.into_iter().collect(), None).map_err(refuse)?;
        unique(facts.namesake).map_err(refuse)?;
        role.same_etag(&wish.etag).map_err(refuse)?;
        let after = role.clone().defined(definition);
        if after == *role {
            return Ok(None);
        }
        let after = Self { version: role.version.next(), update_time: stamp.now, ..after };
        Ok(Some(Change::updated(role, after, stamp, Code::RoleUpdated, about)))
    }

    /// Deletes it. Nobody holds it from now on; what there is of it is ended after that.
    ///
    /// # Errors
    /// `WRONG_STATE` of what is no custom role or was deleted already; `ETAG_MISMATCH`.
    pub fn delete(
        &self,
        wish: &Delete,
        by: PrincipalId,
        stamp: &Stamp,
    ) -> Result<Change<Self>, Denial> {
        let about = self.about(wish.justification.clone());
        let refuse =
            |denial: Denial| denial.about(about.clone()).of(ThingKind::Role, self.id.uuid());
        let custom = self.live_custom().map_err(refuse)?.clone();
        self.same_etag(&wish.etag).map_err(refuse)?;
        let deleted = Some(Deletion { at: stamp.now, by });
        let after = Self {
            custom: Some(Custom { deleted, ..custom }),
            version: self.version.next(),
            update_time: stamp.now,
            ..self.clone()
        };
        Ok(Change::updated(self, after, stamp, Code::RoleDeleted, about))
    }

    fn live_custom(&self) -> Result<&Custom, Denial> {
        let wrong = |state| Denial::new(Reason::WrongState { thing: ThingKind::Role, state });
        match &self.custom {
            Some(custom @ Custom { deleted: None, .. }) => Ok(custom),
            Some(Custom { deleted: Some(_), .. }) => Err(wrong("DELETED")),
            None => Err(wrong("BUILT_IN")),
        }
    }

    fn same_etag(&self, given: &str) -> Result<(), Denial> {
        let current = self.version.etag();
        if given == current { Ok(()) } else { Err(Denial::new(Reason::EtagMismatch { current })) }
    }

    fn defined(self, definition: Definition) -> Self {
        let Definition { display_name, privileged, permissions, mut assignable_scopes } =
            definition;
        assignable_scopes.sort();
        assignable_scopes.dedup();
        let deleted = self.deletion();
        let after = Self {
            display_name,
            permissions,
            custom: Some(Custom { assignable_scopes, deleted }),
            ..self
        };
        Self { privileged: privileged || after.leads_to_all(), ..after }
    }

    fn leads_to_all(&self) -> bool {
        let permissions = Permissions::of(self, &[]);
        let permits =
            |name| Operation::new(Plane::Control, name).is_ok_and(|one| permissions.permit(&one));
        PRIVILEGED.iter().any(|(catalog, name)| *catalog == self.catalog && permits(name))
    }

    fn about(&self, justification: Justification) -> About {
        About {
            correlation: Some(self.id.uuid()),
            role: Some(self.id),
            catalog: Some(self.catalog),
            justification,
            ..About::default()
        }
    }
}

fn reach(scopes: &[Scope], at: &Lineage) -> bool {
    scopes.iter().any(|one| at.is_below(one))
}

fn listed(scopes: &[Scope]) -> String {
    scopes.iter().map(Scope::as_str).collect::<Vec<_>>().join(", ")
}

fn unique(namesake: Option<RoleId>) -> Result<(), Denial> {
    let duplicate = |id: RoleId| Reason::Duplicate { thing: ThingKind::Role, id: id.uuid() };
    namesake.map_or(Ok(()), |id| Err(Denial::new(duplicate(id))))
}

fn valid(catalog: Catalog, definition: &Definition) -> Result<(), Denial> {
    let error = |field: String, description: String| {
        let field = format!("definition.{field}");
        FieldError { field, description }
    };
    let mut errors = Vec::new();
    if catalog == Catalog::Pim {
        let description = "must be Entra or Azure: this system's own roles are built in".to_owned();
        errors.push(FieldError { field: "catalog".to_owned(), description });
    }
    let between = |field: &str, count: usize, most: usize| {
        let description = format!("must be 1 to {most}; it has {count}");
        (!(1..=most).contains(&count)).then(|| error(field.to_owned(), description))
    };
    errors.extend(between("permissions", definition.permissions.len(), BLOCKS_MAX));
    let count = patterns(definition).count();
    if count > PATTERNS_MAX {
        let description = format!("must have {PATTERNS_MAX} patterns or fewer; it has {count}");
        errors.push(error("permissions".to_owned(), description));
    } else {
        errors.extend(patterns(definition).filter_map(|(field, text)| {
            Pattern::new(catalog, text).err().map(|bad| error(field, bad.to_string()))
        }));
    }
    for (index, block) in definition.permissions.iter().enumerate() {
        if block.condition.is_some() {
            let field = format!("permissions[{index}].condition");
            errors.push(error(field, "must be empty: it would not be evaluated".to_owned()));
        }
    }
    let scopes = &definition.assignable_scopes;
    errors.extend(between("assignable_scopes", scopes.len(), ASSIGNABLE_SCOPES_MAX));
    for (index, scope) in scopes.iter().enumerate().filter(|(_, at)| !catalog.grants_at(at)) {
        let description = format!("must be {}; it is {scope}", catalog.granted_at());
        errors.push(error(format!("assignable_scopes[{index}]"), description));
    }
    if errors.is_empty() { Ok(()) } else { Err(Denial::new(Reason::Invalid(errors))) }
}

/// Every pattern of a definition, by its field.
fn patterns(definition: &Definition) -> impl Iterator<Item = (String, &String)> {
    definition.permissions.iter().enumerate().flat_map(|(index, block)| {
        let lists = [
            ("actions", &block.actions),
            ("not_actions", &block.not_actions),
            ("data_actions", &block.data_actions),
            ("not_data_actions", &block.not_data_actions),
        ];
        lists.into_iter().flat_map(move |(list, texts)| {
            let field = move |at| format!("permissions[{index}].{list}[{at}]");
            texts.iter().enumerate().map(move |(at, text)| (field(at), text))
        })
    })
}
