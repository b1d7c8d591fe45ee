//! Approvals are read back with their stages, with those whom they fall back to, with a length that
//! an approver has shortened, and with votes that have ceased to count.

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    activation::{Activation, Length},
    approval::{self, Approval, Decide, Decided, Facts, State, Verdict},
    change::Change,
    fixture::{noon, stamp},
    policy::{ApprovalRule, Mode, Rules, Slot, Stage},
    principal::Principal,
    role::Catalog,
};
use pim_store::{
    Reach,
    approvals::{self, Filter},
};

use crate::ground::{Ground, asking};

/// A pending request, its approval, and who may decide: carol, dave, and erin to fall back to.
struct Asked {
    ground: Ground,
    requester: Principal,
    people: Vec<Principal>,
    activation: Activation,
    approval: Approval,
}

fn stage(people: &[Principal], mode: Mode) -> Stage {
    Stage { slots: people.iter().map(|one| Slot::User(one.id)).collect(), mode }
}

impl Asked {
    async fn of(stages: impl Fn(&[Principal]) -> Vec<Stage>) -> Self {
        let ground = Ground::new().await;
        let facts = ground.facts().await;
        let mut people = Vec::new();
        for name in ["carol", "dave", "erin"] {
            people.push(ground.user(name).await);
        }
        let asking = asking(&facts, &people);
        let rule = ApprovalRule {
            stages: stages(&people),
            fallback_approvers: vec![people[2].id],
            ..ApprovalRule::off()
        };
        let activation = ground.asked(&asking, "/applications/a").await;
        // Twice, as where a rule is enforced from above: each has to be met.
        let second = ApprovalRule { justify_deny: false, ..rule.clone() };
        let rules = Rules { approvals: vec![rule, second], ..asking.policy.at(&activation.scope) };
        let change = approval::open(&activation, rules, Catalog::Entra, &stamp(noon())).unwrap();
        let approval = ground.kept(change).await;
        assert_eq!(approval.rules.len(), 2);
        Self { ground, requester: facts.principal, people, activation, approval }
    }

    fn decide(&self, who: usize, duration: Option<TimeDelta>, minute: i64) -> Change<Approval> {
        let facts = Facts {
            approval: self.approval.clone(),
            activation: self.activation.clone(),
            catalog: Catalog::Entra,
            requester: self.requester.clone(),
            people: self.people.clone(),
            belonging: Vec::new(),
        };
        let now = noon() + TimeDelta::minutes(minute) + TimeDelta::microseconds(1);
        vote(&facts, &self.people[who], duration, now)
    }

    /// Somebody says yes.
    async fn yes(&mut self, who: usize, duration: Option<TimeDelta>, minute: i64) {
        let change = self.decide(who, duration, minute);
        self.approval = self.ground.kept(change).await;
    }

    async fn disable(&mut self, who: usize) {
        let change = self.people[who].disable(&stamp(noon())).unwrap();
        self.people[who] = self.ground.kept(change).await;
    }

    async fn enable(&mut self, who: usize) {
        let change = self.people[who].enable(&stamp(noon())).unwrap();
        self.people[who] = self.ground.kept(change).await;
    }

    /// How many approvals may wait for somebody.
    async fn inbox(&self, who: usize) -> usize {
        let waits_for = Some((self.people[who].id, &[][..]));
        let filter = Filter { waits_for, pending_at: Some(noon()), ..Filter::default() };
        let mut read = self.ground.db.read(Reach::EveryTenant).await.unwrap();
        approvals::list(&mut read, self.ground.tenant, &filter, None, 10).await.unwrap().len()
    }
}

#[tokio::test]
async fn stages_are_read_back_step_by_step() {
    let mut asked = Asked::of(|people| {
        vec![
            stage(&people[..2], Mode::AnyOf),
            stage(&people[1..], Mode::Quorum(1)),
            stage(&people[..1], Mode::AllOf),
        ]
    })
    .await;
    asked.yes(0, None, 1).await;
    asked.yes(1, None, 2).await;
    assert_eq!(asked.approval.state, State::Pending);
    asked.yes(2, None, 3).await;
    assert_eq!((asked.approval.state, asked.approval.decisions.len()), (State::Approved, 3));
}

