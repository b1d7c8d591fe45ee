//! `CreateTenant`: an organisation, all or nothing, on an operator's word.

use pim_chassis::auth::Grant;
use pim_client::Client;
use pim_domain::condition::Signals;
use pim_proto::{
    assignment::v1::{
        Administrator, CreateTenantRequest, CreateTenantResponse, GetPrincipalRequest,
        ImportCatalogRequest, ListAssignmentsRequest, ListRolesRequest, Tenant, TenantPlan,
    },
    r#type::v1::Catalog,
};
use pim_tests::{Organisation, Person, World, assert_invalid, assert_refused, new_id, timestamp};
use tonic::{Code, Status};
use uuid::Uuid;

use crate::ground::Ground;

fn administrator(subject: &str) -> Administrator {
    Administrator {
        issuer: Person::issuer().to_owned(),
        subject: subject.to_owned(),
        display_name: format!("The {subject}"),
    }
}

fn wish() -> CreateTenantRequest {
    CreateTenantRequest {
        display_name: "Contoso".to_owned(),
        administrators: vec![administrator("first"), administrator("second")],
        ..Default::default()
    }
}

async fn create(
    client: &Client,
    request: CreateTenantRequest,
) -> Result<CreateTenantResponse, Status> {
    Ok(client.tenants().create_tenant(request).await?.into_inner())
}

/// Somebody of a tenant, by their subject.
fn client_of(world: &World, tenant: &str, subject: &str) -> Client {
    world.client(Grant::Principal {
        tenant: tenant.parse().unwrap(),
        subject: subject.to_owned(),
        amr: vec!["mfa".to_owned()],
        acr: None,
        acrs: Vec::new(),
        auth_time: None,
        signals: Signals::default(),
    })
}

#[tokio::test]
async fn a_tenant_has_its_directory_roles_and_two_emergency_administrators() {
    let world = World::start().await;
    let made = create(&world.operator(), wish()).await.unwrap();
    let tenant = made.tenant.unwrap();
    let now = Some(timestamp(world.now()));
    let expected = Tenant {
        id: tenant.id.clone(),
        display_name: "Contoso".to_owned(),
        create_time: now,
        update_time: now,
        etag: tenant.etag.clone(),
        plan: TenantPlan::P2.into(),
        freeze: None,
    };
    assert_eq!(tenant, expected);
    assert!(tenant.id.parse::<Uuid>().is_ok());
    assert!(!made.revision.is_empty());
    assert_eq!(made.administrator_ids.len(), 2);
    for (subject, id) in ["first", "second"].into_iter().zip(made.administrator_ids) {
        let client = client_of(&world, &tenant.id, subject);
        let request = GetPrincipalRequest::default();
        let me = client.directory().get_principal(request).await.unwrap().into_inner();
        let me = me.principal.unwrap();
        assert_eq!((&*me.id, &*me.subject), (&*id, subject));
        assert_eq!(me.display_name, format!("The {subject}"));
        assert!(me.enabled && me.break_glass);
        let request = ListAssignmentsRequest { principal_id: id, ..Default::default() };
        let held = client.assignments().list_assignments(request).await.unwrap().into_inner();
        let [held] = <[_; 1]>::try_from(held.assignments).unwrap();
        assert_eq!((&*held.role_id, &*held.scope), (Organisation::GLOBAL_ADMINISTRATOR, "/"));
        assert_eq!(held.end_time, None);
    }
    let client = client_of(&world, &tenant.id, "first");
    let request = ListRolesRequest { page_size: 1_000, ..Default::default() };
    let roles = client.roles().list_roles(request).await.unwrap().into_inner().roles;
    assert!(roles.iter().any(|role| role.catalog() == Catalog::Entra));
    assert!(roles.iter().any(|role| role.catalog() == Catalog::Pim));
    assert!(roles.iter().all(|role| role.catalog() != Catalog::Azure));
}

