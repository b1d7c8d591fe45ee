//! The tree of scopes: each RPC with its answer, its refusals, and its repeat.

use pim_client::Client;
use pim_proto::assignment::v1::{
    CreateScopeRequest, DeleteScopeRequest, GetScopeRequest, ListScopesRequest, Scope, ScopeKind,
    SearchActivatableScopesRequest, UpdateScopeRequest,
};
use pim_tests::{
    Organisation, Person, assert_invalid, assert_refused, assert_same_refusal, metadata, new_id,
};
use tonic::{Code, Status};

use crate::{
    grants::{Kind, removal, remove},
    ground::{Ground, ROLE, UNIT, forged},
};

const ALL: &str = "/managementGroups/all";
const WEB: &str = "/managementGroups/web";
const OTHER: &str = "/managementGroups/other";
const SHOP: &str = "/subscriptions/shop";
const RACK: &str = "/subscriptions/shop/resourceGroups/rack";

/// The shop below the web below all, and another beside the web.
async fn tree() -> Ground {
    let ground = Ground::new().await;
    for (scope, parent) in [(ALL, ""), (WEB, ALL), (OTHER, ALL), (SHOP, WEB)] {
        ground.org.register(scope, parent).await.unwrap();
    }
    ground
}

/// Somebody who owns a scope.
async fn owner(ground: &Ground, name: &str, scope: &str) -> Person {
    let owner = ground.user(name).await;
    ground.org.assign(&owner, Organisation::OWNER, scope).await.unwrap();
    owner
}

fn creating(scope: &str, parent: &str) -> CreateScopeRequest {
    CreateScopeRequest {
        scope: scope.to_owned(),
        parent_scope: parent.to_owned(),
        display_name: "Shop".to_owned(),
        ..CreateScopeRequest::default()
    }
}

async fn create(client: &Client, request: CreateScopeRequest) -> Result<Scope, Status> {
    Ok(client.scopes().create_scope(request).await?.into_inner().scope.unwrap())
}

async fn get(client: &Client, scope: &str) -> Result<Scope, Status> {
    let request = GetScopeRequest { scope: scope.to_owned() };
    Ok(client.scopes().get_scope(request).await?.into_inner().scope.unwrap())
}

fn moving(scope: &Scope, to: &str) -> UpdateScopeRequest {
    UpdateScopeRequest {
        scope: scope.scope.clone(),
        etag: scope.etag.clone(),
        parent_scope: to.to_owned(),
        ..UpdateScopeRequest::default()
    }
}

async fn update(client: &Client, request: UpdateScopeRequest) -> Result<Scope, Status> {
    Ok(client.scopes().update_scope(request).await?.into_inner().scope.unwrap())
}

fn deleting(scope: &Scope) -> DeleteScopeRequest {
    let (scope, etag) = (scope.scope.clone(), scope.etag.clone());
    DeleteScopeRequest { scope, etag, ..DeleteScopeRequest::default() }
}

async fn delete(client: &Client, request: DeleteScopeRequest) -> Result<Scope, Status> {
    Ok(client.scopes().delete_scope(request).await?.into_inner().scope.unwrap())
}

async fn list(client: &Client, request: ListScopesRequest) -> Result<Vec<String>, Status> {
    let answer = client.scopes().list_scopes(request).await?.into_inner();
    Ok(answer.scopes.into_iter().map(|scope| scope.scope).collect())
}

fn below(scope: &str) -> ListScopesRequest {
    ListScopesRequest { below_scope: scope.to_owned(), ..ListScopesRequest::default() }
}

#[tokio::test]
async fn a_scope_is_registered_below_another() {
    let ground = tree().await;
    let admin = &ground.org.admin.client;
    let request = CreateScopeRequest {
        request_id: new_id(),
        ..creating("/SUBSCRIPTIONS/Till", "/managementgroups/WEB")
    };
    let dry = CreateScopeRequest { validate_only: true, ..request.clone() };
    let shown = create(admin, dry).await.unwrap();
    assert_refused(get(admin, &shown.scope).await, Code::NotFound, "NOT_FOUND");
    let made = create(admin, request.clone()).await.unwrap();
    assert_eq!((made.scope.as_str(), made.parent_scope.as_str()), ("/subscriptions/till", WEB));
    assert_eq!((made.kind(), made.display_name.as_str()), (ScopeKind::Subscription, "Shop"));
    assert_eq!(get(admin, &made.scope).await.unwrap(), made);
    assert_eq!(create(admin, request.clone()).await.unwrap(), made, "a repeat");
    let other = CreateScopeRequest { display_name: "Till".to_owned(), ..request };
    let answer = create(admin, other).await;
    assert_refused(answer, Code::InvalidArgument, "REQUEST_ID_REUSED");
    let again = create(admin, creating(&made.scope, "")).await;
    let status = assert_refused(again, Code::AlreadyExists, "DUPLICATE");
    assert_eq!((metadata(&status, "thing").as_str(), metadata(&status, "id")), ("scope", made.id));
}

