//! Two writers of one version: the second hears of the first, and leaves nothing behind.

use chrono::TimeDelta;
use pim_domain::{
    activation::ask,
    approval,
    change::Change,
    fixture::{self, noon, stamp},
    grant::GrantKind,
    policy::{self, RuleSet},
    principal::Principal,
    role::{self, Catalog},
    scope::Scope,
};
use pim_store::{StoreError, events, principals};

use crate::ground::{Ground, Stored, asking, catalog_of, new_user, setting};

impl Ground {
    /// Of two changes of one version the first is written; the second is a conflict, whether it
    /// comes later or at the same time, and leaves neither row nor event.
    async fn assert_one_wins<T: Stored>(&self, first: &Change<T>, second: &Change<T>) {
        assert_eq!(first.after().version(), second.after().version());
        let before = self.event_count().await;
        let (mut one, mut other) = (self.begin().await, self.begin().await);
        T::record(&mut one, self.tenant, first).await.unwrap();
        let committed = async {
            self.until_waiting(1).await;
            one.commit().await.unwrap();
        };
        let (late, ()) = tokio::join!(T::record(&mut other, self.tenant, second), committed);
        assert!(matches!(late, Err(StoreError::Conflict(_))), "at once: {late:?}");
        drop(other);
        let later = self.write(second).await;
        assert!(matches!(later, Err(StoreError::Conflict(_))), "later: {later:?}");
        // The very same again is refused like any other.
        let again = self.write(first).await;
        assert!(matches!(again, Err(StoreError::Conflict(_))), "again: {again:?}");
        assert_eq!(self.stored(first.after()).await.as_ref(), Some(first.after()));
        assert_eq!(self.event_count().await, before + 1);
    }
}

#[tokio::test]
async fn of_two_changes_of_a_principal_one_wins() {
    let ground = Ground::new().await;
    let alice = ground.user("alice").await;
    let disable = |minute| alice.disable(&stamp(noon() + TimeDelta::minutes(minute))).unwrap();
    ground.assert_one_wins(&disable(1), &disable(2)).await;
}

#[tokio::test]
async fn of_two_changes_of_a_grant_one_wins() {
    let ground = Ground::new().await;
    let alice = ground.user("alice").await;
    let grant = ground.grant(GrantKind::Assignment, &alice, Some(noon())).await;
    let catalog = Catalog::Entra;
    let early = stamp(noon() - TimeDelta::hours(1));
    let removed = grant.remove(catalog, Default::default(), &early).unwrap();
    let expired = grant.expire(catalog, &stamp(noon())).unwrap();
    ground.assert_one_wins(&removed, &expired).await;
}

#[tokio::test]
async fn of_two_changes_of_an_activation_one_wins() {
    let ground = Ground::new().await;
    let facts = ground.facts().await;
    let active = ask(&facts, fixture::wish(&facts), &stamp(noon())).unwrap();
    let active = ground.kept(active).await;
    let given_up = active.deactivate(Catalog::Entra, Default::default(), &stamp(noon())).unwrap();
    let late = stamp(noon() + TimeDelta::hours(1));
    let expired = active.expire(Catalog::Entra, &late).unwrap();
    ground.assert_one_wins(&given_up, &expired).await;
}

#[tokio::test]
async fn of_two_changes_of_an_approval_one_wins() {
    let ground = Ground::new().await;
    let facts = ground.facts().await;
    let carol = ground.user("carol").await;
    let (facts, catalog) = (asking(&facts, &[carol]), Catalog::Entra);
    let pending = ask(&facts, fixture::wish(&facts), &stamp(noon())).unwrap();
    let pending = ground.kept(pending).await;
    let rules = facts.policy.at(&Scope::root());
    let opened = approval::open(&pending, rules, catalog, &stamp(noon())).unwrap();
    let opened = ground.kept(opened).await;
    let late = stamp(noon() + TimeDelta::hours(24));
    let timed_out = opened.time_out(&pending, catalog, &late).unwrap();
    let withdrawn = pending.cancel(catalog, Default::default(), &stamp(noon())).unwrap();
    let canceled = opened.cancel(withdrawn.after(), catalog, &stamp(noon())).unwrap();
    ground.assert_one_wins(&timed_out, &canceled).await;
}

#[tokio::test]
async fn of_two_revisions_of_a_policy_one_wins() {
    let ground = Ground::new().await;
    let facts = ground.facts().await;
    let judged = policy::Facts {
        role: ground.role.clone(),
        layers: facts.policy.clone(),
        people: Vec::new(),
        belonging: Vec::new(),
        groups: Vec::new(),
    };
    let update = |hours| {
        let most = Some(TimeDelta::hours(hours));
        let set = RuleSet { activation_max: most, ..RuleSet::default() };
        let wish = setting(&facts.policy, &Scope::root(), set);
        policy::update(&judged, wish, &stamp(noon())).unwrap()
    };
    ground.assert_one_wins(&update(1), &update(2)).await;
}

#[tokio::test]
async fn of_two_imports_of_a_catalog_one_wins() {
    let ground = Ground::new().await;
    let import = |version| {
        let file = catalog_of(version, Catalog::Azure, &[]);
        role::import(ground.tenant, None, &file, &stamp(noon())).unwrap()
    };
    ground.assert_one_wins(&import("1"), &import("2")).await;
}

/// A version that skips one is as wrong as one that is there already.
#[tokio::test]
async fn a_change_of_a_version_that_is_not_there_is_a_conflict() {
    let ground = Ground::new().await;
    let alice = ground.user("alice").await;
    let disabled = alice.disable(&stamp(noon())).unwrap();
    let enabled = disabled.after().enable(&stamp(noon())).unwrap();
    let skipped = ground.write(&enabled).await;
    assert!(matches!(skipped, Err(StoreError::Conflict(_))), "{skipped:?}");
    assert_eq!(ground.stored(&alice).await, Some(alice));
}

#[tokio::test]
async fn a_row_without_its_event_is_not_written() {
    let ground = Ground::new().await;
    let change = new_user("alice");
    // The version's event is taken, so that the row can be written and its event cannot.
    let mut tx = ground.begin().await;
    events::insert(&mut tx, ground.tenant, change.event()).await.unwrap();
    tx.commit().await.unwrap();
    let before = ground.event_count().await;
    let failed = ground.write(&change).await;
    assert!(matches!(failed, Err(StoreError::Conflict(_))), "{failed:?}");
    assert_eq!(ground.stored(change.after()).await, None);
    assert_eq!(ground.event_count().await, before);
}

#[tokio::test]
async fn what_is_not_committed_has_not_happened() {
    let ground = Ground::new().await;
    let change = new_user("alice");
    let before = ground.event_count().await;
    let mut dropped = ground.begin().await;
    principals::record(&mut dropped, ground.tenant, &change).await.unwrap();
    drop(dropped);
    let mut taken_back = ground.begin().await;
    Principal::record(&mut taken_back, ground.tenant, &change).await.unwrap();
    taken_back.roll_back().await.unwrap();
    assert_eq!(ground.stored(change.after()).await, None);
    assert_eq!(ground.event_count().await, before);
    // And it is as if it had never been tried.
    ground.kept(change).await;
}
