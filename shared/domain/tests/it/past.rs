//! What there was, as it counts, and what stands in the way of a yes.

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    activation::{Activation, Ending, Held, State, ask},
    authority::GROUP_MEMBER,
    effective::{Instant, decision},
    fixture::{facts, grant, group, noon, role, stamp, user, wish},
    grant::{Grant, GrantEnd, GrantEnding, GrantKind},
    group::Group,
    id::{PrincipalId, RoleId},
    past::{Past, Why},
    principal::Principal,
    role::{Custom, Deletion, Role},
    scope::Scope,
};
use uuid::Uuid;

fn hour(hours: i64) -> DateTime<Utc> {
    noon() + TimeDelta::hours(hours)
}

/// Of alice, who was there before, and a role.
struct Told {
    past: Past,
    alice: Principal,
    role: Role,
}

impl Told {
    fn new() -> Self {
        let (alice, role) = (user("alice"), role());
        let mut past = Past::default();
        past.principals.insert(alice.id, alice.clone());
        past.roles.insert(role.id, role.clone());
        let member = Role { id: GROUP_MEMBER.into(), ..role.clone() };
        past.roles.insert(member.id, member);
        Self { past, alice, role }
    }

    fn group(&mut self, name: &str) -> Group {
        let group = group(name, true);
        self.past.groups.insert(group.principal(), group.clone());
        group
    }

    fn add(&mut self, grant: Grant) -> Uuid {
        let id = grant.id.uuid();
        self.past.grants.insert(grant.id, grant);
        id
    }

    /// Of alice's, from noon for two hours.
    fn grant(&self, kind: GrantKind) -> Grant {
        grant(kind, &self.alice, &self.role, noon(), Some(hour(2)))
    }

    fn of(&self, holder: &Group, kind: GrantKind) -> Grant {
        Grant { principal: holder.principal(), ..self.grant(kind) }
    }

    fn member(&self, holder: PrincipalId, group: &Group, kind: GrantKind) -> Grant {
        let scope = Scope::of_group(group.id);
        Grant { principal: holder, role: GROUP_MEMBER.into(), scope, ..self.grant(kind) }
    }

    /// Of alice on an eligibility of hers, active from noon for an hour.
    fn activate(&mut self) -> Activation {
        let facts = facts(&self.alice);
        let eligibility = Grant { role: self.role.id, ..facts.eligibilities[0].clone() };
        let held = Held { start: noon(), end: hour(1), truncated: false };
        let asked = ask(&facts, wish(&facts), &stamp(noon())).unwrap().into_after();
        let state = State::Active { held, extension: None };
        let activation =
            Activation { role: self.role.id, eligibility: eligibility.id, state, ..asked };
        self.add(eligibility);
        self.past.activations.insert(activation.id, activation.clone());
        activation
    }

    fn ended(&mut self, activation: &Activation, state: State) {
        let activation = Activation { state, ..activation.clone() };
        self.past.activations.insert(activation.id, activation);
    }

    fn is_asked(&self) -> impl Fn(RoleId, &Scope) -> bool + use<> {
        let asked = self.role.id;
        move |role, _| role == asked
    }

    fn holds(&self, at: DateTime<Utc>) -> bool {
        let mut ground = self.past.grounds(&[self.alice.id]).remove(0);
        ground.holdings.retain(|one| one.role == self.role.id);
        !decision(ground.resolve(), at.into()).holdings.is_empty()
    }

    fn obstacles(&self, at: impl Into<Instant>) -> Vec<(Uuid, Why)> {
        let mut ground = self.past.grounds(&[self.alice.id]).remove(0);
        ground.holdings.retain(|one| one.role == self.role.id);
        let resolved = ground.resolve();
        let all = self.past.obstacles(&resolved, &self.is_asked(), at.into());
        all.into_iter().map(|one| (one.id, one.why)).collect()
    }

