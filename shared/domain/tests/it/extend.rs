//! Extending: by itself, and where approval is needed.

use chrono::TimeDelta;
use pim_domain::{
    activation::{Activation, Extend, Facts, Held, Length, State, Use, Verdict, ask},
    denial::{Denial, Reason, Rule},
    event::Code,
    fixture::{facts, noon, set, stamp, user, votes, wish},
    policy::{ApprovalRule, RuleSet},
    principal::Principal,
    scope::Scope,
};

/// Alice has held the role for ten minutes of an hour.
struct Ground {
    facts: Facts,
    active: Activation,
    carol: Principal,
}

const TEN: TimeDelta = TimeDelta::minutes(10);

impl Ground {
    fn new() -> Self {
        let facts = facts(&user("alice"));
        let active = ask(&facts, wish(&facts), &stamp(noon())).unwrap().into_after();
        Self { facts, active, carol: user("carol") }
    }

    /// Carol must approve from now on.
    fn approved(mut self) -> Self {
        let approval = Some(ApprovalRule::all_of([self.carol.id]));
        self.facts.people = vec![self.carol.clone()];
        set(&mut self.facts.policy, RuleSet { approval, ..RuleSet::default() });
        self
    }

    fn wish(&self, length: Length) -> Extend {
        let request = pim_domain::activation::Request { length, ..wish(&self.facts).request };
        Extend { activation: self.active.id, request }
    }

    fn by(&self, more: TimeDelta) -> Result<pim_domain::change::Change<Activation>, Denial> {
        let wish = self.wish(Length::Duration(more));
        self.active.extend(&self.facts, wish, &stamp(noon() + TEN))
    }

    fn refused(&self, more: TimeDelta) -> Vec<Rule> {
        self.by(more).unwrap_err().rules().collect()
    }
}

