//! What is due of extensions and of those who could approve, found by SQL until it is done.

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    activation::{Activation, Length, State, Verdict},
    approval::Approval,
    change::Thing,
    denial::Rule,
    due::DueKind,
    fixture::{noon, stamp, votes},
    policy::{ApprovalRule, Mode, Slot, Stage},
    principal::Principal,
    role::Catalog,
    scope::Scope,
};
use pim_store::{Reach, activations, due};
use uuid::Uuid;

use crate::ground::{Ground, longer, opened, stored_policy};

const CATALOG: Catalog = Catalog::Entra;

/// How long approvers have: less than a role is held.
const TIMEOUT: TimeDelta = TimeDelta::minutes(30);

/// Carol and dave may approve; each alone, or both.
struct Set {
    ground: Ground,
    facts: pim_domain::activation::Facts,
    asking: pim_domain::activation::Facts,
    people: Vec<Principal>,
}

type Found = (DueKind, Uuid, DateTime<Utc>);

impl Set {
    async fn new(mode: Mode) -> Self {
        let ground = Ground::new().await;
        let facts = ground.facts().await;
        let people = vec![ground.user("carol").await, ground.user("dave").await];
        let slots = people.iter().map(|one| Slot::User(one.id)).collect();
        let stages = vec![Stage { slots, mode }];
        let rule = ApprovalRule { stages, timeout: TIMEOUT, ..ApprovalRule::off() };
        let asking = stored_policy(&ground, &facts, rule, &people).await;
        Self { ground, facts, asking, people }
    }

    /// An active role that is to be held for an hour more.
    async fn extending(&self) -> Activation {
        let length = Length::Duration(TimeDelta::hours(1));
        self.ground.extending(&self.facts, &self.asking, "/applications/a", length).await
    }

    async fn open(&self, activation: &Activation) -> Approval {
        self.ground.kept(opened(activation, &self.asking)).await
    }

    async fn disable(&mut self, who: usize, at: DateTime<Utc>) {
        let change = self.people[who].disable(&stamp(at)).unwrap();
        self.people[who] = self.ground.kept(change).await;
    }

    async fn due(&self, at: DateTime<Utc>) -> Vec<Found> {
        let mut read = self.ground.db.read(Reach::EveryTenant).await.unwrap();
        let found = due::list(&mut read, at, None, 10).await.unwrap();
        assert!(found.iter().all(|due| due.tenant == self.ground.tenant));
        found.into_iter().map(|due| (due.kind, due.thing, due.time)).collect()
    }

    async fn next(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        due::next(&mut self.ground.db.read(Reach::EveryTenant).await.unwrap(), at).await.unwrap()
    }

    /// What the rules make of an activation whose approvers have gone, as it is stored.
    async fn void(&self, activation: &Activation, at: DateTime<Utc>) -> Option<Activation> {
        let mut read = self.ground.db.read(Reach::EveryTenant).await.unwrap();
        let rest = activations::rest(&mut read, self.ground.tenant, activation).await.unwrap();
        drop(read);
        let change = activation.void(&rest, CATALOG, &stamp(at)).ok()?;
        Some(self.ground.kept(change).await)
    }
}

fn minutes(minutes: i64) -> DateTime<Utc> {
    noon() + TimeDelta::minutes(minutes)
}

#[tokio::test]
async fn an_extension_that_nobody_decided_on_is_expired() {
    let set = Set::new(Mode::AllOf).await;
    let extending = set.extending().await;
    let approval = set.open(&extending).await;
    let (end, before) = (noon() + TIMEOUT, TimeDelta::microseconds(1));
    assert_eq!(set.due(end - before).await, []);
    assert_eq!(set.next(noon()).await, Some(end));
    let mut expected = vec![
        (DueKind::ExpireActivation, extending.id(), end),
        (DueKind::TimeOutApproval, approval.id(), end),
    ];
    expected.sort_by_key(|(_, thing, _)| *thing);
    assert_eq!(set.due(end).await, expected);
    let expired = set.ground.kept(extending.expire(CATALOG, &stamp(end)).unwrap()).await;
    assert_eq!(expired.waits_for(), None);
    set.ground.kept(approval.time_out(&expired, CATALOG, &stamp(end)).unwrap()).await;
    assert_eq!(set.due(end).await, []);
    // What is left of it is held to its end.
    assert_eq!(set.next(end).await, Some(minutes(60)));
    assert_eq!(
        set.due(minutes(60)).await,
        [(DueKind::ExpireActivation, extending.id(), minutes(60))]
    );
}

#[tokio::test]
async fn an_extension_waits_for_an_approval_of_its_own_and_for_what_it_says() {
    let set = Set::new(Mode::AnyOf).await;
    let extending = set.extending().await;
    let now = minutes(1);
    let open = [(DueKind::OpenApproval, extending.id(), noon())];
    assert_eq!(set.due(now).await, open);
    let approval = set.open(&extending).await;
    assert_eq!(set.due(now).await, []);

    // The bell that it was decided was not heard.
    let change = crate::stages::yes(&approval, &extending, &set.facts, &set.people, now);
    let approval = set.ground.kept(change).await;
    let resolve = [(DueKind::ResolveActivation, extending.id(), now)];
    assert_eq!(set.due(now).await, resolve);
    let verdict = approval.resolution().unwrap();
    let pinned = set.asking.policy.at(&Scope::root());
    let change = extending.resolve(&set.asking, &pinned, &verdict, &stamp(now)).unwrap();
    let extended = set.ground.kept(change).await;
    let State::Active { held, extension: None } = extended.state else { panic!("{extended:?}") };
    assert_eq!(held.end, minutes(120));
    assert_eq!(set.due(now).await, []);

    // The next one has nothing to do with what was said of the first.
    let wish = longer(&extended, Length::Duration(TimeDelta::hours(1)));
    let again = extended.extend(&set.asking, wish, &stamp(now)).unwrap();
    let again = set.ground.kept(again).await;
    assert_eq!(set.due(now).await, [(DueKind::OpenApproval, again.id(), now)]);
}

