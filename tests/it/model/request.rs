//! What can be done. A command is generated without knowledge of what there is: its times count
//! from the moment and its things are any number. `Model::resolve` makes it a request of the moment,
//! so that every command can be sent, also one that does not apply.

use super::{
    reference::Model,
    rules::{Name, Value},
    things::{Kind, Length},
    universe::{BOB, MINUTE, PEOPLE, ROOT, Role, SUPER, Scope, Time, Who},
};

#[derive(Debug, Clone)]
pub(super) enum Command {
    /// Lets time pass.
    Wait(Time),
    /// To the next instant at which something begins or ends, or one microsecond off it.
    WaitForChange(Time),
    /// The scheduler does all that is due.
    Settle,
    Restart,
    Send {
        by: By,
        mfa: bool,
        dry: bool,
        request: Request,
    },
    /// An earlier request is delivered again, perhaps with other contents.
    Again {
        pick: usize,
        changed: bool,
    },
}

/// Who sends.
#[derive(Debug, Clone, Copy)]
pub(super) enum By {
    Anybody(Who),
    /// One of those who could have business with it.
    Somebody(usize),
}

/// Which thing. As generated: any number, where 0 is one that there is not. As sent: its place.
pub(super) type Pick = Option<usize>;

/// Why, in words; blank is a text too.
pub(super) type Why = &'static str;
pub(super) const WORK: Why = "their work";
pub(super) const OTHER_WORK: Why = "other work";
pub(super) const BLANK: Why = " \u{200b}\n";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    Grant {
        kind: Kind,
        target: Who,
        role: Role,
        scope: Scope,
        start: Option<Time>,
        end: Option<Time>,
        because: Why,
        ticket: bool,
    },
    Remove {
        kind: Kind,
        grant: Pick,
        because: Why,
    },
    Set {
        role: Role,
        scope: Scope,
        name: Name,
        value: Value,
        enforce: Option<bool>,
        stale: bool,
    },
    Reset {
        role: Role,
        scope: Scope,
        name: Name,
        stale: bool,
    },
    Activate {
        role: Role,
        scope: Scope,
        /// The one that is named, if one is.
        eligibility: Option<Pick>,
        start: Option<Time>,
        length: Length,
        because: Why,
        ticket: bool,
    },
    Deactivate {
        activation: Pick,
        because: Why,
    },
    Cancel {
        activation: Pick,
        because: Why,
    },
    Extend {
        activation: Pick,
        length: Length,
        because: Why,
        ticket: bool,
    },
    Approve {
        approval: Pick,
        shorten: Option<Time>,
        because: Why,
        stale: bool,
    },
    Deny {
        approval: Pick,
        because: Why,
        stale: bool,
    },
    Disable {
        who: Who,
    },
    Enable {
        who: Who,
    },
    /// One service tells another.
    Ring {
        bell: Bell,
        thing: Pick,
    },
    Read {
        what: What,
        thing: Pick,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bell {
    EndEligibility,
    EndAssignment,
    ExpireActivation,
    StartActivation,
    ResolveActivation,
    VoidActivation,
    /// Of an activation; the others below are of an approval.
    OpenApproval,
    CancelApproval,
    TimeOutApproval,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Grant(Kind),
    Activation,
    Approval,
}

/// A request as it goes out.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    /// Numbers the requests of a sequence; the request id is made of it.
    pub(super) id: usize,
    pub(super) caller: Who,
    pub(super) mfa: bool,
    pub(super) dry: bool,
    pub(super) request: Request,
}

impl Request {
    /// The same with other contents, where a request has contents that can be others.
    pub(super) fn changed(&self) -> Self {
        let mut changed = self.clone();
        match &mut changed {
            Request::Grant { because, .. }
            | Request::Remove { because, .. }
            | Request::Activate { because, .. }
            | Request::Deactivate { because, .. }
            | Request::Cancel { because, .. }
            | Request::Extend { because, .. }
            | Request::Approve { because, .. }
            | Request::Deny { because, .. } => {
                *because = if *because == WORK { OTHER_WORK } else { WORK };
            }
            Request::Set { enforce, .. } => *enforce = Some(*enforce != Some(true)),
            Request::Disable { who } | Request::Enable { who } => {
                *who = if *who == BOB { BOB + 1 } else { BOB };
            }
            Request::Reset { .. } | Request::Ring { .. } | Request::Read { .. } => {}
        }
        changed
    }
}

