//! The model of administration: eligibilities and assignments, policies, principals
//! (specification, sections 3 and 7).

use pim_proto::assignment::v1::GrantState;
use tonic::Code;

use super::{
    reference::{Model, Outcome, invalid, not_permitted, policy, refused, wrong_state},
    request::{Pick, Request, Sent},
    rules::{
        ACTIVATION_MAX, ACTIVATION_MIN, APPROVAL, ASSIGNED_MAX, ASSIGNMENT_JUSTIFICATION,
        ASSIGNMENT_MFA, ASSIGNMENT_TICKET, ELIGIBLE_MAX, PERMANENT_ASSIGNMENT,
        PERMANENT_ELIGIBILITY, Stage, Value, in_force,
    },
    things::{Grant, Kind},
    universe::{Role, Scope, Time, Who, is_administrator, person},
    view::Answer,
};

pub(super) fn is_blank(text: &str) -> bool {
    text.chars().all(|one| one.is_whitespace() || one == '\u{200b}')
}

impl Model {
    pub(super) fn create_grant(&mut self, sent: &Sent) -> Outcome {
        let Request::Grant { kind, target, role, scope, start, end, because, ticket } =
            sent.request
        else {
            panic!("not a grant: {sent:?}")
        };
        if start.zip(end).is_some_and(|(start, end)| end <= start) {
            let known = self.administers_something(sent.caller);
            return Err(if known { invalid() } else { not_permitted() });
        }
        if !self.administers(sent.caller, role, scope) {
            return Err(not_permitted());
        }
        if let Some(answer) = self.replay(sent)? {
            return Ok(answer);
        }
        if person(sent.caller) == person(target) {
            return Err(refused(Code::PermissionDenied, "SELF_GRANT"));
        }
        let grant = Grant {
            id: String::new(),
            kind,
            principal: target,
            role,
            scope,
            // "Start in the past moved to now."
            start: start.unwrap_or(self.now).max(self.now),
            end,
            because,
            ticket,
            revision: self.revision(role),
            created: self.now,
            ended: None,
        };
        policy(&self.broken_by_grant(&grant, sent.mfa))?;
        if self.grants.iter().any(|other| self.is_duplicate(other, &grant)) {
            return Err(refused(Code::AlreadyExists, "DUPLICATE"));
        }
        let answer = Answer::Grant(self.grants.len(), self.view_grant(&grant));
        self.grants.push(grant);
        Ok(answer)
    }

