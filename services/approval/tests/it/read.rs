//! `GetApproval`, `ListApprovals`, `SearchMyApprovals`: who sees what, page by page.

use chrono::TimeDelta;
use pim_client::Client;
use pim_proto::{
    activation::v1::CancelActivationRequest,
    approval::v1::{
        Approval, ApprovalState, GetApprovalRequest, ListApprovalsRequest, ListApprovalsResponse,
        SearchMyApprovalsRequest, SearchMyApprovalsResponse,
    },
};
use pim_tests::{Organisation, Person, assert_refused, assert_same_refusal, fields, new_id};
use tonic::{Code, Status};

use crate::ground::{Ground, UNIT, approve, deny, get, no, yes};

const GLOBAL_READER: &str = "f2ef992c-3afb-46b9-b7cf-a126ee74c451";
const OTHER_UNIT: &str = "/administrativeUnits/0d5b0f1e-58c5-4f10-b0a6-61a3d9c2b111";

async fn list(
    client: &Client,
    request: ListApprovalsRequest,
) -> Result<ListApprovalsResponse, Status> {
    Ok(client.approvals().list_approvals(request).await?.into_inner())
}

async fn search(
    client: &Client,
    request: SearchMyApprovalsRequest,
) -> Result<SearchMyApprovalsResponse, Status> {
    Ok(client.approvals().search_my_approvals(request).await?.into_inner())
}

fn ids(approvals: &[Approval]) -> Vec<&str> {
    approvals.iter().map(|approval| &*approval.id).collect()
}

/// Three that wait, in the order in which they were opened.
async fn three(ground: &Ground) -> [Approval; 3] {
    let mut opened = Vec::new();
    for scope in ["/", UNIT, OTHER_UNIT] {
        ground.world.advance(TimeDelta::seconds(1));
        opened.push(ground.asked_at(scope).await.1);
    }
    opened.try_into().unwrap()
}

async fn withdraw(person: &Person, approval: &Approval) {
    let activation_id = approval.activation_id.clone();
    let request = CancelActivationRequest { activation_id, ..Default::default() };
    person.client.activations().cancel_activation(request).await.unwrap();
}

#[tokio::test]
async fn its_approvers_its_requester_and_readers_see_it() {
    let ground = Ground::new().await;
    let (_, approval) = ground.asked().await;
    let reader = ground.user("reader").await;
    ground.org.assign(&reader, GLOBAL_READER, "/").await.unwrap();
    for person in [&ground.ada, &ground.bea, &ground.carl, &ground.org.admin, &reader] {
        assert_eq!(get(person, &approval.id).await.unwrap(), approval);
    }
}

#[tokio::test]
async fn strangers_see_nothing_and_do_not_learn_whether_there_is_one() {
    let ground = Ground::new().await;
    let (_, approval) = ground.asked().await;
    let bob = ground.user("bob").await;
    let owner = ground.user("owner").await;
    ground.org.assign(&owner, Organisation::OWNER, "/").await.unwrap();
    let local = ground.user("local").await;
    ground.org.assign(&local, GLOBAL_READER, UNIT).await.unwrap();
    for stranger in [&bob, &local, &owner] {
        let real = get(stranger, &approval.id).await;
        assert_refused(real, Code::PermissionDenied, "NOT_PERMITTED");
    }
    for stranger in [&bob, &local] {
        let real = get(stranger, &approval.id).await.unwrap_err();
        let missing = get(stranger, &new_id()).await;
        let missing = assert_refused(missing, Code::PermissionDenied, "NOT_PERMITTED");
        assert_same_refusal(&real, &missing);
    }
    let answer = get(&ground.org.admin, &new_id()).await;
    assert_refused(answer, Code::NotFound, "NOT_FOUND");
}

#[tokio::test]
async fn another_tenant_has_none_of_it() {
    let ground = Ground::new().await;
    let (_, approval) = ground.asked().await;
    let elsewhere = ground.world.organisation().await;
    let answer = get(&elsewhere.admin, &approval.id).await;
    assert_refused(answer, Code::NotFound, "NOT_FOUND");
    let all = ListApprovalsRequest { include_resolved: true, ..Default::default() };
    assert_eq!(list(&elsewhere.admin.client, all).await.unwrap().approvals, []);
    assert_eq!(elsewhere.admin.inbox().await, []);
}

