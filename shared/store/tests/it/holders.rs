//! Who holds a role for good, and whom the guard keeps waiting.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use pim_domain::{
    fixture::{noon, stamp},
    grant::GrantKind,
    holders::count,
    role::Catalog,
    scope::Scope,
};
use pim_store::holders;

use crate::ground::{Ground, new_user};

#[tokio::test]
async fn holders_are_those_with_an_assignment_at_that_scope_without_end() {
    let ground = Ground::new().await;
    let mut who = Vec::new();
    for name in ["alice", "bob", "carol", "dave"] {
        who.push(ground.user(name).await);
    }
    let soon = Some(noon() + TimeDelta::days(1));
    for one in &who[..2] {
        ground.grant(GrantKind::Assignment, one, None).await;
    }
    ground.grant(GrantKind::Eligibility, &who[2], None).await;
    ground.grant(GrantKind::Assignment, &who[2], soon).await;
    let brief = ground.grant(GrantKind::Assignment, &who[3], None).await;
    ground.kept(brief.remove(Catalog::Entra, Default::default(), &stamp(noon())).unwrap()).await;

    let (root, role) = (Scope::root(), ground.role.id);
    let mut tx = ground.begin().await;
    let found = holders::of_target(&mut tx, ground.tenant, role, &root).await.unwrap();
    let names: BTreeSet<&str> = found.iter().map(|it| it.principal.subject.as_str()).collect();
    assert_eq!(names, BTreeSet::from(["alice", "bob"]));
    assert_eq!(count(&found, noon()), 2);
    let below = crate::ground::scope("/administrativeUnits/a");
    let found = holders::of_target(&mut tx, ground.tenant, role, &below).await.unwrap();
    assert_eq!(found, []);
    let other = ground.other_role.id;
    assert_eq!(holders::of_target(&mut tx, ground.tenant, other, &root).await.unwrap(), []);
    for (one, expected) in who.iter().zip([1, 1, 0, 0]) {
        let targets = holders::targets_of(&mut tx, ground.tenant, one.id).await.unwrap();
        assert_eq!(targets, vec![(role, root.clone()); expected]);
    }
}

#[tokio::test]
async fn the_guard_lets_one_through_and_keeps_nobody_else_waiting() {
    let ground = Ground::new().await;
    let mut first = ground.begin().await;
    holders::guard(&mut first, ground.tenant).await.unwrap();
    // What only refers to the tenant goes on.
    ground.write(&new_user("alice")).await.unwrap();

    let mut second = ground.begin().await;
    let waits = holders::guard(&mut second, ground.tenant);
    let lets = async {
        ground.until_waiting(1).await;
        first.commit().await.unwrap();
    };
    let (passed, ()) = tokio::join!(waits, lets);
    passed.unwrap();
    second.roll_back().await.unwrap();
}
