//! A small world in which commands happen one after the other, as the rules permit.

mod requests;

use std::ops::RangeFrom;

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    activation::{Activation, Ask, Facts, Length, Request, Rest, State, ask},
    approval::{self, Approval, Decide, Decided, Verdict},
    change::{Change, Thing},
    change_request::ChangeRequest,
    denial::Denial,
    fixture::{noon, stamp},
    grant::{self, Create, Grant, GrantKind, NewEnd, Update},
    id::{ActivationId, GrantId, PrincipalId, RoleId, TenantId},
    policy::{ApprovalRule, Policy, RuleSet},
    principal::Principal,
    role::{Catalog, Role},
    scope::Scope,
};
use pim_store::Tx;
use proptest::prelude::*;

use crate::ground::{Ground, Stored, grant_facts, new_user, scope};

const CATALOG: Catalog = Catalog::Entra;

/// Where things are granted: one within the other, and one that only looks so.
pub(super) const SCOPES: [&str; 4] =
    ["/", "/administrativeUnits/a", "/administrativeUnits/a/b", "/administrativeUnits/ab"];

/// Which of the principals are asked.
const APPROVERS: RangeFrom<usize> = 2..;

/// What happens next; whom and what it concerns is a number, modulo how many there are.
#[derive(Debug, Clone)]
pub(super) enum Command {
    Wait { hours: i64 },
    Grant { eligible: bool, who: usize, role: usize, at: usize, ahead: i64, hours: Option<i64> },
    Remove(usize),
    Expire(usize),
    Shorten { grant: usize, hours: i64 },
    Ask { eligibility: usize, at: usize, ahead: Option<i64>, hours: i64, asks: bool },
    Activation(usize, Step),
    Open(usize),
    Decide { approval: usize, who: usize, yes: bool },
    CloseApproval(usize),
    Request(usize),
    CloseRequest(usize),
    Disable(usize),
    Enable(usize),
}

/// What is done to an activation.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Resolve,
    Start,
    Deactivate,
    Cancel,
    Expire,
    Void,
}

pub(super) fn command() -> impl Strategy<Value = Command> {
    let which = any::<usize>;
    let grant = (any::<bool>(), which(), which(), which(), 0_i64..4, prop::option::of(1_i64..12));
    let wish = (which(), which(), prop::option::of(1_i64..5), 1_i64..8, any::<bool>());
    let step = prop_oneof![
        1 => Just(Step::Resolve),
        1 => Just(Step::Start),
        1 => Just(Step::Deactivate),
        3 => Just(Step::Cancel),
        1 => Just(Step::Expire),
        1 => Just(Step::Void),
    ];
    prop_oneof![
        2 => (1_i64..3).prop_map(|hours| Command::Wait { hours }),
        3 => grant.prop_map(|(eligible, who, role, at, ahead, hours)| {
            Command::Grant { eligible, who, role, at, ahead, hours }
        }),
        1 => which().prop_map(Command::Remove),
        1 => which().prop_map(Command::Expire),
        2 => (which(), 1_i64..5).prop_map(|(grant, hours)| Command::Shorten { grant, hours }),
        8 => wish.prop_map(|(eligibility, at, ahead, hours, asks)| {
            Command::Ask { eligibility, at, ahead, hours, asks }
        }),
        4 => (which(), step).prop_map(|(which, step)| Command::Activation(which, step)),
        5 => which().prop_map(Command::Open),
        4 => (which(), which(), any::<bool>()).prop_map(|(approval, who, yes)| {
            Command::Decide { approval, who, yes }
        }),
        1 => which().prop_map(Command::CloseApproval),
        2 => which().prop_map(Command::Request),
        1 => which().prop_map(Command::CloseRequest),
        1 => which().prop_map(Command::Disable),
        2 => which().prop_map(Command::Enable),
    ]
}

/// All that there is, and the changes that led to it.
pub(super) struct Model {
    pub(super) tenant: TenantId,
    pub(super) principals: Vec<Principal>,
    pub(super) grants: Vec<Grant>,
    pub(super) activations: Vec<Activation>,
    pub(super) approvals: Vec<Approval>,
    pub(super) requests: Vec<ChangeRequest>,
    roles: [Role; 2],
    changes: Vec<AnyChange>,
    now: DateTime<Utc>,
}

enum AnyChange {
    Principal(Change<Principal>),
    Grant(Change<Grant>),
    Activation(Change<Activation>),
    Approval(Change<Approval>),
    Request(Change<ChangeRequest>),
}

