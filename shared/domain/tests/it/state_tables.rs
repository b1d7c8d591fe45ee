//! Each state machine as one table, states by commands: the first thing to read.

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    activation::{Activation, Extend, Length, Rest, State, Verdict, ask},
    approval::{self, Approval, Decide, Decided},
    change::Change,
    change_request::{self, Approve, Ask, ChangeKind, ChangeRequest, Decision, Deny},
    denial::Denial,
    fixture::{facts, grant, noon, role, set, stamp, user, votes, wish},
    grant::{self, Grant, GrantKind, NewEnd, Renew},
    group::{Subject, Surroundings},
    policy::{ApprovalRule, Layers, RuleSet},
    principal::Principal,
    role::{Catalog, Role},
    scope::Scope,
};

/// What a command did: the state it led to, or why it did not.
fn outcome<T>(result: Result<Change<T>, Denial>, state: impl Fn(&T) -> String) -> String {
    match result {
        Ok(change) => format!("{} ({})", state(change.after()), change.event().code.as_str()),
        Err(_) => "-".to_owned(),
    }
}

fn table(rows: Vec<(String, Vec<(&str, String)>)>) -> String {
    rows.into_iter()
        .map(|(state, cells)| {
            let cells: Vec<String> = cells
                .into_iter()
                .map(|(command, outcome)| format!("  {command:<22} {outcome}\n"))
                .collect();
            format!("{state}\n{}", cells.concat())
        })
        .collect()
}

fn named(activation: &Activation) -> String {
    match &activation.state {
        State::Ended { ending, .. } => format!("ENDED({})", ending.as_str()),
        state => state.as_str().to_owned(),
    }
}

#[test]
fn activations() {
    let alice = user("alice");
    let carol = user("carol");
    let free = facts(&alice);
    let mut asked = free.clone();
    asked.people = vec![carol.clone()];
    let approval = Some(ApprovalRule::all_of([carol.id]));
    set(&mut asked.policy, RuleSet { approval, ..RuleSet::default() });
    let now = noon();
    let later = now + TimeDelta::minutes(10);
    let mut ahead = wish(&free);
    ahead.request.start = Some(now + TimeDelta::days(1));
    let pending = ask(&asked, wish(&asked), &stamp(now)).unwrap().into_after();
    let booked = ask(&free, ahead, &stamp(now)).unwrap().into_after();
    let active = ask(&free, wish(&free), &stamp(now)).unwrap().into_after();
    let ended =
        active.deactivate(Catalog::Entra, Default::default(), &stamp(later)).unwrap().into_after();

    let mut request = wish(&free).request;
    request.length = Length::Duration(TimeDelta::hours(2));
    let more = Extend { activation: active.id, request };
    let extending = active.extend(&asked, more.clone(), &stamp(later)).unwrap().into_after();

    let rows = [
        ("PENDING_APPROVAL", &pending, &asked, later),
        ("PENDING_APPROVAL, past its timeout", &pending, &asked, now + TimeDelta::days(2)),
        ("SCHEDULED, before its start", &booked, &free, later),
        ("SCHEDULED, at its start", &booked, &free, now + TimeDelta::days(1)),
        ("ACTIVE", &active, &free, later),
        ("ACTIVE, extension pending", &extending, &asked, later),
        ("ACTIVE, at its end", &active, &free, now + TimeDelta::hours(1)),
        ("ENDED", &ended, &free, later),
    ];
    let rows = rows.map(|(name, activation, facts, at)| {
        let stamp = stamp(at);
        let pinned = facts.policy.at(&Scope::root());
        let approved = Verdict::Approved { votes: votes(&[&carol]), shortened: None };
        let mut gone = Rest {
            eligibility: facts.eligibilities[0].clone(),
            deleted: None,
            memberships: Vec::new(),
            severed: None,
            principal: facts.principal.clone(),
            role: facts.role.clone(),
            approvals: Vec::new(),
            people: Vec::new(),
            belonging: Vec::new(),
        };
        let whole = gone.clone();
        let approvals = pinned.approvals.clone();
        let deserted = Rest { approvals, ..gone.clone() };
        gone.eligibility = gone
            .eligibility
            .remove(Catalog::Entra, Default::default(), &stamp)
            .unwrap()
            .into_after();
        let cells = vec![
            ("resolve: approved", activation.resolve(facts, &pinned, &approved, &stamp)),
            ("resolve: denied", activation.resolve(facts, &pinned, &Verdict::Denied, &stamp)),
            ("start", activation.start(facts, &pinned, &votes(&[&carol]), &stamp)),
            ("deactivate", activation.deactivate(Catalog::Entra, Default::default(), &stamp)),
            ("cancel", activation.cancel(Catalog::Entra, Default::default(), &stamp)),
            ("revoke", activation.revoke(Catalog::Entra, "misused".into(), &stamp)),
            ("expire", activation.expire(Catalog::Entra, &stamp)),
            ("void: path ended", activation.void(&gone, Catalog::Entra, &stamp)),
            ("void: path stands", activation.void(&whole, Catalog::Entra, &stamp)),
            ("void: no approver left", activation.void(&deserted, Catalog::Entra, &stamp)),
            ("extend", activation.extend(facts, more.clone(), &stamp)),
        ];
        let cells = cells.into_iter().map(|(name, result)| (name, outcome(result, named)));
        (name.to_owned(), cells.collect())
    });
    insta::assert_snapshot!(table(rows.into()));
}

