//! What holders ask is read back in every state; grants that were moved and renewed, too.

use chrono::TimeDelta;
use pim_domain::{
    change_request::{self, Approve, Ask, ChangeKind, ChangeRequest, Decision, Deny},
    fixture::{noon, stamp},
    grant::{Extend, Grant, GrantKind, NewEnd, Renew, Update},
    justification::Justification,
    principal::Principal,
    role::Catalog,
    text::Ticket,
};
use pim_store::{
    StoreError,
    change_requests::{self, Filter},
};

use crate::ground::{Ground, grant_facts, scope};

const KINDS: [GrantKind; 2] = [GrantKind::Eligibility, GrantKind::Assignment];

impl Ground {
    /// What a holder asks about a grant of theirs at noon, a day before its end: not written yet.
    pub(crate) fn request_about(
        &self,
        holder: &Principal,
        grant: &Grant,
    ) -> pim_domain::change::Change<ChangeRequest> {
        let wish = Ask {
            kind: ChangeKind::Extension,
            grant_kind: grant.kind,
            grant: grant.id,
            end: Some(noon() + TimeDelta::days(9)),
            justification: "two\nlines and a \u{1f41f}".into(),
            ticket: Some(Ticket { number: "CHG-1".to_owned(), system: "desk".to_owned() }),
        };
        let (grant, catalog) = (grant.clone(), Catalog::Entra);
        let facts = change_request::Facts { grant, catalog, pending: None };
        change_request::ask(&facts, holder, wish, &stamp(noon())).unwrap()
    }

    /// One about an eligibility and one about an assignment.
    pub(crate) async fn requests(&self, holder: &Principal) -> [ChangeRequest; 2] {
        let end = Some(noon() + TimeDelta::days(1));
        let [one, other] = KINDS;
        let one = self.grant(one, holder, end).await;
        let other = self.grant(other, holder, end).await;
        [
            self.kept(self.request_about(holder, &one)).await,
            self.kept(self.request_about(holder, &other)).await,
        ]
    }
}

#[tokio::test]
async fn every_state_is_read_back() {
    let ground = Ground::new().await;
    let (alice, ada) = (ground.user("alice").await, ground.user("ada").await);
    let now = stamp(noon());
    let (etag, justification) = ("v1".to_owned(), Justification::new("so"));
    for number in 0..2 {
        let [request, _] = ground.requests(&alice).await;
        let decision = Decision { by: alice.id, justification: justification.clone() };
        let deny =
            Deny { request: request.id, etag: etag.clone(), justification: justification.clone() };
        let change = match number {
            0 => request.cancel(Catalog::Entra, decision, &now),
            _ => request.deny(&alice, Catalog::Entra, &ada, deny, &now),
        };
        ground.kept(change.unwrap()).await;
    }
    let [_, request] = ground.requests(&alice).await;
    ground.kept(request.time_out(Catalog::Entra, &stamp(request.expire_time)).unwrap()).await;

    let [request, _] = ground.requests(&alice).await;
    let mut tx = ground.begin().await;
    let grant = pim_store::grants::get(&mut tx, ground.tenant, request.grant_kind, request.grant);
    let grant = grant.await.unwrap().unwrap();
    tx.roll_back().await.unwrap();
    let mut facts = grant_facts(&alice, &ground.role);
    facts.caller = ada;
    let wish = Approve { request: request.id, etag, start: None, end: None, justification };
    let done = request.approve(&grant, &facts, wish, &now).unwrap();
    let extended = ground.kept(done.grant).await;
    assert_eq!(extended.window.end, Some(noon() + TimeDelta::days(9)));
    ground.kept(done.request).await;
}