impl Model {
    /// The request of this moment.
    pub(super) fn resolve(&self, request: &Request) -> Request {
        let mut request = request.clone();
        let later = |time: &mut Option<Time>| *time = time.map(|time| self.now + time);
        let until = |length: &mut Length| {
            if let Length::Until(time) = length {
                *time += self.now;
            }
        };
        match &mut request {
            Request::Grant { start, end, .. } => {
                later(start);
                later(end);
            }
            Request::Remove { kind, grant, .. } => *grant = self.pick_grant(*kind, *grant),
            Request::Activate { eligibility, start, length, .. } => {
                later(start);
                until(length);
                if let Some(pick) = eligibility {
                    *pick = self.pick_grant(Kind::Eligibility, *pick);
                }
            }
            Request::Extend { activation, length, .. } => {
                *activation = self.pick_activation(*activation);
                until(length);
            }
            Request::Deactivate { activation, .. } | Request::Cancel { activation, .. } => {
                *activation = self.pick_activation(*activation);
            }
            Request::Approve { approval, .. } | Request::Deny { approval, .. } => {
                *approval = self.pick_approval(*approval);
            }
            Request::Ring { bell, thing } => {
                *thing = match bell {
                    Bell::EndEligibility => self.pick_grant(Kind::Eligibility, *thing),
                    Bell::EndAssignment => self.pick_grant(Kind::Assignment, *thing),
                    Bell::CancelApproval | Bell::TimeOutApproval => self.pick_approval(*thing),
                    Bell::ExpireActivation
                    | Bell::StartActivation
                    | Bell::ResolveActivation
                    | Bell::VoidActivation
                    | Bell::OpenApproval => self.pick_activation(*thing),
                };
            }
            Request::Read { what, thing } => {
                *thing = match what {
                    What::Grant(kind) => self.pick_grant(*kind, *thing),
                    What::Activation => self.pick_activation(*thing),
                    What::Approval => self.pick_approval(*thing),
                };
            }
            Request::Set { .. }
            | Request::Reset { .. }
            | Request::Disable { .. }
            | Request::Enable { .. } => {}
        }
        request
    }

    /// Mostly what somebody asks for is what somebody is eligible for, who is enabled was disabled,
    /// and where there is nothing to act on, something is asked for first: else little would happen.
    pub(super) fn aim(&self, by: By, request: &mut Request) {
        let By::Somebody(number) = by else { return };
        if number == 0 {
            return;
        }
        let able = self
            .grants
            .iter()
            .filter(|grant| grant.kind == Kind::Eligibility && grant.counts(self.now));
        let able: Vec<(Role, Scope)> = able.map(|grant| (grant.role, grant.scope)).collect();
        match request {
            Request::Activate { role, scope, .. } => {
                let is_covered = able.iter().any(|(held, at)| *held == *role && at.covers(*scope));
                let fits = is_covered && role.is_legal_at(*scope);
                if !able.is_empty() && !fits {
                    (*role, *scope) = able[number % able.len()];
                }
            }
            Request::Deactivate { activation: None, .. }
            | Request::Cancel { activation: None, .. }
            | Request::Extend { activation: None, .. }
            | Request::Approve { approval: None, .. }
            | Request::Deny { approval: None, .. }
                if !able.is_empty() =>
            {
                let (role, scope) = able[number % able.len()];
                *request = Request::Activate {
                    role,
                    scope,
                    eligibility: None,
                    start: None,
                    length: Length::For(20 * MINUTE),
                    because: WORK,
                    ticket: true,
                };
            }
            Request::Ring { bell, thing } => {
                let wanted = |place: &usize| self.clone().ring(*bell, *place).is_ok();
                let things = self.grants.len().max(self.activations.len());
                let kind = |place: &usize| match bell {
                    Bell::EndEligibility => self.is_grant(*place, Kind::Eligibility),
                    Bell::EndAssignment => self.is_grant(*place, Kind::Assignment),
                    Bell::CancelApproval | Bell::TimeOutApproval => *place < self.approvals.len(),
                    Bell::ExpireActivation
                    | Bell::StartActivation
                    | Bell::ResolveActivation
                    | Bell::VoidActivation
                    | Bell::OpenApproval => *place < self.activations.len(),
                };
                *thing = (0..things).filter(kind).find(wanted).or(*thing);
            }
            Request::Enable { who } => {
                let disabled = self.enabled_since.iter().position(Option::is_none);
                *who = disabled.unwrap_or(*who);
            }
            _ => {}
        }
    }