#[test]
fn grants() {
    let (alice, role) = (user("alice"), role());
    let facts = grant_facts(&alice, &role, &user("ada"));
    let now = noon();
    let end = now + TimeDelta::days(2);
    let grant = |start, end| grant(GrantKind::Eligibility, &alice, &role, start, end);
    let in_force = grant(now - TimeDelta::days(1), Some(end));
    let removed =
        in_force.remove(Catalog::Entra, Default::default(), &stamp(now)).unwrap().into_after();
    let expired = in_force.expire(Catalog::Entra, &stamp(end)).unwrap().into_after();
    let rows = [
        ("SCHEDULED", grant(now + TimeDelta::days(1), Some(end)), now),
        ("IN_FORCE", in_force.clone(), now),
        ("IN_FORCE, permanent", grant(now, None), now),
        ("EXPIRED by time", in_force, end),
        ("EXPIRED, recorded", expired, end),
        ("REMOVED", removed, now),
    ];
    let rows = rows.map(|(name, grant, at)| {
        let state = |after: &Grant| after.state(at).as_str().to_owned();
        let cells = vec![
            (
                "remove",
                outcome(grant.remove(Catalog::Entra, Default::default(), &stamp(at)), state),
            ),
            ("expire", outcome(grant.expire(Catalog::Entra, &stamp(at)), state)),
            ("update: the end", outcome(update(&grant, &facts, None, at), state)),
            ("update: the start", outcome(update(&grant, &facts, Some(at), at), state)),
            ("extend", outcome(grant.extend(&facts, &extend(&grant), &stamp(at)), state)),
            ("renew", outcome(grant.renew(&facts, &renew(&grant), &stamp(at)), state)),
        ];
        (name.to_owned(), cells)
    });
    insta::assert_snapshot!(table(rows.into()));
}

const FAR: TimeDelta = TimeDelta::days(30);

fn update(
    grant: &Grant,
    facts: &grant::Facts,
    start: Option<DateTime<Utc>>,
    at: DateTime<Utc>,
) -> Result<Change<Grant>, Denial> {
    let wish = grant::Update {
        kind: grant.kind,
        grant: grant.id,
        etag: grant.version.etag(),
        start,
        end: Some(NewEnd::At(at + FAR)),
        justification: Default::default(),
        ticket: None,
    };
    Ok(grant.update(facts, &wish, &stamp(at))?.unwrap())
}

fn extend(grant: &Grant) -> grant::Extend {
    let end = NewEnd::At(noon() + FAR);
    grant::Extend {
        kind: grant.kind,
        grant: grant.id,
        end,
        justification: Default::default(),
        ticket: None,
    }
}

fn renew(grant: &Grant) -> Renew {
    Renew {
        kind: grant.kind,
        grant: grant.id,
        start: None,
        end: Some(noon() + FAR),
        justification: Default::default(),
        ticket: None,
    }
}

#[test]
fn change_requests() {
    let (alice, role, ada) = (user("alice"), role(), user("ada"));
    let now = noon();
    let end = now + TimeDelta::days(2);
    let held = grant(GrantKind::Eligibility, &alice, &role, now - TimeDelta::days(9), Some(end));
    let asked = |kind, at| {
        let facts =
            change_request::Facts { grant: held.clone(), catalog: Catalog::Entra, pending: None };
        let justification = "the project goes on".into();
        let (grant_kind, grant) = (held.kind, held.id);
        let wish = Ask { kind, grant_kind, grant, end: None, justification, ticket: None };
        change_request::ask(&facts, &alice, wish, &stamp(at)).unwrap().into_after()
    };
    let facts = grant_facts(&alice, &role, &ada);
    let approve = |request: &ChangeRequest, at| {
        let wish = Approve {
            request: request.id,
            etag: request.version.etag(),
            start: None,
            end: Some(NewEnd::At(at + FAR)),
            justification: Default::default(),
        };
        request.approve(&held, &facts, wish, &stamp(at)).map(|done| done.request)
    };
    let deny = |request: &ChangeRequest, at| {
        let (etag, justification) = (request.version.etag(), "not needed".into());
        let wish = Deny { request: request.id, etag, justification };
        request.deny(&alice, Catalog::Entra, &ada, wish, &stamp(at))
    };
    let cancel = |request: &ChangeRequest, at| {
        let decision = Decision { by: alice.id, justification: Default::default() };
        request.cancel(Catalog::Entra, decision, &stamp(at))
    };
    let time_out = |request: &ChangeRequest, at| request.time_out(Catalog::Entra, &stamp(at));
    let extension = asked(ChangeKind::Extension, now);
    let renewal = asked(ChangeKind::Renewal, end);
    let late = extension.expire_time;
    let after = |done: Result<Change<ChangeRequest>, Denial>| done.unwrap().into_after();
    let rows = [
        ("PENDING extension", extension.clone(), now),
        ("PENDING extension, its grant has ended", extension.clone(), end),
        ("PENDING extension, past its timeout", extension.clone(), late),
        ("PENDING renewal", renewal.clone(), end),
        ("APPROVED", after(approve(&extension, now)), now),
        ("DENIED", after(deny(&extension, now)), now),
        ("CANCELED", after(cancel(&extension, now)), now),
        ("TIMED_OUT", after(time_out(&extension, late)), late),
    ];
    let rows = rows.map(|(name, request, at)| {
        let state = |after: &ChangeRequest| after.state.as_str().to_owned();
        let cells = vec![
            ("approve", outcome(approve(&request, at), state)),
            ("deny", outcome(deny(&request, at), state)),
            ("cancel", outcome(cancel(&request, at), state)),
            ("time out", outcome(time_out(&request, at), state)),
        ];
        (name.to_owned(), cells)
    });
    insta::assert_snapshot!(table(rows.into()));
}

