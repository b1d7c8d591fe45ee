//! Approvals are read back in every state, with their decisions.

use chrono::TimeDelta;
use pim_domain::{
    activation::{Activation, Ask, ask},
    approval::{self, Approval, Decide, Decided, Facts, State, Verdict},
    change::Change,
    fixture::{self, noon, stamp},
    id::PersonId,
    policy::{ApprovalRule, Rules},
    principal::{self, NewPrincipal, Principal, PrincipalKind},
    role::Catalog,
};
use pim_store::{
    Reach,
    approvals::{self, Filter},
};

use crate::ground::{Ground, asking, scope};

/// A pending request with its approval, and who decides.
struct Asked {
    requester: Principal,
    approvers: Vec<Principal>,
    activation: Activation,
    approval: Approval,
}

impl Asked {
    async fn at(ground: &Ground) -> Self {
        let facts = ground.facts().await;
        let person = Some(PersonId::at(noon()));
        let new = NewPrincipal {
            kind: PrincipalKind::User,
            issuer: "https://issuer.example".to_owned(),
            subject: "carol".to_owned(),
            display_name: "carol".to_owned(),
            person,
        };
        let carol = ground.kept(principal::create(new, None, &stamp(noon())).unwrap()).await;
        let approvers = vec![carol, ground.user("dave").await];
        let facts = asking(&facts, &approvers);
        let wish = Ask { scope: scope("/applications/a"), ..fixture::wish(&facts) };
        let activation = ground.kept(ask(&facts, wish, &stamp(noon())).unwrap()).await;
        let rule = ApprovalRule {
            timeout: TimeDelta::microseconds(3_600_000_001),
            justify_approve: false,
            ..ApprovalRule::all_of(approvers.iter().map(|one| one.id))
        };
        let rules = Rules { approvals: vec![rule], ..facts.policy.at(&activation.scope) };
        let change = approval::open(&activation, rules, Catalog::Entra, &stamp(noon())).unwrap();
        let approval = ground.kept(change).await;
        Self { requester: facts.principal, approvers, activation, approval }
    }

    fn facts(&self) -> Facts {
        Facts {
            approval: self.approval.clone(),
            activation: self.activation.clone(),
            catalog: Catalog::Entra,
            requester: self.requester.clone(),
            people: self.approvers.clone(),
            belonging: Vec::new(),
        }
    }

    fn decide(&self, approver: usize, verdict: Verdict, minute: i64) -> Change<Approval> {
        let wish = Decide {
            approval: self.approval.id,
            etag: self.approval.etag(),
            verdict,
            justification: format!("because of {minute} \"\u{1f41f}\"\n").as_str().into(),
            duration: None,
        };
        let stamp = stamp(noon() + TimeDelta::minutes(minute) + TimeDelta::microseconds(1));
        match approval::decide(&self.facts(), &self.approvers[approver], wish, &stamp).unwrap() {
            Decided::Now(change) => *change,
            Decided::Before(before) => panic!("decided before: {before:?}"),
        }
    }
}

#[tokio::test]
async fn an_approval_of_all_is_read_back_step_by_step() {
    let ground = Ground::new().await;
    let mut asked = Asked::at(&ground).await;
    assert_eq!(asked.approval.state, State::Pending);
    // The second in the rule says yes first: the order is that in which they came.
    asked.approval = ground.kept(asked.decide(1, Verdict::Approve, 1)).await;
    assert_eq!((asked.approval.state, asked.approval.decisions.len()), (State::Pending, 1));
    asked.approval = ground.kept(asked.decide(0, Verdict::Approve, 2)).await;
    assert_eq!(asked.approval.state, State::Approved);
    let order: Vec<_> = asked.approval.decisions.iter().map(|one| one.approver).collect();
    assert_eq!(order, [asked.approvers[1].id, asked.approvers[0].id]);
    assert_eq!(asked.approval.decisions[1].person, asked.approvers[0].person_key());
}