#[tokio::test]
async fn an_approval_that_no_extension_waits_for_is_canceled() {
    let set = Set::new(Mode::AllOf).await;
    let extending = set.extending().await;
    let approval = set.open(&extending).await;
    let now = minutes(1);
    let given_up = extending.deactivate(CATALOG, Default::default(), &stamp(now)).unwrap();
    let given_up = set.ground.kept(given_up).await;
    assert_eq!(set.due(now).await, [(DueKind::CancelApproval, approval.id(), now)]);
    set.ground.kept(approval.cancel(&given_up, CATALOG, &stamp(now)).unwrap()).await;
    assert_eq!(set.due(now).await, []);

    // Likewise where the role is held on, without the extension.
    let extending = set.extending().await;
    let approval = set.open(&extending).await;
    let pinned = set.asking.policy.at(&Scope::root());
    let denied = extending.resolve(&set.asking, &pinned, &Verdict::Denied, &stamp(now)).unwrap();
    set.ground.kept(denied).await;
    assert_eq!(set.due(now).await, [(DueKind::CancelApproval, approval.id(), now)]);
}

/// An activation that is over by time takes its extension with it: first that is recorded, then
/// its approval is canceled.
#[tokio::test]
async fn an_extension_is_over_with_its_activation() {
    let mut set = Set::new(Mode::AllOf).await;
    // So that the role ends before the approvers' time does.
    let carol = set.people[..1].to_vec();
    let rule =
        ApprovalRule { timeout: TimeDelta::hours(24), ..ApprovalRule::all_of([carol[0].id]) };
    set.asking = stored_policy(&set.ground, &set.asking, rule, &carol).await;
    let extending = set.extending().await;
    let approval = set.open(&extending).await;
    let end = minutes(60);
    assert_eq!(set.due(end).await, [(DueKind::ExpireActivation, extending.id(), end)]);
    let ended = set.ground.kept(extending.expire(CATALOG, &stamp(end)).unwrap()).await;
    assert_eq!(set.due(end).await, [(DueKind::CancelApproval, approval.id(), end)]);
    set.ground.kept(approval.cancel(&ended, CATALOG, &stamp(end)).unwrap()).await;
    assert_eq!(set.due(end).await, []);
    // Nothing but the end of the eligibility comes after it.
    assert_eq!(set.next(end).await, set.facts.eligibilities[0].window.end);
}

#[tokio::test]
async fn a_request_that_nobody_is_left_to_approve_is_void() {
    let mut set = Set::new(Mode::AllOf).await;
    let pending = set.ground.asked(&set.asking, "/applications/b").await;
    set.open(&pending).await;
    let now = minutes(1);
    assert_eq!(set.due(now).await, []);
    set.disable(1, now).await;
    assert_eq!(set.due(now).await, [(DueKind::VoidActivation, pending.id(), now)]);
    let void = set.void(&pending, now).await.unwrap();
    let State::Ended { ending, .. } = void.state else { panic!("{void:?}") };
    let rules = vec![Rule::Approvable];
    assert_eq!(ending, pim_domain::activation::Ending::Void { rules });
    let kinds: Vec<_> = set.due(now).await.into_iter().map(|(kind, ..)| kind).collect();
    assert_eq!(kinds, [DueKind::CancelApproval]);
}

#[tokio::test]
async fn an_extension_that_nobody_is_left_to_approve_is_void_and_the_role_is_held_on() {
    let mut set = Set::new(Mode::AllOf).await;
    let extending = set.extending().await;
    set.open(&extending).await;
    let now = minutes(1);
    set.disable(0, now).await;
    assert_eq!(set.due(now).await, [(DueKind::VoidActivation, extending.id(), now)]);
    let void = set.void(&extending, now).await.unwrap();
    let State::Active { held, extension: None } = void.state else { panic!("{void:?}") };
    assert_eq!(held.end, minutes(60));
}

/// While others are left who suffice, nothing is due.
#[tokio::test]
async fn a_request_that_others_can_approve_waits_on() {
    let mut set = Set::new(Mode::AnyOf).await;
    let pending = set.ground.asked(&set.asking, "/applications/b").await;
    let approval = set.open(&pending).await;
    let now = minutes(1);
    set.disable(0, now).await;
    assert_eq!(set.due(now).await, []);
    assert_eq!(set.void(&pending, now).await, None);
    let change = crate::stages::yes(&approval, &pending, &set.facts, &set.people[1..], now);
    set.ground.kept(change).await;
    assert_eq!(set.due(now).await, [(DueKind::ResolveActivation, pending.id(), now)]);
    let approved = Verdict::Approved { votes: votes(&[&set.people[1]]), shortened: None };
    let pinned = set.asking.policy.at(&Scope::root());
    let change = pending.resolve(&set.asking, &pinned, &approved, &stamp(now)).unwrap();
    set.ground.kept(change).await;
    assert_eq!(set.due(now).await, []);
}