    fn delete_role(&mut self) {
        let deletion = Deletion { at: noon(), by: self.alice.id };
        let custom = Some(Custom { assignable_scopes: Vec::new(), deleted: Some(deletion) });
        self.past.roles.insert(self.role.id, Role { custom, ..self.role.clone() });
    }
}

#[test]
fn an_assignment_counts_in_its_window_unless_it_was_ended() {
    let mut told = Told::new();
    let assignment = told.grant(GrantKind::Assignment);
    let id = told.add(assignment.clone());
    let tick = TimeDelta::microseconds(1);
    assert!(told.holds(noon()) && told.holds(hour(2) - tick));
    assert!(!told.holds(noon() - tick) && !told.holds(hour(2)));
    assert_eq!(told.obstacles(noon() - tick), [(id, Why::NotStarted(noon()))]);
    assert_eq!(told.obstacles(hour(2)), [(id, Why::Ended(hour(2)))]);
    // Where the instant is only known to lie between two, it may be over or not have begun.
    let around = |at: DateTime<Utc>| Instant { earliest: at - tick, latest: at };
    assert_eq!(told.obstacles(around(noon())), [(id, Why::NotStarted(noon()))]);
    assert_eq!(told.obstacles(around(hour(2))), [(id, Why::Ended(hour(2)))]);

    let ended = Some(GrantEnd { at: hour(1), how: GrantEnding::Removed });
    told.add(Grant { ended, ..assignment });
    assert!(!told.holds(hour(1)));
    assert_eq!(told.obstacles(hour(1)), [(id, Why::Ended(hour(1)))]);
}

#[test]
fn an_eligibility_is_held_by_nobody() {
    let mut told = Told::new();
    let id = told.add(told.grant(GrantKind::Eligibility));
    assert!(!told.holds(noon()));
    assert_eq!(told.obstacles(noon()), [(id, Why::NotActivated)]);
    assert_eq!(told.obstacles(hour(-1)), [(id, Why::NotStarted(noon()))]);
}

#[test]
fn an_activation_counts_as_long_as_what_it_rests_on() {
    let mut told = Told::new();
    let activation = told.activate();
    let (id, eligibility) = (activation.id.uuid(), activation.eligibility);
    assert!(told.holds(noon()) && !told.holds(hour(1)));
    let rests_on = (eligibility.uuid(), Why::NotActivated);
    assert_eq!(told.obstacles(hour(1)), [(id, Why::Ended(hour(1))), rests_on]);

    let mut moved = Told { past: told.past.clone(), ..told };
    moved.past.severed.insert(activation.id, noon());
    assert!(!moved.holds(noon()));
    assert_eq!(moved.obstacles(noon()), [(id, Why::PathBroken), rests_on]);

    moved.past.severed.clear();
    assert!(moved.holds(noon()));
    let ended = Some(GrantEnd { at: noon(), how: GrantEnding::Removed });
    moved.past.grants.get_mut(&eligibility).unwrap().ended = ended;
    assert!(!moved.holds(noon()));
    let gone = (eligibility.uuid(), Why::Ended(noon()));
    assert_eq!(moved.obstacles(noon()), [(id, Why::PathBroken), gone]);
    moved.past.grants.clear();
    assert!(!moved.holds(noon()));
}

#[test]
fn what_became_of_an_activation_is_said() {
    let mut told = Told::new();
    let activation = told.activate();
    let id = activation.id.uuid();
    let held = Some(Held { start: noon(), end: hour(1), truncated: false });
    let states = [
        (State::PendingApproval { expire_time: hour(3) }, Why::PendingApproval(hour(3))),
        (State::PendingApproval { expire_time: noon() }, Why::NotGranted(noon())),
        (State::Scheduled { start: hour(3) }, Why::NotStarted(hour(3))),
        (State::Ended { at: noon(), ending: Ending::Denied, held: None }, Why::NotGranted(noon())),
        (State::Ended { at: noon(), ending: Ending::Revoked, held }, Why::Ended(noon())),
    ];
    for (state, why) in states {
        told.ended(&activation, state.clone());
        assert!(!told.holds(noon()), "{state:?}");
        assert_eq!(told.obstacles(noon())[0], (id, why), "{state:?}");
    }
}

