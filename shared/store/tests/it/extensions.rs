//! Extensions are read back while they wait, and what becomes of them afterwards.

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    activation::{Activation, Ending, Extension, Held, Length, State, Verdict},
    approval::State as ApprovalState,
    authority::SignIn,
    fixture::{noon, stamp, votes},
    id::ExtensionId,
    policy::ApprovalRule,
    role::Catalog,
    scope::Scope,
    text::Ticket,
};
use pim_store::{Reach, activations, approvals};

use crate::ground::{Ground, asking, longer, opened, signals, stored_policy};

const HERE: &str = "/applications/a";

fn hours(hours: i64) -> TimeDelta {
    TimeDelta::hours(hours)
}

fn odd(time: DateTime<Utc>) -> DateTime<Utc> {
    time + TimeDelta::microseconds(123_457)
}

/// The extension that an active role waits for.
fn waiting(activation: &Activation) -> Extension {
    activation.waits_for().flatten().unwrap().clone()
}

fn held(activation: &Activation) -> Held {
    let State::Active { held, .. } = &activation.state else { panic!("not active") };
    *held
}

#[tokio::test]
async fn every_wish_to_hold_for_longer_is_read_back() {
    let ground = Ground::new().await;
    let facts = ground.facts().await;
    let asking = asking(&facts, &[ground.user("carol").await]);
    let ticket = Ticket { number: "CHG-1".to_owned(), system: "desk".to_owned() };
    let whole = SignIn {
        mfa: true,
        time: Some(odd(noon())),
        contexts: vec!["c 1".to_owned()],
        signals: signals(),
    };
    let bare = SignIn { mfa: true, ..SignIn::default() };
    let mut number = 0;
    for length in [
        Length::Duration(hours(1)),
        Length::Duration(TimeDelta::microseconds(3_600_000_001)),
        Length::Until(odd(noon() + hours(5))),
    ] {
        for (ticket, sign_in) in [(None, bare.clone()), (Some(ticket.clone()), whole.clone())] {
            let active = ground.asked(&facts, &format!("/applications/{number}")).await;
            let mut wish = longer(&active, length);
            wish.request.ticket = ticket;
            wish.request.sign_in = sign_in;
            wish.request.justification = "two\nlines and a \u{1f41f}".into();
            let now = stamp(odd(noon()));
            let extending = ground.kept(active.extend(&asking, wish.clone(), &now).unwrap()).await;
            let extension = waiting(&extending);
            assert_eq!(extension.request, wish.request);
            assert_eq!((extension.create_time, extension.policy_revision), (now.now, 1));
            let mut read = ground.db.read(Reach::EveryTenant).await.unwrap();
            let found = activations::extensions(&mut read, ground.tenant, &[extension.id]).await;
            assert_eq!(found.unwrap(), [extension]);
            number += 1;
        }
    }
    assert_eq!(number, 6);
    let mut read = ground.db.read(Reach::EveryTenant).await.unwrap();
    let none = [ExtensionId::at(noon())];
    assert_eq!(activations::extensions(&mut read, ground.tenant, &none).await.unwrap(), []);
}

/// All ways to read an activation agree, also on the extension that it waits for.
#[tokio::test]
async fn a_pending_extension_is_read_wherever_its_activation_is() {
    let ground = Ground::new().await;
    let facts = ground.facts().await;
    let asking = asking(&facts, &[ground.user("carol").await]);
    let one = ground.extending(&facts, &asking, HERE, Length::Duration(hours(1))).await;
    let other = ground.extending(&facts, &asking, "/", Length::Duration(hours(2))).await;
    assert_ne!(waiting(&one).id, waiting(&other).id);
    let mut tx = ground.begin().await;
    let tenant = ground.tenant;
    let all = activations::get_all(&mut tx, tenant, &[one.id, other.id]).await.unwrap();
    assert!(all.contains(&one) && all.contains(&other) && all.len() == 2);
    let filter = activations::Filter::default();
    let listed = activations::list(&mut tx, tenant, &filter, None, 10).await.unwrap();
    assert!(listed.contains(&one) && listed.contains(&other) && listed.len() == 2);
    let (principal, role) = (facts.principal.id, ground.role.id);
    let found = activations::facts(&mut tx, tenant, principal, role, &one.scope).await.unwrap();
    assert_eq!(found.unwrap().live, Some(one));
}