#[tokio::test]
async fn everybody_whom_a_rule_names_is_known_for_it() {
    let mut asked = Asked::of(|people| vec![stage(&people[..1], Mode::AllOf)]).await;
    let mut tx = asked.ground.begin().await;
    let (tenant, id) = (asked.ground.tenant, asked.approval.id);
    let mut found = approvals::facts(&mut tx, tenant, id).await.unwrap().unwrap().people;
    found.sort_by_key(|one| one.id);
    let mut expected = vec![asked.people[0].clone(), asked.people[2].clone()];
    expected.sort_by_key(|one| one.id);
    assert_eq!(found, expected);
    drop(tx);
    // Also whom it falls back to: the domain says whether they are asked.
    assert_eq!([asked.inbox(0).await, asked.inbox(1).await, asked.inbox(2).await], [1, 0, 1]);
    asked.disable(0).await;
    asked.yes(2, None, 1).await;
    assert_eq!(asked.approval.state, State::Approved);
}

#[tokio::test]
async fn a_shortened_length_is_read_back() {
    let mut asked = Asked::of(|people| vec![stage(people, Mode::Quorum(2))]).await;
    let least = asked.approval.shortest;
    assert_eq!((least, asked.approval.shortened), (TimeDelta::minutes(5), None));
    let odd = TimeDelta::microseconds(1_800_000_001);
    asked.yes(0, Some(odd), 1).await;
    assert_eq!((asked.approval.shortened, asked.approval.shortest), (Some(odd), least));
    let etag = asked.approval.etag();
    asked.yes(1, None, 2).await;
    assert_eq!((asked.approval.shortened, asked.approval.etag()), (Some(odd), etag));

    // What it comes to is read back as well.
    let mut facts = asked.ground.facts_of(&asked.requester).await;
    facts.people = asked.people.clone();
    let pinned = facts.policy.at(&asked.activation.scope);
    let verdict = asked.approval.resolution().unwrap();
    let change = asked.activation.resolve(&facts, &pinned, &verdict, &stamp(noon())).unwrap();
    let active = asked.ground.kept(change).await;
    assert_eq!(active.shortened, Some(odd));
    assert_eq!(active.request.length, Length::Duration(TimeDelta::hours(1)));
}

#[tokio::test]
async fn a_dropped_vote_is_read_back_and_its_giver_may_decide_again() {
    let mut asked = Asked::of(|people| vec![stage(people, Mode::AllOf)]).await;
    asked.yes(0, None, 1).await;
    assert_eq!(asked.inbox(0).await, 0);
    asked.disable(0).await;
    asked.yes(1, None, 2).await;
    // Erin says yes in her own place; who would have made it complete has gone meanwhile.
    asked.yes(2, None, 3).await;
    assert_eq!(asked.approval.state, State::Pending);
    let dropped: Vec<_> = asked.approval.decisions.iter().map(|one| one.dropped).collect();
    let at = noon() + TimeDelta::minutes(3) + TimeDelta::microseconds(1);
    assert_eq!(dropped, [Some(at), None, None]);
    asked.enable(0).await;
    assert_eq!(asked.inbox(0).await, 1);
    asked.yes(0, None, 4).await;
    assert_eq!((asked.approval.state, asked.approval.decisions.len()), (State::Approved, 4));
    assert_eq!(asked.approval.decisions[0].person, asked.approval.decisions[3].person);
    assert_eq!(asked.inbox(0).await, 0);
}

/// The last of `people` says yes.
pub(crate) fn yes(
    approval: &Approval,
    activation: &Activation,
    asked: &pim_domain::activation::Facts,
    people: &[Principal],
    now: DateTime<Utc>,
) -> Change<Approval> {
    let facts = Facts {
        approval: approval.clone(),
        activation: activation.clone(),
        catalog: Catalog::Entra,
        requester: asked.principal.clone(),
        people: people.to_vec(),
        belonging: Vec::new(),
    };
    vote(&facts, people.last().unwrap(), None, now)
}

fn vote(
    facts: &Facts,
    caller: &Principal,
    duration: Option<TimeDelta>,
    now: DateTime<Utc>,
) -> Change<Approval> {
    let wish = Decide {
        approval: facts.approval.id,
        etag: facts.approval.etag(),
        verdict: Verdict::Approve,
        justification: "known work".into(),
        duration,
    };
    match approval::decide(facts, caller, wish, &stamp(now)).unwrap() {
        Decided::Now(change) => *change,
        Decided::Before(before) => panic!("decided before: {before:?}"),
    }
}