#[tokio::test]
async fn the_inbox_has_what_waits_for_me_and_nothing_else() {
    let ground = Ground::new().await;
    let [first, second, third] = three(&ground).await;
    assert_eq!(ids(&ground.bea.inbox().await), [&*first.id, &*second.id, &*third.id]);
    for person in [&ground.ada, &ground.org.admin] {
        assert_eq!(person.inbox().await, [], "it waits for somebody else");
    }
    approve(&ground.bea, yes(&first)).await.unwrap();
    assert_eq!(ids(&ground.bea.inbox().await), [&*second.id, &*third.id], "I have decided");
    assert_eq!(ids(&ground.carl.inbox().await), [&*first.id, &*second.id, &*third.id]);
    deny(&ground.carl, no(&second)).await.unwrap();
    withdraw(&ground.ada, &third).await;
    assert_eq!(ground.bea.inbox().await, [], "what has ended waits for nobody");
    assert_eq!(ids(&ground.carl.inbox().await), [&*first.id]);
    ground.world.advance(TimeDelta::hours(24));
    assert_eq!(ground.carl.inbox().await, [], "what is late waits for nobody");
}

#[tokio::test]
async fn the_inbox_leaves_out_what_nothing_waits_for_even_unrecorded() {
    let ground = Ground::new().await;
    let (activation, _) = ground.asked().await;
    ground.canceled_unheard(&activation).await;
    assert_eq!(ground.bea.inbox().await, []);
    let pending = list(&ground.org.admin.client, ListApprovalsRequest::default()).await.unwrap();
    assert_eq!(pending.approvals, []);
}

#[tokio::test]
async fn a_list_is_narrowed_by_each_of_its_filters() {
    let ground = Ground::new().await;
    let [first, second, third] = three(&ground).await;
    deny(&ground.bea, no(&second)).await.unwrap();
    let admin = &ground.org.admin.client;
    let all = ListApprovalsRequest { include_resolved: true, ..Default::default() };
    let cases = [
        (ListApprovalsRequest::default(), vec![&first, &third]),
        (all.clone(), vec![&first, &second, &third]),
        (ListApprovalsRequest { scope: UNIT.to_owned(), ..all }, vec![&second]),
        (ListApprovalsRequest { scope: UNIT.to_owned(), ..Default::default() }, vec![]),
    ];
    for (request, expected) in cases {
        let answer = list(admin, request.clone()).await.unwrap();
        let expected: Vec<&str> = expected.iter().map(|one| &*one.id).collect();
        assert_eq!(ids(&answer.approvals), expected, "{request:?}");
        assert!(answer.next_page_token.is_empty());
        assert!(!answer.revision.is_empty());
    }
    ground.world.advance(TimeDelta::hours(24));
    let answer = list(admin, ListApprovalsRequest::default()).await.unwrap();
    assert_eq!(answer.approvals, []);
    let all = ListApprovalsRequest { include_resolved: true, ..Default::default() };
    let states: Vec<_> =
        list(admin, all).await.unwrap().approvals.iter().map(Approval::state).collect();
    let expected = [ApprovalState::TimedOut, ApprovalState::Denied, ApprovalState::TimedOut];
    assert_eq!(states, expected);
}

#[tokio::test]
async fn a_list_needs_the_right_at_the_scope_asked_for() {
    let ground = Ground::new().await;
    let [_, unit, _] = three(&ground).await;
    let local = ground.user("local").await;
    ground.org.assign(&local, GLOBAL_READER, UNIT).await.unwrap();
    let owner = ground.user("owner").await;
    ground.org.assign(&owner, Organisation::OWNER, "/").await.unwrap();
    let at = |scope: &str| ListApprovalsRequest { scope: scope.to_owned(), ..Default::default() };
    let answer = list(&local.client, at(UNIT)).await.unwrap();
    assert_eq!(ids(&answer.approvals), [&*unit.id]);
    for (person, scope) in [(&local, ""), (&local, OTHER_UNIT), (&ground.bea, UNIT)] {
        let answer = list(&person.client, at(scope)).await;
        assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
    }
    let answer = list(&owner.client, at("/")).await.unwrap();
    assert_eq!(answer.approvals, [], "directory roles are not an owner's business");
}

