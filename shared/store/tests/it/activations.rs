//! Activations are read back in every state and ending.

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    activation::{Activation, Ask, Ending, Facts, Held, Length, Rest, State, Verdict, ask},
    authority::SignIn,
    denial::Rule,
    fixture::{self, noon, stamp},
    grant::GrantKind,
    policy::RuleSet,
    role::Catalog,
    scope::Scope,
    text::Ticket,
};
use pim_store::{
    Reach,
    activations::{self, Filter},
};

use crate::ground::{Ground, asking, scope, signals};

/// What Postgres can tell from the instants beside it.
fn odd() -> DateTime<Utc> {
    noon() + TimeDelta::microseconds(123_457)
}

fn hours(hours: i64) -> TimeDelta {
    TimeDelta::hours(hours)
}

/// With each part of it, or with none.
fn signed_in(whole: bool) -> SignIn {
    if !whole {
        return SignIn::default();
    }
    SignIn {
        mfa: true,
        time: Some(odd() - hours(1)),
        contexts: vec!["c1".to_owned(), "c 2".to_owned()],
        signals: signals(),
    }
}

/// A target of its own, so that several can be live.
fn target(number: usize) -> Scope {
    scope(&format!("/administrativeUnits/{number}"))
}

impl Ground {
    /// What is asked for, at once.
    async fn wished(&self, facts: &Facts, wish: Ask) -> Activation {
        self.kept(ask(facts, wish, &stamp(odd())).unwrap()).await
    }
}

#[tokio::test]
async fn every_request_is_read_back() {
    let ground = Ground::new().await;
    let mut facts = ground.facts().await;
    let lenient = RuleSet { require_mfa: Some(false), ..RuleSet::default() };
    fixture::set(&mut facts.policy, lenient);
    let ticket = Ticket { number: "CHG-1".to_owned(), system: "desk".to_owned() };
    let mut count = 0;
    for length in [
        Length::Duration(hours(1)),
        Length::Duration(TimeDelta::microseconds(3_600_000_001)),
        Length::Until(odd() + hours(5)),
    ] {
        for start in [None, Some(odd() + hours(2))] {
            for ticket in [None, Some(ticket.clone())] {
                let mut wish = fixture::wish(&facts);
                wish.scope = target(count);
                wish.request.start = start;
                wish.request.length = length;
                wish.request.sign_in = signed_in(ticket.is_some());
                wish.request.ticket = ticket;
                wish.request.justification = "two\nlines and a \u{1f41f}".into();
                let activation = ground.wished(&facts, wish).await;
                assert_eq!(activation.request.length, length);
                count += 1;
            }
        }
    }
    assert_eq!(count, 12);
}

#[tokio::test]
async fn every_live_state_is_read_back() {
    let ground = Ground::new().await;
    let facts = ground.facts().await;
    let carol = ground.user("carol").await;
    let wish = |number| Ask { scope: target(number), ..fixture::wish(&facts) };

    let active = ground.wished(&facts, wish(1)).await;
    let held = Held { start: odd(), end: odd() + hours(1), truncated: false };
    assert_eq!(active.state, State::Active { held, extension: None });

    let mut later = wish(2);
    later.request.start = Some(odd() + hours(1));
    let booked = ground.wished(&facts, later).await;
    assert_eq!(booked.state, State::Scheduled { start: odd() + hours(1) });

    let pending = ground.wished(&asking(&facts, &[carol]), wish(3)).await;
    assert_eq!(pending.state, State::PendingApproval { expire_time: odd() + hours(24) });

    let end = odd() + TimeDelta::minutes(30);
    let kind = GrantKind::Eligibility;
    let short = ground.grant(kind, &facts.principal, Some(end)).await;
    let facts = Facts { eligibilities: vec![short], ..facts };
    let cut = ground.wished(&facts, Ask { scope: target(4), ..fixture::wish(&facts) }).await;
    let held = Held { start: odd(), end, truncated: true };
    assert_eq!(cut.state, State::Active { held, extension: None });
}

