//! Deciding: who may, in which order the refusals come, and what completes.

use std::collections::HashSet;

use chrono::TimeDelta;
use pim_domain::{
    activation::{Verdict as Resolution, ask},
    approval::{
        self, Approval, Decide, Decided, Facts, PossibleApprover, State, Verdict,
        possible_approvers,
    },
    change::Thing,
    denial::{Denial, Reason, Rule},
    fixture::{facts, noon, set, stamp, user, votes, wish},
    id::PrincipalId,
    policy::{ApprovalRule, Mode, RuleSet, Slot, Stage},
    principal::{Principal, PrincipalKind},
    quorum::Panel,
    role::Catalog,
    scope::Scope,
};

/// Alice asks; carol and dave must both approve.
fn waiting() -> Facts {
    let [alice, carol, dave] = ["alice", "carol", "dave"].map(user);
    let mut asked = facts(&alice);
    asked.people = vec![carol.clone(), dave.clone()];
    let approval = Some(ApprovalRule::all_of([carol.id, dave.id]));
    set(&mut asked.policy, RuleSet { approval, ..RuleSet::default() });
    let activation = ask(&asked, wish(&asked), &stamp(noon())).unwrap().into_after();
    let rules = asked.policy.at(&Scope::root());
    let opened = approval::open(&activation, rules, Catalog::Entra, &stamp(noon())).unwrap();
    Facts {
        approval: opened.into_after(),
        activation,
        catalog: Catalog::Entra,
        requester: alice,
        people: asked.people,
        belonging: Vec::new(),
    }
}

fn say(facts: &Facts, who: &Principal, verdict: Verdict, why: &str) -> Result<Decided, Denial> {
    let wish = Decide {
        approval: facts.approval.id,
        etag: facts.approval.etag(),
        verdict,
        justification: why.into(),
        duration: None,
    };
    approval::decide(facts, who, wish, &stamp(noon()))
}

fn counted(facts: &mut Facts, who: usize, verdict: Verdict) -> State {
    let person = facts.people[who].clone();
    match say(facts, &person, verdict, "known work").unwrap() {
        Decided::Now(change) => facts.approval = change.into_after(),
        Decided::Before(_) => panic!("said before"),
    }
    facts.approval.state
}

#[test]
fn both_must_approve_and_one_no_is_enough() {
    let mut facts = waiting();
    assert_eq!(counted(&mut facts, 0, Verdict::Approve), State::Pending);
    let mut denied = facts.clone();
    assert_eq!(counted(&mut facts, 1, Verdict::Approve), State::Approved);
    assert_eq!(counted(&mut denied, 1, Verdict::Deny), State::Denied);
}

#[test]
fn who_has_no_say_hears_why() {
    let facts = waiting();
    let reason = |who: &Principal| say(&facts, who, Verdict::Approve, "x").unwrap_err().reason;
    assert_eq!(reason(&facts.requester), Reason::SelfApproval);
    assert_eq!(reason(&user("mallory")), Reason::NotAnApprover);
    let mut second_account = facts.people[0].clone();
    second_account.person = Some(facts.requester.id.uuid().into());
    assert_eq!(reason(&second_account), Reason::SelfApproval);
    for unfit in [
        |one: &mut Principal| one.enabled_since = None,
        |one: &mut Principal| one.kind = PrincipalKind::ServicePrincipal,
    ] {
        let mut facts = facts.clone();
        unfit(&mut facts.people[0]);
        let denial = say(&facts, &facts.people[0], Verdict::Approve, "x").unwrap_err();
        assert_eq!(denial.reason, Reason::NotAnApprover);
    }
}

#[test]
fn the_same_again_is_the_first_answer_and_the_other_way_is_refused() {
    let mut facts = waiting();
    counted(&mut facts, 0, Verdict::Approve);
    let carol = facts.people[0].clone();
    let again = say(&facts, &carol, Verdict::Approve, "x").unwrap();
    assert_eq!(again, Decided::Before(facts.approval.clone()));
    let other = say(&facts, &carol, Verdict::Deny, "x").unwrap_err().reason;
    assert_eq!(other, Reason::AlreadyDecided { id: facts.approval.id.uuid() });
}

#[test]
fn a_justification_is_needed_unless_the_policy_says_not() {
    let mut facts = waiting();
    let carol = facts.people[0].clone();
    for verdict in [Verdict::Approve, Verdict::Deny] {
        let denial = say(&facts, &carol, verdict, " ").unwrap_err();
        assert_eq!(denial.rules().collect::<Vec<_>>(), [Rule::Justification]);
    }
    facts.approval.rules[0].justify_approve = false;
    assert!(say(&facts, &carol, Verdict::Approve, "").is_ok());
}

