//! Policies are read back with each rule that can be set, at every revision.

use chrono::TimeDelta;
use pim_domain::{
    fixture::{noon, stamp},
    id::PrincipalId,
    policy::{ApprovalRule, Facts, Policy, RuleName, RuleSet, TicketPattern, Update, update},
};
use pim_store::policies;

use crate::ground::Ground;

/// A value for one rule that is not the catalog's.
fn only(name: RuleName, approver: PrincipalId) -> RuleSet {
    let none = RuleSet::default();
    match name {
        RuleName::ActivationMax => {
            RuleSet { activation_max: Some(TimeDelta::milliseconds(36_000_500)), ..none }
        }
        RuleName::ActivationMin => RuleSet { activation_min: Some(TimeDelta::seconds(1)), ..none },
        RuleName::RequireMfa => RuleSet { require_mfa: Some(false), ..none },
        RuleName::RequireJustification => RuleSet { require_justification: Some(false), ..none },
        RuleName::RequireTicket => RuleSet { require_ticket: Some(true), ..none },
        RuleName::TicketPattern => {
            let pattern = TicketPattern::try_from(r#"CHG-\d+|"\\'"#.to_owned()).unwrap();
            RuleSet { ticket_pattern: Some(pattern), ..none }
        }
        RuleName::Approval => {
            let approvers = vec![approver];
            let timeout = TimeDelta::minutes(90);
            let approval =
                ApprovalRule { approvers, timeout, justify_approve: false, justify_deny: false };
            RuleSet { approval: Some(approval), ..none }
        }
        RuleName::PermanentEligibility => RuleSet { permanent_eligibility: Some(false), ..none },
        RuleName::EligibleMax => RuleSet { eligible_max: Some(TimeDelta::days(3_650)), ..none },
        RuleName::PermanentAssignment => RuleSet { permanent_assignment: Some(false), ..none },
        RuleName::AssignedMax => RuleSet { assigned_max: Some(TimeDelta::days(1)), ..none },
        RuleName::AssignmentRequireJustification => {
            RuleSet { assignment_require_justification: Some(false), ..none }
        }
        RuleName::AssignmentRequireMfa => RuleSet { assignment_require_mfa: Some(true), ..none },
        RuleName::AssignmentRequireTicket => {
            RuleSet { assignment_require_ticket: Some(true), ..none }
        }
    }
}

#[tokio::test]
async fn every_rule_is_read_back_alone_and_with_the_others() {
    let ground = Ground::new().await;
    let carol = ground.user("carol").await;
    let mut policy = Policy::untouched(ground.role.id);
    assert_eq!(ground.stored(&policy).await.as_ref(), Some(&policy));
    let mut revisions = vec![policy.clone()];
    let with_all = RuleName::ALL.map(|name| (only(name, carol.id), Vec::new()));
    let alone = RuleName::ALL.map(|name| {
        let others = RuleName::ALL.into_iter().filter(|other| *other != name).collect();
        (only(name, carol.id), others)
    });
    let empty = TicketPattern::try_from(String::new()).unwrap();
    let unset = RuleSet { ticket_pattern: Some(empty), ..RuleSet::default() };
    let all_reset = (RuleSet::default(), RuleName::ALL.to_vec());
    let last = [(unset, RuleName::ALL.to_vec()), all_reset];
    for (set, reset) in with_all.into_iter().chain(alone).chain(last) {
        let approvers = vec![carol.clone()];
        let facts = Facts { role: ground.role.clone(), policy: policy.clone(), approvers };
        let wish = Update { role: ground.role.id, etag: policy.version.etag(), set, reset };
        policy = ground.kept(update(&facts, wish, &stamp(noon())).unwrap()).await;
        revisions.push(policy.clone());
    }
    let names = |index: usize| revisions[index].set.names().collect::<Vec<_>>();
    assert_eq!(names(RuleName::ALL.len()), RuleName::ALL);
    assert_eq!(names(RuleName::ALL.len() + 1), [RuleName::ALL[0]]);

    // What a request was judged by can be read for as long as there is a database.
    let mut read = ground.db.read().await.unwrap();
    for policy in &revisions {
        let (role, revision) = (policy.role, policy.version.0);
        let found = policies::at(&mut read, ground.tenant, role, revision).await.unwrap();
        assert_eq!(&found, policy);
    }
    let other = ground.other_role.id;
    let untouched = policies::newest(&mut read, ground.tenant, other).await.unwrap();
    assert!(untouched.is_untouched());
}