    fn broken_by_grant(&self, grant: &Grant, mfa: bool) -> Vec<&'static str> {
        let rules = in_force(&self.policies, grant.role, grant.scope);
        let lasts = grant.end.map(|end| end - grant.start);
        let (permanent, most) = match grant.kind {
            Kind::Eligibility => (PERMANENT_ELIGIBILITY, ELIGIBLE_MAX),
            Kind::Assignment => (PERMANENT_ASSIGNMENT, ASSIGNED_MAX),
        };
        let asks = |name| grant.kind == Kind::Assignment && rules.flag(name);
        let too_long = lasts.is_none_or(|lasts| lasts > rules.time(most));
        let all = [
            ("PRINCIPAL", self.enabled_since[grant.principal].is_none()),
            ("ROLE", !grant.role.is_legal_at(grant.scope)),
            ("WINDOW", lasts.is_some_and(|lasts| lasts < rules.time(ACTIVATION_MIN))),
            // "A maximum binds only where permanent is not allowed."
            ("EXPIRATION", !rules.flag(permanent) && too_long),
            ("JUSTIFICATION", asks(ASSIGNMENT_JUSTIFICATION) && is_blank(grant.because)),
            ("TICKETING", asks(ASSIGNMENT_TICKET) && !grant.ticket),
            ("MFA", asks(ASSIGNMENT_MFA) && !mfa),
        ];
        all.into_iter().filter(|(_, broken)| *broken).map(|(rule, _)| rule).collect()
    }

    /// "Exact duplicates." Decided: with the same end, and begun no later: it would add nothing.
    fn is_duplicate(&self, one: &Grant, other: &Grant) -> bool {
        let key = |grant: &Grant| (grant.kind, grant.principal, grant.role, grant.scope, grant.end);
        !one.is_over(self.now) && key(one) == key(other) && one.start <= other.start
    }

    pub(super) fn remove_grant(&mut self, sent: &Sent, kind: Kind, grant: Pick) -> Outcome {
        let Some(place) = grant else {
            let known = self.administers_something(sent.caller);
            return Err(if known { self.missing(sent.caller) } else { not_permitted() });
        };
        let grant = self.grants[place].clone();
        if !self.administers(sent.caller, grant.role, grant.scope) {
            return Err(not_permitted());
        }
        if let Some(answer) = self.replay(sent)? {
            return Ok(answer);
        }
        let how = match grant.state(self.now) {
            GrantState::Scheduled => GrantState::Canceled,
            GrantState::InForce => GrantState::Removed,
            _ => return Err(wrong_state()),
        };
        self.grants[place].ended = Some((how, self.now));
        if kind == Kind::Eligibility {
            for activation in 0..self.activations.len() {
                let rests = self.activations[activation].eligibility == place;
                if rests && self.activations[activation].is_live(self.now) {
                    self.void(activation, vec!["ELIGIBILITY"]);
                }
            }
        }
        Ok(Answer::Grant(place, self.view_grant(&self.grants[place])))
    }

    pub(super) fn update_policy(
        &mut self,
        sent: &Sent,
        role: Role,
        scope: Scope,
        stale: bool,
    ) -> Outcome {
        // Decided: a stage names nobody twice; that is malformed.
        if let Request::Set { value: Value::Approval(rules), .. } = &sent.request
            && rules.iter().flat_map(|rule| &rule.stages).any(Stage::names_somebody_twice)
        {
            let known = self.administers_something(sent.caller);
            return Err(if known { invalid() } else { not_permitted() });
        }
        if !self.administers(sent.caller, role, scope) {
            return Err(not_permitted());
        }
        if let Some(answer) = self.replay(sent)? {
            return Ok(answer);
        }
        let mut policies = self.policies.clone();
        let own = policies.entry((role, scope)).or_default();
        match &sent.request {
            Request::Set { name, value, enforce, .. } => {
                own.set.insert(name, value.clone());
                match enforce {
                    Some(true) => drop(own.enforced.insert(name)),
                    Some(false) => drop(own.enforced.remove(name)),
                    None => {}
                }
            }
            Request::Reset { name, .. } => {
                own.set.remove(name);
                own.enforced.remove(name);
            }
            _ => panic!("not about a policy: {sent:?}"),
        }
        own.revision = self.revision(role) + 1;
        let own = own.clone();
        if stale || self.is_outdated(sent) {
            return Err(refused(Code::Aborted, "ETAG_MISMATCH"));
        }
        let rules = in_force(&policies, role, scope);
        if rules.time(ACTIVATION_MIN) > rules.time(ACTIVATION_MAX) {
            return Err(invalid());
        }
        // "A policy that nobody could satisfy is refused when it is written", also where the rule
        // had been set before.
        if let Some(Value::Approval(approvals)) = own.set.get(APPROVAL) {
            let possible = self.with_standing(None, |standing| {
                approvals.iter().all(|rule| rule.is_possible(standing))
            });
            policy(if possible { &[] } else { &["APPROVABLE"] })?;
        }
        self.policies = policies;
        self.revisions.insert(role, own.revision);
        let set = own.set.keys().copied().collect();
        let enforced = own.enforced.iter().copied().collect();
        Ok(Answer::Policy { set, enforced, revision: own.revision })
    }

    pub(super) fn disable(&mut self, sent: &Sent, who: Who) -> Outcome {
        if let Some(answer) = self.replay(sent)?.filter(|_| is_administrator(sent.caller)) {
            return Ok(answer);
        }
        let answer = self.switch(sent, who, None)?;
        for place in 0..self.activations.len() {
            let activation = &self.activations[place];
            if activation.principal == who && activation.is_live(self.now) {
                self.void(place, vec!["PRINCIPAL"]);
            }
        }
        Ok(answer)
    }

    pub(super) fn enable(&mut self, sent: &Sent, who: Who) -> Outcome {
        self.switch(sent, who, Some(self.now))
    }

    fn switch(&mut self, sent: &Sent, who: Who, since: Option<Time>) -> Outcome {
        if !is_administrator(sent.caller) {
            return Err(not_permitted());
        }
        if let Some(answer) = self.replay(sent)? {
            return Ok(answer);
        }
        if self.enabled_since[who].is_some() == since.is_some() {
            return Err(wrong_state());
        }
        self.enabled_since[who] = since;
        if since.is_none() {
            self.disabled_at[who] = Some(self.now);
        }
        Ok(Answer::Principal { who, enabled_since: since })
    }
}