#[test]
fn a_stale_etag_and_a_late_decision_are_refused() {
    let facts = waiting();
    let carol = &facts.people[0];
    let wish = |etag: &str| Decide {
        approval: facts.approval.id,
        etag: etag.to_owned(),
        verdict: Verdict::Approve,
        justification: "x".into(),
        duration: None,
    };
    let stale = approval::decide(&facts, carol, wish("old"), &stamp(noon())).unwrap_err();
    assert!(matches!(stale.reason, Reason::EtagMismatch { .. }));
    let late = stamp(noon() + TimeDelta::hours(24));
    let etag = facts.approval.etag();
    let late = approval::decide(&facts, carol, wish(&etag), &late).unwrap_err();
    assert_eq!(late.reason, Reason::AlreadyResolved { state: "TIMED_OUT" });
}

#[test]
fn a_vote_that_lost_its_standing_is_dropped_as_it_would_complete() {
    let mut facts = waiting();
    counted(&mut facts, 0, Verdict::Approve);
    let carol = facts.people[0].clone();
    facts.people[0].enabled_since = None;
    assert_eq!(counted(&mut facts, 1, Verdict::Approve), State::Pending);
    let dropped: Vec<_> =
        facts.approval.decisions.iter().map(|decision| decision.dropped.is_some()).collect();
    assert_eq!(dropped, [true, false]);
    let dave = facts.people[1].id;
    assert!(facts.approval.votes().iter().map(|vote| vote.approver).eq([dave]), "one is dropped");
    facts.people[0] = carol;
    assert!(facts.waits_for(&facts.people[0], noon()), "who may decide again");
    assert_eq!(counted(&mut facts, 0, Verdict::Approve), State::Approved);
    assert_eq!(facts.approval.votes().len(), 2);
}

#[test]
fn a_vote_counts_whose_giver_was_away_and_is_back() {
    let mut facts = waiting();
    let erin = user("erin");
    facts.approval.rules = vec![ApprovalRule::all_of(
        facts.people.iter().chain([&erin]).map(|one| one.id).collect::<Vec<_>>(),
    )];
    facts.people.push(erin);
    counted(&mut facts, 0, Verdict::Approve);
    let carol = facts.people[0].clone();
    facts.people[0].enabled_since = None;
    counted(&mut facts, 1, Verdict::Approve);
    facts.people[0] = carol;
    assert_eq!(counted(&mut facts, 2, Verdict::Approve), State::Approved);
}

#[test]
fn stages_are_decided_one_after_another() {
    let mut facts = waiting();
    let [carol, dave] = [facts.people[0].clone(), facts.people[1].clone()];
    let one = |who: &Principal| Stage { slots: vec![Slot::User(who.id)], mode: Mode::AllOf };
    let stages = vec![one(&carol), one(&dave)];
    facts.approval.rules = vec![ApprovalRule { stages, ..ApprovalRule::off() }];
    for verdict in [Verdict::Approve, Verdict::Deny] {
        let early = say(&facts, &dave, verdict, "x").unwrap_err().reason;
        assert_eq!(early, Reason::NotAnApprover, "not yet");
    }
    assert!(facts.waits_for(&carol, noon()) && !facts.waits_for(&dave, noon()));
    let possible = facts.possible_approvers(noon());
    let told: Vec<_> = possible.iter().map(|one| (one.stage, one.may_now)).collect();
    assert_eq!(told, [(0, true), (1, false)]);
    assert_eq!(counted(&mut facts, 0, Verdict::Approve), State::Pending);
    assert!(!facts.waits_for(&carol, noon()) && facts.waits_for(&dave, noon()));
    let possible = facts.possible_approvers(noon());
    let told: Vec<_> = possible.iter().map(|one| (one.stage, one.may_now)).collect();
    assert_eq!(told, [(0, false), (1, true)], "who has decided does not again");
    assert_eq!(counted(&mut facts, 1, Verdict::Approve), State::Approved);
}

#[test]
fn of_two_rules_both_must_be_met() {
    let mut facts = waiting();
    let [carol, dave] = [facts.people[0].id, facts.people[1].id];
    facts.approval.rules = vec![
        ApprovalRule::all_of([carol]),
        ApprovalRule { justify_approve: false, ..ApprovalRule::all_of([carol, dave]) },
    ];
    assert_eq!(counted(&mut facts, 0, Verdict::Approve), State::Pending);
    let silent = say(&facts, &facts.people[1], Verdict::Approve, "").unwrap_err();
    assert_eq!(silent.rules().collect::<Vec<_>>(), [Rule::Justification], "the stricter");
    assert_eq!(counted(&mut facts, 1, Verdict::Approve), State::Approved, "one yes meets both");
}

