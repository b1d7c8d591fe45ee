//! What must hold whatever is done: random commands at random times against the machines.

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    activation::{Activation, Facts, Length, Rest, Verdict, ask},
    effective::Ground,
    event::Event,
    fixture::{facts, noon, set, stamp, user, votes, wish},
    invariant,
    policy::{ApprovalRule, RuleSet},
    role::Catalog,
    scope::Scope,
};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Command {
    Wait(i64),
    Resolve { approved: bool },
    Start,
    Deactivate,
    Cancel,
    Revoke,
    Expire,
    Void,
    RemoveEligibility,
    Disable,
    Enable,
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        4 => (1_i64..7_200).prop_map(Command::Wait),
        2 => any::<bool>().prop_map(|approved| Command::Resolve { approved }),
        2 => Just(Command::Start),
        1 => Just(Command::Deactivate),
        1 => Just(Command::Cancel),
        1 => Just(Command::Revoke),
        2 => Just(Command::Expire),
        2 => Just(Command::Void),
        1 => Just(Command::RemoveEligibility),
        1 => Just(Command::Disable),
        1 => Just(Command::Enable),
    ]
}

/// One activation with all that happens around it.
struct Run {
    facts: Facts,
    activation: Activation,
    events: Vec<Event>,
    now: DateTime<Utc>,
}

impl Run {
    fn new(asks: bool, ahead: i64, seconds: i64) -> Option<Self> {
        let (alice, carol) = (user("alice"), user("carol"));
        let mut facts = facts(&alice);
        if asks {
            let approval = Some(ApprovalRule::all_of([carol.id]));
            facts.people = vec![carol];
            set(&mut facts.policy, RuleSet { approval, ..RuleSet::default() });
        }
        facts.eligibilities[0].window.end = Some(noon() + TimeDelta::hours(30));
        let mut wish = wish(&facts);
        wish.request.start = (ahead > 0).then(|| noon() + TimeDelta::seconds(ahead));
        wish.request.length = Length::Duration(TimeDelta::seconds(seconds));
        let change = ask(&facts, wish, &stamp(noon())).ok()?;
        let events = vec![change.event().clone()];
        Some(Self { facts, activation: change.into_after(), events, now: noon() })
    }

    fn apply(&mut self, command: &Command) {
        let (stamp, catalog) = (stamp(self.now), Catalog::Entra);
        let pinned = self.facts.policy.at(&Scope::root());
        let eligibility = self.facts.eligibilities[0].clone();
        let rest = Rest {
            eligibility,
            deleted: None,
            memberships: Vec::new(),
            severed: None,
            principal: self.facts.principal.clone(),
            role: self.facts.role.clone(),
            approvals: Vec::new(),
            people: Vec::new(),
            belonging: Vec::new(),
        };
        let votes = votes(&self.facts.people.iter().collect::<Vec<_>>());
        let result = match command {
            Command::Wait(seconds) => {
                self.now += TimeDelta::seconds(*seconds);
                return;
            }
            Command::RemoveEligibility => {
                let removed =
                    self.facts.eligibilities[0].remove(catalog, Default::default(), &stamp);
                if let Ok(change) = removed {
                    self.facts.eligibilities[0] = change.into_after();
                }
                return;
            }
            Command::Disable => {
                if let Ok(change) = self.facts.principal.disable(&stamp) {
                    self.facts.principal = change.into_after();
                }
                return;
            }
            Command::Enable => {
                if let Ok(change) = self.facts.principal.enable(&stamp) {
                    self.facts.principal = change.into_after();
                }
                return;
            }
            Command::Resolve { approved: true } => {
                let verdict = Verdict::Approved { votes, shortened: None };
                self.activation.resolve(&self.facts, &pinned, &verdict, &stamp)
            }
            Command::Resolve { approved: false } => {
                self.activation.resolve(&self.facts, &pinned, &Verdict::Denied, &stamp)
            }
            Command::Start => self.activation.start(&self.facts, &pinned, &votes, &stamp),
            Command::Deactivate => self.activation.deactivate(catalog, Default::default(), &stamp),
            Command::Cancel => self.activation.cancel(catalog, Default::default(), &stamp),
            Command::Revoke => self.activation.revoke(catalog, "misused".into(), &stamp),
            Command::Expire => self.activation.expire(catalog, &stamp),
            Command::Void => self.activation.void(&rest, catalog, &stamp),
        };
        if let Ok(change) = result {
            self.events.push(change.event().clone());
            self.activation = change.into_after();
        }
    }

    fn counts(&self) -> bool {
        let path = self.facts.eligibilities[0].span();
        let ground = Ground {
            principal: self.activation.principal,
            enabled_since: self.facts.principal.enabled_since,
            memberships: Vec::new(),
            holdings: self.activation.holding(path).into_iter().collect(),
        };
        ground.resolve().held.iter().any(|held| held.counts(self.now))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_happens(
        asks in any::<bool>(),
        ahead in prop_oneof![Just(0_i64), 1_i64..100_000],
        seconds in 300_i64..28_800,
        commands in prop::collection::vec(command(), 1..40),
    ) {
        let Some(mut run) = Run::new(asks, ahead, seconds) else { return Ok(()) };
        let mut counted_and_ended = false;
        for command in &commands {
            let before = run.activation.clone();
            let counted = run.counts();
            run.apply(command);
            invariant::ended_stays_ended(&before, &run.activation).unwrap();
            invariant::bounded(&run.activation, &run.facts.eligibilities[0]).unwrap();
            invariant::log_explains(&run.events, &run.activation).unwrap();
            // Time, enabling and delivery never revive what once counted and then did not.
            counted_and_ended |= counted && !run.counts();
            prop_assert!(!(counted_and_ended && run.counts()), "revived by {command:?}");
        }
    }
}
