//! Change requests: who may ask, see, decide and withdraw; pages, repeats, dry runs, time-outs.

use chrono::TimeDelta;
use pim_client::Client;
use pim_proto::assignment::v1::{
    ChangeRequest, ChangeRequestState, CreateEligibilityRequest, Eligibility,
    ListChangeRequestsRequest, SearchMyChangeRequestsRequest, TimeOutChangeRequestRequest,
};
use pim_tests::{
    Organisation, assert_invalid, assert_refused, assert_same_refusal, metadata, new_id, timestamp,
};
use tonic::{Code, Status};

use crate::{
    change_requests::{EXTENSION, RENEWAL},
    grants::{KINDS, Kind, create, get, wish},
    ground::{Ground, ROLE, SUBSCRIPTION, forged},
    moves::{approve, ask, asking, cancel, deny, no, request, withdrawal, yes},
};

async fn list(
    client: &Client,
    request: ListChangeRequestsRequest,
) -> Result<(Vec<ChangeRequest>, String), Status> {
    let page = client.assignments().list_change_requests(request).await?.into_inner();
    Ok((page.change_requests, page.next_page_token))
}

async fn mine(client: &Client, include_resolved: bool) -> Vec<ChangeRequest> {
    let request = SearchMyChangeRequestsRequest { include_resolved, ..Default::default() };
    let page = client.assignments().search_my_change_requests(request).await.unwrap();
    page.into_inner().change_requests
}

async fn time_out(client: &Client, tenant_id: &str, id: &str) -> Result<ChangeRequest, Status> {
    let (tenant_id, change_request_id) = (tenant_id.to_owned(), id.to_owned());
    let request = TimeOutChangeRequestRequest { tenant_id, change_request_id };
    let answer = client.assignments().time_out_change_request(request).await?;
    Ok(answer.into_inner().change_request.unwrap())
}

#[tokio::test]
async fn only_the_holder_asks() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let [root, user] = ground.accounts(["root", "user"]).await;
    for kind in KINDS {
        let end_time = Some(timestamp(ground.world.now() + TimeDelta::days(1)));
        let made = CreateEligibilityRequest { end_time, ..wish(&user, ROLE, "/") };
        let made = create(admin, kind, made).await.unwrap();
        // Not even another account of the same person.
        for other in [&ground.ada, &root] {
            let real = ask(&other.client, asking(EXTENSION, kind, &made.id)).await;
            let real = assert_refused(real, Code::PermissionDenied, "NOT_PERMITTED");
            let missing = ask(&other.client, asking(EXTENSION, kind, &new_id())).await;
            let missing = assert_refused(missing, Code::PermissionDenied, "NOT_PERMITTED");
            assert_same_refusal(&real, &missing);
        }
        let answer = ask(admin, asking(EXTENSION, kind, &made.id)).await;
        assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
        let answer = ask(admin, asking(EXTENSION, kind, &new_id())).await;
        assert_refused(answer, Code::NotFound, "NOT_FOUND");
        ask(&user.client, asking(EXTENSION, kind, &made.id)).await.unwrap();
    }
}

#[tokio::test]
async fn nobody_decides_on_what_benefits_their_person() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let [root, user] = ground.accounts(["root", "user"]).await;
    ground.org.assign(&root, Organisation::GLOBAL_ADMINISTRATOR, "/").await.unwrap();
    for kind in KINDS {
        for account in [&root, &user] {
            let end = ground.world.now() + TimeDelta::days(1);
            let end_time = Some(timestamp(end));
            let made = CreateEligibilityRequest { end_time, ..wish(account, ROLE, "/") };
            let made = create(admin, kind, made).await.unwrap();
            let asked = ask(&account.client, asking(EXTENSION, kind, &made.id)).await.unwrap();
            let later = Some(end + TimeDelta::days(9));
            for answer in [
                approve(&root.client, yes(&asked, later)).await,
                deny(&root.client, no(&asked)).await,
            ] {
                assert_refused(answer, Code::PermissionDenied, "SELF_APPROVAL");
            }
            assert_eq!(get(admin, kind, &made.id).await.unwrap(), made);
            approve(admin, yes(&asked, later)).await.unwrap();
        }
    }
}

