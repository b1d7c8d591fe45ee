//! `ListDue`.

use chrono::TimeDelta;
use pim_client::Refusal;
use pim_proto::scheduler::v1::{DueItem, DueKind, ListDueRequest};
use pim_tests::timestamp;
use tonic::{Code, Status};

use crate::ground::{Ground, SUBSCRIPTION, list};

fn refused<T>(answer: Result<T, Status>) -> (Code, String) {
    let Err(status) = answer else { panic!("it was answered") };
    let refusal = Refusal::from_status(&status);
    (refusal.code, refusal.reason)
}

#[tokio::test]
async fn it_names_what_is_due_in_all_tenants_oldest_first() {
    let here = Ground::new().await;
    let now = here.world.now();
    let alice = here.org.user(&here.world, "alice").await;
    let later = here.assigned(&alice, SUBSCRIPTION, now + TimeDelta::hours(2)).await;
    let there = Ground { org: here.world.organisation().await, world: here.world };
    let bob = there.org.user(&there.world, "bob").await;
    let sooner = there.assigned(&bob, SUBSCRIPTION, now + TimeDelta::hours(1)).await;
    there.assigned(&bob, "/subscriptions/another", now + TimeDelta::hours(3)).await;
    let item = |tenant: uuid::Uuid, thing: &str, hours: i64| DueItem {
        kind: DueKind::EndAssignment.into(),
        tenant_id: tenant.to_string(),
        thing_id: thing.to_owned(),
        due_time: Some(timestamp(now + TimeDelta::hours(hours))),
    };
    there.world.advance(TimeDelta::hours(1) - TimeDelta::microseconds(1));
    assert_eq!(there.due().await, []);
    there.world.advance(TimeDelta::microseconds(1));
    assert_eq!(there.due().await, [item(there.org.tenant, &sooner.id, 1)]);
    there.world.advance(TimeDelta::hours(1));
    let both = [item(there.org.tenant, &sooner.id, 1), item(here.org.tenant, &later.id, 2)];
    assert_eq!(there.due().await, both);
}

#[tokio::test]
async fn it_is_paged() {
    let ground = Ground::new().await;
    let end = ground.world.now() + TimeDelta::hours(1);
    let alice = ground.org.user(&ground.world, "alice").await;
    for number in 0..5 {
        ground.assigned(&alice, &format!("{SUBSCRIPTION}/resourcegroups/g{number}"), end).await;
    }
    ground.world.advance(TimeDelta::hours(1));
    let all = ground.due().await;
    assert_eq!(all.len(), 5);
    let operator = ground.world.operator();
    let (mut seen, mut page_token) = (Vec::new(), String::new());
    for size in [2, 2, 1] {
        let request = ListDueRequest { page_size: 2, page_token };
        let page = list(&operator, request).await.unwrap();
        assert_eq!(page.items.len(), size);
        seen.extend(page.items);
        page_token = page.next_page_token;
    }
    assert_eq!((seen, page_token.as_str()), (all, ""));
    for request in [
        ListDueRequest { page_token: "forged".to_owned(), ..ListDueRequest::default() },
        ListDueRequest { page_size: -1, ..ListDueRequest::default() },
    ] {
        let wanted = (Code::InvalidArgument, "INVALID_FIELD".to_owned());
        assert_eq!(refused(list(&operator, request).await), wanted);
    }
}

#[tokio::test]
async fn it_is_for_operators_only() {
    let ground = Ground::new().await;
    let callers = [
        ground.org.admin.client.clone(),
        ground.world.service("scheduler"),
        ground.world.service("activation"),
    ];
    for caller in callers {
        let answer = list(&caller, ListDueRequest::default()).await;
        assert_eq!(refused(answer), (Code::PermissionDenied, "NOT_PERMITTED".to_owned()));
    }
    let answer = list(&ground.world.client_with(None), ListDueRequest::default()).await;
    assert_eq!(refused(answer), (Code::Unauthenticated, "CREDENTIAL_MISSING".to_owned()));
}
