//! `ImportCatalog`, `GetRole`, `ListRoles`.

use pim_client::Client;
use pim_proto::{
    assignment::v1::{
        GetRoleRequest, ImportCatalogRequest, ImportCatalogResponse, ListRolesRequest, Role,
    },
    r#type::v1::Catalog,
};
use pim_tests::{Organisation, assert_invalid, assert_refused, new_id, timestamp};
use tonic::{Code, Status};

use crate::ground::{Ground, ROLE, UNIT, forged};

/// How many resource roles there are.
const AZURE_ROLES: i32 = 929;
/// How many directory roles there are.
const ENTRA_ROLES: i32 = 145;

async fn import(
    client: &Client,
    request: ImportCatalogRequest,
) -> Result<ImportCatalogResponse, Status> {
    Ok(client.roles().import_catalog(request).await?.into_inner())
}

async fn get(client: &Client, id: &str) -> Result<Role, Status> {
    let request = GetRoleRequest { role_id: id.to_owned() };
    Ok(client.roles().get_role(request).await?.into_inner().role.unwrap())
}

async fn list(client: &Client, request: ListRolesRequest) -> Result<(Vec<Role>, String), Status> {
    let page = client.roles().list_roles(request).await?.into_inner();
    Ok((page.roles, page.next_page_token))
}

fn of(catalog: Catalog) -> ListRolesRequest {
    ListRolesRequest { catalog: catalog.into(), page_size: 1_000, ..Default::default() }
}

fn azure() -> ImportCatalogRequest {
    ImportCatalogRequest { catalog: Catalog::Azure.into(), ..Default::default() }
}

#[tokio::test]
async fn a_role_says_all_of_itself_to_everybody() {
    let ground = Ground::new().await;
    let role = get(&ground.ada.client, ROLE).await.unwrap();
    let now = Some(timestamp(ground.world.now()));
    assert_eq!((&*role.id, &*role.display_name), (ROLE, "User Administrator"));
    assert_eq!(role.catalog(), Catalog::Entra);
    assert!(role.assignable);
    assert!(role.privileged);
    assert!(role.permissions.iter().any(|block| !block.actions.is_empty()));
    assert_eq!((role.create_time, role.update_time), (now, now));
    assert!(!role.etag.is_empty());
    let role = get(&ground.ada.client, Organisation::CONTRIBUTOR).await.unwrap();
    assert_eq!(role.catalog(), Catalog::Azure);
    assert_eq!(role.permissions[0].actions, ["*"]);
    let answer = get(&ground.ada.client, &new_id()).await;
    assert_refused(answer, Code::NotFound, "NOT_FOUND");
    assert_invalid(get(&ground.ada.client, "1").await, "role_id");
}

#[tokio::test]
async fn importing_again_changes_nothing() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    for (catalog, count) in [(Catalog::Azure, AZURE_ROLES), (Catalog::Entra, ENTRA_ROLES)] {
        let before = list(admin, of(catalog)).await.unwrap();
        let request = ImportCatalogRequest { catalog: catalog.into(), ..Default::default() };
        let imported = import(admin, request).await.unwrap();
        assert_eq!(imported.catalog(), catalog);
        assert_eq!((imported.role_count, imported.changed_count), (count, 0));
        assert!(!imported.version.is_empty());
        assert!(!imported.origin.is_empty());
        assert_eq!(list(admin, of(catalog)).await.unwrap(), before);
        assert_eq!(before.0.len(), usize::try_from(count).unwrap());
    }
}

#[tokio::test]
async fn only_an_administrator_of_all_of_it_imports() {
    let ground = Ground::new().await;
    let owner = ground.user("owner").await;
    ground.org.assign(&owner, Organisation::OWNER, "/").await.unwrap();
    let local = ground.user("local").await;
    ground.org.assign(&local, Organisation::GLOBAL_ADMINISTRATOR, UNIT).await.unwrap();
    for person in [&ground.ada, &owner, &local] {
        let answer = import(&person.client, azure()).await;
        assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
    }
}

