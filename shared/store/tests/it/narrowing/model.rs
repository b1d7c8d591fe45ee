//! A small world in which commands happen one after the other, as the rules permit.
mod requests;

use std::{collections::HashMap, ops::Range};

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    activation::{Activation, Ask, Extend, Facts, Length, Request, Rest, State, Use, ask},
    approval::{self, Approval, Decide, Decided, Verdict},
    authority::SignIn,
    change::{Change, Thing},
    change_request::ChangeRequest,
    denial::Denial,
    fixture::{self, noon, stamp},
    grant::{self, Create, Grant, GrantKind, NewEnd, Update},
    id::{ActivationId, ExtensionId, GrantId, PrincipalId, RoleId, TenantId},
    policy::{ApprovalRule, Layers, Mode, RuleSet, Slot, Stage},
    principal::Principal,
    quorum::Vote,
    role::{Catalog, Role},
    scope::Scope,
};
use pim_store::Tx;

use super::command::{Command, Step};
use crate::ground::{Ground, Stored, grant_facts, new_user, scope};

const CATALOG: Catalog = Catalog::Entra;

/// Where things are granted: one within the other, and one that only looks so.
pub(super) const SCOPES: [&str; 4] =
    ["/", "/administrativeUnits/a", "/administrativeUnits/a/b", "/administrativeUnits/ab"];

/// Which of the principals have a slot, where somebody must approve.
const APPROVERS: Range<usize> = 2..4;
/// Who takes the slot that none of them can.
const FALLBACK: usize = 4;

/// What is asked of approvers: an activation, or an extension of it.
pub(super) type Wanted = (ActivationId, Option<ExtensionId>);

/// All that there is, and the changes that led to it.
pub(super) struct Model {
    pub(super) tenant: TenantId,
    pub(super) principals: Vec<Principal>,
    pub(super) grants: Vec<Grant>,
    pub(super) activations: Vec<Activation>,
    pub(super) approvals: Vec<Approval>,
    /// Who must approve what; of what is not here, nobody.
    rules: HashMap<Wanted, ApprovalRule>,
    pub(super) requests: Vec<ChangeRequest>,
    roles: [Role; 2],
    changes: Vec<AnyChange>,
    now: DateTime<Utc>,
}

