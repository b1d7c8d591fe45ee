//! Judging a request: small rules in a fixed order, all violations together.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{
    Activation, Held, Length, Request, State,
    way::{Way, choose},
};
use crate::{
    change::{Change, Version},
    condition::{Circumstances, Decide, Outcome},
    denial::{Denial, Rule, StepUp, Violation},
    effective::Membership,
    event::{About, Code, Stamp, ThingKind},
    grant::Grant,
    id::{ActivationId, GrantId, RoleId},
    policy::{Layers, Rules},
    principal::{Principal, PrincipalKind},
    quorum::{Panel, Seating},
    role::Role,
    scope::Scope,
    text::is_blank,
    time::{earliest, format_duration},
};

/// How far ahead a start may be booked. Fixed.
pub const START_AHEAD_MAX: TimeDelta = TimeDelta::days(30);

/// A sign-in this young is fresh, however young it has to be: coming back from it takes time.
pub const SIGN_IN_LEEWAY: TimeDelta = TimeDelta::seconds(60);

/// A wish to activate a role for oneself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// What.
    pub role: RoleId,
    /// Where.
    pub scope: Scope,
    /// On which eligibility; absent: the nearest.
    pub eligibility: Option<GrantId>,
    /// When, how long, why.
    pub request: Request,
}

/// What a request is judged by.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Who.
    pub principal: Principal,
    /// What.
    pub role: Role,
    /// The newest policies of the role at the scope and above.
    pub policy: Layers,
    /// The eligibilities for the role at the scope and above of the principal and of the groups
    /// that it may belong to, ended ones too.
    pub eligibilities: Vec<Grant>,
    /// The memberships by which it may belong to groups.
    pub memberships: Vec<Membership>,
    /// What is recorded as live for the same principal, role and scope.
    pub live: Option<Activation>,
    /// Since when a move of a scope has kept what is live from what it rests on.
    pub severed: Option<DateTime<Utc>>,
    /// Those whom its approval rules name, alone or by a group, and who exist.
    pub people: Vec<Principal>,
    /// The memberships by which these belong to groups that may approve.
    pub belonging: Vec<Membership>,
    /// What decides on conditions.
    pub decide: Decide,
    /// What the sign-in of whoever asks has served for.
    pub used: Use,
}

/// What a sign-in (`auth_time`) of a principal has served for, where each may serve once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Nobody has looked, or there is no time to know it by: it serves for nothing.
    Unknown,
    /// Nothing yet.
    Nothing,
    /// This activation, or an extension of it.
    Activation(ActivationId),
}

impl Facts {
    /// The newest `update_time` among the facts: no decision on them is earlier.
    #[must_use]
    pub fn newest(&self) -> DateTime<Utc> {
        let persons = self.people.iter().chain([&self.principal]).map(|p| p.update_time);
        let grants = self.eligibilities.iter().map(|grant| grant.update_time);
        let memberships = self.memberships.iter().chain(&self.belonging);
        let grants = grants.chain(memberships.map(|one| one.update_time));
        let live = self.live.iter().map(|live| live.update_time);
        let others =
            persons.chain(grants).chain(live).chain(self.severed).chain(self.policy.newest());
        others.max().unwrap_or(self.role.update_time).max(self.role.update_time)
    }

    /// Who may be asked, at an instant.
    #[must_use]
    pub fn panel(&self, at: DateTime<Utc>) -> Panel<'_> {
        Panel { people: &self.people, memberships: &self.belonging, at }
    }

    /// The rules for an activation at `scope` on `eligibility`, where there is one.
    #[must_use]
    pub fn rules(&self, eligibility: Option<&Grant>, scope: &Scope) -> Rules {
        self.policy.between(eligibility.map_or(scope, |grant| &grant.scope), scope)
    }
}

/// One request on its way through the rules.
pub(super) struct Judged<'a> {
    pub(super) facts: &'a Facts,
    pub(super) request: &'a Request,
    pub(super) scope: &'a Scope,
    pub(super) rules: &'a Rules,
    /// When it was asked for: how old the sign-in was then.
    pub(super) asked: DateTime<Utc>,
    /// The approvers granted at most this length.
    pub(super) shortened: Option<TimeDelta>,
    pub(super) now: DateTime<Utc>,
    /// The start that was asked for, moved to now where that is past.
    pub(super) start: DateTime<Utc>,
    /// What it would rest on.
    pub(super) way: Option<&'a Way<'a>>,
    /// What is live for the same target, time applied, other than the request itself.
    pub(super) live: Option<&'a Activation>,
}

