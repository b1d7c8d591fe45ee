//! Grants of both kinds are read back in every ending.

use chrono::TimeDelta;
use pim_domain::{
    fixture::{by_path, noon, stamp},
    grant::{self, Create, GrantEnding, GrantKind},
    principal::Principal,
    role::Catalog,
    text::Ticket,
};
use pim_store::grants::{self, Filter};

use crate::ground::{Ground, grant_facts, scope};

const KINDS: [GrantKind; 2] = [GrantKind::Eligibility, GrantKind::Assignment];

fn wish(ground: &Ground, kind: GrantKind, principal: &Principal) -> Create {
    Create {
        kind,
        principal: principal.id,
        role: ground.role.id,
        scope: scope("/administrativeUnits/a"),
        start: None,
        end: Some(noon() + TimeDelta::hours(8)),
        justification: "two\nlines and a \u{1f41f}".into(),
        ticket: Some(Ticket { number: "CHG-1".to_owned(), system: "desk".to_owned() }),
    }
}

#[tokio::test]
async fn every_grant_is_read_back() {
    let ground = Ground::new().await;
    let alice = ground.user("alice").await;
    let facts = grant_facts(&alice, &ground.role);
    for kind in KINDS {
        let wish = wish(&ground, kind, &alice);
        let permanent = Create { end: None, ticket: None, ..wish.clone() };
        let later = Create { start: Some(noon() + TimeDelta::hours(1)), ..wish.clone() };
        for wish in [wish, permanent, later] {
            ground.kept(grant::create(&facts, wish, &stamp(noon())).unwrap()).await;
        }
    }
}

#[tokio::test]
async fn every_ending_is_read_back() {
    let ground = Ground::new().await;
    let alice = ground.user("alice").await;
    let facts = grant_facts(&alice, &ground.role);
    let (now, after) = (stamp(noon()), stamp(noon() + TimeDelta::days(1)));
    for kind in KINDS {
        let wish = wish(&ground, kind, &alice);
        let later = Create { start: Some(noon() + TimeDelta::hours(1)), ..wish.clone() };
        let running = ground.kept(grant::create(&facts, wish.clone(), &now).unwrap()).await;
        let booked = ground.kept(grant::create(&facts, later, &now).unwrap()).await;
        let passing = ground.kept(grant::create(&facts, wish, &now).unwrap()).await;
        let removed = running.remove(Catalog::Entra, "left".into(), &now).unwrap();
        let canceled = booked.remove(Catalog::Entra, Default::default(), &now).unwrap();
        let expired = passing.expire(Catalog::Entra, &after).unwrap();
        let mut endings = Vec::new();
        for change in [removed, canceled, expired] {
            endings.push(ground.kept(change).await.ended.unwrap().how);
        }
        assert_eq!(endings, GrantEnding::ALL);
    }
}

#[tokio::test]
async fn one_kind_is_never_taken_for_the_other() {
    let ground = Ground::new().await;
    let alice = ground.user("alice").await;
    for (kind, other) in [KINDS, [KINDS[1], KINDS[0]]].map(|[one, other]| (one, other)) {
        let grant = ground.grant(kind, &alice, None).await;
        let mut tx = ground.begin().await;
        let got = grants::get(&mut tx, ground.tenant, kind, grant.id).await.unwrap();
        assert_eq!(got.as_ref(), Some(&grant));
        assert_eq!(grants::get(&mut tx, ground.tenant, other, grant.id).await.unwrap(), None);
        let locked = grants::get_for_update(&mut tx, ground.tenant, other, grant.id).await.unwrap();
        assert_eq!(locked, None);
    }
}

#[tokio::test]
async fn grants_reach_down_by_segment() {
    let ground = Ground::new().await;
    let alice = ground.user("alice").await;
    let facts = grant_facts(&alice, &ground.role);
    let mut all = Vec::new();
    for at in ["/", "/administrativeUnits/a", "/administrativeUnits/ab", "/administrativeUnits/a/b"]
    {
        let wish = Create { scope: scope(at), ..wish(&ground, GrantKind::Eligibility, &alice) };
        all.push(ground.kept(grant::create(&facts, wish, &stamp(noon())).unwrap()).await);
    }
    let mut tx = ground.begin().await;
    for target in &all {
        let kind = GrantKind::Eligibility;
        let (role, at, alice) = (ground.role.id, &target.scope, [alice.id]);
        let reaching = grants::reaching(&mut tx, ground.tenant, kind, &alice, (role, at)).await;
        let mut expected = all.clone();
        expected.retain(|grant| by_path(at).is_below(&grant.scope));
        let mut found = reaching.unwrap();
        found.sort_by_key(|grant| grant.id);
        expected.sort_by_key(|grant| grant.id);
        assert_eq!(found, expected, "at {at}");

        let filter = Filter {
            kind,
            principals: Some(&alice),
            role: Some(role),
            scope: Some(at),
            not_ended_at: None,
            catalogs: Some(&[Catalog::Entra]),
        };
        let below = grants::list(&mut tx, ground.tenant, &filter, None, 10).await.unwrap();
        let mut expected = all.clone();
        expected.retain(|grant| by_path(&grant.scope).is_below(at));
        expected.sort_by_key(|grant| grant.id);
        assert_eq!(below, expected, "below {at}");
        let filter = Filter { catalogs: Some(&[Catalog::Azure, Catalog::Pim]), ..filter };
        assert!(grants::list(&mut tx, ground.tenant, &filter, None, 10).await.unwrap().is_empty());
    }
}