impl Model {
    /// Lets `commands` happen; what the rules refuse does not.
    pub(super) fn run(ground: &Ground, commands: &[Command]) -> Self {
        let mut model = Self {
            tenant: ground.tenant,
            principals: Vec::new(),
            grants: Vec::new(),
            activations: Vec::new(),
            approvals: Vec::new(),
            requests: Vec::new(),
            roles: [ground.role.clone(), ground.other_role.clone()],
            changes: Vec::new(),
            now: noon(),
        };
        for name in ["alice", "bob", "carol", "dave"] {
            let change = new_user(name);
            model.principals.push(change.after().clone());
            model.changes.push(AnyChange::Principal(change));
        }
        // Two who may ask from the beginning, one of them for a few hours.
        for (who, hours) in [(0, None), (1, Some(9))] {
            let (eligible, role, at, ahead) = (true, who, 0, 0);
            model.apply(&Command::Grant { eligible, who, role, at, ahead, hours });
        }
        for command in commands {
            model.apply(command);
        }
        model
    }

    /// Writes it all.
    pub(super) async fn write(&self, tx: &mut Tx) {
        for change in &self.changes {
            match change {
                AnyChange::Principal(change) => Stored::record(tx, self.tenant, change).await,
                AnyChange::Grant(change) => Stored::record(tx, self.tenant, change).await,
                AnyChange::Activation(change) => Stored::record(tx, self.tenant, change).await,
                AnyChange::Approval(change) => Stored::record(tx, self.tenant, change).await,
                AnyChange::Request(change) => Stored::record(tx, self.tenant, change).await,
            }
            .unwrap();
        }
    }

    fn apply(&mut self, command: &Command) {
        match command {
            Command::Wait { hours } => self.now += TimeDelta::hours(*hours),
            Command::Grant { eligible, who, role, at, ahead, hours } => {
                let start = self.now + TimeDelta::hours(*ahead);
                let wish = Create {
                    kind: if *eligible { GrantKind::Eligibility } else { GrantKind::Assignment },
                    principal: nth(&self.principals, *who).unwrap().id,
                    role: nth(&self.roles, *role).unwrap().id,
                    scope: scope(nth(&SCOPES, *at).unwrap()),
                    start: Some(start),
                    end: hours.map(|hours| start + TimeDelta::hours(hours)),
                    justification: "their work".to_owned(),
                    ticket: None,
                };
                let facts = grant_facts(self.principal(wish.principal), self.role(wish.role));
                self.keep(grant::create(&facts, wish, &stamp(self.now)));
            }
            Command::Remove(which) => self
                .on_grant(*which, |grant, now| grant.remove(CATALOG, String::new(), &stamp(now))),
            Command::Expire(which) => {
                self.on_grant(*which, |grant, now| grant.expire(CATALOG, &stamp(now)));
            }
            Command::Shorten { grant, hours } => {
                let Some(grant) = nth(&self.grants, *grant) else { return };
                let end = self.now.max(grant.window.start) + TimeDelta::hours(*hours);
                if grant.window.end.is_none_or(|old| end < old) {
                    let change = self.shorten(grant, end);
                    self.keep(change);
                }
            }
            Command::Ask { eligibility, at, ahead, hours, asks } => {
                let request = Request {
                    start: ahead.map(|ahead| self.now + TimeDelta::hours(ahead)),
                    length: Length::Duration(TimeDelta::hours(*hours)),
                    justification: "to mend the mail".to_owned(),
                    ticket: None,
                    mfa: true,
                };
                self.ask(*eligibility, *at, *asks, request);
            }
            Command::Activation(which, step) => self.step(*which, step),
            Command::Open(which) => {
                let bare = |one: &&Activation| one.is_live() && self.approval_of(one.id).is_none();
                let bare: Vec<&Activation> = self.activations.iter().filter(bare).collect();
                let Some(&activation) = nth(&bare, *which) else { return };
                let change = approval::open(activation, self.rule(), CATALOG, &stamp(self.now));
                self.keep(change);
            }
            Command::Decide { approval, who, yes } => self.decide(*approval, *who, *yes),
            Command::CloseApproval(which) => {
                let Some(approval) = nth(&self.approvals, *which) else { return };
                let activation = self.activation(approval.activation);
                let stamp = stamp(self.now);
                let change = approval
                    .time_out(activation, CATALOG, &stamp)
                    .or_else(|_| approval.cancel(activation, CATALOG, &stamp));
                self.keep(change);
            }
            Command::Request(which) => self.request(*which),
            Command::CloseRequest(which) => self.close_request(*which),
            Command::Disable(who) => {
                let change = nth(&self.principals, *who).unwrap().disable(&stamp(self.now));
                self.keep(change);
            }
            Command::Enable(who) => {
                let change = nth(&self.principals, *who).unwrap().enable(&stamp(self.now));
                self.keep(change);
            }
        }
    }

