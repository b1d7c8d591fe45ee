//! Reading eligibilities and active assignments: who sees what, page by page.

use chrono::TimeDelta;
use pim_client::Client;
use pim_proto::assignment::v1::{
    CreateEligibilityRequest, Eligibility, GrantState, ListEligibilitiesRequest,
    SearchMyEligibilitiesRequest, SearchMyEligibilitiesResponse,
};
use pim_tests::{
    Organisation, assert_invalid, assert_refused, assert_same_refusal, new_id, timestamp,
};
use tonic::{Code, Status};

use crate::{
    grants::{KINDS, Kind, create, get, list, removal, remove, wish},
    ground::{Ground, ROLE, SUBSCRIPTION, UNIT, forged},
};

const GLOBAL_READER: &str = "f2ef992c-3afb-46b9-b7cf-a126ee74c451";

async fn mine(
    client: &Client,
    request: SearchMyEligibilitiesRequest,
) -> Result<SearchMyEligibilitiesResponse, Status> {
    Ok(client.assignments().search_my_eligibilities(request).await?.into_inner())
}

fn ids(grants: &[Eligibility]) -> Vec<&str> {
    grants.iter().map(|grant| &*grant.id).collect()
}

/// Ada's three, in the order in which they were made: at the root, at a unit, and of a resource
/// role at a subscription.
async fn three(ground: &Ground, kind: Kind) -> [Eligibility; 3] {
    let admin = &ground.org.admin.client;
    let mut made = Vec::new();
    for (role, scope) in [(ROLE, "/"), (ROLE, UNIT), (Organisation::CONTRIBUTOR, SUBSCRIPTION)] {
        ground.world.advance(TimeDelta::seconds(1));
        made.push(create(admin, kind, wish(&ground.ada, role, scope)).await.unwrap());
    }
    made.try_into().unwrap()
}

#[tokio::test]
async fn whom_it_is_for_and_readers_at_its_scope_see_it() {
    let ground = Ground::new().await;
    let reader = ground.user("reader").await;
    ground.org.assign(&reader, GLOBAL_READER, "/").await.unwrap();
    for kind in KINDS {
        let request = wish(&ground.ada, ROLE, "/");
        let made = create(&ground.org.admin.client, kind, request).await.unwrap();
        for person in [&ground.ada, &ground.org.admin, &reader] {
            assert_eq!(get(&person.client, kind, &made.id).await.unwrap(), made);
        }
    }
}

#[tokio::test]
async fn strangers_see_nothing_and_do_not_learn_whether_there_is_one() {
    let ground = Ground::new().await;
    let bob = ground.user("bob").await;
    let local = ground.user("local").await;
    ground.org.assign(&local, GLOBAL_READER, UNIT).await.unwrap();
    let admin = &ground.org.admin.client;
    for kind in KINDS {
        let made = create(admin, kind, wish(&ground.ada, ROLE, "/")).await.unwrap();
        for stranger in [&bob, &local] {
            let real = get(&stranger.client, kind, &made.id).await;
            let real = assert_refused(real, Code::PermissionDenied, "NOT_PERMITTED");
            let missing = get(&stranger.client, kind, &new_id()).await;
            let missing = assert_refused(missing, Code::PermissionDenied, "NOT_PERMITTED");
            assert_same_refusal(&real, &missing);
        }
        let answer = get(admin, kind, &new_id()).await;
        assert_refused(answer, Code::NotFound, "NOT_FOUND");
        let answer = get(admin, kind.other(), &made.id).await;
        assert_refused(answer, Code::NotFound, "NOT_FOUND");
        assert_invalid(get(admin, kind, "1").await, kind.id_field());
    }
}

#[tokio::test]
async fn another_tenant_has_none_of_it() {
    let ground = Ground::new().await;
    let elsewhere = ground.world.organisation().await;
    for kind in KINDS {
        let request = wish(&ground.ada, ROLE, "/");
        let made = create(&ground.org.admin.client, kind, request).await.unwrap();
        let answer = get(&elsewhere.admin.client, kind, &made.id).await;
        assert_refused(answer, Code::NotFound, "NOT_FOUND");
        let principal_id = ground.ada.id.clone();
        let request = ListEligibilitiesRequest { principal_id, ..Default::default() };
        assert_eq!(list(&elsewhere.admin.client, kind, request).await.unwrap().0, []);
    }
}

