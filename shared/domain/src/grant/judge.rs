//! What every wish to grant is judged by: making a grant, moving its dates, renewing it.

use chrono::{DateTime, Utc};

use super::{Grant, GrantKind};
use crate::{
    denial::{Denial, Reason, Rule, StepUp, Violation},
    event::About,
    group::{GROUP_NESTING_MAX, Subject, Surroundings},
    policy::{Layers, Rules},
    principal::{Principal, PrincipalKind},
    role::{Catalog, GroupAccess, Role},
    scope::Scope,
    text::{Ticket, is_blank},
    time::{Window, format_duration},
};

/// What a wish to grant is judged by.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The role.
    pub role: Role,
    /// Its policies at the scope and above.
    pub policy: Layers,
    /// For whom.
    pub subject: Subject,
    /// Who grants.
    pub caller: Principal,
    /// Whether the caller signed in with multi-factor authentication.
    pub caller_mfa: bool,
    /// Grants of the same kind for the same principal, role and scope that have not ended.
    pub existing: Vec<Grant>,
    /// The groups that it touches.
    pub groups: Surroundings,
}

impl Facts {
    /// The newest `update_time` among the facts: no decision on them is earlier.
    #[must_use]
    pub fn newest(&self) -> DateTime<Utc> {
        let grants = self.existing.iter().map(|grant| grant.update_time);
        let target = self.groups.target.iter().map(|group| group.update_time);
        let others = grants.chain(target).chain([self.subject.update_time()]);
        let others = others.chain(self.policy.newest());
        others.fold(self.role.update_time, DateTime::max)
    }

    /// Whether it is for an account of the caller's person, or for a group that this person belongs
    /// to, owns or may come to.
    #[must_use]
    pub fn widens_caller(&self) -> bool {
        match &self.subject {
            Subject::Principal(principal) => self.caller.is_same_person(principal),
            Subject::Group(group) => self.groups.of_caller.contains(&group.id),
        }
    }
}

/// What would be granted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms<'a> {
    pub(super) kind: GrantKind,
    pub(super) scope: &'a Scope,
    /// Not begun yet, or what is left of it: a grant is judged as one that is made now.
    pub(super) window: Window,
    pub(super) justification: &'a str,
    pub(super) ticket: Option<&'a Ticket>,
    /// What changes, where it is there already: it is no duplicate of itself.
    pub(super) of: Option<&'a Grant>,
}

struct Judged<'a> {
    facts: &'a Facts,
    terms: &'a Terms<'a>,
    rules: Rules,
}

