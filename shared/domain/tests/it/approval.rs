//! Deciding: who may, in which order the refusals come, and what completes.

use chrono::TimeDelta;
use pim_domain::{
    activation::ask,
    approval::{self, Decide, Decided, Facts, State, Verdict},
    denial::{Denial, Reason, Rule},
    fixture::{facts, noon, stamp, user, wish},
    policy::{ApprovalRule, RuleSet},
    principal::{Principal, PrincipalKind},
    role::Catalog,
};

/// Alice asks; carol and dave must both approve.
fn waiting() -> Facts {
    let [alice, carol, dave] = ["alice", "carol", "dave"].map(user);
    let mut asked = facts(&alice);
    asked.approvers = vec![carol.clone(), dave.clone()];
    let approvers = vec![carol.id, dave.id];
    let rule = ApprovalRule { approvers, ..ApprovalRule::off() };
    asked.policy.set = RuleSet { approval: Some(rule.clone()), ..RuleSet::default() };
    let activation = ask(&asked, wish(&asked), &stamp(noon())).unwrap().into_after();
    let opened = approval::open(&activation, rule, Catalog::Entra, &stamp(noon())).unwrap();
    Facts {
        approval: opened.into_after(),
        activation,
        catalog: Catalog::Entra,
        requester: alice,
        approvers: asked.approvers,
    }
}

fn say(facts: &Facts, who: &Principal, verdict: Verdict, why: &str) -> Result<Decided, Denial> {
    let wish = Decide {
        approval: facts.approval.id,
        etag: facts.approval.etag(),
        verdict,
        justification: why.to_owned(),
    };
    approval::decide(facts, who, wish, &stamp(noon()))
}

fn counted(facts: &mut Facts, who: usize, verdict: Verdict) -> State {
    let person = facts.approvers[who].clone();
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
    let mut second_account = facts.approvers[0].clone();
    second_account.person = Some(facts.requester.id.uuid().into());
    assert_eq!(reason(&second_account), Reason::SelfApproval);
    let mut disabled = facts.approvers[0].clone();
    disabled.enabled_since = None;
    assert_eq!(reason(&disabled), Reason::NotAnApprover);
    let mut program = facts.approvers[0].clone();
    program.kind = PrincipalKind::ServicePrincipal;
    assert_eq!(reason(&program), Reason::NotAnApprover);
}

#[test]
fn the_same_again_is_the_first_answer_and_the_other_way_is_refused() {
    let mut facts = waiting();
    counted(&mut facts, 0, Verdict::Approve);
    let carol = facts.approvers[0].clone();
    let again = say(&facts, &carol, Verdict::Approve, "x").unwrap();
    assert_eq!(again, Decided::Before(facts.approval.clone()));
    let other = say(&facts, &carol, Verdict::Deny, "x").unwrap_err().reason;
    assert_eq!(other, Reason::AlreadyDecided { id: facts.approval.id.uuid() });
}

#[test]
fn a_justification_is_needed_unless_the_policy_says_not() {
    let mut facts = waiting();
    let carol = facts.approvers[0].clone();
    for verdict in [Verdict::Approve, Verdict::Deny] {
        let denial = say(&facts, &carol, verdict, " ").unwrap_err();
        assert_eq!(denial.rules().collect::<Vec<_>>(), [Rule::Justification]);
    }
    facts.approval.rule.justify_approve = false;
    assert!(say(&facts, &carol, Verdict::Approve, "").is_ok());
}

#[test]
fn a_stale_etag_and_a_late_decision_are_refused() {
    let facts = waiting();
    let carol = &facts.approvers[0];
    let wish = |etag: &str| Decide {
        approval: facts.approval.id,
        etag: etag.to_owned(),
        verdict: Verdict::Approve,
        justification: "x".to_owned(),
    };
    let stale = approval::decide(&facts, carol, wish("old"), &stamp(noon())).unwrap_err();
    assert!(matches!(stale.reason, Reason::EtagMismatch { .. }));
    let late = stamp(noon() + TimeDelta::hours(24));
    let etag = facts.approval.etag();
    let late = approval::decide(&facts, carol, wish(&etag), &late).unwrap_err();
    assert_eq!(late.reason, Reason::AlreadyResolved { state: "TIMED_OUT" });
}

#[test]
fn a_vote_that_lost_its_standing_does_not_complete() {
    let mut facts = waiting();
    counted(&mut facts, 0, Verdict::Approve);
    facts.approvers[0].enabled_since = None;
    assert_eq!(counted(&mut facts, 1, Verdict::Approve), State::Pending);
}