#[tokio::test]
async fn a_list_is_narrowed_by_each_of_its_filters() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let bob = ground.user("bob").await;
    for kind in KINDS {
        let [root, unit, resource] = three(&ground, kind).await;
        ground.world.advance(TimeDelta::seconds(1));
        let bobs = create(admin, kind, wish(&bob, ROLE, UNIT)).await.unwrap();
        remove(admin, kind, removal(&root.id)).await.unwrap();
        let hers = ListEligibilitiesRequest {
            principal_id: ground.ada.id.clone(),
            include_ended: true,
            ..Default::default()
        };
        let role_id = ROLE.to_owned();
        let all_of_role =
            ListEligibilitiesRequest { role_id, include_ended: true, ..Default::default() };
        let scope = UNIT.to_owned();
        let below = ListEligibilitiesRequest { scope, ..Default::default() };
        let cases = [
            (hers.clone(), vec![&root, &unit, &resource]),
            (
                ListEligibilitiesRequest { include_ended: false, ..hers.clone() },
                vec![&unit, &resource],
            ),
            (all_of_role, vec![&root, &unit, &bobs]),
            (below, vec![&unit, &bobs]),
            (ListEligibilitiesRequest { principal_id: new_id(), ..hers }, vec![]),
        ];
        for (request, expected) in cases {
            let (listed, next) = list(admin, kind, request.clone()).await.unwrap();
            let expected: Vec<&str> = expected.iter().map(|one| &*one.id).collect();
            assert_eq!(ids(&listed), expected, "{kind:?} {request:?}");
            assert!(next.is_empty());
        }
    }
}

#[tokio::test]
async fn a_list_leaves_out_what_time_has_ended() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    for kind in KINDS {
        let end_time = Some(timestamp(ground.world.now() + TimeDelta::hours(1)));
        let request = CreateEligibilityRequest { end_time, ..wish(&ground.ada, ROLE, "/") };
        let made = create(admin, kind, request).await.unwrap();
        ground.world.advance(TimeDelta::hours(1));
        let principal_id = ground.ada.id.clone();
        let request = ListEligibilitiesRequest { principal_id, ..Default::default() };
        assert_eq!(list(admin, kind, request.clone()).await.unwrap().0, []);
        let all = ListEligibilitiesRequest { include_ended: true, ..request };
        let (listed, _) = list(admin, kind, all).await.unwrap();
        assert_eq!(ids(&listed), [&*made.id]);
        assert_eq!(listed[0].state(), GrantState::Expired);
    }
}

#[tokio::test]
async fn a_list_needs_the_right_at_the_scope_asked_for() {
    let ground = Ground::new().await;
    let owner = ground.owner().await;
    let at = |scope: &str| {
        let principal_id = ground.ada.id.clone();
        let scope = scope.to_owned();
        ListEligibilitiesRequest { principal_id, scope, ..Default::default() }
    };
    for kind in KINDS {
        let [.., resource] = three(&ground, kind).await;
        let (listed, _) = list(&owner.client, kind, at(SUBSCRIPTION)).await.unwrap();
        assert_eq!(ids(&listed), [&*resource.id]);
        for (person, scope) in [(&owner, ""), (&owner, UNIT), (&ground.ada, UNIT)] {
            let answer = list(&person.client, kind, at(scope)).await;
            assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
        }
    }
}

#[tokio::test]
async fn an_owner_of_everything_does_not_see_grants_of_directory_roles() {
    let ground = Ground::new().await;
    let owner = ground.user("owner").await;
    ground.org.assign(&owner, Organisation::OWNER, "/").await.unwrap();
    let principal_id = ground.ada.id.clone();
    let request = ListEligibilitiesRequest { principal_id, ..Default::default() };
    for kind in KINDS {
        let [.., resource] = three(&ground, kind).await;
        let (listed, _) = list(&owner.client, kind, request.clone()).await.unwrap();
        assert_eq!(ids(&listed), [&*resource.id]);
    }
}

