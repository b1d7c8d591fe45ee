//! Two requests for one target are judged one after the other, so that the second sees what the
//! first has done; requests for other targets do not wait.

use pim_domain::{
    activation::ask,
    fixture::{self, noon, stamp},
    grant::GrantKind,
    scope::Scope,
};
use pim_store::{activations, approvals, grants};

use crate::ground::{Ground, asking, new_grant, scope};

#[tokio::test]
async fn a_second_request_for_a_target_sees_the_first() {
    let ground = Ground::new().await;
    let facts = ground.facts().await;
    let (tenant, principal, role) = (ground.tenant, facts.principal.id, ground.role.id);
    let root = Scope::root();
    let (mut one, mut other) = (ground.begin().await, ground.begin().await);
    let first = activations::facts(&mut one, tenant, principal, role, &root).await.unwrap();
    assert!(first.unwrap().live.is_none());
    let change = ask(&facts, fixture::wish(&facts), &stamp(noon())).unwrap();
    let first = async {
        ground.until_waiting(1).await;
        activations::record(&mut one, tenant, &change).await.unwrap();
        one.commit().await.unwrap();
    };
    let second = activations::facts(&mut other, tenant, principal, role, &root);
    let (second, ()) = tokio::join!(second, first);
    assert_eq!(second.unwrap().unwrap().live.as_ref(), Some(change.after()));
}

#[tokio::test]
async fn requests_for_other_targets_do_not_wait() {
    let ground = Ground::new().await;
    let facts = ground.facts().await;
    let bob = ground.user("bob").await;
    let (tenant, alice, role) = (ground.tenant, facts.principal.id, ground.role.id);
    let root = Scope::root();
    let mut one = ground.begin().await;
    activations::facts(&mut one, tenant, alice, role, &root).await.unwrap().unwrap();
    for (principal, role, at) in [
        (bob.id, role, root.clone()),
        (alice, ground.other_role.id, root.clone()),
        (alice, role, scope("/applications/a")),
    ] {
        let mut other = ground.begin().await;
        let found = activations::facts(&mut other, tenant, principal, role, &at).await.unwrap();
        assert!(found.is_some());
    }
}

#[tokio::test]
async fn a_second_grant_for_a_target_sees_the_first() {
    let ground = Ground::new().await;
    let alice = ground.user("alice").await;
    let (kind, tenant, role) = (GrantKind::Assignment, ground.tenant, ground.role.id);
    let root = Scope::root();
    let (mut one, mut other) = (ground.begin().await, ground.begin().await);
    grants::lock_target(&mut one, tenant, kind, alice.id, role, &root).await.unwrap();
    // One of the other kind is another target.
    let mut third = ground.begin().await;
    let eligibility = GrantKind::Eligibility;
    grants::lock_target(&mut third, tenant, eligibility, alice.id, role, &root).await.unwrap();
    let change = new_grant(kind, &alice, &ground.role, None);
    let first = async {
        ground.until_waiting(1).await;
        grants::record(&mut one, tenant, &change).await.unwrap();
        one.commit().await.unwrap();
    };
    let second = async {
        grants::lock_target(&mut other, tenant, kind, alice.id, role, &root).await.unwrap();
        grants::reaching(&mut other, tenant, kind, &[alice.id], (role, &root)).await.unwrap()
    };
    let (existing, ()) = tokio::join!(second, first);
    assert_eq!(existing, [change.into_after()]);
}

#[tokio::test]
async fn a_second_decision_sees_the_first() {
    let ground = Ground::new().await;
    let facts = ground.facts().await;
    let carol = ground.user("carol").await;
    let (facts, now) = (asking(&facts, &[carol]), stamp(noon()));
    let pending = ground.kept(ask(&facts, fixture::wish(&facts), &now).unwrap()).await;
    let catalog = facts.role.catalog;
    let rules = facts.policy.at(&Scope::root());
    let opened = pim_domain::approval::open(&pending, rules, catalog, &now).unwrap();
    let opened = ground.kept(opened).await;
    let withdrawn = pending.cancel(catalog, Default::default(), &now).unwrap();
    let withdrawn = ground.kept(withdrawn).await;
    let change = opened.cancel(&withdrawn, catalog, &now).unwrap();
    let (mut one, mut other) = (ground.begin().await, ground.begin().await);
    approvals::facts(&mut one, ground.tenant, opened.id).await.unwrap().unwrap();
    let first = async {
        ground.until_waiting(1).await;
        approvals::record(&mut one, ground.tenant, &change).await.unwrap();
        one.commit().await.unwrap();
    };
    let second = approvals::facts(&mut other, ground.tenant, opened.id);
    let (second, ()) = tokio::join!(second, first);
    assert_eq!(second.unwrap().unwrap().approval, change.into_after());
}

#[tokio::test]
async fn what_is_read_to_be_changed_is_read_by_one() {
    let ground = Ground::new().await;
    let facts = ground.facts().await;
    let active = ask(&facts, fixture::wish(&facts), &stamp(noon())).unwrap();
    let active = ground.kept(active).await;
    let principal = facts.principal.disable(&stamp(noon())).unwrap();
    let grant = facts.eligibilities[0]
        .remove(facts.role.catalog, Default::default(), &stamp(noon()))
        .unwrap();
    let given_up =
        active.deactivate(facts.role.catalog, Default::default(), &stamp(noon())).unwrap();
    ground.assert_read_by_one(&facts.principal, &principal).await;
    ground.assert_read_by_one(&facts.eligibilities[0], &grant).await;
    ground.assert_read_by_one(&active, &given_up).await;
}

impl Ground {
    /// Whoever reads a thing to change it waits for whoever does so already, and reads the change.
    async fn assert_read_by_one<T: crate::ground::Stored>(
        &self,
        before: &T,
        change: &pim_domain::change::Change<T>,
    ) {
        let (mut one, mut other) = (self.begin().await, self.begin().await);
        assert_eq!(before.load(&mut one, self.tenant).await.unwrap().as_ref(), Some(before));
        let first = async {
            self.until_waiting(1).await;
            T::record(&mut one, self.tenant, change).await.unwrap();
            one.commit().await.unwrap();
        };
        let (second, ()) = tokio::join!(before.load(&mut other, self.tenant), first);
        assert_eq!(second.unwrap().as_ref(), Some(change.after()));
    }
}
