//! The model's policies (specification, sections 3 and 5): values by name, inherited one by one,
//! and merged by stricter.

use std::collections::{BTreeMap, BTreeSet};

use super::universe::{DAY, HOUR, MINUTE, Role, Scope, Time, Who, person};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    All,
    Any,
    Quorum(usize),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stage {
    pub(super) slots: Vec<Who>,
    pub(super) mode: Mode,
}

impl Stage {
    pub(super) fn names_somebody_twice(&self) -> bool {
        (1..self.slots.len()).any(|place| self.slots[..place].contains(&self.slots[place]))
    }

    fn needed(&self) -> usize {
        match self.mode {
            Mode::All => self.slots.len(),
            Mode::Any => 1,
            Mode::Quorum(quorum) => quorum,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApprovalRule {
    /// None: nobody has to approve.
    pub(super) stages: Vec<Stage>,
    pub(super) timeout: Time,
    pub(super) justify: bool,
    pub(super) fallback: Vec<Who>,
}

/// Who is alive, and who asks.
pub(super) struct Standing<'a> {
    pub(super) enabled: &'a [bool],
    /// None where a policy is written.
    pub(super) requester: Option<Who>,
}

impl Standing<'_> {
    fn lives(&self, who: Who) -> bool {
        self.enabled[who] && self.requester.is_none_or(|requester| person(requester) != person(who))
    }
}

impl ApprovalRule {
    /// "A slot that nobody living can fill becomes a slot for any fallback approver."
    fn can_take(&self, who: Who, slot: Who, standing: &Standing) -> bool {
        let fits = who == slot || (!standing.lives(slot) && self.fallback.contains(&who));
        fits && standing.lives(who)
    }

    /// Whether these can fill the first `stages` stages, "one person counts once in the whole
    /// request": tries every way.
    fn can_fill(&self, stages: usize, people: &[Who], standing: &Standing) -> bool {
        let needed: Vec<usize> = self.stages[..stages].iter().map(Stage::needed).collect();
        let slots: Vec<(usize, Who)> = self.stages[..stages]
            .iter()
            .enumerate()
            .flat_map(|(stage, it)| it.slots.iter().map(move |slot| (stage, *slot)))
            .collect();
        self.fill(&slots, &needed, people, &mut Vec::new(), standing)
    }

    fn fill(
        &self,
        slots: &[(usize, Who)],
        needed: &[usize],
        people: &[Who],
        used: &mut Vec<Who>,
        standing: &Standing,
    ) -> bool {
        let Some(((stage, slot), rest)) = slots.split_first() else {
            return needed.iter().all(|left| *left == 0);
        };
        if self.fill(rest, needed, people, used, standing) {
            return true;
        }
        if needed[*stage] == 0 {
            return false;
        }
        let mut fewer = needed.to_vec();
        fewer[*stage] -= 1;
        people.iter().any(|who| {
            if used.contains(&person(*who)) || !self.can_take(*who, *slot, standing) {
                return false;
            }
            used.push(person(*who));
            let filled = self.fill(rest, &fewer, people, used, standing);
            used.pop();
            filled
        })
    }

    /// Whether these votes are enough.
    pub(super) fn is_met(&self, votes: &[Who], standing: &Standing) -> bool {
        self.can_fill(self.stages.len(), votes, standing)
    }

    /// Whether there are people who could meet it.
    pub(super) fn is_possible(&self, standing: &Standing) -> bool {
        let everybody: Vec<Who> = (0..standing.enabled.len()).collect();
        self.is_met(&everybody, standing)
    }

    /// How many stages have been reached with these votes.
    fn reached(&self, votes: &[Who], standing: &Standing) -> usize {
        let complete = |stages: &usize| self.can_fill(*stages, votes, standing);
        (1..=self.stages.len()).find(|stages| !complete(stages)).unwrap_or(self.stages.len())
    }

