//! Guards against locking everybody out: how many must stay who hold a role at a scope for good.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::{
    denial::{Denial, Reason},
    grant::{Grant, GrantKind, GrantState},
    group::Group,
    id::RoleId,
    principal::{Principal, PrincipalKind},
    scope::Scope,
};

/// An assignment, and somebody who has it: whom it is for, or who belongs to the group that it is
/// for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// What they hold.
    pub assignment: Grant,
    /// By which they belong to the group, from their own on.
    pub memberships: Vec<Grant>,
    /// The groups on that way.
    pub groups: Vec<Group>,
    /// Who.
    pub principal: Principal,
}

impl Holder {
    /// Whether it counts at `now`: a user's enabled account with an assignment in force that has
    /// no end, own or by memberships of the same kind.
    #[must_use]
    pub fn counts(&self, now: DateTime<Utc>) -> bool {
        let Self { assignment, memberships, groups, principal } = self;
        let lasts = |grant: &Grant| {
            grant.kind == GrantKind::Assignment
                && grant.window.end.is_none()
                && grant.state(now) == GrantState::InForce
        };
        principal.kind == PrincipalKind::User
            && principal.is_enabled()
            && memberships.iter().chain([assignment]).all(lasts)
            && groups.iter().all(|group| group.deleted.is_none())
    }
}

/// How many distinct persons hold it at `now`.
#[must_use]
pub fn count(holders: &[Holder], now: DateTime<Utc>) -> u32 {
    let counting = holders.iter().filter(|holder| holder.counts(now));
    let persons: BTreeSet<_> = counting.map(|holder| holder.principal.person_key()).collect();
    u32::try_from(persons.len()).unwrap_or(u32::MAX)
}

/// Passes what leaves at least `minimum` persons who hold a role at a scope; where there are fewer
/// already, what makes it no worse. Both lists are of that role at exactly that scope.
///
/// # Errors
/// `LAST_HOLDER`.
pub fn keep_enough(
    (role, scope): (RoleId, &Scope),
    minimum: u32,
    before: &[Holder],
    after: &[Holder],
    now: DateTime<Utc>,
) -> Result<(), Denial> {
    let left = count(after, now);
    if left >= minimum || left >= count(before, now) {
        return Ok(());
    }
    Err(Denial::new(Reason::LastHolder { role, scope: scope.clone(), minimum, left }))
}