    /// Who sends it.
    pub(super) fn caller(&self, by: By, request: &Request) -> Who {
        let number = match by {
            By::Anybody(who) => return who,
            By::Somebody(number) => number,
        };
        match request {
            Request::Deactivate { activation: Some(place), .. }
            | Request::Cancel { activation: Some(place), .. }
            | Request::Extend { activation: Some(place), .. } => self.activations[*place].principal,
            Request::Approve { approval: Some(place), .. }
            | Request::Deny { approval: Some(place), .. } => {
                let rules = self.approvals[*place].rules.iter();
                let named: Vec<Who> = rules
                    .flat_map(|rule| {
                        let slots = rule.stages.iter().flat_map(|stage| &stage.slots);
                        slots.chain(&rule.fallback).copied()
                    })
                    .collect();
                named[number % named.len()]
            }
            Request::Activate { role, scope, .. } => {
                let able = self.grants.iter().filter(|grant| {
                    let able = grant.kind == Kind::Eligibility && grant.counts(self.now);
                    able && grant.role == *role && grant.scope.covers(*scope)
                });
                let able: Vec<Who> = able.map(|grant| grant.principal).collect();
                if able.is_empty() { BOB } else { able[number % able.len()] }
            }
            Request::Grant { role, scope, .. }
            | Request::Set { role, scope, .. }
            | Request::Reset { role, scope, .. }
                if number > 5 =>
            {
                let may = |who: &Who| self.administers(*who, *role, *scope);
                (0..PEOPLE.len()).rfind(may).unwrap_or(ROOT)
            }
            _ => [ROOT, SUPER][number % 2],
        }
    }

    fn is_grant(&self, place: usize, kind: Kind) -> bool {
        self.grants.get(place).is_some_and(|grant| grant.kind == kind)
    }

    fn pick_grant(&self, kind: Kind, pick: Pick) -> Pick {
        let places = 0..self.grants.len();
        let all: Vec<usize> = places.filter(|place| self.grants[*place].kind == kind).collect();
        let live = |place: &usize| !self.grants[*place].is_over(self.now);
        choose(&all, live, pick)
    }

    fn pick_activation(&self, pick: Pick) -> Pick {
        let all: Vec<usize> = (0..self.activations.len()).collect();
        choose(&all, |place| self.activations[*place].is_live(self.now), pick)
    }

    fn pick_approval(&self, pick: Pick) -> Pick {
        let all: Vec<usize> = (0..self.approvals.len()).collect();
        let pending = pim_proto::approval::v1::ApprovalState::Pending;
        choose(&all, |place| self.view_approval(*place).state == pending, pick)
    }
}

/// Mostly one that lives, the newest with the smallest number; sometimes any.
fn choose(all: &[usize], is_live: impl Fn(&usize) -> bool, pick: Pick) -> Pick {
    let number = pick.filter(|number| *number > 0)?;
    let live: Vec<usize> = all.iter().copied().filter(is_live).collect();
    let from = if number % 4 == 0 || live.is_empty() { all } else { &live };
    let back = number / 4 % from.len().max(1);
    from.iter().rev().nth(back).copied()
}