#[tokio::test]
async fn every_end_of_an_extension_is_read_back() {
    let ground = Ground::new().await;
    let facts = ground.facts().await;
    let carol = ground.user("carol").await;
    let asking = asking(&facts, std::slice::from_ref(&carol));
    let (pinned, soon) = (asking.policy.at(&Scope::root()), stamp(odd(noon())));
    let more = Length::Duration(hours(1));
    let yes = |shortened| Verdict::Approved { votes: votes(&[&carol]), shortened };
    let short = TimeDelta::microseconds(1_800_000_001);
    let nobody = Verdict::Approved { votes: Vec::new(), shortened: None };
    let end = noon() + hours(1);
    for (number, (verdict, expected)) in [
        (yes(None), end + hours(1)),
        (yes(Some(short)), end + short),
        (Verdict::Denied, end),
        (nobody, end),
    ]
    .into_iter()
    .enumerate()
    {
        let at = format!("/applications/{number}");
        let extending = ground.extending(&facts, &asking, &at, more).await;
        let extension = waiting(&extending);
        let change = extending.resolve(&asking, &pinned, &verdict, &soon).unwrap();
        let resolved = ground.kept(change).await;
        assert_eq!((held(&resolved).end, resolved.waits_for()), (expected, None));
        // What was asked for stays to be seen.
        let mut read = ground.db.read(Reach::EveryTenant).await.unwrap();
        let found = activations::extensions(&mut read, ground.tenant, &[extension.id]).await;
        assert_eq!(found.unwrap(), std::slice::from_ref(&extension));
        // And it may be asked for again.
        let again = resolved.extend(&asking, longer(&resolved, more), &soon).unwrap();
        let again = ground.kept(again).await;
        assert_ne!(waiting(&again).id, extension.id);
    }
}

#[tokio::test]
async fn an_extension_ends_with_what_it_extends() {
    let ground = Ground::new().await;
    let facts = ground.facts().await;
    let rule = |approver| ApprovalRule {
        timeout: TimeDelta::minutes(30),
        ..ApprovalRule::all_of([approver])
    };
    let carol = ground.user("carol").await;
    let asking = stored_policy(&ground, &facts, rule(carol.id), &[carol]).await;
    let (more, catalog) = (Length::Duration(hours(1)), Catalog::Entra);
    let extending = ground.extending(&facts, &asking, HERE, more).await;
    let given_up = extending.deactivate(catalog, Default::default(), &stamp(odd(noon()))).unwrap();
    let State::Ended { ending, held, .. } = ground.kept(given_up).await.state else {
        panic!("not ended")
    };
    assert_eq!((ending, held.unwrap().end), (Ending::Deactivated, noon() + hours(1)));
    // Nobody decided in time: it is held as if nothing had been asked.
    let extending = ground.extending(&facts, &asking, HERE, more).await;
    let late = stamp(noon() + TimeDelta::minutes(30));
    let left = ground.kept(extending.expire(catalog, &late).unwrap()).await;
    assert_eq!((left.waits_for(), left.is_live()), (None, true));
    let over = stamp(noon() + hours(1));
    assert!(!ground.kept(left.expire(catalog, &over).unwrap()).await.is_live());
}

