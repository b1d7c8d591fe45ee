//! Change requests: who may ask, when, and what comes of it.

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    change_request::{
        Approve, Ask, CHANGE_REQUEST_TIMEOUT, ChangeKind, ChangeRequest, Deny, Facts, State, ask,
    },
    denial::{Reason, Rule},
    event::ThingKind,
    fixture::{grant, noon, role, set, stamp, user},
    grant::{self, Extend, Grant, GrantKind, NewEnd},
    group::{Subject, Surroundings},
    policy::{Layers, RuleSet},
    principal::Principal,
    role::{Catalog, Role},
};

const BOTH: [GrantKind; 2] = [GrantKind::Eligibility, GrantKind::Assignment];

struct Ground {
    alice: Principal,
    role: Role,
    /// Ends at noon.
    grant: Grant,
}

impl Ground {
    fn new(kind: GrantKind) -> Self {
        let (alice, role) = (user("alice"), role());
        let start = noon() - TimeDelta::days(100);
        let grant = grant(kind, &alice, &role, start, Some(noon()));
        Self { alice, role, grant }
    }

    fn facts(&self) -> Facts {
        Facts { grant: self.grant.clone(), catalog: Catalog::Entra, pending: None }
    }

    fn wish(&self, kind: ChangeKind) -> Ask {
        Ask {
            kind,
            grant_kind: self.grant.kind,
            grant: self.grant.id,
            end: None,
            justification: "the project goes on".into(),
            ticket: None,
        }
    }

    fn asked(&self, kind: ChangeKind, at: DateTime<Utc>) -> ChangeRequest {
        ask(&self.facts(), &self.alice, self.wish(kind), &stamp(at)).unwrap().into_after()
    }

    /// By which an administrator judges.
    fn judged_by(&self, caller: Principal) -> grant::Facts {
        grant::Facts {
            role: self.role.clone(),
            policy: Layers::untouched(self.role.id, self.role.catalog),
            subject: Subject::Principal(self.alice.clone()),
            caller,
            caller_mfa: true,
            existing: vec![self.grant.clone()],
            groups: Surroundings::default(),
        }
    }
}

fn yes(request: &ChangeRequest, end: Option<NewEnd>) -> Approve {
    let (etag, justification) = (request.version.etag(), "seen".into());
    Approve { request: request.id, etag, start: None, end, justification }
}

fn no(request: &ChangeRequest) -> Deny {
    let (etag, justification) = (request.version.etag(), "not needed".into());
    Deny { request: request.id, etag, justification }
}

fn micro() -> TimeDelta {
    TimeDelta::microseconds(1)
}

fn later(days: i64) -> DateTime<Utc> {
    noon() + TimeDelta::days(days)
}

#[test]
fn each_kind_has_its_time() {
    for kind in BOTH {
        let ground = Ground::new(kind);
        let judged = |kind, at| {
            let answer = ask(&ground.facts(), &ground.alice, ground.wish(kind), &stamp(at));
            answer.map(drop).map_err(|denial| denial.rules().collect::<Vec<_>>())
        };
        let broken = Err(vec![Rule::Window]);
        let extension = [
            (later(-14) - micro(), false),
            (later(-14), true),
            (noon() - micro(), true),
            (noon(), false),
        ];
        for (at, fits) in extension {
            let wanted = if fits { Ok(()) } else { broken.clone() };
            assert_eq!(judged(ChangeKind::Extension, at), wanted, "{at}");
        }
        let renewal = [
            (noon() - micro(), false),
            (noon(), true),
            (later(30), true),
            (later(30) + micro(), false),
        ];
        for (at, fits) in renewal {
            let wanted = if fits { Ok(()) } else { broken.clone() };
            assert_eq!(judged(ChangeKind::Renewal, at), wanted, "{at}");
        }
    }
}

#[test]
fn the_permanent_and_the_removed_have_none() {
    for kind in BOTH {
        let mut ground = Ground::new(kind);
        let removed = ground.grant.remove(Catalog::Entra, Default::default(), &stamp(later(-1)));
        ground.grant = removed.unwrap().into_after();
        for wish in ChangeKind::ALL {
            let at = if wish == ChangeKind::Extension { later(-1) } else { later(1) };
            let answer = ask(&ground.facts(), &ground.alice, ground.wish(wish), &stamp(at));
            let reason = Reason::WrongState { thing: kind.thing(), state: "REMOVED" };
            assert_eq!(answer.unwrap_err().reason, reason);
        }
        let mut ground = Ground::new(kind);
        ground.grant.window.end = None;
        for wish in ChangeKind::ALL {
            let answer = ask(&ground.facts(), &ground.alice, ground.wish(wish), &stamp(noon()));
            assert_eq!(answer.unwrap_err().rules().collect::<Vec<_>>(), [Rule::Window]);
        }
    }
}