#[tokio::test]
async fn every_other_end_is_read_back() {
    let catalog = Catalog::Entra;
    let late = stamp(noon() + TimeDelta::hours(30));

    let ground = Ground::new().await;
    let mut asked = Asked::at(&ground).await;
    asked.approval = ground.kept(asked.decide(0, Verdict::Approve, 1)).await;
    let denied = ground.kept(asked.decide(1, Verdict::Deny, 2)).await;
    assert_eq!((denied.state, denied.decisions.len()), (State::Denied, 2));

    let ground = Ground::new().await;
    let asked = Asked::at(&ground).await;
    let change = asked.approval.time_out(&asked.activation, catalog, &late).unwrap();
    assert_eq!(ground.kept(change).await.state, State::TimedOut);

    let ground = Ground::new().await;
    let asked = Asked::at(&ground).await;
    let withdrawn = asked.activation.cancel(catalog, Default::default(), &stamp(noon())).unwrap();
    let withdrawn = ground.kept(withdrawn).await;
    let change = asked.approval.cancel(&withdrawn, catalog, &stamp(noon())).unwrap();
    assert_eq!(ground.kept(change).await.state, State::Canceled);
}

#[tokio::test]
async fn what_a_decision_is_judged_by_is_read_together() {
    let ground = Ground::new().await;
    let asked = Asked::at(&ground).await;
    let mut tx = ground.begin().await;
    let (tenant, id) = (ground.tenant, asked.approval.id);
    let found = approvals::facts(&mut tx, tenant, id).await.unwrap().unwrap();
    assert_eq!(found.approval, asked.approval);
    assert_eq!(found.activation, asked.activation);
    assert_eq!(found.catalog, Catalog::Entra);
    assert_eq!(found.requester, asked.requester);
    let sorted = |mut all: Vec<Principal>| {
        all.sort_by_key(|one| one.id);
        all
    };
    assert_eq!(sorted(found.people), sorted(asked.approvers.clone()));
    let of = approvals::of_activation(&mut tx, tenant, asked.activation.id, None).await.unwrap();
    assert_eq!(of, Some(asked.approval.clone()));
    assert_eq!(approvals::extension_of(&mut tx, tenant, &asked.approval).await.unwrap(), None);
    let about = approvals::activation_of(&mut tx, tenant, &asked.approval).await.unwrap();
    assert_eq!(about, asked.activation);
}

#[tokio::test]
async fn an_inbox_has_what_waits_for_its_owner() {
    let ground = Ground::new().await;
    let mut asked = Asked::at(&ground).await;
    let [carol, dave] = [asked.approvers[0].id, asked.approvers[1].id];
    let inbox = async |who, at| {
        let filter =
            Filter { waits_for: Some((who, &[])), pending_at: Some(at), ..Filter::default() };
        let mut read = ground.db.read(Reach::EveryTenant).await.unwrap();
        approvals::list(&mut read, ground.tenant, &filter, None, 10).await.unwrap().len()
    };
    let (end, before) = (asked.approval.expire_time, TimeDelta::microseconds(1));
    assert_eq!(inbox(carol, end - before).await, 1);
    assert_eq!(inbox(carol, end).await, 0);
    assert_eq!(inbox(dave, noon()).await, 1);
    assert_eq!(inbox(asked.requester.id, noon()).await, 0);
    asked.approval = ground.kept(asked.decide(0, Verdict::Approve, 1)).await;
    assert_eq!(inbox(carol, noon()).await, 0);
    assert_eq!(inbox(dave, noon()).await, 1);
    // Withdrawn: nobody is asked any more, whether or not the approval knows.
    let change =
        asked.activation.cancel(Catalog::Entra, Default::default(), &stamp(noon())).unwrap();
    ground.kept(change).await;
    assert_eq!(inbox(dave, noon()).await, 0);
}

#[tokio::test]
async fn approvals_are_listed_by_what_they_are_about() {
    let ground = Ground::new().await;
    let asked = Asked::at(&ground).await;
    let mut read = ground.db.read(Reach::EveryTenant).await.unwrap();
    let (here, beside) = (scope("/applications/a"), scope("/applications/ab"));
    for (filter, count) in [
        (Filter::default(), 1),
        (Filter { scope: Some(&here), ..Filter::default() }, 1),
        (Filter { scope: Some(&beside), ..Filter::default() }, 0),
        (Filter { catalogs: Some(&[Catalog::Entra]), ..Filter::default() }, 1),
        (Filter { catalogs: Some(&[Catalog::Pim]), ..Filter::default() }, 0),
    ] {
        let found = approvals::list(&mut read, ground.tenant, &filter, None, 10).await.unwrap();
        assert_eq!(found.len(), count, "{filter:?}");
    }
    let after = Some(asked.approval.id);
    let rest = approvals::list(&mut read, ground.tenant, &Filter::default(), after, 10).await;
    assert_eq!(rest.unwrap(), []);
}