    /// Whether somebody has a slot in a stage that has been reached.
    pub(super) fn may_decide(&self, who: Who, votes: &[Who], standing: &Standing) -> bool {
        let reached = self.reached(votes, standing);
        let mut slots = self.stages[..reached].iter().flat_map(|stage| &stage.slots);
        slots.any(|slot| self.can_take(who, *slot, standing))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Time(Time),
    Flag(bool),
    /// All of them must be met; none: nobody has to approve.
    Approval(Vec<ApprovalRule>),
}

/// A rule's name, a field of `Rules` on the wire.
pub(super) type Name = &'static str;
pub(super) const ACTIVATION_MAX: Name = "activation_max";
pub(super) const ACTIVATION_MIN: Name = "activation_min";
pub(super) const REQUIRE_MFA: Name = "require_mfa";
pub(super) const REQUIRE_JUSTIFICATION: Name = "require_justification";
pub(super) const REQUIRE_TICKET: Name = "require_ticket";
pub(super) const APPROVAL: Name = "approval";
pub(super) const PERMANENT_ELIGIBILITY: Name = "permanent_eligibility";
pub(super) const ELIGIBLE_MAX: Name = "eligible_max";
pub(super) const PERMANENT_ASSIGNMENT: Name = "permanent_assignment";
pub(super) const ASSIGNED_MAX: Name = "assigned_max";
pub(super) const ASSIGNMENT_JUSTIFICATION: Name = "assignment_require_justification";
pub(super) const ASSIGNMENT_MFA: Name = "assignment_require_mfa";
pub(super) const ASSIGNMENT_TICKET: Name = "assignment_require_ticket";

/// The rules in force somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rules(BTreeMap<Name, Value>);

impl Rules {
    /// The table of section 3.
    pub(super) fn of_catalog(role: Role) -> Self {
        let most = match role {
            Role::Entra => 8 * HOUR,
            Role::Azure => HOUR,
        };
        Self(BTreeMap::from([
            (ACTIVATION_MAX, Value::Time(most)),
            (ACTIVATION_MIN, Value::Time(5 * MINUTE)),
            (REQUIRE_MFA, Value::Flag(true)),
            (REQUIRE_JUSTIFICATION, Value::Flag(true)),
            (REQUIRE_TICKET, Value::Flag(false)),
            (APPROVAL, Value::Approval(Vec::new())),
            (PERMANENT_ELIGIBILITY, Value::Flag(true)),
            (ELIGIBLE_MAX, Value::Time(365 * DAY)),
            (PERMANENT_ASSIGNMENT, Value::Flag(true)),
            (ASSIGNED_MAX, Value::Time(180 * DAY)),
            (ASSIGNMENT_JUSTIFICATION, Value::Flag(true)),
            (ASSIGNMENT_MFA, Value::Flag(false)),
            (ASSIGNMENT_TICKET, Value::Flag(false)),
        ]))
    }

    pub(super) fn time(&self, name: Name) -> Time {
        match self.0[name] {
            Value::Time(time) => time,
            Value::Flag(_) | Value::Approval(_) => panic!("{name} is no length of time"),
        }
    }

    pub(super) fn flag(&self, name: Name) -> bool {
        match self.0[name] {
            Value::Flag(flag) => flag,
            Value::Time(_) | Value::Approval(_) => panic!("{name} is no yes or no"),
        }
    }

    pub(super) fn approvals(&self) -> &[ApprovalRule] {
        match &self.0[APPROVAL] {
            Value::Approval(rules) => rules,
            Value::Time(_) | Value::Flag(_) => panic!("the approval is something else"),
        }
    }

    /// What both permit.
    pub(super) fn stricter(&self, other: &Self) -> Self {
        let both =
            self.0.iter().map(|(name, value)| (*name, stricter(name, value, &other.0[name])));
        Self(both.collect())
    }
}

/// "Yes over no; smaller maximum and age; larger minimum; of two approval rules both must be met."
/// That something may be permanent is a permission: there, no is stricter. A rule that comes from
/// both sides is asked for once.
fn stricter(name: Name, one: &Value, other: &Value) -> Value {
    match (one, other) {
        (Value::Time(one), Value::Time(other)) if name == ACTIVATION_MIN => {
            Value::Time(*one.max(other))
        }
        (Value::Time(one), Value::Time(other)) => Value::Time(*one.min(other)),
        (Value::Flag(one), Value::Flag(other)) if name.starts_with("permanent_") => {
            Value::Flag(*one && *other)
        }
        (Value::Flag(one), Value::Flag(other)) => Value::Flag(*one || *other),
        (Value::Approval(one), Value::Approval(other)) => {
            let more = other.iter().filter(|rule| !one.contains(rule));
            Value::Approval(one.iter().chain(more).cloned().collect())
        }
        _ => panic!("{name} is of two kinds"),
    }
}

/// What is set for one role at one scope.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) set: BTreeMap<Name, Value>,
    pub(super) enforced: BTreeSet<Name>,
    pub(super) revision: i64,
}

/// All that is set in the tenant.
pub(super) type Policies = BTreeMap<(Role, Scope), Policy>;

/// "The nearest scope at or above that sets it, then the catalog's default"; what is enforced at or
/// above is merged in.
pub(super) fn in_force(policies: &Policies, role: Role, scope: Scope) -> Rules {
    let mut rules = Rules::of_catalog(role);
    for (name, value) in &mut rules.0 {
        let layers = || scope.at_and_above().iter().filter_map(|at| policies.get(&(role, *at)));
        if let Some(nearest) = layers().find_map(|policy| policy.set.get(name)) {
            *value = nearest.clone();
        }
        for policy in layers().filter(|policy| policy.enforced.contains(name)) {
            *value = stricter(name, value, &policy.set[name]);
        }
    }
    rules
}
