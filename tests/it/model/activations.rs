//! The model of activations (specification, section 4).

use std::cmp::Reverse;

use pim_proto::{activation::v1::Ending, approval::v1::ApprovalState};

use super::{
    grants::is_blank,
    reference::{Model, Outcome, invalid, not_permitted, policy, wrong_state},
    request::{Pick, Request, Sent},
    rules::{
        ACTIVATION_MAX, ACTIVATION_MIN, REQUIRE_JUSTIFICATION, REQUIRE_MFA, REQUIRE_TICKET, Rules,
    },
    things::{Activation, Approval, Asked, Extension, Held, Kind, Length, State},
    universe::{DAY, Role, Scope, Time, Who},
    view::Answer,
};

/// The broken ones of these rules, in their order.
fn broken(rules: &[(&'static str, bool)]) -> Vec<&'static str> {
    rules.iter().filter(|(_, broken)| *broken).map(|(rule, _)| *rule).collect()
}

/// Whether a policy permits that an activation lasts so long.
fn permits(rules: &Rules, lasts: Time) -> bool {
    (rules.time(ACTIVATION_MIN)..=rules.time(ACTIVATION_MAX)).contains(&lasts)
}

impl Asked {
    /// Where it ends if it begins at `start`.
    pub(super) fn end(&self, start: Time) -> Time {
        let end = match self.length {
            Length::For(lasts) => start + lasts,
            Length::Until(end) => end,
        };
        self.shortened.map_or(end, |most| end.min(start + most))
    }
}

impl Model {
    pub(super) fn activate(&mut self, sent: &Sent) -> Outcome {
        let Request::Activate { role, scope, eligibility, start, length, because, ticket } =
            sent.request
        else {
            panic!("not an activation: {sent:?}")
        };
        if let (Some(start), Length::Until(end)) = (start, length)
            && end <= start
        {
            return Err(invalid());
        }
        if let Some(answer) = self.replay(sent)? {
            return Ok(answer);
        }
        // "A start in the past is moved to now."
        let start = start.unwrap_or(self.now).max(self.now);
        let chosen = self.choose(sent.caller, role, scope, eligibility, start);
        let rules = self.rules(role, scope, chosen);
        let asked = self.asked(sent, rules, role, (length, because, ticket));
        let live = self.live(sent.caller, role, scope);
        let lasts = asked.end(start) - start;
        policy(&broken(&[
            ("ROLE", !role.is_legal_at(scope)),
            ("ELIGIBILITY", chosen.is_none()),
            ("WINDOW", start > self.now + 30 * DAY || lasts <= 0),
            ("EXPIRATION", lasts > 0 && !permits(&asked.rules, lasts)),
            ("JUSTIFICATION", asked.rules.flag(REQUIRE_JUSTIFICATION) && is_blank(because)),
            ("TICKETING", asked.rules.flag(REQUIRE_TICKET) && !ticket),
            ("MFA", asked.rules.flag(REQUIRE_MFA) && !sent.mfa),
            ("OVERLAP", live.is_some_and(|place| self.activations[place].is_live(self.now))),
            ("APPROVABLE", !self.is_approvable(sent.caller, &asked.rules)),
        ]))?;
        if let Some(place) = live {
            self.record_time(place);
        }
        let needs_approval = !asked.rules.approvals().is_empty();
        let eligibility = chosen.unwrap();
        let state = if needs_approval {
            State::Pending
        } else if start > self.now {
            State::Scheduled
        } else {
            State::Active(self.held(&asked, eligibility, start), None)
        };
        let place = self.activations.len();
        let booked = (start > self.now).then_some(start);
        let (id, principal) = (String::new(), sent.caller);
        let activation =
            Activation { id, principal, role, scope, eligibility, booked, asked, state };
        self.activations.push(activation);
        let answer = Answer::Activation(place, self.view_activation(&self.activations[place]));
        if needs_approval {
            self.open(place, None);
        }
        Ok(answer)
    }

    fn asked(
        &self,
        sent: &Sent,
        rules: Rules,
        role: Role,
        (length, because, ticket): (Length, &'static str, bool),
    ) -> Asked {
        let timeout = rules.approvals().iter().map(|rule| rule.timeout).min();
        Asked {
            length,
            because,
            ticket,
            mfa: sent.mfa,
            revision: self.revision(role),
            created: self.now,
            expires: self.now + timeout.unwrap_or(0),
            shortened: None,
            rules,
        }
    }

    /// "A request may name `eligibility_id`; else: nearest scope, then own before group, then
    /// latest end, then lowest id."
    fn choose(
        &self,
        who: Who,
        role: Role,
        scope: Scope,
        named: Option<Pick>,
        start: Time,
    ) -> Option<usize> {
        let able = self.grants.iter().enumerate().filter(|(place, grant)| {
            let own = (grant.kind, grant.principal, grant.role) == (Kind::Eligibility, who, role);
            let wanted = named.is_none_or(|named| named == Some(*place));
            own && wanted && grant.scope.covers(scope) && grant.counts(start)
        });
        let best = able.min_by_key(|(_, grant)| {
            let latest = Reverse(grant.end.unwrap_or(Time::MAX));
            (Reverse(grant.scope.depth()), latest, grant.id.clone())
        });
        best.map(|(place, _)| place)
    }

    /// The newest of exactly this target that was live when it was last looked at.
    fn live(&self, who: Who, role: Role, scope: Scope) -> Option<usize> {
        self.activations.iter().rposition(|activation| {
            let key = (activation.principal, activation.role, activation.scope);
            key == (who, role, scope) && !matches!(activation.state, State::Ended { .. })
        })
    }

    pub(super) fn is_approvable(&self, requester: Who, rules: &Rules) -> bool {
        self.with_standing(Some(requester), |standing| {
            rules.approvals().iter().all(|rule| rule.is_possible(standing))
        })
    }

    /// "Its end is never after the earliest end on the path."
    fn held(&self, asked: &Asked, eligibility: usize, start: Time) -> Held {
        let wanted = asked.end(start);
        let end = self.grants[eligibility].end.map_or(wanted, |end| end.min(wanted));
        Held { start, end, truncated: end < wanted }
    }

    /// The approval that an activation or its extension waits for.
    fn open(&mut self, place: usize, extension: Option<&Asked>) -> usize {
        let asked = extension.unwrap_or(&self.activations[place].asked);
        let approval = Approval {
            id: String::new(),
            activation: place,
            extension: extension.is_some(),
            length: asked.length,
            rules: asked.rules.approvals().to_vec(),
            revision: asked.revision,
            created: self.now,
            expires: asked.expires,
            shortened: None,
            votes: Vec::new(),
            state: ApprovalState::Pending,
        };
        self.approvals.push(approval);
        self.approvals.len() - 1
    }

    pub(super) fn deactivate(&mut self, sent: &Sent, activation: Pick) -> Outcome {
        let own = |place: &usize| self.activations[*place].principal == sent.caller;
        let place = activation.filter(own).ok_or_else(not_permitted)?;
        if let Some(answer) = self.replay(sent)? {
            return Ok(answer);
        }
        let State::Active(..) = self.activations[place].settled(self.now) else {
            return Err(wrong_state());
        };
        self.end(place, Ending::Deactivated, Vec::new());
        Ok(Answer::Activation(place, self.view_activation(&self.activations[place])))
    }

    pub(super) fn cancel(&mut self, sent: &Sent, activation: Pick) -> Outcome {
        let place = activation.ok_or_else(|| self.missing(sent.caller))?;
        let activation = &self.activations[place];
        let (role, scope) = (activation.role, activation.scope);
        if activation.principal != sent.caller && !self.administers(sent.caller, role, scope) {
            return Err(not_permitted());
        }
        if let Some(answer) = self.replay(sent)? {
            return Ok(answer);
        }
        let (State::Pending | State::Scheduled) = activation.settled(self.now) else {
            return Err(wrong_state());
        };
        self.end(place, Ending::Canceled, Vec::new());
        Ok(Answer::Activation(place, self.view_activation(&self.activations[place])))
    }

    pub(super) fn extend(&mut self, sent: &Sent) -> Outcome {
        let Request::Extend { activation, length, because, ticket } = sent.request else {
            panic!("not an extension: {sent:?}")
        };
        let own = |place: &usize| self.activations[*place].principal == sent.caller;
        let place = activation.filter(own).ok_or_else(not_permitted)?;
        if let Some(answer) = self.replay(sent)? {
            return Ok(answer);
        }
        let activation = self.activations[place].clone();
        let State::Active(held, waiting) = activation.settled(self.now) else {
            return Err(wrong_state());
        };
        let rules = self.rules(activation.role, activation.scope, Some(activation.eligibility));
        let asked = self.asked(sent, rules, activation.role, (length, because, ticket));
        // "Judged as a new request, at most `activation_max` from the start."
        let end = asked.end(held.end);
        let lasts = end - held.start;
        policy(&broken(&[
            ("ELIGIBILITY", !self.grants[activation.eligibility].counts(self.now)),
            // Decided: an extension that the eligibility's end takes away is none.
            ("WINDOW", self.until(place, held, end).end <= held.end),
            ("EXPIRATION", lasts > 0 && !permits(&asked.rules, lasts)),
            ("JUSTIFICATION", asked.rules.flag(REQUIRE_JUSTIFICATION) && is_blank(because)),
            ("TICKETING", asked.rules.flag(REQUIRE_TICKET) && !ticket),
            ("MFA", asked.rules.flag(REQUIRE_MFA) && !sent.mfa),
            // "One at a time."
            ("OVERLAP", waiting.is_some()),
            ("APPROVABLE", !self.is_approvable(sent.caller, &asked.rules)),
        ]))?;
        self.record_time(place);
        let extension = if asked.rules.approvals().is_empty() {
            None
        } else {
            let approval = self.open(place, Some(&asked));
            Some(Box::new(Extension { asked: asked.clone(), end, approval }))
        };
        let held = if extension.is_some() { held } else { self.until(place, held, end) };
        self.activations[place].state = State::Active(held, extension);
        Ok(Answer::Activation(place, self.view_activation(&self.activations[place])))
    }

    /// The same holding with another end, never past the eligibility's.
    fn until(&self, place: usize, held: Held, wanted: Time) -> Held {
        let most = self.grants[self.activations[place].eligibility].end;
        let end = most.map_or(wanted, |most| most.min(wanted));
        Held { start: held.start, end, truncated: end < wanted }
    }

    /// What of it no longer counts: what it rests on, or those who could approve it.
    pub(super) fn broken_path(&self, place: usize) -> Option<&'static str> {
        let activation = &self.activations[place];
        let waits_for = match &activation.state {
            State::Ended { .. } => return None,
            State::Pending => Some(&activation.asked.rules),
            State::Scheduled | State::Active(..) => None,
        };
        let counted = self.grants[activation.eligibility]
            .counts(self.now.max(self.grants[activation.eligibility].start));
        if self.enabled_since[activation.principal].is_none() {
            Some("PRINCIPAL")
        } else if !counted {
            Some("ELIGIBILITY")
        } else if waits_for.is_some_and(|rules| !self.is_approvable(activation.principal, rules)) {
            Some("APPROVABLE")
        } else {
            None
        }
    }

    /// "Judged again at approval and at start", by the stricter of the two revisions.
    fn broken_again(&self, place: usize, start: Time, votes: &[Who]) -> Vec<&'static str> {
        let activation = &self.activations[place];
        let newest = self.rules(activation.role, activation.scope, Some(activation.eligibility));
        let rules = activation.asked.rules.stricter(&newest);
        let lasts = activation.asked.end(start) - start;
        let met = self.with_standing(Some(activation.principal), |standing| {
            rules.approvals().iter().all(|rule| rule.is_met(votes, standing))
        });
        broken(&[
            ("PRINCIPAL", self.enabled_since[activation.principal].is_none()),
            ("ELIGIBILITY", !self.grants[activation.eligibility].counts(start)),
            ("WINDOW", start > self.now + 30 * DAY || lasts <= 0),
            ("EXPIRATION", lasts > 0 && !permits(&rules, lasts)),
            ("TICKETING", rules.flag(REQUIRE_TICKET) && !activation.asked.ticket),
            ("MFA", rules.flag(REQUIRE_MFA) && !activation.asked.mfa),
            ("APPROVABLE", !met),
        ])
    }

    /// It has been approved, or needs nobody's approval and its start has come.
    pub(super) fn begin(&mut self, place: usize, votes: &[Who]) {
        let activation = &self.activations[place];
        let start = activation.booked.unwrap_or(self.now).max(self.now);
        let broken = self.broken_again(place, start, votes);
        if !broken.is_empty() {
            self.void(place, broken);
        } else if start > self.now {
            self.activations[place].state = State::Scheduled;
        } else {
            let held = self.held(&activation.asked, activation.eligibility, start);
            self.activations[place].state = State::Active(held, None);
        }
    }

    /// A booked one, whose start has come, is judged.
    pub(super) fn start(&mut self, place: usize) {
        let own = |approval: &&Approval| approval.activation == place && !approval.extension;
        let votes = self.approvals.iter().find(own).map(Approval::yes).unwrap_or_default();
        self.begin(place, &votes);
    }

    /// The waiting extension has been approved: judged again, the end moves.
    pub(super) fn lengthen(&mut self, place: usize, votes: &[Who]) {
        let activation = &self.activations[place];
        let State::Active(held, Some(extension)) = activation.settled(self.now) else { return };
        let newest = self.rules(activation.role, activation.scope, Some(activation.eligibility));
        let rules = extension.asked.rules.stricter(&newest);
        let end = extension.asked.end(held.end);
        let met = self.with_standing(Some(activation.principal), |standing| {
            rules.approvals().iter().all(|rule| rule.is_met(votes, standing))
        });
        let permitted = end > held.end
            && permits(&rules, end - held.start)
            && (!rules.flag(REQUIRE_TICKET) || extension.asked.ticket)
            && (!rules.flag(REQUIRE_MFA) || extension.asked.mfa)
            && met;
        let held = if permitted { self.until(place, held, end) } else { held };
        self.activations[place].state = State::Active(held, None);
    }
}
