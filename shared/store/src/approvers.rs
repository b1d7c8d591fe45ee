//! Who may be asked to approve: those whom rules name, alone or by a group.

use pim_domain::{
    authority::GROUP_MEMBER,
    effective::{Ground, Membership},
    id::{GroupId, PrincipalId, TenantId},
    policy::ApprovalRule,
    principal::Principal,
    scope::Scope,
};
use sqlx::PgConnection;

use crate::{StoreError, holdings, principals};

/// Those who exist, and by what they belong to the groups.
#[derive(Debug, Clone, Default)]
pub struct Approvers {
    /// Who.
    pub people: Vec<Principal>,
    /// Their memberships and those of the groups.
    pub belonging: Vec<Membership>,
}

impl Approvers {
    /// Of these, those whom `rules` name. Where they name groups, that takes all of them: the rules
    /// of the domain say who belongs.
    #[must_use]
    pub fn of(&self, rules: &[ApprovalRule]) -> Self {
        if rules.iter().any(|rule| !rule.groups().is_empty()) {
            return self.clone();
        }
        let named = |one: &&Principal| rules.iter().any(|rule| rule.users().contains(&one.id));
        let people = self.people.iter().filter(named).cloned().collect();
        Self { people, belonging: Vec::new() }
    }
}

/// Those whom rules name.
///
/// # Errors
/// The database cannot serve.
pub async fn of_rules(
    connection: &mut PgConnection,
    tenant: TenantId,
    rules: &[ApprovalRule],
) -> Result<Approvers, StoreError> {
    let users: Vec<PrincipalId> = rules.iter().flat_map(ApprovalRule::users).collect();
    let groups: Vec<GroupId> = rules.iter().flat_map(ApprovalRule::groups).collect();
    named(connection, tenant, users, &groups).await
}

/// These users, and all who belong to the groups.
///
/// # Errors
/// The database cannot serve.
pub async fn named(
    connection: &mut PgConnection,
    tenant: TenantId,
    mut users: Vec<PrincipalId>,
    groups: &[GroupId],
) -> Result<Approvers, StoreError> {
    let mut belonging: Vec<Membership> = Vec::new();
    if !groups.is_empty() {
        let scopes: Vec<Scope> = groups.iter().copied().map(Scope::of_group).collect();
        let role = GROUP_MEMBER.into();
        let members =
            holdings::holders_at(connection, tenant, role, &scopes, None, i64::MAX).await?;
        let grounds =
            holdings::of_principals(connection, tenant, &members, Some(&[]), None).await?;
        belonging.extend(grounds.iter().flat_map(Ground::memberships));
        // What groups have is in the ground of each member.
        belonging.sort_by_key(|one| one.id);
        belonging.dedup_by_key(|one| one.id);
        users.extend(members);
    }
    users.sort();
    users.dedup();
    let people = principals::get_all(connection, tenant, &users).await?;
    Ok(Approvers { people, belonging })
}
