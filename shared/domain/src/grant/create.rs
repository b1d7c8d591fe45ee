//! Granting: what an administrator may make, judged by the role's policy.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Grant, GrantKind};
use crate::{
    change::{Change, Version},
    denial::{Denial, Reason, Rule, Violation},
    event::{About, Code, Stamp},
    id::{GrantId, PrincipalId, RoleId},
    policy::{Layers, Rules},
    principal::{Principal, PrincipalKind},
    role::{Catalog, Role},
    scope::Scope,
    text::{Ticket, is_blank},
    time::{Window, format_duration},
};

/// A wish to grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Create {
    /// An eligibility or an assignment.
    pub kind: GrantKind,
    /// For whom.
    pub principal: PrincipalId,
    /// For what.
    pub role: RoleId,
    /// Where.
    pub scope: Scope,
    /// Absent or past: now.
    pub start: Option<DateTime<Utc>>,
    /// Absent: permanent.
    pub end: Option<DateTime<Utc>>,
    /// Why.
    pub justification: String,
    /// On which change or incident.
    pub ticket: Option<Ticket>,
}

/// What a wish to grant is judged by.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The role.
    pub role: Role,
    /// Its policies at the scope and above.
    pub policy: Layers,
    /// For whom.
    pub principal: Principal,
    /// Who grants.
    pub caller: Principal,
    /// Whether the caller signed in with multi-factor authentication.
    pub caller_mfa: bool,
    /// Grants of the same kind for the same principal, role and scope that have not ended.
    pub existing: Vec<Grant>,
}

struct Judged<'a> {
    facts: &'a Facts,
    wish: &'a Create,
    rules: Rules,
    window: Window,
}