#[tokio::test]
async fn pages_of_one_show_everything_once_in_order() {
    let ground = Ground::new().await;
    let opened = three(&ground).await;
    let mut listed = Vec::new();
    let mut request = ListApprovalsRequest { page_size: 1, ..Default::default() };
    loop {
        let page = list(&ground.org.admin.client, request.clone()).await.unwrap();
        assert_eq!(page.approvals.len(), 1);
        listed.extend(page.approvals);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(listed, opened);
    let mut found = Vec::new();
    let mut request = SearchMyApprovalsRequest { page_size: 1, ..Default::default() };
    loop {
        let page = search(&ground.bea.client, request.clone()).await.unwrap();
        assert_eq!(page.approvals.len(), 1);
        found.extend(page.approvals);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(found, opened);
}

#[tokio::test]
async fn a_page_token_is_good_for_one_list_of_one_caller_only() {
    let ground = Ground::new().await;
    three(&ground).await;
    let admin = &ground.org.admin.client;
    let first = ListApprovalsRequest { page_size: 1, ..Default::default() };
    let page_token = list(admin, first.clone()).await.unwrap().next_page_token;
    let next = ListApprovalsRequest { page_token, ..first };
    list(admin, next.clone()).await.unwrap();
    let mut forged = next.page_token.clone();
    let last = if forged.pop() == Some('A') { 'B' } else { 'A' };
    forged.insert(forged.len() / 2, last);
    let inbox = SearchMyApprovalsRequest { page_size: 1, ..Default::default() };
    let beas = search(&ground.bea.client, inbox.clone()).await.unwrap().next_page_token;
    let second = &ground.org.second_admin.client;
    for (client, request) in [
        (admin, ListApprovalsRequest { page_token: forged.clone(), ..next.clone() }),
        (admin, ListApprovalsRequest { page_token: beas.clone(), ..next.clone() }),
        (admin, ListApprovalsRequest { scope: UNIT.to_owned(), ..next.clone() }),
        (admin, ListApprovalsRequest { include_resolved: true, ..next.clone() }),
        (second, next.clone()),
    ] {
        let answer = list(client, request).await;
        let status = assert_refused(answer, Code::InvalidArgument, "INVALID_FIELD");
        assert_eq!(fields(&status), ["page_token"]);
    }
    for (client, page_token) in
        [(&ground.bea.client, forged), (&ground.carl.client, beas), (admin, next.page_token)]
    {
        let request = SearchMyApprovalsRequest { page_token, ..inbox.clone() };
        let answer = search(client, request).await;
        let status = assert_refused(answer, Code::InvalidArgument, "INVALID_FIELD");
        assert_eq!(fields(&status), ["page_token"]);
    }
}

#[tokio::test]
async fn malformed_fields_are_named() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    for (path, request) in [
        ("scope", ListApprovalsRequest { scope: "here".to_owned(), ..Default::default() }),
        ("page_size", ListApprovalsRequest { page_size: -1, ..Default::default() }),
    ] {
        let answer = list(admin, request).await;
        let status = assert_refused(answer, Code::InvalidArgument, "INVALID_FIELD");
        assert_eq!(fields(&status), [path]);
    }
    let request = SearchMyApprovalsRequest { page_size: -1, ..Default::default() };
    let answer = search(admin, request).await;
    let status = assert_refused(answer, Code::InvalidArgument, "INVALID_FIELD");
    assert_eq!(fields(&status), ["page_size"]);
    let request = GetApprovalRequest { approval_id: "1".to_owned() };
    let answer = admin.approvals().get_approval(request).await;
    let status = assert_refused(answer, Code::InvalidArgument, "INVALID_FIELD");
    assert_eq!(fields(&status), ["approval_id"]);
}