#[tokio::test]
async fn an_activation_and_each_extension_have_an_approval_of_their_own() {
    let ground = Ground::new().await;
    let facts = ground.facts().await;
    let carol = ground.user("carol").await;
    let asking = asking(&facts, std::slice::from_ref(&carol));
    let pending = ground.asked(&asking, HERE).await;
    let first = ground.kept(opened(&pending, &asking)).await;
    assert_eq!(first.extension, None);
    let yes = Verdict::Approved { votes: votes(&[&carol]), shortened: None };
    let (pinned, now) = (asking.policy.at(&Scope::root()), stamp(noon()));
    let change = pending.resolve(&asking, &pinned, &yes, &now).unwrap();
    let mut active = ground.kept(change).await;
    let mut all = vec![(None, first)];
    for _ in 0..2 {
        let wish = longer(&active, Length::Duration(hours(1)));
        let extending = ground.kept(active.extend(&asking, wish, &now).unwrap()).await;
        let extension = waiting(&extending);
        let approval = ground.kept(opened(&extending, &asking)).await;
        assert_eq!(approval.extension, Some(extension.id));
        let mut read = ground.db.read(Reach::EveryTenant).await.unwrap();
        let found = approvals::extension_of(&mut read, ground.tenant, &approval).await.unwrap();
        assert_eq!(found.as_ref(), Some(&extension));
        drop(read);
        all.push((Some(extension.id), approval.clone()));
        let change = extending.resolve(&asking, &pinned, &Verdict::Denied, &now).unwrap();
        active = ground.kept(change).await;
        let closed = approval.cancel(&active, Catalog::Entra, &now).unwrap();
        assert_eq!(closed.after().state, ApprovalState::Canceled);
    }
    let mut read = ground.db.read(Reach::EveryTenant).await.unwrap();
    // All that they are judged by is read for many as well, in their order.
    let reversed: Vec<_> = all.iter().rev().map(|(_, approval)| approval.clone()).collect();
    let around = approvals::around(&mut read, ground.tenant, reversed.clone()).await.unwrap();
    let found: Vec<_> = around.iter().map(|facts| facts.approval.clone()).collect();
    assert_eq!(found, reversed);
    for facts in around {
        assert_eq!((&facts.activation, facts.people), (&active, vec![carol.clone()]));
        assert_eq!(facts.requester, asking.principal);
    }
    for (extension, approval) in all {
        let (tenant, activation) = (ground.tenant, active.id);
        let found = approvals::of_activation(&mut read, tenant, activation, extension).await;
        assert_eq!(found.unwrap(), Some(approval));
    }
    let none = Some(ExtensionId::at(noon()));
    let found = approvals::of_activation(&mut read, ground.tenant, active.id, none).await;
    assert_eq!(found.unwrap(), None);
}

/// Each is judged by the rules of the revision that it was asked for by.
#[tokio::test]
async fn what_waits_rests_on_those_whom_its_own_revision_names() {
    let ground = Ground::new().await;
    let facts = ground.facts().await;
    let (carol, dave) = (ground.user("carol").await, ground.user("dave").await);
    let by_carol = stored_policy(
        &ground,
        &facts,
        ApprovalRule::all_of([carol.id]),
        std::slice::from_ref(&carol),
    )
    .await;
    let pending = ground.asked(&by_carol, HERE).await;
    let active = ground.asked(&facts, "/applications/b").await;
    let by_dave = stored_policy(
        &ground,
        &by_carol,
        ApprovalRule::all_of([dave.id]),
        std::slice::from_ref(&dave),
    )
    .await;
    assert_eq!(by_dave.policy.revision, 2);
    let wish = longer(&active, Length::Duration(hours(1)));
    let extending = active.extend(&by_dave, wish, &stamp(noon())).unwrap();
    let extending = ground.kept(extending).await;
    let mut read = ground.db.read(Reach::EveryTenant).await.unwrap();
    for (activation, who) in [(&pending, vec![carol.clone()]), (&extending, vec![dave.clone()])] {
        let pinned = activations::pinned(&mut read, ground.tenant, activation).await.unwrap();
        let rest = activations::rest(&mut read, ground.tenant, activation).await.unwrap();
        let expected = ApprovalRule::all_of(who.iter().map(|one| one.id));
        assert_eq!(rest.approvals, [expected]);
        assert_eq!((rest.approvals, rest.people), (pinned.approvals, who));
        assert_eq!(rest.eligibility, facts.eligibilities[0]);
    }
    // Where nothing is waited for, nobody is needed.
    let rest = activations::rest(&mut read, ground.tenant, &active).await.unwrap();
    assert_eq!((rest.approvals, rest.people), (Vec::new(), Vec::new()));
    let (principal, role) = (facts.principal.id, ground.role.id);
    let mut tx = ground.begin().await;
    let found = activations::facts(&mut tx, ground.tenant, principal, role, &pending.scope).await;
    let found = found.unwrap().unwrap();
    assert_eq!((found.policy, found.people), (by_dave.policy, vec![dave]));
}
