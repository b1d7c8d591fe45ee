//! Moving the dates of a grant, extending and renewing it: each rule.

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    denial::{Denial, Reason, Rule},
    event::Code,
    fixture::{grant, noon, role, set, stamp, user},
    grant::{Extend, Facts, Grant, GrantKind, GrantState, NewEnd, Renew, Update},
    group::{Subject, Surroundings},
    policy::{Layers, RuleSet},
    role::Catalog,
};

const BOTH: [GrantKind; 2] = [GrantKind::Eligibility, GrantKind::Assignment];

fn days(days: i64) -> DateTime<Utc> {
    noon() + TimeDelta::days(days)
}

/// A grant from some day to some other, and what a wish about it is judged by.
fn ground(kind: GrantKind, start: i64, end: Option<i64>) -> (Grant, Facts) {
    let (alice, role) = (user("alice"), role());
    let grant = grant(kind, &alice, &role, days(start), end.map(days));
    let facts = Facts {
        policy: Layers::untouched(role.id, role.catalog),
        role,
        subject: Subject::Principal(alice),
        caller: user("ada"),
        caller_mfa: true,
        existing: vec![grant.clone()],
        groups: Surroundings::default(),
    };
    (grant, facts)
}

fn update(grant: &Grant, start: Option<i64>, end: Option<NewEnd>) -> Update {
    Update {
        kind: grant.kind,
        grant: grant.id,
        etag: grant.version.etag(),
        start: start.map(days),
        end,
        justification: "a longer project".into(),
        ticket: None,
    }
}

fn extend(grant: &Grant, end: NewEnd) -> Extend {
    let justification = "a longer project".into();
    Extend { kind: grant.kind, grant: grant.id, end, justification, ticket: None }
}

fn renew(grant: &Grant, start: Option<i64>, end: Option<i64>) -> Renew {
    Renew {
        kind: grant.kind,
        grant: grant.id,
        start: start.map(days),
        end: end.map(days),
        justification: "a new project".into(),
        ticket: None,
    }
}

fn moved(grant: &Grant, facts: &Facts, wish: &Update) -> Grant {
    grant.update(facts, wish, &stamp(noon())).unwrap().unwrap().into_after()
}

fn rules(denial: &Denial) -> Vec<Rule> {
    denial.rules().collect()
}

fn until(day: i64) -> Option<NewEnd> {
    Some(NewEnd::At(days(day)))
}

#[test]
fn an_end_moves_both_ways_and_the_start_only_before_it() {
    for kind in BOTH {
        let (grant, facts) = ground(kind, -1, Some(10));
        let shorter = moved(&grant, &facts, &update(&grant, None, until(5)));
        assert_eq!((shorter.window.start, shorter.window.end), (days(-1), Some(days(5))));
        assert_eq!((shorter.id, shorter.version), (grant.id, grant.version.next()));
        assert_eq!(shorter.justification, grant.justification, "why it was made stays");
        let forever = moved(&grant, &facts, &update(&grant, None, Some(NewEnd::Permanent)));
        assert_eq!(forever.window.end, None);
        let denial = grant.update(&facts, &update(&grant, Some(1), None), &stamp(noon()));
        let state = GrantState::InForce.as_str();
        let reason = Reason::WrongState { thing: kind.thing(), state };
        assert_eq!(denial.unwrap_err().reason, reason);

        let (booked, facts) = ground(kind, 2, Some(10));
        let later = moved(&booked, &facts, &update(&booked, Some(3), None));
        assert_eq!((later.window.start, later.window.end), (days(3), Some(days(10))));
        let at_once = moved(&booked, &facts, &update(&booked, Some(-3), None));
        assert_eq!(at_once.window.start, noon(), "a start in the past is now");
    }
}

#[test]
fn dates_that_are_so_already_change_nothing() {
    for kind in BOTH {
        let (grant, mut facts) = ground(kind, -1, Some(10));
        // Not even where the policy has become stricter.
        let stricter = RuleSet {
            permanent_eligibility: Some(false),
            permanent_assignment: Some(false),
            eligible_max: Some(TimeDelta::days(1)),
            assigned_max: Some(TimeDelta::days(1)),
            ..RuleSet::default()
        };
        set(&mut facts.policy, stricter);
        for wish in [update(&grant, None, until(10)), update(&grant, Some(-1), None)] {
            assert_eq!(grant.update(&facts, &wish, &stamp(noon())).unwrap(), None);
        }
    }
}