enum AnyChange {
    Principal(Change<Principal>),
    Grant(Change<Grant>),
    Activation(Box<Change<Activation>>),
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
            rules: HashMap::new(),
            requests: Vec::new(),
            roles: [ground.role.clone(), ground.other_role.clone()],
            changes: Vec::new(),
            now: noon(),
        };
        for name in ["alice", "bob", "carol", "dave", "erin"] {
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
                    justification: "their work".into(),
                    ticket: None,
                };
                let facts = grant_facts(self.principal(wish.principal), self.role(wish.role));
                self.keep(grant::create(&facts, wish, &stamp(self.now)));
            }
            Command::Remove(which) => self.on_grant(*which, |grant, now| {
                grant.remove(CATALOG, Default::default(), &stamp(now))
            }),
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
                    justification: "to mend the mail".into(),
                    ticket: None,
                    sign_in: SignIn { mfa: true, ..SignIn::default() },
                };
                self.ask(*eligibility, *at, *asks, request);
            }
            Command::Activation(which, step) => self.step(*which, step),
            Command::Extend { active, hours, asks } => self.extend(*active, *hours, *asks),
            Command::Open(which) => {
                let bare = |one: &&Activation| {
                    wanted(one).is_some_and(|wanted| self.approval_of(wanted).is_none())
                };
                let bare: Vec<&Activation> = self.activations.iter().filter(bare).collect();
                let Some(&activation) = nth(&bare, *which) else { return };
                let rules = self.facts(activation).policy.at(&activation.scope);
                let change = approval::open(activation, rules, CATALOG, &stamp(self.now));
                self.keep(change);
            }
            Command::Decide { approval, who, yes, minutes } => {
                self.decide(*approval, *who, *yes, minutes.map(TimeDelta::minutes));
            }
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
            justification: "done sooner".into(),
            ticket: None,
        };
        let change = grant.update(&facts, &wish, &stamp(self.now))?;
        Ok(change.expect("it is shorter"))
    }

    fn ask(&mut self, eligibility: usize, at: usize, asks: Option<Mode>, request: Request) {
        let eligible = self.grants.iter().filter(|one| one.kind == GrantKind::Eligibility);
        let eligible: Vec<&Grant> = eligible.collect();
        let Some(grant) = nth(&eligible, eligibility) else { return };
        let (role, now) = (grant.role, stamp(self.now));
        let scope = scope(nth(&SCOPES, at).unwrap());
        let rule = asks.map(|mode| self.rule(mode));
        let mut facts = self.facts_for(grant, &scope, rule.as_ref());
        let wish = Ask { role, scope, eligibility: Some(grant.id), request };
        // As a service does: what time has ended makes room first.
        let settled = facts.live.as_ref().and_then(|one| one.settle(CATALOG, &now));
        if let Some(change) = settled {
            // It may be its extension that is over, and not itself.
            facts.live = Some(change.after().clone()).filter(Activation::is_live);
            self.keep(Ok(change));
        }
        let change = ask(&facts, wish, &now);
        if let (Ok(change), Some(rule)) = (&change, rule) {
            self.rules.insert((change.after().id, None), rule);
        }
        self.keep(change);
    }

    fn extend(&mut self, active: usize, hours: i64, asks: Option<Mode>) {
        let is_active = |one: &&Activation| matches!(one.state, State::Active { .. });
        let active_ones: Vec<&Activation> = self.activations.iter().filter(is_active).collect();
        let Some(&activation) = nth(&active_ones, active) else { return };
        let rule = asks.map(|mode| self.rule(mode));
        let grant = self.grant(activation.eligibility);
        let facts = self.facts_for(grant, &activation.scope, rule.as_ref());
        let length = Length::Duration(TimeDelta::hours(hours));
        let request = Request { start: None, length, ..activation.request.clone() };
        let wish = Extend { activation: activation.id, request };
        // As a service does: what time has decided comes first.
        let now = stamp(self.now);
        let settled = activation.settle(CATALOG, &now);
        let activation = settled.as_ref().map_or(activation, Change::after).clone();
        if let Some(change) = settled {
            self.keep(Ok(change));
        }
        let change = activation.extend(&facts, wish, &now);
        if let (Ok(change), Some(rule)) = (&change, rule)
            && let Some(wanted) = wanted(change.after())
        {
            self.rules.insert(wanted, rule);
        }
        self.keep(change);
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
        let pinned = facts.policy.at(&activation.scope);
        let change = match step {
            Step::Resolve => {
                let approval = wanted(activation).and_then(|wanted| self.approval_of(wanted));
                let Some(verdict) = approval.and_then(Approval::resolution) else { return };
                activation.resolve(&facts, &pinned, &verdict, &stamp)
            }
            Step::Start => activation.start(&facts, &pinned, &self.votes(activation), &stamp),
            Step::Deactivate => activation.deactivate(CATALOG, Default::default(), &stamp),
            Step::Cancel => activation.cancel(CATALOG, Default::default(), &stamp),
            Step::Revoke => activation.revoke(CATALOG, "misused".into(), &stamp),
            Step::Expire => activation.expire(CATALOG, &stamp),
            Step::Void => activation.void(&self.rest(activation), CATALOG, &stamp),
        };
        self.keep(change);
    }

    fn decide(&mut self, which: usize, who: usize, yes: bool, less: Option<TimeDelta>) {
        let open = |one: &&Approval| one.state == approval::State::Pending;
        let open: Vec<&Approval> = self.approvals.iter().filter(open).collect();
        let Some(&approval) = nth(&open, which) else { return };
        let caller = nth(&self.principals[APPROVERS.start..], who).unwrap();
        let wish = Decide {
            approval: approval.id,
            etag: approval.etag(),
            verdict: if yes { Verdict::Approve } else { Verdict::Deny },
            justification: "known work".into(),
            duration: less.filter(|_| yes),
        };
        let facts = self.facts_of_approval(approval);
        if let Ok(Decided::Now(change)) = approval::decide(&facts, caller, wish, &stamp(self.now)) {
            self.keep(Ok(*change));
        }
    }

    /// Carol and Dave are asked, and Erin where none of them can take a slot.
    fn rule(&self, mode: Mode) -> ApprovalRule {
        let slots = self.principals[APPROVERS].iter().map(|one| Slot::User(one.id)).collect();
        ApprovalRule {
            stages: vec![Stage { slots, mode }],
            timeout: TimeDelta::hours(3),
            fallback_approvers: vec![self.principals[FALLBACK].id],
            ..ApprovalRule::off()
        }
    }

    /// Who must approve what an activation waits for, or else the activation itself.
    fn rule_of(&self, activation: &Activation) -> Option<&ApprovalRule> {
        self.rules.get(&wanted(activation).unwrap_or((activation.id, None)))
    }

    /// By what an activation is judged again.
    pub(super) fn facts(&self, activation: &Activation) -> Facts {
        let rule = self.rule_of(activation);
        self.facts_for(self.grant(activation.eligibility), &activation.scope, rule)
    }

    /// What an activation rests on.
    pub(super) fn rest(&self, activation: &Activation) -> Rest {
        let waits = activation.waits_for().is_some();
        Rest {
            eligibility: self.grant(activation.eligibility).clone(),
            deleted: None,
            memberships: Vec::new(),
            severed: None,
            principal: self.principal(activation.principal).clone(),
            role: self.role(activation.role).clone(),
            approvals: self.rule_of(activation).filter(|_| waits).cloned().into_iter().collect(),
            people: self.principals.clone(),
            belonging: Vec::new(),
        }
    }

    /// By whom an activation has been approved.
    pub(super) fn votes(&self, activation: &Activation) -> Vec<Vote> {
        let approval = self.approval_of((activation.id, None));
        approval.map(|approval| approval.votes().into_iter().collect()).unwrap_or_default()
    }

    /// By what a decision on an approval is judged.
    pub(super) fn facts_of_approval(&self, approval: &Approval) -> approval::Facts {
        let activation = self.activation(approval.activation).clone();
        approval::Facts {
            approval: approval.clone(),
            catalog: CATALOG,
            requester: self.principal(activation.principal).clone(),
            activation,
            people: self.principals.clone(),
            belonging: Vec::new(),
        }
    }

    fn facts_for(&self, eligibility: &Grant, scope: &Scope, rule: Option<&ApprovalRule>) -> Facts {
        let target = (eligibility.principal, eligibility.role, scope);
        let mut all = self.activations.iter();
        let live = all.find(|one| one.is_live() && (one.principal, one.role, &one.scope) == target);
        let mut policy = Layers::untouched(eligibility.role, CATALOG);
        fixture::set(&mut policy, RuleSet { approval: rule.cloned(), ..RuleSet::default() });
        Facts {
            principal: self.principal(eligibility.principal).clone(),
            role: self.role(eligibility.role).clone(),
            policy,
            eligibilities: vec![eligibility.clone()],
            memberships: Vec::new(),
            live: live.cloned(),
            severed: None,
            people: self.principals.clone(),
            belonging: Vec::new(),
            decide: pim_domain::condition::undecided,
            used: Use::Unknown,
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

    pub(super) fn approval_of(&self, (activation, extension): Wanted) -> Option<&Approval> {
        let of = |one: &&Approval| one.activation == activation && one.extension == extension;
        self.approvals.iter().find(of)
    }

    /// The instants at which the clock alone may change something, in order.
    pub(super) fn boundaries(&self) -> Vec<DateTime<Utc>> {
        let grants = self.grants.iter().flat_map(|one| [Some(one.window.start), one.window.end]);
        let activations = self.activations.iter().flat_map(|one| match &one.state {
            State::PendingApproval { expire_time } => [Some(*expire_time), one.request.start, None],
            State::Scheduled { start } => [Some(*start), None, None],
            State::Active { held, extension } => {
                let extension = extension.as_ref().map(|extension| extension.expire_time);
                [Some(held.start), Some(held.end), extension]
            }
            State::Ended { held, .. } => [held.map(|held| held.end), None, None],
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

/// What an activation waits for somebody to approve, as it is recorded.
pub(super) fn wanted(activation: &Activation) -> Option<Wanted> {
    activation.waits_for().map(|extension| (activation.id, extension.map(|one| one.id)))
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
        AnyChange::Activation(Box::new(change))
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
