//! T-21: where a sign-in serves once, it serves no second time, however its token is written.

use pim_proto::{
    activation::v1::{ActivateRoleRequest, ActivateRoleResponse, activate_role_request::Length},
    assignment::v1::Rules,
};
use pim_tests::{Person, World, assert_refused, metadata, rules};
use serde_json::json;
use tonic::{Code, Status};

use super::{
    super::{wire::Wire, written},
    ROLE,
    bound::{ACTIVATE, signed, with_alice},
};

const UNIT: &str = "/administrativeUnits/5f0c2b7a-43d7-4c1f-9d3c-0a3f7f7a1c11";

#[tokio::test]
async fn t_21_a_sign_in_that_has_served_serves_no_second_time() {
    let world = World::start().await;
    let organisation = with_alice(&world).await;
    let once = Rules { single_use_authentication: Some(true), ..Rules::default() };
    organisation.set_policy(ROLE, once).await.unwrap();
    let time = world.now().timestamp() - 100;
    let activate = async |authorization: String, wish| -> Result<(), Status> {
        let wire = Wire::by(&world, authorization);
        wire.call::<_, ActivateRoleResponse>(ACTIVATE, wish).await.map(drop)
    };
    let seconds = f64::from(i32::try_from(time).unwrap());
    let token = |more: serde_json::Value| signed(&world, &organisation, &more);
    let first = token(json!({ "auth_time": time }));
    activate(format!("Bearer {first}"), Person::wish(ROLE, "/")).await.unwrap();
    let before = written(&organisation).await;
    // Another token of the same sign-in; the time written in other ways; another session.
    let again = [
        format!("Bearer {first}"),
        format!("bearer   {first} "),
        format!("Bearer {}", token(json!({ "auth_time": time, "jti": "2" }))),
        format!("Bearer {}", token(json!({ "auth_time": seconds }))),
        format!("Bearer {}", token(json!({ "auth_time": 0.9 + seconds }))),
        format!("Bearer {}", token(json!({ "auth_time": time, "sid": "another" }))),
        // Of no known time.
        format!("Bearer {}", token(json!({}))),
    ];
    let elsewhere = || ActivateRoleRequest {
        justification: "  to  mend the mail\t".to_owned(),
        length: Some(Length::EndTime(pim_tests::timestamp(
            world.now() + chrono::TimeDelta::hours(2),
        ))),
        ..Person::wish(ROLE, UNIT)
    };
    for authorization in again {
        let refused = activate(authorization, elsewhere()).await;
        let refused = assert_refused(refused, Code::Unauthenticated, "STEP_UP_REQUIRED");
        assert_eq!(rules(&refused), ["SINGLE_USE_AUTHENTICATION"]);
        assert_eq!(metadata(&refused, "max_age"), "0");
    }
    assert_eq!(written(&organisation).await, before);
    let anew = token(json!({ "auth_time": time + 1 }));
    activate(format!("Bearer {anew}"), elsewhere()).await.unwrap();
}