#[test]
fn what_ended_stays_ended() {
    for kind in BOTH {
        let (grant, facts) = ground(kind, -2, Some(-1));
        let (in_force, _) = ground(kind, -2, Some(5));
        let (booked, _) = ground(kind, 2, Some(5));
        let now = stamp(noon());
        let remove = |grant: &Grant| {
            grant.remove(Catalog::Entra, Default::default(), &now).unwrap().into_after()
        };
        let recorded = grant.expire(Catalog::Entra, &now).unwrap().into_after();
        for ended in [grant, recorded, remove(&in_force), remove(&booked)] {
            let state = ended.state(noon()).as_str();
            let wrong = Reason::WrongState { thing: kind.thing(), state };
            let answer = ended.update(&facts, &update(&ended, None, until(9)), &now);
            assert_eq!(answer.unwrap_err().reason, wrong);
            let answer = ended.extend(&facts, &extend(&ended, NewEnd::At(days(9))), &now);
            assert_eq!(answer.unwrap_err().reason, wrong);
        }
    }
}

#[test]
fn an_update_names_the_version_that_it_is_for() {
    let (grant, facts) = ground(GrantKind::Eligibility, -1, Some(10));
    let wish = Update { etag: "v7".to_owned(), ..update(&grant, None, until(5)) };
    let denial = grant.update(&facts, &wish, &stamp(noon())).unwrap_err();
    assert_eq!(denial.reason, Reason::EtagMismatch { current: "v1".to_owned() });
}

#[test]
fn nobody_moves_the_dates_of_their_own_person() {
    for kind in BOTH {
        let (grant, mut facts) = ground(kind, -1, Some(10));
        let (ended, _) = ground(kind, -5, Some(-1));
        let now = stamp(noon());
        for caller in [
            pim_domain::principal::Principal { id: facts.subject.id(), ..user("alice") },
            pim_domain::principal::Principal {
                person: Some(facts.subject.id().uuid().into()),
                ..user("alice-admin")
            },
        ] {
            facts.caller = caller;
            let wish = update(&grant, None, until(5));
            let answers = [
                grant.update(&facts, &wish, &now).map(drop),
                grant.extend(&facts, &extend(&grant, NewEnd::At(days(20))), &now).map(drop),
                ended.renew(&facts, &renew(&ended, None, Some(20)), &now).map(drop),
            ];
            for answer in answers {
                assert_eq!(answer.unwrap_err().reason, Reason::SelfGrant);
            }
        }
    }
}

#[test]
fn what_is_left_is_judged_as_a_grant_that_is_made_now() {
    for kind in BOTH {
        let (grant, mut facts) = ground(kind, -300, Some(10));
        let most = TimeDelta::days(30);
        set(
            &mut facts.policy,
            RuleSet {
                permanent_eligibility: Some(false),
                permanent_assignment: Some(false),
                eligible_max: Some(most),
                assigned_max: Some(most),
                ..RuleSet::default()
            },
        );
        let now = stamp(noon());
        // It counts from now on, so that what has run for long can be extended at all.
        grant.extend(&facts, &extend(&grant, NewEnd::At(days(30))), &now).unwrap();
        for end in [NewEnd::At(days(31)), NewEnd::Permanent] {
            let denial = grant.extend(&facts, &extend(&grant, end), &now).unwrap_err();
            assert_eq!(rules(&denial), [Rule::Expiration]);
            let denial = grant.update(&facts, &update(&grant, None, Some(end)), &now).unwrap_err();
            assert_eq!(rules(&denial), [Rule::Expiration]);
        }
        let soon = |minutes| Some(NewEnd::At(noon() + TimeDelta::minutes(minutes)));
        for minutes in [-1, 0, 4] {
            let wish = update(&grant, None, soon(minutes));
            let denial = grant.update(&facts, &wish, &now).unwrap_err();
            assert_eq!(rules(&denial), [Rule::Window]);
        }
        moved(&grant, &facts, &update(&grant, None, soon(5)));
    }
}

#[test]
fn every_broken_rule_is_told_at_once() {
    let (grant, mut facts) = ground(GrantKind::Assignment, -1, Some(10));
    let disabled = pim_domain::principal::Principal { enabled_since: None, ..user("alice") };
    facts.subject = Subject::Principal(disabled);
    facts.role.assignable = false;
    facts.caller_mfa = false;
    set(
        &mut facts.policy,
        RuleSet {
            permanent_assignment: Some(false),
            assigned_max: Some(TimeDelta::days(1)),
            assignment_require_mfa: Some(true),
            assignment_require_ticket: Some(true),
            ..RuleSet::default()
        },
    );
    let wish = Extend { justification: Default::default(), ..extend(&grant, NewEnd::At(days(9))) };
    let denial = grant.extend(&facts, &wish, &stamp(noon())).unwrap_err();
    let all = [
        Rule::Window,
        Rule::Principal,
        Rule::Role,
        Rule::Expiration,
        Rule::Justification,
        Rule::Ticketing,
        Rule::Mfa,
    ];
    assert_eq!(rules(&denial), all);
}

