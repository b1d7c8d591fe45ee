//! Conditions of a policy: what is refused when they are set, how they are kept and inherited, and
//! what they would say.

use pim_client::Client;
use pim_proto::assignment::v1::{
    Circumstances, ConditionOutcome, ConditionResult, Conditions, GetPolicyInForceRequest, Rules,
    TestPolicyRequest, TestPolicyResponse,
};
use pim_tests::{assert_invalid, assert_refused, fields, new_id};
use tonic::{Code, Status};

use crate::{
    ground::{Ground, ROLE, UNIT},
    policies::{get, setting, update},
};

fn when(expression: &str) -> String {
    format!("permit (principal, action, resource) when {{ {expression} }};")
}

fn conditions(expressions: &[&str]) -> Option<Conditions> {
    Some(Conditions { policies: expressions.iter().map(|it| when(it)).collect() })
}

fn rules(expressions: &[&str]) -> Rules {
    Rules { conditions: conditions(expressions), ..Rules::default() }
}

async fn test(
    client: &Client,
    candidates: Option<Conditions>,
    circumstances: Circumstances,
) -> Result<TestPolicyResponse, Status> {
    let request = TestPolicyRequest {
        role_id: ROLE.to_owned(),
        scope: UNIT.to_owned(),
        conditions: candidates,
        circumstances: Some(circumstances),
    };
    Ok(client.policies().test_policy(request).await?.into_inner())
}

fn outcomes(response: &TestPolicyResponse) -> Vec<ConditionOutcome> {
    response.results.iter().map(ConditionResult::outcome).collect()
}

#[tokio::test]
async fn what_says_nothing_is_refused_with_its_path_and_place_and_nothing_is_set() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let before = get(admin, ROLE).await.unwrap();
    for (expression, said) in [
        ("context.hour <", "line 1, column 60: unexpected token `}`"),
        ("context.huor < 3", "line 1, column 45: attribute `huor`"),
        ("context.hour < \"3\"", "line 1, column 60: unexpected type"),
        ("context.auth_age < 3", "optional attribute `auth_age`"),
        ("false", "policy is impossible"),
    ] {
        let answer = update(admin, setting(&before, rules(&["context.mfa", expression]))).await;
        let status = assert_refused(answer, Code::InvalidArgument, "INVALID_FIELD");
        assert_eq!(fields(&status), ["rules.conditions.policies[1]"]);
        assert!(status.message().contains(said), "{}", status.message());
    }
    let many = rules(&["context.mfa"; 9]);
    assert_invalid(update(admin, setting(&before, many)).await, "rules.conditions.policies");
    assert_eq!(get(admin, ROLE).await.unwrap(), before);
}

#[tokio::test]
async fn they_are_kept_as_they_were_written_inherited_enforced_and_cleared() {
    let ground = Ground::new().await;
    let wide = ground.org.set_policy_at(ROLE, "/", rules(&["context.mfa"]), &[]).await.unwrap();
    assert_eq!(wide.rules.as_ref().unwrap().conditions, conditions(&["context.mfa"]));
    let in_force = async || {
        let request = GetPolicyInForceRequest { role_id: ROLE.to_owned(), scope: UNIT.to_owned() };
        let answer = ground.ada.client.policies().get_policy_in_force(request).await.unwrap();
        let policy = answer.into_inner().policy.unwrap();
        let origin = policy.origins.into_iter().find(|one| one.rule == "conditions").unwrap();
        (policy.rules.unwrap().conditions, origin)
    };
    let (inherited, origin) = in_force().await;
    assert_eq!((inherited, &*origin.set_at_scope), (vec![when("context.mfa")], "/"));
    ground.org.set_policy_at(ROLE, UNIT, rules(&["context.hour > 7"]), &[]).await.unwrap();
    assert_eq!(in_force().await.0, [when("context.hour > 7")]);
    let same = rules(&["context.mfa"]);
    ground.org.set_policy_at(ROLE, "/", same, &["conditions"]).await.unwrap();
    let (both, origin) = in_force().await;
    assert_eq!(both, [when("context.hour > 7"), when("context.mfa")]);
    assert_eq!(origin.enforced_at_scopes, ["/"]);
    ground.org.set_policy_at(ROLE, UNIT, rules(&[]), &[]).await.unwrap();
    assert_eq!(in_force().await.0, [when("context.mfa")]);
}

#[tokio::test]
async fn a_test_says_of_each_in_force_what_it_would_say() {
    let ground = Ground::new().await;
    let client = &ground.ada.client;
    let none = test(client, None, Circumstances::default()).await.unwrap();
    assert_eq!((none.outcome(), outcomes(&none)), (ConditionOutcome::Allowed, Vec::new()));
    let set = rules(&["context.mfa", "context.hour == 12"]);
    ground.org.set_policy(ROLE, set).await.unwrap();
    // Now is noon.
    let answer = test(client, None, Circumstances::default()).await.unwrap();
    let expected = [ConditionOutcome::Denied, ConditionOutcome::Allowed];
    assert_eq!((answer.outcome(), outcomes(&answer)), (ConditionOutcome::Denied, expected.into()));
    assert_eq!(answer.results[0].condition, when("context.mfa"));
    let mfa = Circumstances { mfa: true, ..Circumstances::default() };
    let answer = test(client, None, mfa).await.unwrap();
    assert_eq!(answer.outcome(), ConditionOutcome::Allowed);
}

#[tokio::test]
async fn a_test_tries_others_and_says_what_is_wrong_with_them() {
    let ground = Ground::new().await;
    let client = &ground.ada.client;
    ground.org.set_policy(ROLE, rules(&["context.hour == 3"])).await.unwrap();
    let caller = format!("principal == Principal::\"{}\"", ground.ada.id);
    let candidates = conditions(&[&caller, "context.huor < 3"]);
    let answer = test(client, candidates.clone(), Circumstances::default()).await.unwrap();
    let expected = [ConditionOutcome::Allowed, ConditionOutcome::Failed];
    assert_eq!((answer.outcome(), outcomes(&answer)), (ConditionOutcome::Denied, expected.into()));
    assert!(answer.results[1].error.starts_with("line 1, column 45: attribute `huor`"));
    let other = Circumstances { principal_id: new_id(), ..Circumstances::default() };
    let answer = test(client, candidates, other).await.unwrap();
    assert_eq!(answer.results[0].outcome(), ConditionOutcome::Denied);
    let cleared = test(client, conditions(&[]), Circumstances::default()).await.unwrap();
    assert_eq!((cleared.outcome(), cleared.results), (ConditionOutcome::Allowed, Vec::new()));
}
