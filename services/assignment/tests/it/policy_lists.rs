//! `ListPolicies`: what a tenant has set.

use pim_client::Client;
use pim_proto::assignment::v1::{ListPoliciesRequest, ListPoliciesResponse, Policy, Rules};
use pim_tests::{Organisation, assert_invalid};
use tonic::Status;

use crate::{
    ground::{Ground, ROLE, SUBSCRIPTION, UNIT, forged},
    policies::{setting, ticket, update},
};

const CONTRIBUTOR: &str = Organisation::CONTRIBUTOR;
const GROUP: &str = "/subscriptions/9a4e0f5c-6c6b-4a63-8f3e-2a9d1f0b7e21/resourceGroups/app";
/// Begins like another and is not below it.
const NEIGHBOUR: &str = "/subscriptions/9a4e0f5c-6c6b-4a63-8f3e-2a9d1f0b7e21a";

async fn list(
    client: &Client,
    request: ListPoliciesRequest,
) -> Result<ListPoliciesResponse, Status> {
    Ok(client.policies().list_policies(request).await?.into_inner())
}

/// Policies of two roles at scopes, as they are shown: by role and scope.
async fn several(ground: &Ground) -> Vec<Policy> {
    let mut policies = Vec::new();
    for (role, scope) in [
        (ROLE, UNIT),
        (CONTRIBUTOR, NEIGHBOUR),
        (CONTRIBUTOR, GROUP),
        (ROLE, "/"),
        (CONTRIBUTOR, SUBSCRIPTION),
        (CONTRIBUTOR, "/"),
    ] {
        policies.push(ground.org.set_policy_at(role, scope, ticket(), &[]).await.unwrap());
    }
    let key = |policy: &Policy| (policy.role_id.clone(), policy.scope.clone());
    policies.sort_by_key(key);
    policies
}

#[tokio::test]
async fn pages_show_everything_once_in_order_and_to_everybody() {
    let ground = Ground::new().await;
    let ada = &ground.ada.client;
    assert_eq!(list(ada, ListPoliciesRequest::default()).await.unwrap().policies, []);
    let all = several(&ground).await;
    let shown = list(ada, ListPoliciesRequest::default()).await.unwrap();
    assert_eq!((&shown.policies, shown.next_page_token.as_str()), (&all, ""));
    assert!(!shown.revision.is_empty());
    for size in [1, 4] {
        let (mut seen, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListPoliciesRequest { page_size: size, page_token, ..Default::default() };
            let page = list(ada, request).await.unwrap();
            assert!(page.policies.len() <= usize::try_from(size).unwrap());
            seen.extend(page.policies);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(seen, all);
    }
}

#[tokio::test]
async fn a_list_is_of_a_role_and_of_a_scope_and_what_lies_below() {
    let ground = Ground::new().await;
    let all = several(&ground).await;
    let of = |roles: &[&str], scopes: &[&str]| -> Vec<Policy> {
        let wanted = |it: &&Policy| {
            roles.contains(&it.role_id.as_str()) && scopes.contains(&it.scope.as_str())
        };
        all.iter().filter(wanted).cloned().collect()
    };
    let everywhere = ["/", UNIT, SUBSCRIPTION, GROUP, NEIGHBOUR];
    for (role, scope, expected) in [
        (ROLE, "", of(&[ROLE], &everywhere)),
        (ROLE, "/", of(&[ROLE], &everywhere)),
        ("", SUBSCRIPTION, of(&[CONTRIBUTOR], &[SUBSCRIPTION, GROUP])),
        (CONTRIBUTOR, GROUP, of(&[CONTRIBUTOR], &[GROUP])),
        (ROLE, SUBSCRIPTION, Vec::new()),
        ("", UNIT, of(&[ROLE], &[UNIT])),
    ] {
        let (role_id, scope) = (role.to_owned(), scope.to_owned());
        let request = ListPoliciesRequest { role_id, scope, ..Default::default() };
        let shown = list(&ground.ada.client, request.clone()).await.unwrap();
        assert_eq!(shown.policies, expected, "{request:?}");
    }
}

#[tokio::test]
async fn only_the_newest_of_each_is_shown_and_only_to_its_tenant() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let first = ground.org.set_policy_at(ROLE, UNIT, ticket(), &[]).await.unwrap();
    let lax = Rules { require_mfa: Some(false), ..Rules::default() };
    let second = update(admin, setting(&first, lax)).await.unwrap();
    assert_ne!(first, second);
    let shown = list(admin, ListPoliciesRequest::default()).await.unwrap();
    assert_eq!(shown.policies, [second]);
    let elsewhere = ground.world.organisation().await;
    let theirs = list(&elsewhere.admin.client, ListPoliciesRequest::default()).await.unwrap();
    assert_eq!(theirs.policies, []);
}

#[tokio::test]
async fn a_page_token_is_good_for_one_list_of_one_caller_only() {
    let ground = Ground::new().await;
    several(&ground).await;
    let (ada, admin) = (&ground.ada.client, &ground.org.admin.client);
    let first = ListPoliciesRequest { page_size: 1, ..Default::default() };
    let page_token = list(ada, first.clone()).await.unwrap().next_page_token;
    let next = ListPoliciesRequest { page_token: page_token.clone(), ..first.clone() };
    let other_role = ListPoliciesRequest { role_id: ROLE.to_owned(), ..next.clone() };
    let other_scope = ListPoliciesRequest { scope: UNIT.to_owned(), ..next.clone() };
    let changed = ListPoliciesRequest { page_token: forged(&page_token), ..first };
    for (client, request) in
        [(admin, &next), (ada, &other_role), (ada, &other_scope), (ada, &changed)]
    {
        assert_invalid(list(client, request.clone()).await, "page_token");
    }
    for (path, request) in [
        ("role_id", ListPoliciesRequest { role_id: "1".to_owned(), ..Default::default() }),
        ("scope", ListPoliciesRequest { scope: "up".to_owned(), ..Default::default() }),
        ("page_size", ListPoliciesRequest { page_size: -1, ..Default::default() }),
    ] {
        assert_invalid(list(ada, request).await, path);
    }
    list(ada, next).await.unwrap();
}