fn held(activation: &Activation) -> (Held, bool) {
    match &activation.state {
        State::Active { held, extension } => (*held, extension.is_some()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_end_moves_and_the_start_stays() {
    let ground = Ground::new();
    let change = ground.by(TimeDelta::hours(1)).unwrap();
    let (after, waits) = held(change.after());
    assert_eq!((after.start, after.end), (noon(), noon() + TimeDelta::hours(2)));
    assert!(!after.truncated && !waits);
    assert_eq!(change.event().code, Code::ActivationExtended);
    let until = ground.wish(Length::Until(noon() + TimeDelta::hours(3)));
    let change = ground.active.extend(&ground.facts, until, &stamp(noon() + TEN)).unwrap();
    assert_eq!(held(change.after()).0.end, noon() + TimeDelta::hours(3));
}

#[test]
fn it_is_judged_as_a_request_is() {
    let mut ground = Ground::new();
    assert_eq!(
        ground.refused(TimeDelta::hours(7) + TimeDelta::microseconds(1)),
        [Rule::Expiration]
    );
    let denial = ground.by(TimeDelta::hours(8)).unwrap_err();
    let Reason::Policy { violations, .. } = denial.reason else { panic!("{denial:?}") };
    assert_eq!(violations[0].field, "duration", "as it was asked for");
    ground.by(TimeDelta::hours(7)).unwrap();
    let earlier = ground.wish(Length::Until(noon() + TimeDelta::minutes(30)));
    let denial = ground.active.extend(&ground.facts, earlier, &stamp(noon() + TEN)).unwrap_err();
    assert_eq!(denial.rules().collect::<Vec<_>>(), [Rule::Window]);
    let mut weak = ground.wish(Length::Duration(TimeDelta::hours(1)));
    weak.request.sign_in.mfa = false;
    weak.request.justification = Default::default();
    let denial = ground.active.extend(&ground.facts, weak, &stamp(noon() + TEN)).unwrap_err();
    assert_eq!(denial.rules().collect::<Vec<_>>(), [Rule::Justification, Rule::Mfa]);
    ground.facts.eligibilities[0].window.end = Some(noon() + TimeDelta::minutes(90));
    let change = ground.by(TimeDelta::hours(2)).unwrap();
    let (after, _) = held(change.after());
    assert_eq!((after.end, after.truncated), (noon() + TimeDelta::minutes(90), true));
    ground.facts.eligibilities[0].window.end = Some(noon() + TimeDelta::hours(1));
    assert_eq!(ground.refused(TimeDelta::hours(1)), [Rule::Window], "there is nothing to gain");
    ground.facts.eligibilities.clear();
    assert_eq!(ground.refused(TimeDelta::hours(1)), [Rule::Eligibility]);
}

#[test]
fn an_extension_needs_a_sign_in_of_its_own_where_each_serves_once() {
    for ground in [Ground::new(), Ground::new().approved()] {
        let mut ground = ground;
        let rule = RuleSet { single_use_authentication: Some(true), ..RuleSet::default() };
        let own = ground.facts.policy.own(&Scope::root()).set;
        set(&mut ground.facts.policy, RuleSet { approval: own.approval, ..rule });
        let first = noon() - TEN;
        ground.active.used_authentications = [first].into();
        let by = |ground: &Ground, time| {
            let mut wish = ground.wish(Length::Duration(TimeDelta::hours(1)));
            wish.request.sign_in.time = Some(time);
            ground.active.extend(&ground.facts, wish, &stamp(noon() + TEN))
        };
        ground.facts.used = Use::Activation(ground.active.id);
        let refused = by(&ground, first).unwrap_err();
        assert_eq!(refused.rules().collect::<Vec<_>>(), [Rule::SingleUseAuthentication]);
        ground.facts.used = Use::Nothing;
        let after = by(&ground, noon()).unwrap().into_after();
        assert_eq!(after.used_authentications, [first, noon()].into());
    }
}

#[test]
fn only_what_is_active_is_extended() {
    let ground = Ground::new();
    let wish = ground.wish(Length::Duration(TimeDelta::hours(1)));
    let late = stamp(noon() + TimeDelta::hours(1));
    assert!(ground.active.extend(&ground.facts, wish, &late).is_err());
}

#[test]
fn where_approval_is_needed_the_old_end_stays_until_it_is_given() {
    let mut ground = Ground::new().approved();
    let asked = ground.by(TimeDelta::hours(1)).unwrap();
    assert_eq!(asked.event().code, Code::ActivationExtensionRequested);
    let (before, waits) = held(asked.after());
    assert!(waits && before.end == noon() + TimeDelta::hours(1));
    ground.active = asked.into_after();
    let denial = ground.by(TimeDelta::hours(2)).unwrap_err();
    assert_eq!(denial.rules().collect::<Vec<_>>(), [Rule::Overlap], "one at a time");
    let pinned = ground.facts.policy.at(&Scope::root());
    let resolve = |facts: &Facts, verdict: &Verdict| {
        let change = ground.active.resolve(facts, &pinned, verdict, &stamp(noon() + TEN)).unwrap();
        let (held, waits) = held(change.after());
        assert!(!waits);
        (held.end - noon(), change.event().code)
    };
    let hour = TimeDelta::hours(1);
    let yes = |shortened| Verdict::Approved { votes: votes(&[&ground.carol]), shortened };
    let facts = &ground.facts;
    assert_eq!(resolve(facts, &yes(None)), (hour * 2, Code::ActivationExtended));
    assert_eq!(resolve(facts, &yes(Some(TEN))), (hour + TEN, Code::ActivationExtended));
    assert_eq!(resolve(facts, &Verdict::Denied), (hour, Code::ActivationExtensionDenied));
    let nobody = Verdict::Approved { votes: Vec::new(), shortened: None };
    assert_eq!(resolve(facts, &nobody), (hour, Code::ActivationExtensionVoided));
    let mut stricter = facts.clone();
    stricter.policy.policies[0].set.activation_max = Some(TimeDelta::minutes(90));
    assert_eq!(resolve(&stricter, &yes(None)), (hour, Code::ActivationExtensionVoided));
}

#[test]
fn time_ends_a_wish_and_the_role_is_held_on() {
    let mut ground = Ground::new().approved();
    let approval =
        ApprovalRule { timeout: TimeDelta::minutes(20), ..ApprovalRule::all_of([ground.carol.id]) };
    set(&mut ground.facts.policy, RuleSet { approval: Some(approval), ..RuleSet::default() });
    ground.active = ground.by(TimeDelta::hours(1)).unwrap().into_after();
    let last = noon() + TEN + TimeDelta::minutes(20);
    let catalog = ground.facts.role.catalog;
    assert!(ground.active.expire(catalog, &stamp(last - TimeDelta::microseconds(1))).is_err());
    let change = ground.active.expire(catalog, &stamp(last)).unwrap();
    assert_eq!(change.event().code, Code::ActivationExtensionTimedOut);
    assert!(!held(change.after()).1);
    let end = stamp(noon() + TimeDelta::hours(1));
    let change = ground.active.expire(catalog, &end).unwrap();
    assert_eq!(change.event().code, Code::ActivationExpired, "both are past");
}

#[test]
fn what_was_broken_off_is_not_extended() {
    let mut ground = Ground::new();
    ground.facts.principal.enabled_since = Some(noon());
    assert!(ground.by(TimeDelta::hours(1)).is_ok(), "enabled as it began");
    ground.facts.principal.enabled_since = Some(noon() + TimeDelta::microseconds(1));
    assert_eq!(ground.refused(TimeDelta::hours(1)), [Rule::Principal]);
}
