//! `GetCaller`: everybody hears who they are and what they may do, and by what.

use chrono::TimeDelta;
use pim_chassis::auth::{
    DEVELOPMENT_OPERATORS, DEVELOPMENT_PRINCIPALS, DEVELOPMENT_SERVICES, Grant,
};
use pim_client::Client;
use pim_proto::{
    access::v1::{CallerKind, GetCallerRequest, GetCallerResponse},
    assignment::v1::DisablePrincipalRequest,
    r#type::v1::Realm,
};
use pim_tests::{Organisation, assert_refused, timestamp};
use tonic::{Code, Status};

use crate::ask::{SUBSCRIPTION, assign, begin, hours};

const OWNER: &str = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635";
const ACTIVATE: &str = "/pim.activation.v1.ActivationService/ActivateRole";
const CREATE: &str = "/pim.assignment.v1.AssignmentService/CreateEligibility";
const EXPIRE: &str = "/pim.activation.v1.ActivationService/ExpireActivation";
const TENANT: &str = "/pim.assignment.v1.TenantService/CreateTenant";
const SELF: &str = "/pim.access.v1.AccessService/GetCaller";

async fn caller(client: &Client) -> Result<GetCallerResponse, Status> {
    Ok(client.access().get_caller(GetCallerRequest {}).await?.into_inner())
}

fn calls(caller: &GetCallerResponse) -> [bool; 5] {
    [SELF, ACTIVATE, CREATE, EXPIRE, TENANT]
        .map(|path| caller.methods.iter().any(|one| one == path))
}

#[tokio::test]
async fn a_user_hears_what_each_holding_confers_until_it_ends() {
    let (world, organisation, alice) = begin().await;
    let nobody = caller(&alice.client).await.unwrap();
    assert_eq!((nobody.kind(), &*nobody.principal_id), (CallerKind::User, &*alice.id));
    assert_eq!((&*nobody.issuer, &*nobody.subject), (DEVELOPMENT_PRINCIPALS, "alice"));
    assert_eq!(nobody.tenant_id, organisation.tenant.to_string());
    assert_eq!(nobody.conferrals, []);
    assert_eq!(calls(&nobody), [true, true, false, false, false]);
    let sign_in = nobody.sign_in.unwrap();
    assert!(sign_in.mfa);
    assert_eq!(sign_in.amr, ["pwd", "mfa"]);
    assert!(nobody.token_expire_time.unwrap().seconds > world.now().timestamp());

    let end = world.now() + hours(2);
    let owner = assign(&organisation, &alice, (OWNER, SUBSCRIPTION), None, end).await;
    // What is not administrative confers nothing here.
    assign(&organisation, &alice, (Organisation::CONTRIBUTOR, SUBSCRIPTION), None, end).await;
    let known = caller(&alice.client).await.unwrap();
    let [conferral] = &known.conferrals[..] else { panic!("{:?}", known.conferrals) };
    let holding = conferral.holding.clone().unwrap();
    assert_eq!((holding.id, &*holding.role_id, &*holding.scope), (owner.id, OWNER, SUBSCRIPTION));
    assert_eq!(conferral.realms, [i32::from(Realm::Resources)]);
    assert!(conferral.actions.iter().any(|action| action == "pim/eligibility/create"));
    assert_eq!(conferral.valid_until, Some(timestamp(end)));
    assert_eq!(calls(&known), [true, true, true, false, false]);

    world.advance(end - world.now());
    let after = caller(&alice.again(&world).client).await.unwrap();
    assert_eq!(after.conferrals, []);
    assert_eq!(after.methods, nobody.methods);
}

#[tokio::test]
async fn services_and_operators_hear_who_they_are() {
    let (world, ..) = begin().await;
    let service = caller(&world.service("scheduler")).await.unwrap();
    assert_eq!((service.kind(), &*service.display_name), (CallerKind::Service, "scheduler"));
    assert_eq!(service.issuer, DEVELOPMENT_SERVICES);
    assert_eq!((&*service.tenant_id, &*service.principal_id), ("", ""));
    assert_eq!(calls(&service), [true, false, false, true, false]);
    assert!(service.token_expire_time.is_some());

    let operator = caller(&world.operator()).await.unwrap();
    assert_eq!((operator.kind(), &*operator.issuer), (CallerKind::Operator, DEVELOPMENT_OPERATORS));
    assert_eq!(operator.conferrals, []);
    assert_eq!(calls(&operator), [true, false, false, false, true]);
    assert!(!operator.sign_in.unwrap().mfa);
}

#[tokio::test]
async fn who_is_disabled_or_signed_in_without_a_second_factor_hears_so() {
    let (world, organisation, alice) = begin().await;
    let password = world.client(Grant::Principal {
        tenant: organisation.tenant,
        subject: "alice".to_owned(),
        amr: vec!["pwd".to_owned()],
        acr: Some("urn:weak".to_owned()),
        acrs: vec!["c1".to_owned()],
        auth_time: Some(world.now() - TimeDelta::minutes(1)),
        signals: pim_domain::condition::Signals::default(),
    });
    let sign_in = caller(&password).await.unwrap().sign_in.unwrap();
    assert!(!sign_in.mfa);
    assert_eq!((&*sign_in.acr, &sign_in.acrs[..]), ("urn:weak", &["c1".to_owned()][..]));
    assert_eq!(sign_in.auth_time, Some(timestamp(world.now() - TimeDelta::minutes(1))));
    let request = DisablePrincipalRequest {
        principal_id: alice.id.clone(),
        ..DisablePrincipalRequest::default()
    };
    organisation.admin.client.directory().disable_principal(request).await.unwrap();
    let refused = caller(&alice.client).await;
    assert_refused(refused, Code::Unauthenticated, "CREDENTIAL_INVALID");
}
