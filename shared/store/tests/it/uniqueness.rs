//! What two writers at once could double is refused by name, as a conflict.

use chrono::TimeDelta;
use pim_domain::{
    activation::{Ask, Length, Verdict, ask},
    fixture::{self, noon, stamp},
    policy::{Facts, Layers, RuleSet, update},
    principal::Principal,
    role::{Catalog, Role},
    scope::Scope,
};
use pim_store::{StoreError, events};

use crate::ground::{Ground, asking, longer, new_user, opened, scope, setting};

/// Refused as a conflict over that constraint or thing.
fn assert_conflict<T: std::fmt::Debug>(result: Result<T, StoreError>, expected: &str) {
    match result {
        Err(StoreError::Conflict(what)) => assert_eq!(what, expected),
        other => panic!("no conflict over {expected}: {other:?}"),
    }
}

#[tokio::test]
async fn a_second_live_activation_of_a_target_is_refused() {
    let ground = Ground::new().await;
    let facts = ground.facts().await;
    let carol = ground.user("carol").await;
    let (asking, now) = (asking(&facts, &[carol]), stamp(noon()));
    let mut later = fixture::wish(&facts);
    later.request.start = Some(noon() + TimeDelta::hours(1));
    for first in 0..3 {
        // None of them knows of the others: as if each had been judged before any was written.
        let mut all = vec![
            ask(&facts, fixture::wish(&facts), &now).unwrap(),
            ask(&asking, fixture::wish(&facts), &now).unwrap(),
            ask(&facts, later.clone(), &now).unwrap(),
        ];
        let first = all.remove(first);
        ground.write(&first).await.unwrap();
        for second in &all {
            assert_conflict(ground.write(second).await, "activation_live");
            assert_eq!(ground.stored(second.after()).await, None);
        }
        // Beside it, or after it, there may be another.
        let elsewhere = Ask { scope: scope("/applications/a"), ..fixture::wish(&facts) };
        let beside = ground.kept(ask(&facts, elsewhere, &now).unwrap()).await;
        for one in [first.after(), &beside] {
            let ended = one
                .cancel(Catalog::Entra, Default::default(), &now)
                .or_else(|_| one.deactivate(Catalog::Entra, Default::default(), &now));
            ground.kept(ended.unwrap()).await;
        }
    }
}

#[tokio::test]
async fn a_second_principal_of_an_identity_is_refused() {
    let ground = Ground::new().await;
    ground.user("alice").await;
    let twin = new_user("alice");
    assert_conflict(ground.write(&twin).await, "principal_identity");
    assert_eq!(ground.stored(twin.after()).await, None);
    // In another spelling it is another.
    ground.user("Alice").await;
}

#[tokio::test]
async fn a_second_approval_of_an_activation_is_refused() {
    let ground = Ground::new().await;
    let facts = ground.facts().await;
    let carol = ground.user("carol").await;
    let asking = asking(&facts, &[carol]);
    let pending = ground.asked(&asking, "/").await;
    ground.kept(opened(&pending, &asking)).await;
    assert_conflict(ground.write(&opened(&pending, &asking)).await, "approval_of_activation");
    // Each extension has one, beside it.
    let length = Length::Duration(TimeDelta::hours(1));
    let extending = ground.extending(&facts, &asking, "/applications/a", length).await;
    ground.kept(opened(&extending, &asking)).await;
    assert_conflict(ground.write(&opened(&extending, &asking)).await, "approval_of_activation");
    // The next has another.
    let denied = extending.resolve(
        &asking,
        &asking.policy.at(&Scope::root()),
        &Verdict::Denied,
        &stamp(noon()),
    );
    let denied = ground.kept(denied.unwrap()).await;
    let again = denied.extend(&asking, longer(&denied, length), &stamp(noon())).unwrap();
    let again = ground.kept(again).await;
    ground.kept(opened(&again, &asking)).await;
}

#[tokio::test]
async fn a_person_decides_once_whatever_their_account() {
    let ground = Ground::new().await;
    let facts = ground.facts().await;
    let (carol, dave) = (ground.user("carol").await, ground.user("dave").await);
    let asking = asking(&facts, std::slice::from_ref(&carol));
    let pending = ground.asked(&asking, "/").await;
    let approval = ground.kept(opened(&pending, &asking)).await;
    let mut connection = ground.database.connect().await;
    let mut insert = async |person: &Principal, account: &Principal, version: i64| {
        sqlx::query(
            "insert into decision
                 (tenant_id, approval_id, person_id, approver_id, verdict, justification,
                  decide_time, version)
             values ($1, $2, $3, $4, 'approve', '', now(), $5)",
        )
        .bind(ground.tenant.uuid())
        .bind(approval.id.uuid())
        .bind(person.person_key())
        .bind(account.id.uuid())
        .bind(version)
        .execute(&mut connection)
        .await
        .map_err(StoreError::from)
    };
    insert(&carol, &carol, 2).await.unwrap();
    assert_conflict(insert(&carol, &dave, 3).await, "decision_once");
    // One decision makes one version.
    assert_conflict(insert(&dave, &dave, 2).await, "decision_pkey");
    // What was dropped does not count, however often.
    for version in 3..5 {
        sqlx::query("update decision set dropped_time = now()")
            .execute(&mut ground.database.connect().await)
            .await
            .unwrap();
        insert(&carol, &dave, version).await.unwrap();
        assert_conflict(insert(&carol, &carol, version + 1).await, "decision_once");
    }
}

/// A version of a policy is made once, also where two writers have counted revisions differently.
#[tokio::test]
async fn a_second_version_of_a_policy_is_refused() {
    let ground = Ground::new().await;
    let (role, root) = (ground.role.clone(), Scope::root());
    let change = |role: &Role, revision| {
        let layers = Layers { revision, ..Layers::untouched(role.id, role.catalog) };
        let set = RuleSet { require_ticket: Some(true), ..RuleSet::default() };
        let wish = setting(&layers, &root, set);
        let facts = Facts {
            role: role.clone(),
            layers,
            people: Vec::new(),
            belonging: Vec::new(),
            groups: Vec::new(),
        };
        update(&facts, wish, &stamp(noon())).unwrap()
    };
    ground.write(&change(&role, 0)).await.unwrap();
    assert_conflict(ground.write(&change(&role, 1)).await, "policy_version");
    // Of the other role it is another version.
    ground.kept(change(&ground.other_role, 0)).await;
}

#[tokio::test]
async fn a_version_has_one_event() {
    let ground = Ground::new().await;
    let change = new_user("alice");
    ground.write(&change).await.unwrap();
    let mut tx = ground.begin().await;
    let again = events::insert(&mut tx, ground.tenant, change.event()).await;
    assert_conflict(again, "event_of_version");
}

#[tokio::test]
async fn refusals_of_one_thing_leave_an_event_each() {
    let ground = Ground::new().await;
    let alice = ground.user("alice").await;
    let denial = alice.enable(&stamp(noon())).unwrap_err();
    let before = ground.event_count().await;
    for _ in 0..2 {
        let event = pim_domain::event::Event::refusal(
            &stamp(noon()),
            &denial,
            "WRONG_STATE",
            "/pim.test/Enable",
        );
        let mut tx = ground.begin().await;
        events::insert(&mut tx, ground.tenant, &event).await.unwrap();
        tx.commit().await.unwrap();
    }
    assert_eq!(ground.event_count().await, before + 2);
    // They are no part of what made the thing what it is.
    assert_eq!(ground.events_of(&alice).await.len(), 1);
}