#[tokio::test]
async fn one_waits_for_a_grant() {
    let ground = Ground::new().await;
    let alice = ground.user("alice").await;
    let end = Some(noon() + TimeDelta::days(1));
    let grant = ground.grant(GrantKind::Eligibility, &alice, end).await;
    let first = ground.kept(ground.request_about(&alice, &grant)).await;
    // Neither knows of the other: as if both had been judged before any was written.
    let second = ground.request_about(&alice, &grant);
    match ground.write(&second).await {
        Err(StoreError::Conflict(what)) => assert_eq!(what, "change_request_pending"),
        other => panic!("no conflict: {other:?}"),
    }
    let mut tx = ground.begin().await;
    let pending = change_requests::pending_for_update(&mut tx, ground.tenant, grant.id).await;
    assert_eq!(pending.unwrap().as_ref(), Some(&first));
    tx.roll_back().await.unwrap();
    let decision = Decision { by: alice.id, justification: Default::default() };
    ground.kept(first.cancel(Catalog::Entra, decision, &stamp(noon())).unwrap()).await;
    let mut tx = ground.begin().await;
    let pending = change_requests::pending_for_update(&mut tx, ground.tenant, grant.id).await;
    assert_eq!(pending.unwrap(), None);
    tx.roll_back().await.unwrap();
    ground.write(&second).await.unwrap();
}

#[tokio::test]
async fn a_list_is_of_what_it_is_asked_for() {
    let ground = Ground::new().await;
    let (alice, bob) = (ground.user("alice").await, ground.user("bob").await);
    let mut all = ground.requests(&alice).await.to_vec();
    all.extend(ground.requests(&bob).await);
    all.sort_by_key(|request| request.id);
    let (root, unit) = (scope("/"), scope("/administrativeUnits/a"));
    let none = Filter::default;
    let late = Some(all[0].expire_time);
    for (filter, expected) in [
        (none(), 4),
        (Filter { principal: Some(alice.id), ..none() }, 2),
        (Filter { scope: Some(&root), ..none() }, 4),
        (Filter { scope: Some(&unit), ..none() }, 0),
        (Filter { pending_at: Some(noon()), ..none() }, 4),
        (Filter { pending_at: late, ..none() }, 0),
        (Filter { catalogs: Some(&[Catalog::Entra]), ..none() }, 4),
        (Filter { catalogs: Some(&[Catalog::Azure]), ..none() }, 0),
    ] {
        let mut tx = ground.begin().await;
        let found = change_requests::list(&mut tx, ground.tenant, &filter, None, 9).await.unwrap();
        assert_eq!(found.len(), expected, "{filter:?}");
    }
    let mut tx = ground.begin().await;
    let first = change_requests::list(&mut tx, ground.tenant, &none(), None, 3).await.unwrap();
    assert_eq!(first, all[..3]);
    let after = Some(first[2].id);
    let rest = change_requests::list(&mut tx, ground.tenant, &none(), after, 3).await.unwrap();
    assert_eq!(rest, all[3..]);
}

#[tokio::test]
async fn moved_and_renewed_grants_are_read_back() {
    let ground = Ground::new().await;
    let alice = ground.user("alice").await;
    let mut facts = grant_facts(&alice, &ground.role);
    let day = |days| noon() + TimeDelta::days(days);
    let (justification, ticket) = (Justification::new("so"), None);
    for kind in KINDS {
        let grant = ground.grant(kind, &alice, Some(day(1))).await;
        facts.policy.revision = 7;
        let wish = Update {
            kind,
            grant: grant.id,
            etag: grant.version.etag(),
            start: None,
            end: Some(NewEnd::At(day(2))),
            justification: justification.clone(),
            ticket: ticket.clone(),
        };
        let change = grant.update(&facts, &wish, &stamp(noon())).unwrap();
        let moved = ground.kept(change.unwrap()).await;
        assert_eq!((moved.window.end, moved.policy_revision), (Some(day(2)), 7));
        let extend = Extend {
            kind,
            grant: grant.id,
            end: NewEnd::At(day(3)),
            justification: justification.clone(),
            ticket: ticket.clone(),
        };
        let extended = ground.kept(moved.extend(&facts, &extend, &stamp(noon())).unwrap()).await;
        let renew = Renew {
            kind,
            grant: grant.id,
            start: None,
            end: None,
            justification: justification.clone(),
            ticket: ticket.clone(),
        };
        let renewed = extended.renew(&facts, &renew, &stamp(day(3))).unwrap();
        let renewed = ground.kept(renewed).await;
        assert_eq!((renewed.renewed_from, renewed.window.end), (Some(grant.id), None));
    }
}