#[tokio::test]
async fn resource_roles_come_by_import_and_a_dry_one_brings_none() {
    let world = World::start().await;
    let made = create(&world.operator(), wish()).await.unwrap();
    let client = client_of(&world, &made.tenant.unwrap().id, "first");
    let catalog = Catalog::Azure.into();
    let there_are = async || {
        let request = ListRolesRequest { catalog, page_size: 1_000, ..Default::default() };
        client.roles().list_roles(request).await.unwrap().into_inner().roles.len()
    };
    let request = ImportCatalogRequest { catalog, ..Default::default() };
    let dry = ImportCatalogRequest { validate_only: true, ..request.clone() };
    let judged = client.roles().import_catalog(dry).await.unwrap().into_inner();
    assert_eq!((judged.role_count, judged.changed_count), (929, 929));
    assert_eq!(there_are().await, 0);
    let imported = client.roles().import_catalog(request).await.unwrap().into_inner();
    assert_eq!((imported.role_count, imported.changed_count), (929, 929));
    assert_eq!(there_are().await, 929);
}

#[tokio::test]
async fn nobody_but_an_operator_makes_one() {
    let ground = Ground::new().await;
    for client in [&ground.org.admin.client, &ground.world.service("scheduler")] {
        let answer = create(client, wish()).await;
        assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
    }
}

#[tokio::test]
async fn an_operator_does_nothing_else() {
    let ground = Ground::new().await;
    let operator = ground.world.operator();
    let request = ListRolesRequest::default();
    let answer = operator.roles().list_roles(request).await;
    assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
    let request = ListAssignmentsRequest::default();
    let answer = operator.assignments().list_assignments(request).await;
    assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_and_another_is_refused() {
    let world = World::start().await;
    let operator = world.operator();
    let request = CreateTenantRequest { request_id: new_id(), ..wish() };
    let first = create(&operator, request.clone()).await.unwrap();
    let again = create(&operator, request.clone()).await.unwrap();
    assert_eq!(
        (&again.tenant, &again.administrator_ids),
        (&first.tenant, &first.administrator_ids)
    );
    let other = CreateTenantRequest { display_name: "Fabrikam".to_owned(), ..request };
    let answer = create(&operator, other).await;
    assert_refused(answer, Code::InvalidArgument, "REQUEST_ID_REUSED");
    let another = create(&operator, wish()).await.unwrap();
    assert_ne!(another.tenant.unwrap().id, first.tenant.unwrap().id);
}

#[tokio::test]
async fn a_dry_run_makes_nothing() {
    let world = World::start().await;
    let request = CreateTenantRequest { validate_only: true, ..wish() };
    let judged = create(&world.operator(), request).await.unwrap();
    let client = client_of(&world, &judged.tenant.unwrap().id, "first");
    let answer = client.directory().get_principal(GetPrincipalRequest::default()).await;
    assert_refused(answer, Code::Unauthenticated, "CREDENTIAL_INVALID");
}

#[tokio::test]
async fn malformed_fields_are_named() {
    let world = World::start().await;
    let operator = world.operator();
    let with = |administrators| CreateTenantRequest { administrators, ..wish() };
    let [first, second] = ["first", "second"].map(administrator);
    let nameless = Administrator { display_name: String::new(), ..second.clone() };
    let nowhere = Administrator { issuer: String::new(), ..first.clone() };
    for (path, request) in [
        ("display_name", CreateTenantRequest { display_name: String::new(), ..wish() }),
        ("administrators", with(vec![])),
        ("administrators", with(vec![first.clone()])),
        ("administrators", with(vec![first.clone(), second.clone(), administrator("third")])),
        ("administrators", with(vec![first.clone(), first.clone()])),
        ("administrators[0].issuer", with(vec![nowhere, second])),
        ("administrators[1].display_name", with(vec![first, nameless])),
        ("request_id", CreateTenantRequest { request_id: "1".to_owned(), ..wish() }),
    ] {
        assert_invalid(create(&operator, request).await, path);
    }
}