/// In the order in which they are answered.
const RULES: [fn(&Judged<'_>) -> Option<Violation>; 8] =
    [principal, role, group, window, expiration, justification, ticketing, mfa];

/// Nobody widens what an account of their own person can hold: by a grant to it, or to a group that
/// it belongs to, owns or may come to.
///
/// # Errors
/// `SELF_GRANT`.
pub(super) fn not_oneself(facts: &Facts, about: &About) -> Result<(), Denial> {
    if facts.widens_caller() {
        return Err(Denial::new(Reason::SelfGrant).about(about.clone()));
    }
    Ok(())
}

/// Passes what may be granted; `first` is what is wrong with it already.
///
/// # Errors
/// Every broken rule of the policy together, then `DUPLICATE`.
pub(super) fn judge(
    facts: &Facts,
    terms: &Terms<'_>,
    first: Option<Violation>,
    now: DateTime<Utc>,
) -> Result<(), Denial> {
    let rules = facts.policy.at(terms.scope);
    let judged = Judged { facts, terms, rules };
    let violations = RULES.iter().filter_map(|rule| rule(&judged));
    Denial::check(first.into_iter().chain(violations).collect(), None)?;
    let window = terms.window;
    let same = |grant: &&Grant| {
        terms.of.is_none_or(|of| of.id != grant.id)
            && !grant.state(now).is_ended()
            && grant.window.end == window.end
            && grant.window.start <= window.start
    };
    match facts.existing.iter().find(same) {
        Some(same) => {
            Err(Denial::new(Reason::Duplicate { thing: terms.kind.thing(), id: same.id.uuid() }))
        }
        None => Ok(()),
    }
}

fn principal(judged: &Judged<'_>) -> Option<Violation> {
    let (limit, given) = match (&judged.facts.subject, judged.terms.kind) {
        (Subject::Group(group), _) if group.deleted.is_some() => {
            ("a group that there is", "a deleted one")
        }
        (Subject::Principal(principal), _) if !principal.is_enabled() => {
            ("an enabled principal", "a disabled one")
        }
        (Subject::Principal(principal), GrantKind::Eligibility)
            if principal.kind == PrincipalKind::ServicePrincipal =>
        {
            ("only users and groups can be eligible", "a service principal")
        }
        (Subject::Group(_) | Subject::Principal(_), _) => return None,
    };
    Some(Violation::new(Rule::Principal, "principal_id", limit, given))
}

fn role(judged: &Judged<'_>) -> Option<Violation> {
    let role = &judged.facts.role;
    if role.deletion().is_some() {
        let given = format!("{}, which was deleted", role.display_name);
        return Some(Violation::new(Rule::Role, "role_id", "a role that there is", given));
    }
    if !role.assignable {
        return Some(Violation::new(
            Rule::Role,
            "role_id",
            "a role that can be granted",
            format!("{}, which only the system assigns", role.display_name),
        ));
    }
    if judged.facts.groups.target.as_ref().is_some_and(|group| group.deleted.is_some()) {
        let (limit, given) = ("a group that there is", "a deleted one");
        return Some(Violation::new(Rule::Role, "scope", limit, given));
    }
    role.misfit(&judged.facts.policy.lineage(judged.terms.scope))
        .map(|limit| Violation::new(Rule::Role, "scope", limit, judged.terms.scope.as_str()))
}

/// What a group may be granted: what its kind permits, and no membership that leads back to it or
/// too deep.
fn group(judged: &Judged<'_>) -> Option<Violation> {
    let Facts { role, groups, subject, .. } = judged.facts;
    let group = subject.group()?;
    let refuse = |limit: String, given: &str| {
        Some(Violation::new(Rule::Group, "principal_id", limit, given))
    };
    let guarded = role.catalog == Catalog::Entra
        || role.privileged
        || groups.target.as_ref().is_some_and(|target| target.role_assignable);
    if guarded && !group.role_assignable {
        return refuse("a role-assignable group".to_owned(), "one that is not");
    }
    if GroupAccess::of(role.id) != Some(GroupAccess::Member) {
        return None;
    }
    if groups.above.contains(&group.id) {
        return refuse("a group that this one does not belong to".to_owned(), "one that it does");
    }
    (groups.nesting > GROUP_NESTING_MAX).then(|| {
        let limit = format!("at most {GROUP_NESTING_MAX} groups in each other");
        Violation::new(Rule::Group, "principal_id", limit, groups.nesting.to_string())
    })
}

fn window(judged: &Judged<'_>) -> Option<Violation> {
    let end = judged.terms.window.end?;
    let least = judged.rules.activation_min;
    (end - judged.terms.window.start < least).then(|| {
        Violation::new(
            Rule::Window,
            "end_time",
            format!("at least {} after the start", format_duration(least)),
            end.to_rfc3339(),
        )
    })
}

fn expiration(judged: &Judged<'_>) -> Option<Violation> {
    let (permanent, most) = match judged.terms.kind {
        GrantKind::Eligibility => (judged.rules.permanent_eligibility, judged.rules.eligible_max),
        GrantKind::Assignment => (judged.rules.permanent_assignment, judged.rules.assigned_max),
    };
    // A maximum binds only where permanent is not allowed.
    if permanent {
        return None;
    }
    let given = match judged.terms.window.end {
        Some(end) if end - judged.terms.window.start <= most => return None,
        Some(end) => format_duration(end - judged.terms.window.start),
        None => "permanent".to_owned(),
    };
    let limit = format!("at most {}", format_duration(most));
    Some(Violation::new(Rule::Expiration, "end_time", limit, given))
}

fn justification(judged: &Judged<'_>) -> Option<Violation> {
    let required = match judged.terms.kind {
        GrantKind::Eligibility => false,
        GrantKind::Assignment => judged.rules.assignment_require_justification,
    };
    (required && is_blank(judged.terms.justification))
        .then(|| Violation::new(Rule::Justification, "justification", "required", "none"))
}

fn ticketing(judged: &Judged<'_>) -> Option<Violation> {
    let required = match judged.terms.kind {
        GrantKind::Eligibility => false,
        GrantKind::Assignment => judged.rules.assignment_require_ticket,
    };
    if required { judged.rules.ticketing(judged.terms.ticket) } else { None }
}

fn mfa(judged: &Judged<'_>) -> Option<Violation> {
    let required = match judged.terms.kind {
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
        .mended_by(StepUp { acr_values: vec![StepUp::MFA.to_owned()], max_age: None })
    })
}