#[tokio::test]
async fn every_ending_is_read_back() {
    let ground = Ground::new().await;
    let facts = ground.facts().await;
    let carol = ground.user("carol").await;
    let asking = asking(&facts, &[carol]);
    let pinned = asking.policy.at(&Scope::root());
    let (soon, late) = (stamp(odd() + TimeDelta::minutes(10)), stamp(odd() + hours(30)));
    let catalog = Catalog::Entra;
    let gone =
        facts.eligibilities[0].remove(catalog, Default::default(), &soon).unwrap().into_after();
    let principal = facts.principal.clone();
    let rest = Rest {
        eligibility: gone,
        deleted: None,
        memberships: Vec::new(),
        severed: None,
        principal,
        role: facts.role.clone(),
        approvals: Vec::new(),
        people: Vec::new(),
        belonging: Vec::new(),
    };
    let wish = |number| Ask { scope: target(number), ..fixture::wish(&facts) };
    let mut later = wish(20);
    later.request.start = Some(odd() + hours(1));

    let denied = ground.wished(&asking, wish(1)).await;
    let denied = denied.resolve(&asking, &pinned, &Verdict::Denied, &soon).unwrap();
    let timed_out = ground.wished(&asking, wish(2)).await.expire(catalog, &late).unwrap();
    let withdrawn = ground.wished(&asking, wish(3)).await;
    let withdrawn = withdrawn.cancel(catalog, Default::default(), &soon).unwrap();
    let unbooked =
        ground.wished(&facts, later).await.cancel(catalog, Default::default(), &soon).unwrap();
    let nobody = Verdict::Approved { votes: Vec::new(), shortened: None };
    let unapproved = ground.wished(&asking, wish(4)).await;
    let unapproved = unapproved.resolve(&asking, &pinned, &nobody, &soon).unwrap();
    let cut_short = ground.wished(&facts, wish(5)).await.void(&rest, catalog, &soon).unwrap();
    let expired = ground.wished(&facts, wish(6)).await.expire(catalog, &late).unwrap();
    let given_up = ground.wished(&facts, wish(7)).await;
    let given_up = given_up.deactivate(catalog, "done".into(), &soon).unwrap();
    let taken = ground.wished(&facts, wish(8)).await;
    let taken = taken.revoke(catalog, "misused".into(), &soon).unwrap();
    let refused = ground.wished(&asking, wish(9)).await;
    let refused = refused.revoke(catalog, "not now".into(), &soon).unwrap();

    let held = Some(Held { start: odd(), end: odd() + hours(1), truncated: false });
    let void = |rule| Ending::Void { rules: vec![rule] };
    for (change, expected, span) in [
        (denied, Ending::Denied, None),
        (timed_out, Ending::TimedOut, None),
        (withdrawn, Ending::Canceled, None),
        (unbooked, Ending::Canceled, None),
        (unapproved, void(Rule::Approvable), None),
        (cut_short, void(Rule::Eligibility), held),
        (expired, Ending::Expired, held),
        (given_up, Ending::Deactivated, held),
        (taken, Ending::Revoked, held),
        (refused, Ending::Revoked, None),
    ] {
        let State::Ended { ending, held, .. } = ground.kept(change).await.state else {
            panic!("not ended: {expected:?}")
        };
        assert_eq!((ending, held), (expected, span));
    }
}

#[tokio::test]
async fn every_rule_that_voids_is_read_back() {
    let ground = Ground::new().await;
    let facts = ground.facts().await;
    let carol = ground.user("carol").await;
    let asking = asking(&facts, &[carol]);
    let pinned = asking.policy.at(&Scope::root());
    let live = ground.wished(&facts, Ask { scope: target(0), ..fixture::wish(&facts) }).await;

    // As if everything had turned against the requests while they waited.
    let mut worst = asking.clone();
    worst.principal.enabled_since = None;
    worst.role.catalog = Catalog::Azure;
    worst.eligibilities.clear();
    worst.live = Some(live);
    worst.people.clear();
    let set = &mut worst.policy.policies[0].set;
    set.require_ticket = Some(true);
    set.require_mfa = Some(true);
    set.authentication_context = Some("c1".to_owned());
    set.activation_max = Some(TimeDelta::minutes(5));

    let mut seen = Vec::new();
    let mut bare = asking.clone();
    bare.policy.policies[0].set.require_mfa = Some(false);
    bare.policy.policies[0].set.require_justification = Some(false);
    let lengths = [Length::Duration(hours(1)), Length::Until(odd() + hours(1))];
    for (number, length) in lengths.into_iter().enumerate() {
        let mut wish = Ask { scope: target(number + 1), ..fixture::wish(&facts) };
        wish.request.length = length;
        wish.request.sign_in = SignIn::default();
        wish.request.justification = Default::default();
        let pending = ground.wished(&bare, wish).await;
        let nobody = Verdict::Approved { votes: Vec::new(), shortened: None };
        let later = stamp(odd() + hours(2));
        let change = pending.resolve(&worst, &pinned, &nobody, &later).unwrap();
        let State::Ended { ending: Ending::Void { rules }, .. } = ground.kept(change).await.state
        else {
            panic!("not void")
        };
        seen.extend(rules);
    }
    seen.sort();
    seen.dedup();
    assert_eq!(
        seen,
        [
            Rule::Principal,
            Rule::Role,
            Rule::Eligibility,
            Rule::Window,
            Rule::Expiration,
            Rule::Justification,
            Rule::Ticketing,
            Rule::Mfa,
            Rule::AuthenticationContext,
            Rule::Overlap,
            Rule::Approvable
        ]
    );
}