#[test]
fn only_the_holder_asks_and_says_why() {
    let ground = Ground::new(GrantKind::Eligibility);
    let now = stamp(later(-1));
    let other_account =
        Principal { person: Some(ground.alice.id.uuid().into()), ..user("alice-admin") };
    for caller in [user("bob"), other_account] {
        let answer = ask(&ground.facts(), &caller, ground.wish(ChangeKind::Extension), &now);
        assert_eq!(answer.unwrap_err().reason, Reason::NotPermitted);
    }
    let silent =
        Ask { justification: " ".into(), end: Some(noon()), ..ground.wish(ChangeKind::Extension) };
    let denial = ask(&ground.facts(), &ground.alice, silent, &now).unwrap_err();
    assert_eq!(denial.rules().collect::<Vec<_>>(), [Rule::Window, Rule::Justification]);
}

#[test]
fn one_waits_at_a_time() {
    let ground = Ground::new(GrantKind::Assignment);
    let first = ground.asked(ChangeKind::Extension, later(-14));
    let facts = Facts { pending: Some(first.clone()), ..ground.facts() };
    let again = |at| ask(&facts, &ground.alice, ground.wish(ChangeKind::Extension), &stamp(at));
    let reason = Reason::Duplicate { thing: ThingKind::ChangeRequest, id: first.id.uuid() };
    assert_eq!(again(later(-1)).unwrap_err().reason, reason);
    // What has timed out does not stand in the way, whether or not that is recorded.
    let facts = Facts { pending: Some(first), ..ground.facts() };
    let wish = ground.wish(ChangeKind::Renewal);
    ask(&facts, &ground.alice, wish, &stamp(noon())).unwrap();
}

#[test]
fn nobody_is_given_anything_by_silence() {
    let ground = Ground::new(GrantKind::Eligibility);
    let request = ground.asked(ChangeKind::Extension, later(-1));
    assert_eq!(request.expire_time, later(-1) + CHANGE_REQUEST_TIMEOUT);
    assert_eq!(request.settled(request.expire_time - micro()).state, State::Pending);
    assert_eq!(request.settled(request.expire_time).state, State::TimedOut);
}

#[test]
fn a_yes_extends_with_the_words_of_who_asked() {
    for kind in BOTH {
        let ground = Ground::new(kind);
        let mut request = ground.asked(ChangeKind::Extension, later(-2));
        request.end = Some(later(30));
        let facts = ground.judged_by(user("ada"));
        let now = stamp(later(-1));
        let done = request.approve(&ground.grant, &facts, yes(&request, None), &now).unwrap();
        assert_eq!(done.grant.after().id, ground.grant.id);
        assert_eq!(done.grant.after().window.end, Some(later(30)), "the end that was wished for");
        assert_eq!(done.grant.event().about.justification, request.justification);
        for event in [done.grant.event(), done.request.event()] {
            assert_eq!(event.about.correlation, Some(request.id.uuid()));
        }
        let State::Approved { decision, outcome } = &done.request.after().state else { panic!() };
        assert_eq!((decision.by, *outcome), (facts.caller.id, ground.grant.id));
        let other = yes(&request, Some(NewEnd::At(later(9))));
        let done = request.approve(&ground.grant, &facts, other, &now).unwrap();
        assert_eq!(done.grant.after().window.end, Some(later(9)), "or another");
    }
}

#[test]
fn a_yes_renews_from_then_on() {
    for kind in BOTH {
        let ground = Ground::new(kind);
        let request = ground.asked(ChangeKind::Renewal, later(30));
        let facts = ground.judged_by(user("ada"));
        let wish = yes(&request, Some(NewEnd::At(later(90))));
        // Later than anybody could still ask.
        let done = request.approve(&ground.grant, &facts, wish, &stamp(later(31))).unwrap();
        let new = done.grant.after();
        assert_eq!((new.window.start, new.window.end), (later(31), Some(later(90))));
        assert_eq!((new.renewed_from, new.kind), (Some(ground.grant.id), kind));
        let State::Approved { outcome, .. } = done.request.after().state else { panic!() };
        assert_eq!(outcome, new.id);
    }
}