    fn shorten(&self, grant: &Grant, end: DateTime<Utc>) -> Result<Change<Grant>, Denial> {
        let facts = grant_facts(self.principal(grant.principal), self.role(grant.role));
        let wish = Update {
            kind: grant.kind,
            grant: grant.id,
            etag: grant.version.etag(),
            start: None,
            end: Some(NewEnd::At(end)),
            justification: "done sooner".to_owned(),
            ticket: None,
        };
        let change = grant.update(&facts, &wish, &stamp(self.now))?;
        Ok(change.expect("it is shorter"))
    }

    fn ask(&mut self, eligibility: usize, at: usize, asks: bool, request: Request) {
        let eligible = self.grants.iter().filter(|one| one.kind == GrantKind::Eligibility);
        let eligible: Vec<&Grant> = eligible.collect();
        let Some(grant) = nth(&eligible, eligibility) else { return };
        let (role, now) = (grant.role, stamp(self.now));
        let scope = scope(nth(&SCOPES, at).unwrap());
        let mut facts = self.facts_for(grant, &scope, asks);
        let wish = Ask { role, scope, eligibility: Some(grant.id), request };
        // As a service does: what time has ended makes room first.
        let settled = facts.live.as_ref().and_then(|one| one.settle(CATALOG, &now));
        if let Some(change) = settled {
            facts.live = None;
            self.keep(Ok(change));
        }
        self.keep(ask(&facts, wish, &now));
    }

    fn on_grant(
        &mut self,
        which: usize,
        verb: impl Fn(&Grant, DateTime<Utc>) -> Result<Change<Grant>, Denial>,
    ) {
        if let Some(grant) = nth(&self.grants, which) {
            let change = verb(grant, self.now);
            self.keep(change);
        }
    }

    fn step(&mut self, which: usize, step: &Step) {
        let live: Vec<&Activation> = self.activations.iter().filter(|one| one.is_live()).collect();
        let Some(&activation) = nth(&live, which) else { return };
        let stamp = stamp(self.now);
        let facts = self.facts(activation);
        let pinned = facts.policy.rules(CATALOG);
        let change = match step {
            Step::Resolve => {
                let approval = self.approval_of(activation.id);
                let Some(verdict) = approval.and_then(Approval::resolution) else { return };
                activation.resolve(&facts, &pinned, &verdict, &stamp)
            }
            Step::Start => activation.start(&facts, &pinned, &stamp),
            Step::Deactivate => activation.deactivate(CATALOG, String::new(), &stamp),
            Step::Cancel => activation.cancel(CATALOG, String::new(), &stamp),
            Step::Expire => activation.expire(CATALOG, &stamp),
            Step::Void => {
                let eligibility = self.grant(activation.eligibility).clone();
                let rest = Rest { eligibility, principal: facts.principal.clone() };
                activation.void(&rest, CATALOG, &stamp)
            }
        };
        self.keep(change);
    }

    fn decide(&mut self, which: usize, who: usize, yes: bool) {
        let open = |one: &&Approval| one.state == approval::State::Pending;
        let open: Vec<&Approval> = self.approvals.iter().filter(open).collect();
        let Some(&approval) = nth(&open, which) else { return };
        let caller = nth(&self.principals[APPROVERS], who).unwrap();
        let activation = self.activation(approval.activation).clone();
        let wish = Decide {
            approval: approval.id,
            etag: approval.etag(),
            verdict: if yes { Verdict::Approve } else { Verdict::Deny },
            justification: "known work".to_owned(),
        };
        let facts = approval::Facts {
            approval: approval.clone(),
            catalog: CATALOG,
            requester: self.principal(activation.principal).clone(),
            activation,
            approvers: self.principals.clone(),
        };
        if let Ok(Decided::Now(change)) = approval::decide(&facts, caller, wish, &stamp(self.now)) {
            self.keep(Ok(*change));
        }
    }

    /// Carol and Dave must approve, where somebody must.
    fn rule(&self) -> ApprovalRule {
        let approvers = self.principals[APPROVERS].iter().map(|one| one.id).collect();
        ApprovalRule { approvers, timeout: TimeDelta::hours(6), ..ApprovalRule::off() }
    }

    /// By what an activation is judged again.
    pub(super) fn facts(&self, activation: &Activation) -> Facts {
        let asks = self.approval_of(activation.id).is_some();
        self.facts_for(self.grant(activation.eligibility), &activation.scope, asks)
    }