#[tokio::test]
async fn strangers_see_and_decide_nothing_and_learn_nothing() {
    let ground = Ground::new().await;
    let (admin, owner) = (&ground.org.admin.client, ground.owner().await);
    let bob = ground.user("bob").await;
    let (_, asked) = ground.asked(Kind::Eligibility).await;
    let missing = ChangeRequest { id: new_id(), ..asked.clone() };
    let end = Some(ground.world.now() + TimeDelta::days(30));
    for stranger in [&bob, &owner] {
        let client = &stranger.client;
        let answers = [
            request(client, &asked.id).await,
            request(client, &missing.id).await,
            approve(client, yes(&asked, end)).await,
            approve(client, yes(&missing, end)).await,
            deny(client, no(&asked)).await,
            deny(client, no(&missing)).await,
            cancel(client, withdrawal(&asked.id)).await,
            cancel(client, withdrawal(&missing.id)).await,
        ];
        let refused = answers.map(|it| assert_refused(it, Code::PermissionDenied, "NOT_PERMITTED"));
        for pair in refused.chunks(2) {
            assert_same_refusal(&pair[0], &pair[1]);
        }
        assert_eq!(mine(client, true).await, []);
        let all = list(client, ListChangeRequestsRequest::default()).await;
        assert_refused(all, Code::PermissionDenied, "NOT_PERMITTED");
    }
    // Who asked may see it and withdraw it, and decides nothing.
    let answer = approve(&ground.ada.client, yes(&asked, end)).await;
    assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
    for answer in [
        request(admin, &missing.id).await,
        approve(admin, yes(&missing, end)).await,
        deny(admin, no(&missing)).await,
        cancel(admin, withdrawal(&missing.id)).await,
    ] {
        assert_refused(answer, Code::NotFound, "NOT_FOUND");
    }
    let elsewhere = ground.world.organisation().await;
    let answer = request(&elsewhere.admin.client, &asked.id).await;
    assert_refused(answer, Code::NotFound, "NOT_FOUND");
    assert_eq!(request(admin, &asked.id).await.unwrap(), asked);
}

#[tokio::test]
async fn an_owner_decides_on_resource_roles_at_their_scope() {
    let ground = Ground::new().await;
    let (admin, owner) = (&ground.org.admin.client, ground.owner().await);
    let end = ground.world.now() + TimeDelta::days(1);
    for (scope, fits) in [(SUBSCRIPTION, true), ("/", false)] {
        let role = Organisation::CONTRIBUTOR;
        let made = CreateEligibilityRequest {
            end_time: Some(timestamp(end)),
            ..wish(&ground.ada, role, scope)
        };
        let made = create(admin, Kind::Assignment, made).await.unwrap();
        let wish = asking(EXTENSION, Kind::Assignment, &made.id);
        let asked = ask(&ground.ada.client, wish).await.unwrap();
        let answer = approve(&owner.client, yes(&asked, Some(end + TimeDelta::days(9)))).await;
        assert_eq!(answer.is_ok(), fits, "at {scope}");
    }
    let here = ListChangeRequestsRequest {
        scope: SUBSCRIPTION.to_owned(),
        include_resolved: true,
        ..Default::default()
    };
    assert_eq!(list(&owner.client, here).await.unwrap().0.len(), 1);
}

#[tokio::test]
async fn it_is_withdrawn_by_who_asked_or_an_administrator() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin;
    for (kind, who) in KINDS.into_iter().zip([&ground.ada, admin]) {
        let (_, asked) = ground.asked(kind).await;
        let mut wish = withdrawal(&asked.id);
        wish.justification = "changed plans".to_owned();
        let canceled = cancel(&who.client, wish).await.unwrap();
        assert_eq!(canceled.state(), ChangeRequestState::Canceled);
        assert_eq!(canceled.decider_id, who.id);
        assert_eq!(canceled.decision_justification, "changed plans");
        let answer = cancel(&who.client, withdrawal(&asked.id)).await;
        let status = assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
        assert_eq!(metadata(&status, "state"), "CANCELED");
    }
}

#[tokio::test]
async fn lists_are_of_what_waits_unless_all_is_asked_for_and_come_in_pages() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let mut all = Vec::new();
    for days in 1..=5 {
        let made = ground.for_days(Kind::Eligibility, days).await;
        let wish = asking(EXTENSION, Kind::Eligibility, &made.id);
        all.push(ask(&ground.ada.client, wish).await.unwrap());
        // Ids of one instant have no order.
        ground.world.advance(TimeDelta::seconds(1));
    }
    let withdrawn = cancel(&ground.ada.client, withdrawal(&all[4].id)).await.unwrap();
    assert_eq!(mine(&ground.ada.client, false).await, all[..4]);
    all[4] = withdrawn;
    assert_eq!(mine(&ground.ada.client, true).await, all);
    let everything = || ListChangeRequestsRequest { include_resolved: true, ..Default::default() };
    let waiting = list(admin, ListChangeRequestsRequest::default()).await.unwrap().0;
    assert_eq!(waiting, all[..4]);
    let bob = ground.user("bob").await;
    let of = ListChangeRequestsRequest { principal_id: bob.id, ..everything() };
    assert_eq!(list(admin, of).await.unwrap().0, []);

    let (mut seen, mut page_token) = (Vec::new(), String::new());
    for size in [2, 2, 1] {
        let part = ListChangeRequestsRequest { page_size: 2, page_token, ..everything() };
        let (page, next) = list(admin, part).await.unwrap();
        assert_eq!(page.len(), size);
        seen.extend(page);
        page_token = next;
    }
    assert_eq!((seen, page_token.as_str()), (all, ""));
    let part = ListChangeRequestsRequest { page_size: 2, ..everything() };
    let (_, token) = list(admin, part.clone()).await.unwrap();
    for page_token in [forged(&token), "x".to_owned()] {
        let bad = ListChangeRequestsRequest { page_token, ..part.clone() };
        assert_invalid(list(admin, bad).await, "page_token");
    }
    ground.world.advance(TimeDelta::days(14));
    assert_eq!(list(admin, ListChangeRequestsRequest::default()).await.unwrap().0, []);
}

