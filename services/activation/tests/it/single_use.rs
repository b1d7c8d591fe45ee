//! Where a sign-in serves once (`single_use_authentication`): for one activation or one extension,
//! and for nothing that came to nothing.

use chrono::{DateTime, TimeDelta, Utc};
use pim_client::Client;
use pim_proto::{
    activation::v1::{
        ActivateRoleRequest, Activation, ActivationState, ExtendActivationRequest,
        extend_activation_request::Length,
    },
    assignment::v1::Rules,
};
use pim_tests::{Person, all_of, assert_refused, duration, metadata, new_id, rules};
use tonic::{Code, Status};

use crate::ground::{Ground, ROLE, UNIT, activations_of, assert_state, stored};

/// Global Reader.
const OTHER: &str = "f2ef992c-3afb-46b9-b7cf-a126ee74c451";

fn once() -> Rules {
    Rules { single_use_authentication: Some(true), ..Rules::default() }
}

async fn activate(client: &Client, wish: ActivateRoleRequest) -> Result<Activation, Status> {
    let answer = client.activations().activate_role(wish).await?;
    Ok(answer.into_inner().activation.unwrap())
}

/// It has served before: another one is asked for, and not the session that there is.
#[track_caller]
fn assert_served(answer: Result<Activation, Status>) {
    let status = assert_refused(answer, Code::Unauthenticated, "STEP_UP_REQUIRED");
    assert_eq!(rules(&status), ["SINGLE_USE_AUTHENTICATION"]);
    assert_eq!(["acr_values", "max_age"].map(|key| metadata(&status, key)), ["mfa", "0"]);
}

impl Ground {
    async fn once() -> Self {
        let ground = Self::new().await;
        ground.org.set_policy(ROLE, once()).await.unwrap();
        ground
    }

    /// Ada, by a sign-in of so many seconds ago.
    fn ago(&self, seconds: i64) -> Client {
        let time: DateTime<Utc> = self.world.now() - TimeDelta::seconds(seconds);
        self.ada.signed_in(&self.world, Some(time), &[])
    }
}

#[tokio::test]
async fn a_sign_in_serves_for_one_activation_of_all_roles_with_the_rule() {
    let ground = Ground::once().await;
    ground.org.make_eligible(&ground.ada, OTHER, "/").await;
    ground.org.set_policy(OTHER, once()).await.unwrap();
    let client = ground.ago(100);
    let wish = ActivateRoleRequest { request_id: new_id(), ..Person::wish(ROLE, "/") };
    let first = activate(&client, wish.clone()).await.unwrap();
    assert_state(&first, ActivationState::Active);
    assert_served(activate(&client, Person::wish(OTHER, "/")).await);
    // The same request again is the same activation, and asks nothing of the sign-in.
    assert_eq!(activate(&client, wish).await.unwrap(), first);
    assert_eq!(activations_of(&ground.ada).await, std::slice::from_ref(&first));
    activate(&ground.ago(99), Person::wish(OTHER, "/")).await.unwrap();
    // Also not once what it served for has ended.
    ground.ada.deactivate(&first.id).await.unwrap();
    assert_served(activate(&client, Person::wish(ROLE, "/")).await);
}

#[tokio::test]
async fn what_comes_to_nothing_uses_nothing_up() {
    let ground = Ground::once().await;
    let client = ground.ago(100);
    let only_asked = ActivateRoleRequest { validate_only: true, ..Person::wish(ROLE, "/") };
    activate(&client, only_asked).await.unwrap();
    let unjustified =
        ActivateRoleRequest { justification: String::new(), ..Person::wish(ROLE, "/") };
    let answer = activate(&client, unjustified.clone()).await;
    let status = assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
    assert_eq!(rules(&status), ["JUSTIFICATION"]);
    // Nor does a role that lets a sign-in serve often.
    ground.org.make_eligible(&ground.ada, OTHER, "/").await;
    activate(&client, Person::wish(OTHER, "/")).await.unwrap();
    activate(&client, Person::wish(ROLE, "/")).await.unwrap();
    let answer = activate(&client, ActivateRoleRequest { scope: UNIT.to_owned(), ..unjustified });
    let status = assert_refused(answer.await, Code::FailedPrecondition, "POLICY_DENIED");
    assert_eq!(rules(&status), ["JUSTIFICATION", "SINGLE_USE_AUTHENTICATION"]);
    assert_eq!(metadata(&status, "max_age"), "0");
}

