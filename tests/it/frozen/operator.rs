//! A tenant that has no third administrator: an operator is the second who wants a freeze to end.

use pim_client::Client;
use pim_proto::{
    assignment::v1::{Tenant, UnfreezeTenantRequest},
    audit::v1::{ActorKind, EventFilter},
};
use pim_tests::{Organisation, World, assert_invalid, assert_refused, metadata, new_id};
use tonic::{Code, Status};

use super::{ROLE, freeze, tenant, unfreeze};

async fn ask(client: &Client, request: UnfreezeTenantRequest) -> Result<Tenant, Status> {
    Ok(client.tenants().unfreeze_tenant(request).await?.into_inner().tenant.unwrap())
}

fn of(organisation: &Organisation, etag: &str) -> UnfreezeTenantRequest {
    UnfreezeTenantRequest {
        tenant_id: organisation.tenant.to_string(),
        etag: etag.to_owned(),
        justification: "it was found".to_owned(),
        ..UnfreezeTenantRequest::default()
    }
}

#[tokio::test]
async fn one_administrator_who_did_not_freeze_it_and_an_operator_end_a_freeze() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let (first, second) = (&organisation.admin, &organisation.second_admin);
    let operator = world.operator();
    let frozen = freeze(&first.client).await.unwrap();
    let alone = ask(&operator, of(&organisation, &frozen.etag)).await;
    let alone = assert_refused(alone, Code::FailedPrecondition, "WRONG_STATE");
    assert_eq!(metadata(&alone, "state"), "NOT_CONSENTED");
    let own = ask(&first.client, of(&organisation, &frozen.etag)).await;
    assert_refused(own, Code::PermissionDenied, "SELF_APPROVAL");

    let consented = unfreeze(&second.client).await.unwrap();
    let stale = ask(&operator, of(&organisation, &frozen.etag)).await;
    assert_refused(stale, Code::Aborted, "ETAG_MISMATCH");
    assert_eq!(tenant(&first.client).await, consented);
    let request =
        UnfreezeTenantRequest { request_id: new_id(), ..of(&organisation, &consented.etag) };
    let dry = UnfreezeTenantRequest { validate_only: true, ..request.clone() };
    assert_eq!(ask(&operator, dry).await.unwrap().freeze, None);
    assert_eq!(tenant(&first.client).await, consented);
    let open = ask(&operator, request.clone()).await.unwrap();
    assert_eq!((open.id.as_str(), &open.freeze), (consented.id.as_str(), &None));
    assert_eq!(tenant(&first.client).await, open);
    let alice = organisation.user(&world, "alice").await;
    organisation.make_eligible(&alice, ROLE, "/").await;
    // A repeat is the first answer and unfreezes nothing that was frozen since.
    freeze(&second.client).await.unwrap();
    assert_eq!(ask(&operator, request).await.unwrap(), open);
    assert!(tenant(&first.client).await.freeze.is_some());

    let code = "pim.tenant.unfrozen_by_operator".to_owned();
    let told = organisation.log(EventFilter { code, ..EventFilter::default() }).await;
    assert_eq!(told.len(), 1);
    let actor = told[0].actor.as_ref().unwrap();
    assert_eq!((actor.kind(), actor.id.as_str()), (ActorKind::Operator, "operator"));
    assert_eq!(told[0].justification, "it was found");
    let examined = world.examine(&["replay"]).await;
    assert_eq!(examined.code, 0, "{examined:?}");
}

#[tokio::test]
async fn an_operator_names_the_tenant_and_nobody_else_names_anothers() {
    let world = World::start().await;
    let (organisation, other) = (world.organisation().await, world.organisation().await);
    let operator = world.operator();
    let frozen = freeze(&organisation.admin.client).await.unwrap();
    let nameless =
        UnfreezeTenantRequest { tenant_id: String::new(), ..of(&organisation, &frozen.etag) };
    assert_invalid(ask(&operator, nameless).await, "tenant_id");
    let nowhere = UnfreezeTenantRequest { tenant_id: new_id(), ..of(&organisation, &frozen.etag) };
    assert_refused(ask(&operator, nowhere).await, Code::NotFound, "NOT_FOUND");
    let strangers = [&other.admin.client, &world.service("scheduler")];
    for stranger in strangers {
        let answer = ask(stranger, of(&organisation, &frozen.etag)).await;
        assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
    }
    let open = ask(&operator, of(&other, &tenant(&other.admin.client).await.etag)).await;
    let open = assert_refused(open, Code::FailedPrecondition, "WRONG_STATE");
    assert_eq!(metadata(&open, "state"), "NOT_FROZEN");
    // One may name one's own.
    let second = &organisation.second_admin.client;
    let consented = ask(second, of(&organisation, &frozen.etag)).await.unwrap();
    assert!(consented.freeze.unwrap().consent_time.is_some());
}