#[tokio::test]
async fn a_scope_gets_no_place_that_it_cannot_have() {
    let ground = tree().await;
    let admin = &ground.org.admin.client;
    let put = async |scope: &str, parent: &str| create(admin, creating(scope, parent)).await;
    assert_invalid(put("/", "").await, "scope");
    assert_invalid(put(RACK, WEB).await, "parent_scope");
    assert_invalid(put(UNIT, WEB).await, "parent_scope");
    assert_invalid(put("/subscriptions/till", SHOP).await, "parent_scope");
    assert_invalid(put("/subscriptions/till", "/managementGroups/unknown").await, "parent_scope");
    let nameless = CreateScopeRequest { display_name: String::new(), ..creating(RACK, "") };
    assert_invalid(create(admin, nameless).await, "display_name");
    // For its name alone.
    put(RACK, "").await.unwrap();
    put(UNIT, "").await.unwrap();
    let all = ground.org.scope(ALL).await.unwrap();
    for below in [ALL, WEB] {
        assert_invalid(update(admin, moving(&all, below)).await, "parent_scope");
    }
    let said = update(admin, moving(&ground.org.scope(RACK).await.unwrap(), "/")).await;
    assert_invalid(said, "parent_scope");
}

#[tokio::test]
async fn a_tree_is_at_most_32_scopes_deep() {
    let ground = Ground::new().await;
    let group = |number: usize| format!("/managementGroups/g{number}");
    ground.org.register(&group(1), "").await.unwrap();
    for number in 2..32 {
        ground.org.register(&group(number), &group(number - 1)).await.unwrap();
    }
    ground.org.register("/subscriptions/deep", &group(31)).await.unwrap();
    let deeper = ground.org.register(&group(32), &group(31)).await.unwrap();
    let answer = ground.org.register("/subscriptions/deeper", &deeper.scope).await;
    assert_invalid(answer, "parent_scope");
    // What is moved takes along what lies below it.
    ground.org.register(&group(0), "").await.unwrap();
    let top = ground.org.move_scope(&group(1), &group(0)).await;
    assert_invalid(top, "parent_scope");
}

#[tokio::test]
async fn who_registers_has_the_right_above_and_at_the_new_parent() {
    let ground = tree().await;
    let nobody = create(&ground.ada.client, creating("/subscriptions/till", WEB)).await;
    let nobody = assert_refused(nobody, Code::PermissionDenied, "NOT_PERMITTED");
    let web = owner(&ground, "web", WEB).await;
    // A subscription that lies below the root is not the web's to take.
    let theirs = create(&web.client, creating("/subscriptions/till", WEB)).await;
    let theirs = assert_refused(theirs, Code::PermissionDenied, "NOT_PERMITTED");
    assert_same_refusal(&nobody, &theirs);
    // What its path has below what they own is.
    create(&web.client, creating(RACK, "")).await.unwrap();
    let shop = ground.org.scope(SHOP).await.unwrap();
    for to in [OTHER, "/"] {
        let answer = update(&web.client, moving(&shop, to)).await;
        assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
    }
    let owner = owner(&ground, "shop", SHOP).await;
    let answer = update(&owner.client, moving(&shop, WEB)).await;
    assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
    let name = UpdateScopeRequest { display_name: "Till".to_owned(), ..moving(&shop, "") };
    assert_eq!(update(&owner.client, name).await.unwrap().display_name, "Till");
    let rack = ground.org.scope(RACK).await.unwrap();
    assert!(delete(&owner.client, deleting(&rack)).await.is_ok());
    let shop = ground.org.scope(SHOP).await.unwrap();
    for owner in [&owner, &web] {
        let answer = delete(&owner.client, deleting(&shop)).await;
        assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
    }
}