#[test]
fn an_approver_may_grant_less_and_earlier_votes_stand() {
    let mut facts = waiting();
    counted(&mut facts, 0, Verdict::Approve);
    let dave = facts.people[1].clone();
    let etag = facts.approval.etag();
    let granting = |facts: &Facts, minutes, etag: &str| {
        let wish = Decide {
            approval: facts.approval.id,
            etag: etag.to_owned(),
            verdict: Verdict::Approve,
            justification: "less will do".into(),
            duration: Some(TimeDelta::minutes(minutes)),
        };
        approval::decide(facts, &dave, wish, &stamp(noon()))
    };
    for unfit in [4, 61] {
        let Reason::Invalid(errors) = granting(&facts, unfit, &etag).unwrap_err().reason else {
            panic!("{unfit} minutes")
        };
        assert_eq!(errors[0].field, "duration");
    }
    for bound in [5, 60] {
        assert!(granting(&facts, bound, &etag).is_ok(), "{bound} minutes");
    }
    let Decided::Now(change) = granting(&facts, 30, &etag).unwrap() else { panic!() };
    let after = change.into_after();
    assert_eq!((after.state, after.shortened), (State::Approved, Some(TimeDelta::minutes(30))));
    assert_ne!(after.etag(), etag, "it covers the length");
    facts.approval = Approval { state: State::Pending, decisions: Vec::new(), ..after };
    let more = granting(&facts, 31, &facts.approval.etag()).unwrap_err().reason;
    assert!(matches!(more, Reason::Invalid(_)), "nobody lengthens it again");
    let stale = granting(&facts, 20, &etag).unwrap_err().reason;
    assert!(matches!(stale, Reason::EtagMismatch { .. }));
}

#[test]
fn the_approval_of_an_extension_is_awaited_by_that_one_alone() {
    let facts = waiting();
    let other = Approval { extension: Some(noon_extension()), ..facts.approval.clone() };
    assert_eq!(other.state_beside(&facts.activation, noon()), State::Canceled);
    assert_eq!(facts.approval.state_beside(&facts.activation, noon()), State::Pending);
}

#[test]
fn it_is_shown_who_could_approve_and_who_may_now() {
    let [alice, carol, dave, erin] = ["alice", "carol", "dave", "erin"].map(user);
    let slot = |one: &Principal| Slot::User(one.id);
    let stage = |slots: Vec<Slot>, mode| Stage { slots, mode };
    let mut facts = waiting();
    let rule = |stages| ApprovalRule { stages, ..facts.approval.rules[0].clone() };
    let first = rule(vec![
        stage(vec![slot(&carol)], Mode::AllOf),
        stage(vec![slot(&dave), slot(&erin)], Mode::AnyOf),
    ]);
    let second = rule(vec![stage(vec![slot(&erin)], Mode::AllOf)]);
    let rules = vec![first, second];
    let shown = |possible: Vec<PossibleApprover>| -> Vec<(PrincipalId, usize, bool)> {
        possible.into_iter().map(|one| (one.approver, one.stage, one.may_now)).collect()
    };
    let sorted = |mut all: Vec<(PrincipalId, usize, bool)>| {
        all.sort_by_key(|(approver, stage, _)| (*stage, *approver));
        all
    };
    facts.people = vec![carol.clone(), dave.clone(), erin.clone()];
    let before = possible_approvers(&rules, Panel::of(&facts.people), &alice);
    let all = [(carol.id, 0, true), (erin.id, 0, true), (dave.id, 1, false)];
    assert_eq!(shown(before), sorted(all.into()), "erin by the second rule");

    facts.approval.rules = rules;
    assert!(facts.is_possible(noon()));
    counted(&mut facts, 0, Verdict::Approve);
    let all = [(carol.id, 0, false), (erin.id, 0, true), (dave.id, 1, true)];
    assert_eq!(shown(facts.possible_approvers(noon())), sorted(all.into()));
    let late = facts.possible_approvers(facts.approval.expire_time);
    assert!(late.iter().all(|one| !one.may_now), "nobody may any more");

    facts.people[2].enabled_since = None;
    assert!(!facts.is_possible(noon()), "nobody is left for the second rule");
}

#[test]
fn each_move_is_a_version_of_the_same_and_a_resolution_tells_the_outcome() {
    let mut facts = waiting();
    let id = facts.approval.id;
    assert_eq!(Thing::id(&facts.approval), id.uuid());
    assert_eq!(facts.approval.resolution(), None);
    let expired = stamp(facts.approval.expire_time);
    let timed_out = facts.approval.time_out(&facts.activation, facts.catalog, &expired).unwrap();
    let after = timed_out.into_after();
    assert_eq!((after.id, after.version), (id, facts.approval.version.next()));
    assert_eq!(after.update_time, facts.approval.expire_time);
    assert_eq!(after.resolution(), None, "time alone tells its activation");

    let mut denied = facts.clone();
    counted(&mut denied, 1, Verdict::Deny);
    assert_eq!(denied.approval.resolution(), Some(Resolution::Denied));
    counted(&mut facts, 0, Verdict::Approve);
    counted(&mut facts, 1, Verdict::Approve);
    let Some(Resolution::Approved { votes: given, shortened: None }) = facts.approval.resolution()
    else {
        panic!("approved in full");
    };
    let [carol, dave] = [&facts.people[0], &facts.people[1]];
    assert_eq!(
        given.into_iter().collect::<HashSet<_>>(),
        HashSet::from_iter(votes(&[carol, dave]))
    );
}

fn noon_extension() -> pim_domain::id::ExtensionId {
    pim_domain::id::ExtensionId::at(noon())
}