#[test]
fn an_extension_ends_later_than_before() {
    for kind in BOTH {
        let (grant, facts) = ground(kind, -1, Some(10));
        let now = stamp(noon());
        let change = grant.extend(&facts, &extend(&grant, NewEnd::At(days(11))), &now).unwrap();
        assert_eq!(change.after().id, grant.id);
        assert_eq!(change.after().window.end, Some(days(11)));
        let code = match kind {
            GrantKind::Eligibility => Code::EligibilityExtended,
            GrantKind::Assignment => Code::AssignmentExtended,
        };
        assert_eq!(change.event().code, code);
        let activity = "Update member in PIM approved by admin (extend/renew)";
        assert_eq!(change.event().activity(), activity);
        for end in [9, 10] {
            let denial = grant.extend(&facts, &extend(&grant, NewEnd::At(days(end))), &now);
            assert_eq!(rules(&denial.unwrap_err()), [Rule::Window]);
        }
        let (permanent, facts) = ground(kind, -1, None);
        for end in [NewEnd::At(days(11)), NewEnd::Permanent] {
            let denial = permanent.extend(&facts, &extend(&permanent, end), &now);
            assert_eq!(rules(&denial.unwrap_err()), [Rule::Window]);
        }
        let (booked, facts) = ground(kind, 1, Some(10));
        booked.extend(&facts, &extend(&booked, NewEnd::Permanent), &now).unwrap();
    }
}

#[test]
fn a_renewal_makes_a_new_one_of_what_time_has_ended() {
    for kind in BOTH {
        let (ended, facts) = ground(kind, -10, Some(-1));
        let now = stamp(noon());
        let recorded = ended.expire(Catalog::Entra, &now).unwrap().into_after();
        for old in [&ended, &recorded] {
            let change = old.renew(&facts, &renew(old, None, Some(20)), &now).unwrap();
            let new = change.after();
            assert_ne!(new.id, old.id);
            assert_eq!(new.renewed_from, Some(old.id));
            assert_eq!(
                (new.principal, new.role, &new.scope),
                (old.principal, old.role, &old.scope)
            );
            assert_eq!((new.window.start, new.window.end), (noon(), Some(days(20))));
            assert_eq!((new.ended, new.state(noon())), (None, GrantState::InForce));
            assert_eq!(new.justification, "a new project");
            assert_eq!(change.event().about.correlation, Some(new.id.uuid()));
        }
        let booked = ended.renew(&facts, &renew(&ended, Some(3), Some(20)), &now).unwrap();
        assert_eq!(booked.after().window.start, days(3));
        let forever = ended.renew(&facts, &renew(&ended, Some(-3), None), &now).unwrap();
        assert_eq!((forever.after().window.start, forever.after().window.end), (noon(), None));

        let (in_force, _) = ground(kind, -10, Some(1));
        let (booked, _) = ground(kind, 1, Some(2));
        let removed =
            in_force.remove(Catalog::Entra, Default::default(), &now).unwrap().into_after();
        let canceled =
            booked.remove(Catalog::Entra, Default::default(), &now).unwrap().into_after();
        for other in [in_force, booked, removed, canceled] {
            let denial = other.renew(&facts, &renew(&other, None, Some(20)), &now).unwrap_err();
            let state = other.state(noon()).as_str();
            assert_eq!(denial.reason, Reason::WrongState { thing: kind.thing(), state });
        }
    }
}

#[test]
fn one_just_like_the_outcome_is_a_duplicate() {
    for kind in BOTH {
        let (grant, mut facts) = ground(kind, -1, Some(10));
        let (mut other, _) = ground(kind, -2, Some(20));
        (other.principal, other.role) = (grant.principal, grant.role);
        let (ended, _) = ground(kind, -10, Some(-1));
        facts.existing.push(other.clone());
        let now = stamp(noon());
        let answers = [
            grant.update(&facts, &update(&grant, None, until(20)), &now).map(drop),
            grant.extend(&facts, &extend(&grant, NewEnd::At(days(20))), &now).map(drop),
            ended.renew(&facts, &renew(&ended, None, Some(20)), &now).map(drop),
        ];
        for answer in answers {
            let reason = Reason::Duplicate { thing: kind.thing(), id: other.id.uuid() };
            assert_eq!(answer.unwrap_err().reason, reason);
        }
        grant.extend(&facts, &extend(&grant, NewEnd::At(days(21))), &now).unwrap();
    }
}