#[tokio::test]
async fn nobody_puts_a_scope_below_what_they_hold_or_are_eligible_for() {
    let ground = tree().await;
    let [mover, second] = ground.accounts(["mover", "mover-admin"]).await;
    let role = Organisation::GLOBAL_ADMINISTRATOR;
    ground.org.assign(&mover, role, "/").await.unwrap();
    let shop = ground.org.scope(SHOP).await.unwrap();
    let eligible = ground.org.make_eligible(&second, Organisation::CONTRIBUTOR, OTHER).await;
    let answer = update(&mover.client, moving(&shop, OTHER)).await;
    assert_refused(answer, Code::PermissionDenied, "SELF_GRANT");
    let answer = create(&mover.client, creating("/subscriptions/till", OTHER)).await;
    assert_refused(answer, Code::PermissionDenied, "SELF_GRANT");
    assert_eq!(ground.org.scope(SHOP).await.unwrap(), shop);
    let [joiner, joined] = ground.accounts(["joiner", "joiner-admin"]).await;
    ground.org.assign(&joiner, role, "/").await.unwrap();
    let (admin, ops) = (&ground.org.admin, ground.org.group("ops").await);
    admin.add_member(&joined.id, &ops).await.unwrap();
    admin.assign_to(&ops.id, Organisation::CONTRIBUTOR, OTHER).await.unwrap();
    let answer = update(&joiner.client, moving(&shop, OTHER)).await;
    assert_refused(answer, Code::PermissionDenied, "SELF_GRANT");
    // Out of it is no gain, and neither is it for somebody else.
    let shop = update(&ground.org.admin.client, moving(&shop, OTHER)).await.unwrap();
    let shop = update(&mover.client, moving(&shop, WEB)).await.unwrap();
    remove(&ground.org.admin.client, Kind::Eligibility, removal(&eligible.id)).await.unwrap();
    update(&mover.client, moving(&shop, OTHER)).await.unwrap();
}

#[tokio::test]
async fn a_scope_is_renamed_and_moved_as_it_was_read() {
    let ground = tree().await;
    let admin = &ground.org.admin.client;
    let shop = ground.org.scope(SHOP).await.unwrap();
    let name = "The Shop".to_owned();
    let request = UpdateScopeRequest {
        display_name: name.clone(),
        request_id: new_id(),
        ..moving(&shop, OTHER)
    };
    let dry = UpdateScopeRequest { validate_only: true, ..request.clone() };
    assert_eq!(update(admin, dry).await.unwrap().parent_scope, OTHER);
    assert_eq!(ground.org.scope(SHOP).await.unwrap(), shop);
    let moved = update(admin, request.clone()).await.unwrap();
    assert_eq!((moved.parent_scope.as_str(), &moved.display_name), (OTHER, &name));
    assert_eq!(update(admin, request).await.unwrap(), moved, "a repeat");
    let status =
        assert_refused(update(admin, moving(&shop, WEB)).await, Code::Aborted, "ETAG_MISMATCH");
    assert_eq!(metadata(&status, "etag"), moved.etag);
    let out = update(admin, moving(&moved, "/")).await.unwrap();
    assert_eq!((out.parent_scope.as_str(), &out.display_name), ("", &name));
    assert_invalid(update(admin, moving(&out, "")).await, "display_name");
    let unknown = Scope { scope: "/subscriptions/unknown".to_owned(), ..out };
    assert_refused(update(admin, moving(&unknown, WEB)).await, Code::NotFound, "NOT_FOUND");
}

#[tokio::test]
async fn a_scope_is_deleted_once_nothing_needs_it() {
    let ground = tree().await;
    let admin = &ground.org.admin.client;
    let state = |answer| {
        let status = assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
        metadata(&status, "state")
    };
    let scope = async |scope: &str| ground.org.scope(scope).await.unwrap();
    assert_eq!(state(delete(admin, deleting(&scope(WEB).await)).await), "HAS_CHILDREN");
    let granted = ground.org.make_eligible(&ground.ada, Organisation::CONTRIBUTOR, RACK).await;
    assert_eq!(state(delete(admin, deleting(&scope(SHOP).await)).await), "IN_USE");
    remove(admin, Kind::Eligibility, removal(&granted.id)).await.unwrap();
    let shop = scope(SHOP).await;
    let stale = DeleteScopeRequest { etag: "v9".to_owned(), ..deleting(&shop) };
    assert_refused(delete(admin, stale).await, Code::Aborted, "ETAG_MISMATCH");
    let request = DeleteScopeRequest { request_id: new_id(), ..deleting(&shop) };
    let dry = DeleteScopeRequest { validate_only: true, ..request.clone() };
    delete(admin, dry).await.unwrap();
    assert_eq!(scope(SHOP).await, shop);
    let gone = delete(admin, request.clone()).await.unwrap();
    assert_eq!(delete(admin, request).await.unwrap(), gone, "a repeat");
    for answer in [get(admin, SHOP).await, delete(admin, deleting(&gone)).await] {
        assert_refused(answer, Code::NotFound, "NOT_FOUND");
    }
    assert_eq!(list(admin, below(WEB)).await.unwrap(), [WEB]);
    // Registered again, it is the same scope with its history.
    let again = ground.org.register(SHOP, WEB).await.unwrap();
    assert_eq!(again.id, shop.id);
    assert_ne!(again.etag, shop.etag);
}

