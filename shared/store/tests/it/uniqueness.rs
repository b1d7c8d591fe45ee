//! What two writers at once could double is refused by name, as a conflict.

use chrono::TimeDelta;
use pim_domain::{
    activation::{Ask, ask},
    approval,
    fixture::{self, noon, stamp},
    role::Catalog,
};
use pim_store::{StoreError, events};

use crate::ground::{Ground, asking, new_user, scope};

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
                .cancel(Catalog::Entra, String::new(), &now)
                .or_else(|_| one.deactivate(Catalog::Entra, String::new(), &now));
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
    let (facts, now) = (asking(&facts, &[carol]), stamp(noon()));
    let pending = ground.kept(ask(&facts, fixture::wish(&facts), &now).unwrap()).await;
    let rule = facts.policy.rules(Catalog::Entra).approval;
    let open = || approval::open(&pending, rule.clone(), Catalog::Entra, &now).unwrap();
    ground.kept(open()).await;
    assert_conflict(ground.write(&open()).await, "approval_of_activation");
}

#[tokio::test]
async fn a_person_decides_once_whatever_their_account() {
    let ground = Ground::new().await;
    let facts = ground.facts().await;
    let (carol, dave) = (ground.user("carol").await, ground.user("dave").await);
    let (facts, now) = (asking(&facts, std::slice::from_ref(&carol)), stamp(noon()));
    let pending = ground.kept(ask(&facts, fixture::wish(&facts), &now).unwrap()).await;
    let rule = facts.policy.rules(Catalog::Entra).approval;
    let approval = approval::open(&pending, rule, Catalog::Entra, &now).unwrap();
    let approval = ground.kept(approval).await;
    let mut connection = ground.database.connect().await;
    let mut insert = async |account: &pim_domain::principal::Principal| {
        sqlx::query(
            "insert into decision
                 (tenant_id, approval_id, person_id, approver_id, verdict, justification,
                  decide_time, version)
             values ($1, $2, $3, $4, 'approve', '', now(), 2)",
        )
        .bind(ground.tenant.uuid())
        .bind(approval.id.uuid())
        .bind(carol.person_key())
        .bind(account.id.uuid())
        .execute(&mut connection)
        .await
        .map_err(StoreError::from)
    };
    insert(&carol).await.unwrap();
    assert_conflict(insert(&dave).await, "decision_once");
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