#[tokio::test]
async fn repeats_get_the_first_answer_and_dry_runs_write_nothing() {
    let ground = Ground::new().await;
    let (admin, ada) = (&ground.org.admin.client, &ground.ada.client);
    let made: Eligibility = ground.for_days(Kind::Eligibility, 1).await;
    let mut wish = asking(EXTENSION, Kind::Eligibility, &made.id);
    wish.request_id = new_id();
    let mut dry = wish.clone();
    dry.validate_only = true;
    assert_eq!(ask(ada, dry).await.unwrap().state(), ChangeRequestState::Pending);
    assert_eq!(mine(ada, true).await, []);
    let asked = ask(ada, wish.clone()).await.unwrap();
    assert_eq!(ask(ada, wish.clone()).await.unwrap(), asked);
    wish.justification = "another reason".to_owned();
    assert_refused(ask(ada, wish).await, Code::InvalidArgument, "REQUEST_ID_REUSED");

    let end = ground.world.now() + TimeDelta::days(30);
    let mut say = yes(&asked, Some(end));
    say.request_id = new_id();
    let mut dry = say.clone();
    dry.validate_only = true;
    let judged = approve(admin, dry).await.unwrap();
    assert_eq!(judged.state(), ChangeRequestState::Approved);
    let mut dry = no(&asked);
    dry.validate_only = true;
    assert_eq!(deny(admin, dry).await.unwrap().state(), ChangeRequestState::Denied);
    let mut dry = withdrawal(&asked.id);
    dry.validate_only = true;
    assert_eq!(cancel(ada, dry).await.unwrap().state(), ChangeRequestState::Canceled);
    assert_eq!(request(ada, &asked.id).await.unwrap(), asked);
    assert_eq!(get(admin, Kind::Eligibility, &made.id).await.unwrap(), made);

    let done = approve(admin, say.clone()).await.unwrap();
    assert_eq!(approve(admin, say.clone()).await.unwrap(), done);
    say.justification = "another reason".to_owned();
    assert_refused(approve(admin, say).await, Code::InvalidArgument, "REQUEST_ID_REUSED");
    let extended = get(admin, Kind::Eligibility, &made.id).await.unwrap();
    assert_eq!((extended.etag.as_str(), extended.end_time), ("v2", Some(timestamp(end))));

    let (_, asked) = ground.asked(Kind::Assignment).await;
    let mut say = no(&asked);
    say.request_id = new_id();
    let denied = deny(admin, say.clone()).await.unwrap();
    assert_eq!(deny(admin, say).await.unwrap(), denied);
    let (_, asked) = ground.asked(Kind::Eligibility).await;
    let mut say = withdrawal(&asked.id);
    say.request_id = new_id();
    let canceled = cancel(ada, say.clone()).await.unwrap();
    assert_eq!(cancel(ada, say).await.unwrap(), canceled);
}

#[tokio::test]
async fn a_time_out_is_recorded_by_the_scheduler_and_not_before() {
    let ground = Ground::new().await;
    let tenant = ground.org.tenant.to_string();
    let scheduler = ground.world.service("scheduler");
    let (made, asked) = ground.asked(Kind::Eligibility).await;
    ground.world.advance(TimeDelta::days(14) - TimeDelta::microseconds(1));
    let answer = time_out(&scheduler, &tenant, &asked.id).await;
    let status = assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
    assert_eq!(metadata(&status, "state"), "PENDING");
    ground.world.advance(TimeDelta::microseconds(1));
    let late = request(&ground.ada.client, &asked.id).await.unwrap();
    assert_eq!((late.state(), late.etag), (ChangeRequestState::TimedOut, asked.etag.clone()));
    let others = ["activation", "approval", "assignment"].map(|name| ground.world.service(name));
    for client in others.iter().chain([&ground.org.admin.client, &ground.world.operator()]) {
        let answer = time_out(client, &tenant, &asked.id).await;
        assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
    }
    let answer = time_out(&scheduler, &tenant, &new_id()).await;
    assert_refused(answer, Code::NotFound, "NOT_FOUND");
    let elsewhere = ground.world.organisation().await.tenant.to_string();
    let answer = time_out(&scheduler, &elsewhere, &asked.id).await;
    assert_refused(answer, Code::NotFound, "NOT_FOUND");
    ground.world.settle().await;
    let recorded = request(&ground.ada.client, &asked.id).await.unwrap();
    assert_eq!((recorded.state(), recorded.etag.as_str()), (ChangeRequestState::TimedOut, "v2"));
    let answer = time_out(&scheduler, &tenant, &asked.id).await;
    assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
    // The eligibility has ended meanwhile, and is asked for anew.
    ask(&ground.ada.client, asking(RENEWAL, Kind::Eligibility, &made.id)).await.unwrap();
}
