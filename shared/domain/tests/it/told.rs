//! What events tell: whom and what they concern, why, and by which revision of the policy.

use chrono::TimeDelta;
use pim_domain::{
    activation::{Activation, Ask, Extend, Facts, Length, Request, Verdict, ask},
    approval::{self, Decide, Decided},
    event::About,
    fixture::{facts, noon, set, stamp, user, votes, wish},
    policy::{self, ApprovalRule, Layers, RuleSet, Update},
    principal::Principal,
    role::Catalog,
    scope::Scope,
    text::Ticket,
};

const HOUR: TimeDelta = TimeDelta::hours(1);

fn ticket(number: &str) -> Option<Ticket> {
    Some(Ticket { system: "desk".to_owned(), number: number.to_owned() })
}

/// Alice asks at a unit of the directory, where `approvers` must approve.
fn asked(approvers: &[&Principal]) -> (Facts, Activation, About) {
    let mut facts = facts(&user("alice"));
    facts.people = approvers.iter().map(|one| (*one).clone()).collect();
    let approval = (!approvers.is_empty())
        .then(|| ApprovalRule::all_of(approvers.iter().map(|approver| approver.id)));
    set(&mut facts.policy, RuleSet { approval, ..RuleSet::default() });
    let mut wish = Ask { scope: "/administrativeUnits/a".parse().unwrap(), ..wish(&facts) };
    wish.request.ticket = ticket("1");
    let change = ask(&facts, wish, &stamp(noon())).unwrap();
    let about = change.event().about.clone();
    (facts, change.into_after(), about)
}

#[test]
fn a_request_tells_who_wants_what_where_and_why() {
    let (facts, activation, about) = asked(&[]);
    let expected = About {
        correlation: Some(activation.id.uuid()),
        subject: Some(facts.principal.id),
        role: Some(facts.role.id),
        catalog: Some(Catalog::Entra),
        scope: Some("/administrativeUnits/a".parse().unwrap()),
        permanent: false,
        justification: activation.request.justification.clone(),
        ticket: ticket("1"),
        policy_revision: Some(1),
    };
    assert_eq!(about, expected);
    assert_eq!(about.justification, "to mend the mail");
    assert_eq!(activation.pinned_revision(), 1);
}

#[test]
fn who_ends_a_request_is_quoted() {
    let (_, active, _) = asked(&[]);
    let later = stamp(noon() + TimeDelta::minutes(1));
    let given_up = active.deactivate(Catalog::Entra, "done early".into(), &later).unwrap();
    let about = &given_up.event().about;
    assert_eq!(about.justification, "done early");
    assert_eq!(about.subject, Some(active.principal));
    assert_eq!((about.role, about.scope.as_ref()), (Some(active.role), Some(&active.scope)));
    assert_eq!(given_up.event().thing.map(|thing| thing.id), Some(active.id.uuid()));
    assert_eq!(given_up.after().update_time, later.now);
    let (_, pending, _) = asked(&[&user("carol")]);
    let withdrawn = pending.cancel(Catalog::Entra, "not needed".into(), &later).unwrap();
    assert_eq!(withdrawn.event().about.justification, "not needed");
    assert_eq!(withdrawn.after().update_time, later.now);
}

#[test]
fn an_extension_tells_its_own_reasons_and_rules() {
    let carol = user("carol");
    let (mut facts, active, _) = asked(&[]);
    facts.people = vec![carol.clone()];
    let approval = Some(ApprovalRule::all_of([carol.id]));
    set(&mut facts.policy, RuleSet { approval, ..RuleSet::default() });
    let request = Request {
        length: Length::Duration(HOUR),
        justification: "takes longer".into(),
        ticket: ticket("2"),
        ..active.request.clone()
    };
    let extend = Extend { activation: active.id, request };
    let change = active.extend(&facts, extend, &stamp(noon() + TimeDelta::minutes(1))).unwrap();
    let about = &change.event().about;
    let told = (&*about.justification, about.ticket.clone(), about.policy_revision);
    assert_eq!(told, ("takes longer", ticket("2"), Some(2)));
    let waiting = change.into_after();
    assert_eq!((waiting.policy_revision, waiting.pinned_revision()), (1, 2));
    let pinned = facts.policy.at(&Scope::root());
    let later = stamp(noon() + TimeDelta::minutes(2));
    for verdict in [Verdict::Approved { votes: votes(&[&carol]), shortened: None }, Verdict::Denied]
    {
        let change = waiting.resolve(&facts, &pinned, &verdict, &later).unwrap();
        assert_eq!(change.event().about.policy_revision, Some(2), "{verdict:?}");
        assert_eq!(change.after().pinned_revision(), 1, "{verdict:?}");
    }
}

#[test]
fn a_decision_is_quoted() {
    let carol = user("carol");
    let (facts, activation, _) = asked(&[&carol]);
    let rules = facts.policy.at(&Scope::root());
    let opened = approval::open(&activation, rules, Catalog::Entra, &stamp(noon())).unwrap();
    let facts = approval::Facts {
        approval: opened.into_after(),
        activation,
        catalog: Catalog::Entra,
        requester: facts.principal,
        people: facts.people,
        belonging: Vec::new(),
    };
    let wish = Decide {
        approval: facts.approval.id,
        etag: facts.approval.etag(),
        verdict: approval::Verdict::Approve,
        justification: "known work".into(),
        duration: None,
    };
    let Decided::Now(change) = approval::decide(&facts, &carol, wish, &stamp(noon())).unwrap()
    else {
        panic!("said before")
    };
    assert_eq!(change.event().about.justification, "known work");
}

#[test]
fn a_change_of_rules_tells_of_which_role_where_and_its_revision() {
    let role = pim_domain::fixture::role();
    let layers = Layers { revision: 6, ..Layers::untouched(role.id, role.catalog) };
    let scope: Scope = "/administrativeUnits/a".parse().unwrap();
    let update = Update {
        role: role.id,
        etag: layers.own(&scope).version.etag(),
        scope: scope.clone(),
        set: RuleSet { require_ticket: Some(true), ..RuleSet::default() },
        reset: Vec::new(),
        enforce: Vec::new(),
        unenforce: Vec::new(),
    };
    let (people, belonging, groups) = (Vec::new(), Vec::new(), Vec::new());
    let facts = policy::Facts { layers, role: role.clone(), people, belonging, groups };
    let change = policy::update(&facts, update, &stamp(noon())).unwrap();
    let expected = About {
        role: Some(role.id),
        catalog: Some(Catalog::Entra),
        scope: Some(scope),
        policy_revision: Some(7),
        ..About::default()
    };
    assert_eq!(change.event().about, expected);
}