    fn facts_for(&self, eligibility: &Grant, scope: &Scope, asks: bool) -> Facts {
        let target = (eligibility.principal, eligibility.role, scope);
        let live = self.activations.iter().find(|activation| {
            activation.is_live()
                && (activation.principal, activation.role, &activation.scope) == target
        });
        let mut policy = Policy::untouched(eligibility.role);
        let approval = asks.then(|| self.rule());
        policy.set = RuleSet { approval, ..RuleSet::default() };
        Facts {
            principal: self.principal(eligibility.principal).clone(),
            role: self.role(eligibility.role).clone(),
            policy,
            eligibilities: vec![eligibility.clone()],
            live: live.cloned(),
            approvers: self.principals[APPROVERS].to_vec(),
        }
    }

    fn keep<T: Kept>(&mut self, change: Result<Change<T>, Denial>) {
        let Ok(change) = change else { return };
        let all = T::all(self);
        match all.iter_mut().find(|one| one.id() == change.after().id()) {
            Some(one) => *one = change.after().clone(),
            None => all.push(change.after().clone()),
        }
        self.changes.push(T::any(change));
    }

    pub(super) fn principal(&self, id: PrincipalId) -> &Principal {
        self.principals.iter().find(|one| one.id == id).unwrap()
    }

    fn role(&self, id: RoleId) -> &Role {
        self.roles.iter().find(|one| one.id == id).unwrap()
    }

    pub(super) fn grant(&self, id: GrantId) -> &Grant {
        self.grants.iter().find(|one| one.id == id).unwrap()
    }

    pub(super) fn activation(&self, id: ActivationId) -> &Activation {
        self.activations.iter().find(|one| one.id == id).unwrap()
    }

    pub(super) fn approval_of(&self, id: ActivationId) -> Option<&Approval> {
        self.approvals.iter().find(|one| one.activation == id)
    }

    /// The instants at which the clock alone may change something, in order.
    pub(super) fn boundaries(&self) -> Vec<DateTime<Utc>> {
        let grants = self.grants.iter().flat_map(|one| [Some(one.window.start), one.window.end]);
        let activations = self.activations.iter().flat_map(|one| match &one.state {
            State::PendingApproval { expire_time } => [Some(*expire_time), one.request.start],
            State::Scheduled { start } => [Some(*start), None],
            State::Active(held) => [Some(held.start), Some(held.end)],
            State::Ended { held, .. } => [held.map(|held| held.end), None],
        });
        let approvals = self.approvals.iter().map(|one| Some(one.expire_time));
        let principals = self.principals.iter().map(|one| one.enabled_since);
        let requests = self.requests.iter().map(|one| Some(one.expire_time));
        let all = grants.chain(activations).chain(approvals).chain(requests).chain(principals);
        let mut all: Vec<_> = all.flatten().collect();
        all.sort();
        all.dedup();
        all
    }

    /// Now, and each boundary with the instants beside it. Nothing is asked as of the past.
    pub(super) fn instants(&self) -> Vec<DateTime<Utc>> {
        let micro = TimeDelta::microseconds(1);
        let beside = self.boundaries().into_iter().flat_map(|at| [at - micro, at, at + micro]);
        let mut all: Vec<_> = beside.chain([self.now]).filter(|at| *at >= self.now).collect();
        all.sort();
        all.dedup();
        all
    }
}

fn nth<T>(all: &[T], number: usize) -> Option<&T> {
    all.get(number.checked_rem(all.len())?)
}

/// What the world is made of.
trait Kept: Thing {
    fn all(model: &mut Model) -> &mut Vec<Self>;
    fn any(change: Change<Self>) -> AnyChange;
}

impl Kept for Principal {
    fn all(model: &mut Model) -> &mut Vec<Self> {
        &mut model.principals
    }

    fn any(change: Change<Self>) -> AnyChange {
        AnyChange::Principal(change)
    }
}

impl Kept for Grant {
    fn all(model: &mut Model) -> &mut Vec<Self> {
        &mut model.grants
    }

    fn any(change: Change<Self>) -> AnyChange {
        AnyChange::Grant(change)
    }
}

impl Kept for Activation {
    fn all(model: &mut Model) -> &mut Vec<Self> {
        &mut model.activations
    }

    fn any(change: Change<Self>) -> AnyChange {
        AnyChange::Activation(change)
    }
}

impl Kept for Approval {
    fn all(model: &mut Model) -> &mut Vec<Self> {
        &mut model.approvals
    }

    fn any(change: Change<Self>) -> AnyChange {
        AnyChange::Approval(change)
    }
}