type RuleFn = fn(&Judged<'_>) -> Option<Violation>;

/// In the order in which they are answered.
pub(super) const RULES: [RuleFn; 11] = [
    principal,
    role,
    eligibility,
    window,
    expiration,
    justification,
    ticketing,
    mfa,
    authentication_context,
    conditions,
    overlap,
];

/// A new activation: active, booked, or waiting for approval.
///
/// # Errors
/// All broken rules together.
pub fn ask(facts: &Facts, wish: Ask, stamp: &Stamp) -> Result<Change<Activation>, Denial> {
    let start = wish.request.start.map_or(stamp.now, |start| start.max(stamp.now));
    let live = facts.live.as_ref().filter(|live| live.settled(stamp.now).is_live());
    let chosen = choose(facts, &wish, start);
    let rules = facts.rules(chosen.as_ref().map(|way| way.eligibility), &wish.scope);
    let judged = Judged {
        facts,
        request: &wish.request,
        scope: &wish.scope,
        rules: &rules,
        asked: stamp.now,
        shortened: None,
        now: stamp.now,
        start,
        way: chosen.as_ref(),
        live,
    };
    let mut violations: Vec<Violation> = RULES.iter().filter_map(|rule| rule(&judged)).collect();
    violations.extend(single_use(facts, &wish.request, &rules));
    violations.extend(approvable(facts, &rules, stamp.now));
    violations.sort_by_key(|violation| violation.rule);
    let about = about(&wish, facts);
    let refuse = |denial: Denial| denial.about(about.clone());
    let live = judged.live.map(|live| live.id.uuid());
    Denial::check(violations, live).map_err(refuse)?;
    let Some(chosen) = chosen else {
        // The rule on eligibilities has refused this already.
        return Err(refuse(Denial::new(crate::denial::Reason::NotPermitted)));
    };
    let (state, code) = if let Some(timeout) = rules.approval_timeout() {
        let expire_time = stamp.now + timeout;
        (State::PendingApproval { expire_time }, Code::ActivationRequested)
    } else if start > stamp.now {
        (State::Scheduled { start }, Code::ActivationScheduled)
    } else {
        let held = held(&wish.request, None, chosen.end, start);
        (State::Active { held, extension: None }, Code::ActivationActivated)
    };
    let activation = Activation {
        id: ActivationId::at(stamp.now),
        principal: facts.principal.id,
        role: wish.role,
        scope: wish.scope,
        eligibility: chosen.eligibility.id,
        memberships: chosen.memberships.iter().map(|one| one.id).collect(),
        used_authentications: used_up(&wish.request, &rules).into_iter().collect(),
        request: wish.request,
        shortened: None,
        policy_revision: facts.policy.revision,
        state,
        version: Version::FIRST,
        create_time: stamp.now,
        update_time: stamp.now,
    };
    let about = About { correlation: Some(activation.id.uuid()), ..about };
    Ok(Change::created(activation, stamp, code, about))
}

fn about(wish: &Ask, facts: &Facts) -> About {
    About {
        correlation: None,
        subject: Some(facts.principal.id),
        role: Some(wish.role),
        catalog: Some(facts.role.catalog),
        scope: Some(wish.scope.clone()),
        permanent: false,
        justification: wish.request.justification.clone(),
        ticket: wish.request.ticket.clone(),
        policy_revision: Some(facts.policy.revision),
    }
}

/// The time for which the role is held from `start`: no longer than its approvers granted, and never
/// past `last`, the end of what it rests on.
pub(super) fn held(
    request: &Request,
    shortened: Option<TimeDelta>,
    last: Option<DateTime<Utc>>,
    start: DateTime<Utc>,
) -> Held {
    let asked = end(request, start);
    let granted = shortened.and_then(|most| start.checked_add_signed(most));
    let asked = granted.map_or(asked, |granted| granted.min(asked));
    let end = earliest(Some(asked), last).unwrap_or(asked);
    Held { start, end, truncated: end < asked }
}

fn end(request: &Request, start: DateTime<Utc>) -> DateTime<Utc> {
    match request.length {
        // Bounded by the policy's maximum, which the rules judge before this is used.
        Length::Duration(duration) => start.checked_add_signed(duration).unwrap_or(start),
        Length::Until(end) => end,
    }
}

fn principal(judged: &Judged<'_>) -> Option<Violation> {
    let principal = &judged.facts.principal;
    let fit = principal.is_enabled() && principal.kind == PrincipalKind::User;
    (!fit).then(|| {
        let given = if principal.is_enabled() { "a service principal" } else { "a disabled one" };
        Violation::new(Rule::Principal, "authorization", "an enabled user", given)
    })
}

fn role(judged: &Judged<'_>) -> Option<Violation> {
    let role = &judged.facts.role;
    if role.deletion().is_some() {
        let given = format!("{}, which was deleted", role.display_name);
        return Some(Violation::new(Rule::Role, "role_id", "a role that there is", given));
    }
    role.misfit(&judged.facts.policy.lineage(judged.scope))
        .map(|limit| Violation::new(Rule::Role, "scope", limit, judged.scope.as_str()))
}

fn eligibility(judged: &Judged<'_>) -> Option<Violation> {
    judged.way.is_none().then(|| {
        Violation::new(
            Rule::Eligibility,
            "role_id",
            "an eligibility in force at the start, at the scope or above it",
            format!("none for {} at {}", judged.facts.role.display_name, judged.scope),
        )
    })
}

fn window(judged: &Judged<'_>) -> Option<Violation> {
    if judged.start - judged.now > START_AHEAD_MAX {
        let limit = format!("at most {} ahead", format_duration(START_AHEAD_MAX));
        let given = judged.start.to_rfc3339();
        return Some(Violation::new(Rule::Window, "start_time", limit, given));
    }
    match judged.request.length {
        Length::Until(end) if end <= judged.start => Some(Violation::new(
            Rule::Window,
            "end_time",
            format!("after the start, {}", judged.start.to_rfc3339()),
            end.to_rfc3339(),
        )),
        Length::Until(_) | Length::Duration(_) => None,
    }
}

fn expiration(judged: &Judged<'_>) -> Option<Violation> {
    let (field, asked) = match judged.request.length {
        Length::Duration(duration) => ("duration", duration),
        // Judged by the rule on windows.
        Length::Until(end) if end <= judged.start => return None,
        Length::Until(end) => ("end_time", end - judged.start),
    };
    let asked = judged.shortened.map_or(asked, |most| most.min(asked));
    let (least, most) = (judged.rules.activation_min, judged.rules.activation_max);
    (asked < least || asked > most).then(|| {
        let limit = format!("from {} to {}", format_duration(least), format_duration(most));
        Violation::new(Rule::Expiration, field, limit, format_duration(asked))
    })
}

fn justification(judged: &Judged<'_>) -> Option<Violation> {
    (judged.rules.require_justification && is_blank(&judged.request.justification))
        .then(|| Violation::new(Rule::Justification, "justification", "required", "none"))
}

fn ticketing(judged: &Judged<'_>) -> Option<Violation> {
    let required = judged.rules.require_ticket;
    if required { judged.rules.ticketing(judged.request.ticket.as_ref()) } else { None }
}

fn mfa(judged: &Judged<'_>) -> Option<Violation> {
    let sign_in = &judged.request.sign_in;
    if judged.rules.require_mfa && !sign_in.mfa {
        let limit = "a sign-in with multi-factor authentication";
        let violation = Violation::new(Rule::Mfa, "authorization", limit, "one without");
        return Some(violation.mended_by(step_up(judged.rules)));
    }
    let most = judged.rules.mfa_max_age?;
    let age = sign_in.time.map(|time| judged.asked - time);
    // One that is to come is none: no clock is that far off.
    let fresh = age.is_some_and(|age| age <= most.max(SIGN_IN_LEEWAY) && age >= -SIGN_IN_LEEWAY);
    (!fresh).then(|| {
        let limit = format!("a sign-in at most {} old", format_duration(most));
        let given = age.map_or("one of unknown age".to_owned(), format_duration);
        Violation::new(Rule::Mfa, "authorization", limit, given).mended_by(step_up(judged.rules))
    })
}

/// Whether the sign-in has served before. Of who asks alone: what was asked for is judged again by
/// the same sign-in, which has served for it.
pub(super) fn single_use(facts: &Facts, request: &Request, rules: &Rules) -> Option<Violation> {
    if !rules.single_use_authentication {
        return None;
    }
    let given = match (request.sign_in.time, facts.used) {
        (Some(_), Use::Nothing) => return None,
        (Some(_), Use::Activation(id)) => format!("one that served for {id}"),
        (None, _) | (Some(_), Use::Unknown) => "one of unknown time".to_owned(),
    };
    let limit = "a sign-in that has served for no activation yet";
    let violation = Violation::new(Rule::SingleUseAuthentication, "authorization", limit, given);
    Some(violation.mended_by(step_up(rules)))
}

/// The sign-in that a request uses up.
pub(super) fn used_up(request: &Request, rules: &Rules) -> Option<DateTime<Utc>> {
    request.sign_in.time.filter(|_| rules.single_use_authentication)
}

fn authentication_context(judged: &Judged<'_>) -> Option<Violation> {
    let satisfied = &judged.request.sign_in.contexts;
    let missing =
        judged.rules.authentication_contexts.iter().find(|one| !satisfied.contains(one))?;
    let limit = format!("a sign-in that satisfies {missing}");
    let given = if satisfied.is_empty() { "none".to_owned() } else { satisfied.join(" ") };
    let violation = Violation::new(Rule::AuthenticationContext, "authorization", limit, given);
    Some(violation.mended_by(step_up(judged.rules)))
}

/// The sign-in that satisfies all that these rules ask of one.
fn step_up(rules: &Rules) -> StepUp {
    let mfa = rules.require_mfa.then(|| StepUp::MFA.to_owned());
    let acr_values = mfa.into_iter().chain(rules.authentication_contexts.iter().cloned());
    // The provider must not answer with the session that it has.
    let anew = rules.single_use_authentication.then(TimeDelta::zero);
    StepUp { acr_values: acr_values.collect(), max_age: anew.or(rules.mfa_max_age) }
}

fn conditions(judged: &Judged<'_>) -> Option<Violation> {
    let conditions = &judged.rules.conditions;
    if conditions.is_empty() {
        return None;
    }
    let circumstances = judged.circumstances();
    let given = conditions.iter().enumerate().find_map(|(index, condition)| {
        match (judged.facts.decide)(condition, &circumstances) {
            Outcome::Allowed => None,
            Outcome::Denied => Some(format!("conditions[{index}] does not")),
            Outcome::Failed(why) => Some(format!("conditions[{index}] cannot be evaluated: {why}")),
        }
    })?;
    let limit = "every condition in force allows it";
    Some(Violation::new(Rule::Conditions, "authorization", limit, given))
}

impl Judged<'_> {
    /// By the sign-in that was stored with the request, and by when it would begin now.
    fn circumstances(&self) -> Circumstances {
        let sign_in = &self.request.sign_in;
        let age = sign_in.time.map(|time| self.asked - time);
        let duration = match self.request.length {
            Length::Duration(duration) => duration,
            Length::Until(end) => end - self.start,
        };
        Circumstances {
            principal: self.facts.principal.id,
            role: self.facts.role.id,
            mfa: sign_in.mfa,
            contexts: sign_in.contexts.clone(),
            // One that is to come is none, as for the rule on its age.
            auth_age: age
                .filter(|age| *age >= -SIGN_IN_LEEWAY)
                .map(|age| age.max(TimeDelta::zero())),
            signals: sign_in.signals.clone(),
            // What is extended has begun: what is asked for begins now.
            time: self.start.max(self.now),
            ticket: self.request.ticket.clone(),
            duration: self.shortened.map_or(duration, |most| most.min(duration)),
        }
    }
}

fn overlap(judged: &Judged<'_>) -> Option<Violation> {
    judged.live.map(|live| {
        let given = match &live.state {
            State::Active { held, .. } => format!("{}, until {}", live.id, held.end.to_rfc3339()),
            State::PendingApproval { .. } | State::Scheduled { .. } | State::Ended { .. } => {
                format!("{}, {}", live.id, live.state.as_str())
            }
        };
        Violation::new(Rule::Overlap, "scope", "one live activation of a role at a scope", given)
    })
}

/// Whether there are people enough to approve it who are enabled and not the requester.
pub(super) fn approvable(facts: &Facts, rules: &Rules, now: DateTime<Utc>) -> Option<Violation> {
    let barred = Some(facts.principal.person_key());
    let seating = |rule| Seating::new(rule, facts.panel(now), barred);
    let impossible = rules.approvals.iter().map(seating).find(|seating| !seating.is_possible())?;
    Some(Violation::new(
        Rule::Approvable,
        "role_id",
        "an enabled approver for every slot that it takes, none of them the requester",
        format!("{} who can approve", impossible.approvers().len()),
    ))
}

/// The kind of thing that a refused request would have been.
pub(super) const THING: ThingKind = ThingKind::Activation;