#[tokio::test]
async fn who_may_read_a_scope_may_read_what_lies_below_it() {
    let ground = tree().await;
    ground.org.register(UNIT, "").await.unwrap();
    ground.org.register(RACK, "").await.unwrap();
    let admin = &ground.org.admin.client;
    let web = owner(&ground, "web", WEB).await.client;
    assert_eq!(get(&web, SHOP).await.unwrap(), ground.org.scope(SHOP).await.unwrap());
    // Whether or not there is one.
    let known = get(&web, OTHER).await;
    let known = assert_refused(known, Code::PermissionDenied, "NOT_PERMITTED");
    let unknown = get(&web, "/subscriptions/unknown").await;
    assert_same_refusal(&known, &assert_refused(unknown, Code::PermissionDenied, "NOT_PERMITTED"));
    let none = get(&web, "/subscriptions/shop/resourceGroups/none").await;
    assert_refused(none, Code::NotFound, "NOT_FOUND");
    assert_eq!(list(&web, below(WEB)).await.unwrap(), [WEB, SHOP, RACK]);
    for request in [ListScopesRequest::default(), below(ALL)] {
        let answer = list(&web, request).await;
        assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
    }
    assert_eq!(
        list(admin, ListScopesRequest::default()).await.unwrap(),
        [UNIT, ALL, OTHER, WEB, SHOP, RACK]
    );
    let children = ListScopesRequest { parent_scope: ALL.to_owned(), ..Default::default() };
    assert_eq!(list(admin, children).await.unwrap(), [OTHER, WEB]);
    let kind = ScopeKind::Subscription.into();
    assert_eq!(list(admin, ListScopesRequest { kind, ..below(ALL) }).await.unwrap(), [SHOP]);
    // Who owns the resources of the tenant sees no part of the directory.
    let owner = owner(&ground, "owner", "/").await.client;
    let seen = list(&owner, ListScopesRequest::default()).await.unwrap();
    assert_eq!(seen, [ALL, OTHER, WEB, SHOP, RACK]);
    let denied = list(&ground.ada.client, below(WEB)).await;
    assert_refused(denied, Code::PermissionDenied, "NOT_PERMITTED");
}

#[tokio::test]
async fn scopes_are_listed_page_by_page() {
    let ground = tree().await;
    let mut scopes = ground.org.admin.client.scopes();
    let mut request = ListScopesRequest { page_size: 3, ..ListScopesRequest::default() };
    let first = scopes.list_scopes(request.clone()).await.unwrap().into_inner();
    request.page_token = first.next_page_token.clone();
    let second = scopes.list_scopes(request.clone()).await.unwrap().into_inner();
    assert_eq!(second.next_page_token, "");
    let all = [first.scopes, second.scopes].concat();
    let all: Vec<&str> = all.iter().map(|scope| scope.scope.as_str()).collect();
    assert_eq!(all, [ALL, OTHER, WEB, SHOP]);
    request.page_token = forged(&request.page_token);
    assert_invalid(scopes.list_scopes(request).await, "page_token");
}

async fn activatable(client: &Client, eligibility_id: &str) -> Result<Vec<String>, Status> {
    let eligibility_id = eligibility_id.to_owned();
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = SearchActivatableScopesRequest {
            eligibility_id: eligibility_id.clone(),
            page_size: 2,
            page_token,
        };
        let page = client.scopes().search_activatable_scopes(request).await?.into_inner();
        all.extend(page.scopes.into_iter().map(|scope| scope.scope));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(all);
        }
    }
}

#[tokio::test]
async fn a_user_finds_where_an_eligibility_can_be_activated() {
    let ground = tree().await;
    ground.org.register(UNIT, "").await.unwrap();
    ground.org.register(RACK, "").await.unwrap();
    let ada = &ground.ada.client;
    let web = ground.org.make_eligible(&ground.ada, Organisation::CONTRIBUTOR, WEB).await;
    assert_eq!(activatable(ada, &web.id).await.unwrap(), [WEB, SHOP, RACK]);
    let all = ground.org.make_eligible(&ground.ada, Organisation::CONTRIBUTOR, "/").await;
    assert_eq!(activatable(ada, &all.id).await.unwrap(), [ALL, OTHER, WEB, SHOP, RACK]);
    let directory = ground.org.make_eligible(&ground.ada, ROLE, "/").await;
    assert_eq!(activatable(ada, &directory.id).await.unwrap(), [UNIT]);
    // Each of them can be, and nothing beside.
    for scope in [WEB, RACK] {
        let wish = Person::wish(Organisation::CONTRIBUTOR, scope);
        let wish = pim_proto::activation::v1::ActivateRoleRequest {
            eligibility_id: web.id.clone(),
            ..wish
        };
        ground.ada.activate(wish).await.unwrap();
    }
    let somebody = ground.user("somebody").await;
    for (client, id) in [(&somebody.client, &web.id), (ada, &new_id())] {
        let answer = activatable(client, id).await;
        assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
    }
    remove(&ground.org.admin.client, Kind::Eligibility, removal(&web.id)).await.unwrap();
    assert_eq!(activatable(ada, &web.id).await.unwrap(), [] as [&str; 0]);
}
