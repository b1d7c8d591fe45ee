//! Signing in at an OpenID Connect provider that is not ours.

use pim_chassis::readiness::ISSUERS;
use pim_proto::assignment::v1::{
    Administrator, CreatePrincipalRequest, CreateTenantRequest, DisablePrincipalRequest,
    EndEligibilityRequest, ListRolesRequest, PrincipalKind,
};
use pim_tests::{eventually, new_id, reason};
use serde_json::{Value, json};
use tonic::Code;

use crate::{
    provider::Provider,
    system::{Installation, System},
};

/// The entry of an issuer whose keys are found by discovery.
fn entry(provider: &Provider, kind: &str) -> Value {
    json!({
        "issuer": provider.issuer, "audience": "pim", "algorithms": ["ES256"],
        "discovery": true, "kind": kind,
    })
}

/// The entry of an issuer that speaks for one tenant.
fn pinned(provider: &Provider, tenant: &str) -> Value {
    let mut entry = entry(provider, "PRINCIPALS");
    entry["tenant"] = json!(tenant);
    entry
}

/// A tenant that ada and grace of the provider administer.
async fn tenant(installation: &Installation, provider: &Provider) -> String {
    let administrators = ["ada", "grace"].map(|name| Administrator {
        issuer: provider.issuer.clone(),
        subject: name.to_owned(),
        display_name: name.to_owned(),
    });
    let request = CreateTenantRequest {
        display_name: "Example".to_owned(),
        administrators: administrators.to_vec(),
        ..CreateTenantRequest::default()
    };
    let system = installation.start(&[]).await;
    let operator = system.with(&installation.operator());
    let answer = operator.tenants().create_tenant(request).await.unwrap();
    answer.into_inner().tenant.unwrap().id
}

/// A call that every principal may make.
async fn calls(system: &System, token: &str) -> Result<(), String> {
    let request = ListRolesRequest::default();
    let answer = system.with(token).roles().list_roles(request).await;
    answer.map(|_| ()).map_err(|status| {
        assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
        reason(&status)
    })
}

fn refused() -> Result<(), String> {
    Err("CREDENTIAL_INVALID".to_owned())
}

#[tokio::test]
async fn a_key_is_changed_and_a_person_disabled() {
    let installation = Installation::new().await;
    let mut provider = Provider::start().await;
    let tenant = tenant(&installation, &provider).await;
    let system = installation.start(&[pinned(&provider, &tenant)]).await;
    assert!(system.says(ISSUERS).await);

    let ada = provider.sign_in("ada", "pim").await;
    assert_eq!(calls(&system, &ada).await, Ok(()));
    let alice = CreatePrincipalRequest {
        kind: PrincipalKind::User.into(),
        issuer: provider.issuer.clone(),
        subject: "alice".to_owned(),
        display_name: "Alice".to_owned(),
        ..CreatePrincipalRequest::default()
    };
    let answer = system.with(&ada).directory().create_principal(alice).await.unwrap();
    let alice_id = answer.into_inner().principal.unwrap().id;
    let alice = provider.sign_in("alice", "pim").await;
    assert_eq!(calls(&system, &alice).await, Ok(()));
    // Whom the provider knows and the tenant does not, and a token for somebody else's service.
    assert_eq!(calls(&system, &provider.sign_in("mallory", "pim").await).await, refused());
    assert_eq!(calls(&system, &provider.sign_in("alice", "mail").await).await, refused());
    let kid = provider.kid.clone();
    let forged = provider.forged("alice", &kid).await;
    assert_eq!(calls(&system, &forged).await, refused());

    provider.rotates().await;
    let of_new_key = provider.sign_in("ada", "pim").await;
    assert_eq!(calls(&system, &of_new_key).await, Ok(()), "{}", installation.log());
    assert_eq!(calls(&system, &ada).await, refused(), "its key is gone, remembered or not");
    assert_eq!(calls(&system, &alice).await, refused());
    for kid in ["made up", provider.kid.clone().as_str()] {
        let forged = provider.forged("ada", kid).await;
        assert_eq!(calls(&system, &forged).await, refused());
    }

    let alice = provider.sign_in("alice", "pim").await;
    assert_eq!(calls(&system, &alice).await, Ok(()));
    let disable =
        DisablePrincipalRequest { principal_id: alice_id, ..DisablePrincipalRequest::default() };
    system.with(&of_new_key).directory().disable_principal(disable).await.unwrap();
    assert_eq!(calls(&system, &alice).await, refused());
    let log = installation.log();
    for token in [ada, alice, of_new_key, forged] {
        let (_, signature) = token.rsplit_once('.').unwrap();
        assert!(!log.contains(signature), "a token is in the log");
    }
}

#[tokio::test]
async fn a_workload_is_the_service_that_its_account_stands_for() {
    const ACCOUNT: &str = "system:serviceaccount:pim:pim-scheduler";
    let installation = Installation::new().await;
    let provider = Provider::start().await;
    let mut entry = entry(&provider, "SERVICES");
    entry["services"] = json!({ ACCOUNT: "scheduler" });
    let system = installation.start(&[entry]).await;

    let call = async |account: &str, audience: &str| {
        let token = provider.sign_in(account, audience).await;
        let request = EndEligibilityRequest { tenant_id: new_id(), eligibility_id: new_id() };
        let answer = system.with(&token).assignments().end_eligibility(request).await;
        answer.unwrap_err().code()
    };
    assert_eq!(call(ACCOUNT, "pim").await, Code::NotFound, "it may, and there is none");
    assert_eq!(call(ACCOUNT, "kubernetes").await, Code::Unauthenticated);
    let other = "system:serviceaccount:pim:default";
    assert_eq!(call(other, "pim").await, Code::Unauthenticated);
    assert_eq!(call("scheduler", "pim").await, Code::Unauthenticated);
}

#[tokio::test]
async fn a_provider_that_is_away_stops_nothing_but_its_own_tokens() {
    let installation = Installation::new().await;
    let mut provider = Provider::start().await;
    let tenant = tenant(&installation, &provider).await;
    let early = provider.sign_in("ada", "pim").await;
    provider.goes_away().await;
    let system = installation.start(&[pinned(&provider, &tenant)]).await;
    assert!(!system.says(ISSUERS).await);
    assert!(installation.log().contains("cannot be fetched"), "{}", installation.log());
    assert_eq!(calls(&system, &early).await, refused());

    provider.comes_back().await;
    eventually("all issuers have keys", async || system.says(ISSUERS).await.then_some(())).await;
    let ada = provider.sign_in("ada", "pim").await;
    assert_eq!(calls(&system, &ada).await, Ok(()));
    assert_eq!(calls(&system, &early).await, refused(), "its key was gone before it was known");
}