#[tokio::test]
async fn ones_own_eligibilities_are_those_that_count_or_will() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let [root, unit, resource] = three(&ground, Kind::Eligibility).await;
    remove(admin, Kind::Eligibility, removal(&unit.id)).await.unwrap();
    ground.world.advance(TimeDelta::seconds(1));
    let start_time = Some(timestamp(ground.world.now() + TimeDelta::days(1)));
    let booked = CreateEligibilityRequest { start_time, ..wish(&ground.ada, ROLE, UNIT) };
    let booked = create(admin, Kind::Eligibility, booked).await.unwrap();
    let bob = ground.user("bob").await;
    ground.org.make_eligible(&bob, ROLE, "/").await;
    ground.org.assign(&ground.ada, ROLE, "/").await.unwrap();
    let found = mine(&ground.ada.client, SearchMyEligibilitiesRequest::default()).await.unwrap();
    assert_eq!(found.eligibilities, [root, resource, booked]);
    assert!(found.next_page_token.is_empty());
}

#[tokio::test]
async fn pages_of_one_show_everything_once_in_order() {
    let ground = Ground::new().await;
    for kind in KINDS {
        let made = three(&ground, kind).await;
        let principal_id = ground.ada.id.clone();
        let mut listed = Vec::new();
        let mut request =
            ListEligibilitiesRequest { principal_id, page_size: 1, ..Default::default() };
        loop {
            let (page, next) = list(&ground.org.admin.client, kind, request.clone()).await.unwrap();
            assert_eq!(page.len(), 1);
            listed.extend(page);
            request.page_token = next;
            if request.page_token.is_empty() {
                break;
            }
        }
        assert_eq!(listed, made);
    }
    let mut found = 0;
    let mut request = SearchMyEligibilitiesRequest { page_size: 1, ..Default::default() };
    loop {
        let page = mine(&ground.ada.client, request.clone()).await.unwrap();
        found += page.eligibilities.len();
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(found, 3);
}

#[tokio::test]
async fn a_page_token_is_good_for_one_list_of_one_caller_only() {
    let ground = Ground::new().await;
    for kind in KINDS {
        three(&ground, kind).await;
    }
    let (admin, second) = (&ground.org.admin.client, &ground.org.second_admin.client);
    for kind in KINDS {
        let first = ListEligibilitiesRequest { page_size: 1, ..Default::default() };
        let page_token = list(admin, kind, first.clone()).await.unwrap().1;
        let next = ListEligibilitiesRequest { page_token, ..first };
        list(admin, kind, next.clone()).await.unwrap();
        let page_token = forged(&next.page_token);
        for (client, kind, request) in [
            (admin, kind, ListEligibilitiesRequest { page_token, ..next.clone() }),
            (admin, kind, ListEligibilitiesRequest { role_id: ROLE.to_owned(), ..next.clone() }),
            (admin, kind, ListEligibilitiesRequest { include_ended: true, ..next.clone() }),
            (admin, kind.other(), next.clone()),
            (second, kind, next.clone()),
        ] {
            assert_invalid(list(client, kind, request).await, "page_token");
        }
        let page_token = next.page_token;
        let foreign = SearchMyEligibilitiesRequest { page_token, ..Default::default() };
        assert_invalid(mine(admin, foreign).await, "page_token");
    }
}

#[tokio::test]
async fn malformed_fields_are_named() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    for kind in KINDS {
        let good = ListEligibilitiesRequest::default();
        for (path, request) in [
            ("principal_id", ListEligibilitiesRequest { principal_id: "1".into(), ..good.clone() }),
            ("role_id", ListEligibilitiesRequest { role_id: "1".into(), ..good.clone() }),
            ("scope", ListEligibilitiesRequest { scope: "here".into(), ..good.clone() }),
            ("page_size", ListEligibilitiesRequest { page_size: -1, ..good }),
        ] {
            assert_invalid(list(admin, kind, request).await, path);
        }
    }
    let request = SearchMyEligibilitiesRequest { page_size: -1, ..Default::default() };
    assert_invalid(mine(admin, request).await, "page_size");
}