#[test]
fn what_is_of_a_deleted_role_is_deleted() {
    let mut told = Told::new();
    let activation = told.activate();
    let assignment = told.add(told.grant(GrantKind::Assignment));
    told.delete_role();
    assert!(!told.holds(noon()));
    let obstacles = told.obstacles(noon());
    assert!(obstacles.iter().all(|(_, why)| *why == Why::Deleted), "{obstacles:?}");
    assert!(obstacles.iter().any(|(id, _)| *id == assignment));
    assert!(obstacles.iter().any(|(id, _)| *id == activation.id.uuid()));
    told.past.roles.clear();
    assert!(!told.holds(noon()));
}

#[test]
fn what_a_group_has_counts_for_members_and_an_end_of_the_group_ends_it() {
    let mut told = Told::new();
    let (inner, outer) = (told.group("inner"), told.group("outer"));
    let role = told.add(told.of(&outer, GrantKind::Assignment));
    assert!(!told.holds(noon()));
    assert_eq!(told.obstacles(noon()), [(role, Why::NotAMember)]);
    told.add(told.member(inner.principal(), &outer, GrantKind::Assignment));
    let may_join = told.add(told.member(told.alice.id, &inner, GrantKind::Eligibility));
    // The nested membership itself stands in nobody's way.
    let mut obstacles = told.obstacles(noon());
    obstacles.sort_by_key(|(id, _)| *id != role);
    assert_eq!(obstacles, [(role, Why::NotAMember), (may_join, Why::NotActivated)]);
    let member = told.add(told.member(told.alice.id, &inner, GrantKind::Assignment));
    assert!(told.holds(noon()));
    // A membership that counts is no obstacle, where what the group has is over.
    assert!(
        !told.obstacles(hour(2)).iter().any(|(id, why)| *id == member && *why == Why::NotActivated)
    );

    for group in [&inner, &outer] {
        let mut gone = Told { past: told.past.clone(), ..Told::new() };
        gone.alice = told.alice.clone();
        gone.role = told.role.clone();
        let deleted = Group { deleted: Some(hour(1)), ..group.clone() };
        gone.past.groups.insert(group.principal(), deleted);
        assert!(gone.holds(hour(1) - TimeDelta::microseconds(1)), "{}", group.display_name);
        assert!(!gone.holds(hour(1)), "{}", group.display_name);
        let obstacles = gone.obstacles(hour(1));
        assert!(obstacles.iter().any(|(_, why)| *why == Why::Deleted), "{obstacles:?}");
    }
}

#[test]
fn a_disabled_principal_holds_nothing_and_that_comes_first() {
    let mut told = Told::new();
    let assignment = told.add(told.grant(GrantKind::Assignment));
    let id = told.alice.id;
    told.past.principals.get_mut(&id).unwrap().enabled_since = None;
    assert!(!told.holds(noon()));
    let wanted = [(id.uuid(), Why::PrincipalDisabled), (assignment, Why::PrincipalDisabled)];
    assert_eq!(told.obstacles(noon()), wanted);
    // One that was not there is not said to be disabled.
    told.past.principals.clear();
    assert!(!told.holds(noon()));
    assert_eq!(told.obstacles(noon()), [(assignment, Why::PrincipalDisabled)]);
}

#[test]
fn the_newest_comes_first() {
    let mut told = Told::new();
    let older = told.grant(GrantKind::Eligibility);
    let newer = grant(GrantKind::Eligibility, &told.alice, &told.role, hour(1), None);
    let (older, newer) = (told.add(older), told.add(newer));
    let obstacles = told.obstacles(hour(1));
    assert_eq!(obstacles.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [newer, older]);
}