#[tokio::test]
async fn a_sign_in_of_unknown_time_serves_for_nothing() {
    let ground = Ground::once().await;
    assert_served(ground.ada.activate(Person::wish(ROLE, "/")).await);
    assert_eq!(activations_of(&ground.ada).await, []);
}

/// Yes over no: below it stays so, though the unit says otherwise; and what a unit says is for it.
#[tokio::test]
async fn of_two_policies_the_stricter_counts() {
    let no = Rules { single_use_authentication: Some(false), ..Rules::default() };
    for (root, unit) in [(once(), no.clone()), (no.clone(), once())] {
        let ground = Ground::new().await;
        ground.org.set_policy(ROLE, root).await.unwrap();
        ground.org.set_policy_at(ROLE, UNIT, unit, &[]).await.unwrap();
        let client = ground.ago(100);
        let first = activate(&client, Person::wish(ROLE, UNIT)).await.unwrap();
        ground.ada.deactivate(&first.id).await.unwrap();
        assert_served(activate(&client, Person::wish(ROLE, UNIT)).await);
    }
    // An eligibility at the unit itself is judged by the unit's, unless the rule is enforced.
    for enforce in [&[][..], &["single_use_authentication"]] {
        let ground = Ground::new().await;
        ground.org.set_policy_at(ROLE, "/", once(), enforce).await.unwrap();
        ground.org.set_policy_at(ROLE, UNIT, no.clone(), &[]).await.unwrap();
        let bob = ground.user("bob").await;
        ground.org.make_eligible(&bob, ROLE, UNIT).await;
        let answer = bob.activate(Person::wish(ROLE, UNIT)).await;
        assert_eq!(answer.is_err(), !enforce.is_empty(), "{answer:?}");
    }
}

#[tokio::test]
async fn an_extension_takes_another_sign_in() {
    let ground = Ground::once().await;
    let active = activate(&ground.ago(100), Person::wish(ROLE, "/")).await.unwrap();
    let longer = ExtendActivationRequest {
        activation_id: active.id.clone(),
        length: Some(Length::Duration(duration(TimeDelta::minutes(30)))),
        justification: "it takes longer".to_owned(),
        ..ExtendActivationRequest::default()
    };
    let extend = async |client: Client| -> Result<Activation, Status> {
        let answer = client.activations().extend_activation(longer.clone()).await?;
        Ok(answer.into_inner().activation.unwrap())
    };
    assert_served(extend(ground.ago(100)).await);
    assert_eq!(stored(&ground.ada, &active).await, active);
    extend(ground.ago(50)).await.unwrap();
    assert_served(extend(ground.ago(50)).await);
    // What served for an extension serves for no activation.
    assert_served(activate(&ground.ago(50), Person::wish(ROLE, UNIT)).await);
}

/// Judged again, a request is not refused for the sign-in that has served for itself.
#[tokio::test]
async fn what_waits_for_its_approvers_has_used_its_sign_in() {
    let ground = Ground::new().await;
    let carol = ground.user("carol").await;
    let rules = Rules { approval: Some(all_of(&[&carol])), ..once() };
    ground.org.set_policy(ROLE, rules).await.unwrap();
    let client = ground.ago(100);
    let pending = activate(&client, Person::wish(ROLE, "/")).await.unwrap();
    assert_state(&pending, ActivationState::PendingApproval);
    assert_served(activate(&client, Person::wish(ROLE, UNIT)).await);
    carol.approve(&ground.waiting(&carol).await).await.unwrap();
    assert_state(&stored(&ground.ada, &pending).await, ActivationState::Active);
}
