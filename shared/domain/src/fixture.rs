//! Builders for tests: things with plain contents, at an instant that is easy to read.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    activation::{Ask, Facts, Length, Request, Use},
    authority::SignIn,
    change::Version,
    condition::undecided,
    event::{Actor, Stamp},
    grant::{Grant, GrantKind},
    group::Group,
    id::{GrantId, GroupId, PrincipalId, RoleId},
    policy::{Layers, Policy, RuleSet},
    principal::{Principal, PrincipalKind},
    quorum::Vote,
    role::{Catalog, Role},
    scope::{Lineage, Parents, Scope},
    time::Window,
};

/// A Monday noon.
#[must_use]
pub fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_614_400, 0).unwrap_or(DateTime::UNIX_EPOCH)
}

/// A decision at `now`, by a service.
#[must_use]
pub fn stamp(now: DateTime<Utc>) -> Stamp {
    Stamp { now, actor: Actor::Service { name: "test".to_owned() } }
}

/// An enabled user.
#[must_use]
pub fn user(name: &str) -> Principal {
    let made = noon() - TimeDelta::days(30);
    Principal {
        id: PrincipalId::at(made),
        kind: PrincipalKind::User,
        issuer: "https://issuer.example".to_owned(),
        subject: name.to_owned(),
        display_name: name.to_owned(),
        person: None,
        enabled_since: Some(made),
        break_glass: false,
        version: Version::FIRST,
        create_time: made,
        update_time: made,
    }
}

/// A group, without members as yet.
#[must_use]
pub fn group(name: &str, role_assignable: bool) -> Group {
    let made = noon() - TimeDelta::days(30);
    Group {
        id: GroupId::at(made),
        display_name: name.to_owned(),
        role_assignable,
        deleted: None,
        version: Version::FIRST,
        create_time: made,
        update_time: made,
    }
}

/// An Entra role that can be granted.
#[must_use]
pub fn role() -> Role {
    let made = noon() - TimeDelta::days(30);
    Role {
        id: RoleId::at(made),
        catalog: Catalog::Entra,
        display_name: "Test Administrator".to_owned(),
        privileged: true,
        assignable: true,
        inherits: Vec::new(),
        permissions: Vec::new(),
        custom: None,
        version: Version::FIRST,
        create_time: made,
        update_time: made,
    }
}

/// A grant of `role` to `principal` at the root in `[start, end)`.
#[must_use]
pub fn grant(
    kind: GrantKind,
    principal: &Principal,
    role: &Role,
    start: DateTime<Utc>,
    end: Option<DateTime<Utc>>,
) -> Grant {
    Grant {
        id: GrantId::at(start),
        kind,
        principal: principal.id,
        role: role.id,
        scope: Scope::root(),
        window: Window { start, end },
        ended: None,
        justification: "test".into(),
        ticket: None,
        granted_by: None,
        renewed_from: None,
        policy_revision: 0,
        version: Version::FIRST,
        create_time: start,
        update_time: start,
    }
}

/// Facts for `principal`, who is eligible for a role at the root for a year around noon.
#[must_use]
pub fn facts(principal: &Principal) -> Facts {
    let role = role();
    let start = noon() - TimeDelta::days(10);
    let end = Some(noon() + TimeDelta::days(355));
    let eligibility = grant(GrantKind::Eligibility, principal, &role, start, end);
    Facts {
        principal: principal.clone(),
        policy: Layers::untouched(role.id, role.catalog),
        role,
        eligibilities: vec![eligibility],
        memberships: Vec::new(),
        live: None,
        severed: None,
        people: Vec::new(),
        belonging: Vec::new(),
        decide: undecided,
        used: Use::Unknown,
    }
}

/// The lineage of a scope where nothing is registered.
#[must_use]
pub fn by_path(scope: &Scope) -> Lineage {
    Lineage::of(scope, &Parents::new())
}

/// A request for an hour that breaks no default rule.
#[must_use]
pub fn wish(facts: &Facts) -> Ask {
    Ask {
        role: facts.role.id,
        scope: Scope::root(),
        eligibility: None,
        request: Request {
            start: None,
            length: Length::Duration(TimeDelta::hours(1)),
            justification: "to mend the mail".into(),
            ticket: None,
            sign_in: SignIn { mfa: true, ..SignIn::default() },
        },
    }
}

/// Sets rules of the role for the whole tenant, in place of what was set before.
pub fn set(layers: &mut Layers, set: RuleSet) {
    set_at(layers, &Scope::root(), set);
}

/// Sets rules of the role at a scope, in place of what was set there before.
pub fn set_at(layers: &mut Layers, scope: &Scope, set: RuleSet) {
    layers.revision += 1;
    layers.policies.retain(|policy| policy.scope != *scope);
    let made = noon() - TimeDelta::days(1);
    layers.policies.push(Policy {
        set,
        revision: layers.revision,
        version: Version::FIRST,
        create_time: made,
        update_time: made,
        ..Policy::untouched(layers.role, scope.clone())
    });
}

/// The votes of these accounts.
#[must_use]
pub fn votes(people: &[&Principal]) -> Vec<Vote> {
    people.iter().map(|one| Vote { approver: one.id, person: one.person_key() }).collect()
}
