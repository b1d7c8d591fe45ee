//! Tenants and principals are read back as they were written.

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    fixture::{noon, stamp},
    id::PersonId,
    principal::{self, NewPrincipal, PrincipalKind},
    tenant,
};
use pim_store::{Reach, events, principals, tenants};
use uuid::Uuid;

use crate::ground::Ground;

/// What Postgres can tell from the instants beside it.
fn odd() -> DateTime<Utc> {
    noon() + TimeDelta::microseconds(123_457)
}

#[tokio::test]
async fn a_tenant_is_kept() {
    let ground = Ground::new().await;
    let change =
        tenant::create("Fabrikam \u{1f41f} 'x'".to_owned(), tenant::Plan::P2, &stamp(odd()));
    let mut tx = ground.begin().await;
    tenants::record(&mut tx, &change).await.unwrap();
    tx.commit().await.unwrap();
    let tenant = change.after();
    let row: (Uuid, String, i64, DateTime<Utc>, DateTime<Utc>) = sqlx::query_as(
        "select id, display_name, version, create_time, update_time from tenant
         where display_name like 'Fabrikam%'",
    )
    .fetch_one(&mut ground.database.connect().await)
    .await
    .unwrap();
    let expected = (tenant.id.uuid(), tenant.display_name.clone(), 1, odd(), odd());
    assert_eq!(row, expected);
    let mut read = ground.db.read(Reach::EveryTenant).await.unwrap();
    let events = events::of_thing(&mut read, tenant.id, tenant.id.uuid()).await.unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(&events[0].event, change.event());
}

#[tokio::test]
async fn every_principal_is_read_back() {
    let ground = Ground::new().await;
    let person = PersonId::at(noon());
    for (subject, kind, person) in [
        ("u1", PrincipalKind::User, None),
        ("u2", PrincipalKind::User, Some(person)),
        ("s1", PrincipalKind::ServicePrincipal, None),
        ("s2", PrincipalKind::ServicePrincipal, Some(person)),
    ] {
        let new = NewPrincipal {
            kind,
            issuer: "https://issuer.example/\u{e9}".to_owned(),
            subject: subject.to_owned(),
            display_name: "O'Neil, \u{1f41f}".to_owned(),
            person,
        };
        let made = ground.kept(principal::create(new, None, &stamp(odd())).unwrap()).await;
        let later = odd() + TimeDelta::hours(1);
        let disabled = ground.kept(made.disable(&stamp(later)).unwrap()).await;
        assert!(!disabled.is_enabled());
        // In the same instant: enabled one microsecond later, and that is kept apart.
        let enabled = ground.kept(disabled.enable(&stamp(later)).unwrap()).await;
        assert_eq!(enabled.enabled_since, Some(later + TimeDelta::microseconds(1)));
    }
}

#[tokio::test]
async fn an_emergency_account_stays_one() {
    let ground = Ground::new().await;
    let change = principal::create_break_glass("i".into(), "s".into(), "n".into(), &stamp(odd()));
    assert!(ground.kept(change).await.break_glass);
}

#[tokio::test]
async fn principals_are_found_by_identity_and_text() {
    let ground = Ground::new().await;
    let (alice, bob) = (ground.user("Alice").await, ground.user("bob").await);
    let mut read = ground.db.read(Reach::EveryTenant).await.unwrap();
    let tenant = ground.tenant;
    let by = principals::by_identity(&mut read, tenant, &alice.issuer, "Alice").await.unwrap();
    assert_eq!(by, Some(alice.clone()));
    // Exactly: a subject in other letters is another.
    let by = principals::by_identity(&mut read, tenant, &alice.issuer, "alice").await.unwrap();
    assert_eq!(by, None);
    let mut both = [alice.clone(), bob.clone()];
    both.sort_by_key(|principal| principal.id);
    let all = principals::list(&mut read, tenant, "", None, 10).await.unwrap();
    assert_eq!(all, both);
    let first = principals::list(&mut read, tenant, "", None, 1).await.unwrap();
    let second = principals::list(&mut read, tenant, "", Some(both[0].id), 1).await.unwrap();
    assert_eq!([first, second].concat(), both);
    let found = principals::list(&mut read, tenant, "LIC", None, 10).await.unwrap();
    assert_eq!(found, [alice]);
    // A pattern of `like` is a text like any other.
    assert!(principals::list(&mut read, tenant, "%", None, 10).await.unwrap().is_empty());
}