#[tokio::test]
async fn a_repeated_import_gets_the_first_answer() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let request = ImportCatalogRequest { request_id: new_id(), ..azure() };
    let first = import(admin, request.clone()).await.unwrap();
    let again = import(admin, request.clone()).await.unwrap();
    let expected = ImportCatalogResponse { revision: again.revision.clone(), ..first };
    assert_eq!(again, expected);
    let other = ImportCatalogRequest { catalog: Catalog::Entra.into(), ..request };
    let answer = import(admin, other).await;
    assert_refused(answer, Code::InvalidArgument, "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn a_list_is_by_name_and_narrowed_by_each_of_its_filters() {
    let ground = Ground::new().await;
    let client = &ground.ada.client;
    let (all, _) = list(client, of(Catalog::Entra)).await.unwrap();
    assert!(all.iter().all(|role| role.catalog() == Catalog::Entra));
    let names: Vec<&str> = all.iter().map(|role| &*role.display_name).collect();
    assert!(names.contains(&"Global Administrator"));
    let display_name_contains = "USER ADMINISTRATOR".to_owned();
    let request = ListRolesRequest { display_name_contains, ..of(Catalog::Entra) };
    let (found, next) = list(client, request).await.unwrap();
    assert!(found.iter().any(|role| role.id == ROLE));
    assert!(found.iter().all(|role| role.display_name.contains("User Administrator")));
    assert!(next.is_empty());
    let display_name_contains = "%".to_owned();
    let request = ListRolesRequest { display_name_contains, ..of(Catalog::Entra) };
    assert_eq!(list(client, request).await.unwrap().0, [], "it is text and no pattern");
}

#[tokio::test]
async fn pages_of_ten_show_every_role_once_in_the_order_of_one_page() {
    let ground = Ground::new().await;
    let client = &ground.ada.client;
    let (all, next) = list(client, of(Catalog::Entra)).await.unwrap();
    assert!(next.is_empty());
    let mut listed = Vec::new();
    let mut request = ListRolesRequest { page_size: 10, ..of(Catalog::Entra) };
    loop {
        let (page, next) = list(client, request.clone()).await.unwrap();
        assert!(page.len() == 10 || next.is_empty());
        listed.extend(page);
        request.page_token = next;
        if request.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(listed, all);
    let default = ListRolesRequest { page_size: 0, ..of(Catalog::Entra) };
    assert_eq!(list(client, default).await.unwrap().0.len(), 50);
}

#[tokio::test]
async fn a_page_token_is_good_for_one_list_of_one_caller_only() {
    let ground = Ground::new().await;
    let client = &ground.ada.client;
    let first = ListRolesRequest { page_size: 1, ..of(Catalog::Entra) };
    let page_token = list(client, first.clone()).await.unwrap().1;
    let next = ListRolesRequest { page_token, ..first };
    list(client, next.clone()).await.unwrap();
    let page_token = forged(&next.page_token);
    let text = "User".to_owned();
    for (client, request) in [
        (client, ListRolesRequest { page_token, ..next.clone() }),
        (client, ListRolesRequest { catalog: Catalog::Azure.into(), ..next.clone() }),
        (client, ListRolesRequest { display_name_contains: text, ..next.clone() }),
        (&ground.org.admin.client, next),
    ] {
        assert_invalid(list(client, request).await, "page_token");
    }
}

#[tokio::test]
async fn malformed_fields_are_named() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    for (path, request) in [
        ("catalog", ImportCatalogRequest { catalog: 0, ..azure() }),
        ("catalog", ImportCatalogRequest { catalog: 99, ..azure() }),
        ("request_id", ImportCatalogRequest { request_id: "1".to_owned(), ..azure() }),
    ] {
        assert_invalid(import(admin, request).await, path);
    }
    for (path, request) in [
        ("catalog", ListRolesRequest { catalog: 99, ..Default::default() }),
        ("page_size", ListRolesRequest { page_size: -1, ..Default::default() }),
        (
            "display_name_contains",
            ListRolesRequest { display_name_contains: " ".to_owned(), ..Default::default() },
        ),
    ] {
        assert_invalid(list(admin, request).await, path);
    }
}