#[test]
fn dates_go_with_the_request() {
    let ground = Ground::new(GrantKind::Assignment);
    let request = ground.asked(ChangeKind::Extension, later(-2));
    let facts = ground.judged_by(user("ada"));
    let fields = |wish| {
        let answer = request.approve(&ground.grant, &facts, wish, &stamp(later(-1)));
        let Reason::Invalid(errors) = answer.unwrap_err().reason else { panic!() };
        errors.into_iter().map(|error| error.field).collect::<Vec<_>>()
    };
    assert_eq!(fields(yes(&request, None)), ["end_time"]);
    let end = Some(NewEnd::At(later(9)));
    assert_eq!(fields(Approve { start: Some(noon()), ..yes(&request, end) }), ["start_time"]);
}

#[test]
fn nobody_decides_on_what_benefits_their_person() {
    let ground = Ground::new(GrantKind::Eligibility);
    let request = ground.asked(ChangeKind::Extension, later(-2));
    let now = stamp(later(-1));
    let other_account =
        Principal { person: Some(ground.alice.id.uuid().into()), ..user("alice-admin") };
    for caller in [ground.alice.clone(), other_account] {
        let facts = ground.judged_by(caller.clone());
        let answer = request.approve(&ground.grant, &facts, yes(&request, None), &now);
        assert_eq!(answer.unwrap_err().reason, Reason::SelfApproval);
        let answer = request.deny(&ground.alice, Catalog::Entra, &caller, no(&request), &now);
        assert_eq!(answer.unwrap_err().reason, Reason::SelfApproval);
    }
}

#[test]
fn a_decision_is_of_what_was_read_and_a_no_says_why() {
    let ground = Ground::new(GrantKind::Eligibility);
    let request = ground.asked(ChangeKind::Extension, later(-2));
    let (ada, now) = (user("ada"), stamp(later(-1)));
    let facts = ground.judged_by(ada.clone());
    let mismatch = Reason::EtagMismatch { current: "v1".to_owned() };
    let wish = Approve { etag: "v2".to_owned(), ..yes(&request, None) };
    let answer = request.approve(&ground.grant, &facts, wish, &now);
    assert_eq!(answer.unwrap_err().reason, mismatch);
    let wish = Deny { etag: "v2".to_owned(), ..no(&request) };
    let answer = request.deny(&ground.alice, Catalog::Entra, &ada, wish, &now);
    assert_eq!(answer.unwrap_err().reason, mismatch);
    let wish = Deny { justification: Default::default(), ..no(&request) };
    let answer = request.deny(&ground.alice, Catalog::Entra, &ada, wish, &now);
    assert_eq!(answer.unwrap_err().rules().collect::<Vec<_>>(), [Rule::Justification]);
}

#[test]
fn a_yes_is_judged_by_the_policy() {
    let ground = Ground::new(GrantKind::Assignment);
    let request = ground.asked(ChangeKind::Extension, later(-2));
    let mut facts = ground.judged_by(user("ada"));
    facts.caller_mfa = false;
    set(
        &mut facts.policy,
        RuleSet {
            permanent_assignment: Some(false),
            assigned_max: Some(TimeDelta::days(5)),
            assignment_require_mfa: Some(true),
            ..RuleSet::default()
        },
    );
    let wish = yes(&request, Some(NewEnd::Permanent));
    let denial = request.approve(&ground.grant, &facts, wish, &stamp(later(-1))).unwrap_err();
    assert_eq!(denial.rules().collect::<Vec<_>>(), [Rule::Expiration, Rule::Mfa]);
    assert_eq!(denial.thing, Some((ThingKind::ChangeRequest, request.id.uuid())));
}

#[test]
fn what_was_done_otherwise_meanwhile_cannot_be_approved() {
    let ground = Ground::new(GrantKind::Eligibility);
    let request = ground.asked(ChangeKind::Extension, later(-2));
    let facts = ground.judged_by(user("ada"));
    let now = stamp(later(-1));
    let removed =
        ground.grant.remove(Catalog::Entra, Default::default(), &now).unwrap().into_after();
    let end = Some(NewEnd::At(later(90)));
    let answer = request.approve(&removed, &facts, yes(&request, end), &now);
    let reason = Reason::WrongState { thing: ThingKind::Eligibility, state: "REMOVED" };
    assert_eq!(answer.unwrap_err().reason, reason);

    let wish = Extend {
        kind: ground.grant.kind,
        grant: ground.grant.id,
        end: NewEnd::At(later(60)),
        justification: Default::default(),
        ticket: None,
    };
    let extended = ground.grant.extend(&facts, &wish, &now).unwrap().into_after();
    let answer = request.approve(&extended, &facts, yes(&request, end), &now);
    assert_eq!(answer.unwrap_err().rules().collect::<Vec<_>>(), [Rule::Window]);
    let ended = request.approve(&ground.grant, &facts, yes(&request, end), &stamp(noon()));
    assert_eq!(ended.unwrap_err().rules().collect::<Vec<_>>(), [Rule::Window]);
}