#[tokio::test]
async fn what_an_activation_is_judged_by_is_read_together() {
    let ground = Ground::new().await;
    let facts = ground.facts().await;
    let target = target(1);
    let live = ground.wished(&facts, Ask { scope: target.clone(), ..fixture::wish(&facts) }).await;
    let mut tx = ground.begin().await;
    let (tenant, principal, role) = (ground.tenant, facts.principal.id, ground.role.id);
    let found = activations::facts(&mut tx, tenant, principal, role, &target).await.unwrap();
    let found = found.unwrap();
    assert_eq!(found.principal, facts.principal);
    assert_eq!(found.role, facts.role);
    assert_eq!(found.policy, facts.policy);
    assert_eq!(found.eligibilities, facts.eligibilities);
    assert_eq!(found.live.as_ref(), Some(&live));
    let rest = activations::rest(&mut tx, tenant, &live).await.unwrap();
    assert_eq!(rest.principal, facts.principal);
    assert_eq!(rest.eligibility, facts.eligibilities[0]);
    // Somewhere else nothing is live, and the eligibility above still reaches there.
    let elsewhere = scope("/administrativeUnits/elsewhere");
    let found = activations::facts(&mut tx, tenant, principal, role, &elsewhere).await.unwrap();
    let found = found.unwrap();
    assert_eq!((found.live, found.eligibilities), (None, facts.eligibilities));
    let nobody = fixture::user("nobody").id;
    assert!(activations::facts(&mut tx, tenant, nobody, role, &target).await.unwrap().is_none());
    let no_role = fixture::role().id;
    let none = activations::facts(&mut tx, tenant, principal, no_role, &target).await.unwrap();
    assert!(none.is_none());
}

#[tokio::test]
async fn activations_are_listed_in_pages_by_what_they_are_of() {
    let ground = Ground::new().await;
    let facts = ground.facts().await;
    let mut all = Vec::new();
    for number in 0..5 {
        all.push(
            ground.wished(&facts, Ask { scope: target(number), ..fixture::wish(&facts) }).await,
        );
    }
    all.sort_by_key(|activation| activation.id);
    let mut read = ground.db.read(Reach::EveryTenant).await.unwrap();
    let everything = Filter::default();
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let page =
            activations::list(&mut read, ground.tenant, &everything, after, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        pages.extend(page);
    }
    assert_eq!(pages, all);
    let other = fixture::user("other").id;
    for (filter, count) in [
        (Filter { principal: Some(facts.principal.id), ..Filter::default() }, 5),
        (Filter { principal: Some(other), ..Filter::default() }, 0),
        (Filter { role: Some(ground.role.id), ..Filter::default() }, 5),
        (Filter { role: Some(ground.other_role.id), ..Filter::default() }, 0),
        (Filter { scope: Some(&target(3)), ..Filter::default() }, 1),
        (Filter { catalogs: Some(&[Catalog::Entra]), ..Filter::default() }, 5),
        (Filter { catalogs: Some(&[Catalog::Azure]), ..Filter::default() }, 0),
    ] {
        let found = activations::list(&mut read, ground.tenant, &filter, None, 10).await.unwrap();
        assert_eq!(found.len(), count, "{filter:?}");
    }
}