/// In the order in which they are answered.
const RULES: [fn(&Judged<'_>) -> Option<Violation>; 7] =
    [principal, role, window, expiration, justification, ticketing, mfa];

/// The new grant.
///
/// # Errors
/// `SELF_GRANT`, then every broken rule of the policy together, then `DUPLICATE`.
pub fn create(facts: &Facts, wish: Create, stamp: &Stamp) -> Result<Change<Grant>, Denial> {
    let start = wish.start.map_or(stamp.now, |start| start.max(stamp.now));
    let window = Window { start, end: wish.end };
    let rules = facts.policy.at(&wish.scope);
    let judged = Judged { facts, wish: &wish, rules, window };
    let about = about(&judged);
    let thing = wish.kind.thing();
    if facts.caller.is_same_person(&facts.principal) {
        return Err(Denial::new(Reason::SelfGrant).about(about));
    }
    let violations = RULES.iter().filter_map(|rule| rule(&judged)).collect();
    Denial::check(violations, None).map_err(|denial| denial.about(about.clone()))?;
    let same = |grant: &&Grant| {
        !grant.state(stamp.now).is_ended()
            && grant.window.end == window.end
            && grant.window.start <= window.start
    };
    if let Some(same) = facts.existing.iter().find(same) {
        let reason = Reason::Duplicate { thing, id: same.id.uuid() };
        return Err(Denial::new(reason).about(about));
    }
    let revision = facts.policy.revision;
    Ok(make(wish, window, revision, facts.role.catalog, stamp))
}

/// The permanent assignment of one of the first two administrators, on an operator's word alone.
#[must_use]
pub fn create_first_administrator(
    principal: &Principal,
    role: &Role,
    stamp: &Stamp,
) -> Change<Grant> {
    let wish = Create {
        kind: GrantKind::Assignment,
        principal: principal.id,
        role: role.id,
        scope: Scope::root(),
        start: None,
        end: None,
        justification: "first administrator of the tenant".to_owned(),
        ticket: None,
    };
    make(wish, Window { start: stamp.now, end: None }, 0, role.catalog, stamp)
}

fn make(
    wish: Create,
    window: Window,
    policy_revision: i64,
    catalog: Catalog,
    stamp: &Stamp,
) -> Change<Grant> {
    let grant = Grant {
        id: GrantId::at(stamp.now),
        kind: wish.kind,
        principal: wish.principal,
        role: wish.role,
        scope: wish.scope,
        window,
        ended: None,
        justification: wish.justification,
        ticket: wish.ticket,
        policy_revision,
        version: Version::FIRST,
        create_time: stamp.now,
        update_time: stamp.now,
    };
    let about = About { justification: grant.justification.clone(), ..grant.about(catalog) };
    let code = match grant.kind {
        GrantKind::Eligibility => Code::EligibilityCreated,
        GrantKind::Assignment => Code::AssignmentCreated,
    };
    Change::created(grant, stamp, code, about)
}

fn about(judged: &Judged<'_>) -> About {
    About {
        correlation: None,
        subject: Some(judged.wish.principal),
        role: Some(judged.wish.role),
        catalog: Some(judged.facts.role.catalog),
        scope: Some(judged.wish.scope.clone()),
        permanent: judged.wish.end.is_none(),
        justification: judged.wish.justification.clone(),
        ticket: judged.wish.ticket.clone(),
        policy_revision: Some(judged.facts.policy.revision),
    }
}

fn principal(judged: &Judged<'_>) -> Option<Violation> {
    let principal = &judged.facts.principal;
    if !principal.is_enabled() {
        return Some(Violation::new(
            Rule::Principal,
            "principal_id",
            "an enabled principal",
            "a disabled one",
        ));
    }
    let program = principal.kind == PrincipalKind::ServicePrincipal;
    (program && judged.wish.kind == GrantKind::Eligibility).then(|| {
        Violation::new(
            Rule::Principal,
            "principal_id",
            "only users can be eligible",
            "a service principal",
        )
    })
}

fn role(judged: &Judged<'_>) -> Option<Violation> {
    let role = &judged.facts.role;
    if !role.assignable {
        return Some(Violation::new(
            Rule::Role,
            "role_id",
            "a role that can be granted",
            format!("{}, which only the system assigns", role.display_name),
        ));
    }
    (!role.catalog.grants_at(&judged.wish.scope)).then(|| {
        let limit = match role.catalog {
            Catalog::Entra => "/, administrative units and applications, for an Entra role",
            Catalog::Azure => "/, management groups, subscriptions and below, for an Azure role",
            Catalog::Pim => "any scope",
        };
        Violation::new(Rule::Role, "scope", limit, judged.wish.scope.as_str())
    })
}

fn window(judged: &Judged<'_>) -> Option<Violation> {
    let end = judged.window.end?;
    let least = judged.rules.activation_min;
    (end - judged.window.start < least).then(|| {
        Violation::new(
            Rule::Window,
            "end_time",
            format!("at least {} after the start", format_duration(least)),
            end.to_rfc3339(),
        )
    })
}

fn expiration(judged: &Judged<'_>) -> Option<Violation> {
    let (permanent, most) = match judged.wish.kind {
        GrantKind::Eligibility => (judged.rules.permanent_eligibility, judged.rules.eligible_max),
        GrantKind::Assignment => (judged.rules.permanent_assignment, judged.rules.assigned_max),
    };
    // A maximum binds only where permanent is not allowed.
    if permanent {
        return None;
    }
    let given = match judged.window.end {
        Some(end) if end - judged.window.start <= most => return None,
        Some(end) => format_duration(end - judged.window.start),
        None => "permanent".to_owned(),
    };
    let limit = format!("at most {}", format_duration(most));
    Some(Violation::new(Rule::Expiration, "end_time", limit, given))
}

fn justification(judged: &Judged<'_>) -> Option<Violation> {
    let required = match judged.wish.kind {
        GrantKind::Eligibility => false,
        GrantKind::Assignment => judged.rules.assignment_require_justification,
    };
    (required && is_blank(&judged.wish.justification))
        .then(|| Violation::new(Rule::Justification, "justification", "required", "none"))
}

fn ticketing(judged: &Judged<'_>) -> Option<Violation> {
    let required = match judged.wish.kind {
        GrantKind::Eligibility => false,
        GrantKind::Assignment => judged.rules.assignment_require_ticket,
    };
    (required && judged.wish.ticket.is_none())
        .then(|| Violation::new(Rule::Ticketing, "ticket", "required", "none"))
}

fn mfa(judged: &Judged<'_>) -> Option<Violation> {
    let required = match judged.wish.kind {
        GrantKind::Eligibility => false,
        GrantKind::Assignment => judged.rules.assignment_require_mfa,
    };
    (required && !judged.facts.caller_mfa).then(|| {
        Violation::new(
            Rule::Mfa,
            "authorization",
            "a sign-in with multi-factor authentication",
            "none",
        )
    })
}