fn grant_facts(principal: &Principal, role: &Role, caller: &Principal) -> grant::Facts {
    grant::Facts {
        role: role.clone(),
        policy: Layers::untouched(role.id, role.catalog),
        subject: Subject::Principal(principal.clone()),
        groups: Surroundings::default(),
        caller: caller.clone(),
        caller_mfa: true,
        existing: Vec::new(),
    }
}

#[test]
fn approvals() {
    let [alice, carol, dave] = ["alice", "carol", "dave"].map(user);
    let now = noon();
    let mut facts = facts(&alice);
    facts.people = vec![carol.clone(), dave.clone()];
    let approval = Some(ApprovalRule::all_of([carol.id, dave.id]));
    set(&mut facts.policy, RuleSet { approval, ..RuleSet::default() });
    let rules = facts.policy.at(&Scope::root());
    let activation = ask(&facts, wish(&facts), &stamp(now)).unwrap().into_after();
    let withdrawn =
        activation.cancel(Catalog::Entra, Default::default(), &stamp(now)).unwrap().into_after();
    let pending =
        approval::open(&activation, rules, Catalog::Entra, &stamp(now)).unwrap().into_after();
    let decide = |approval: &Approval, activation: &Activation, who, verdict, at| {
        let facts = approval::Facts {
            approval: approval.clone(),
            activation: activation.clone(),
            catalog: Catalog::Entra,
            requester: alice.clone(),
            people: facts.people.clone(),
            belonging: Vec::new(),
        };
        let wish = Decide {
            approval: approval.id,
            etag: approval.etag(),
            verdict,
            justification: "known work".into(),
            duration: None,
        };
        approval::decide(&facts, who, wish, &stamp(at))
    };
    let then = |decided| match decided {
        Ok(Decided::Now(change)) => change.into_after(),
        other => panic!("{other:?}"),
    };
    let yes = approval::Verdict::Approve;
    let no = approval::Verdict::Deny;
    let voted = then(decide(&pending, &activation, &carol, yes, now));
    let approved = then(decide(&voted, &activation, &dave, yes, now));
    let denied = then(decide(&voted, &activation, &dave, no, now));
    let late = now + TimeDelta::hours(24);
    let rows = [
        ("PENDING", &pending, &activation, now),
        ("PENDING, carol said yes", &voted, &activation, now),
        ("PENDING, past its timeout", &pending, &activation, late),
        ("PENDING, its activation withdrawn", &pending, &withdrawn, now),
        ("APPROVED", &approved, &activation, now),
        ("DENIED", &denied, &activation, now),
    ];
    let rows = rows.map(|(name, approval, activation, at)| {
        let say = |who, verdict| match decide(approval, activation, who, verdict, at) {
            Ok(Decided::Now(change)) => {
                format!("{} ({})", change.after().state.as_str(), change.event().code.as_str())
            }
            Ok(Decided::Before(before)) => format!("{} (as before)", before.state.as_str()),
            Err(denial) => format!("- {:?}", denial.reason).chars().take(20).collect(),
        };
        let state = |after: &Approval| after.state.as_str().to_owned();
        let cells = vec![
            ("carol: yes", say(&carol, yes)),
            ("carol: no", say(&carol, no)),
            ("dave: yes", say(&dave, yes)),
            ("alice: yes", say(&alice, yes)),
            ("cancel", outcome(approval.cancel(activation, Catalog::Entra, &stamp(at)), state)),
            ("time out", outcome(approval.time_out(activation, Catalog::Entra, &stamp(at)), state)),
        ];
        (name.to_owned(), cells)
    });
    insta::assert_snapshot!(table(rows.into()));
}
