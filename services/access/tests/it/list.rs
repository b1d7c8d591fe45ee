//! `ListEffectiveRoles` and `ListRoleHolders`.

use pim_proto::access::v1::{
    Holding, HoldingKind, ListEffectiveRolesRequest, ListRoleHoldersRequest,
};
use pim_tests::{Organisation, Person, reason, timestamp};
use tonic::Code;

use crate::ask::{
    CONTRIBUTOR, GROUP, ROOT, SUBSCRIPTION, USER_ADMINISTRATOR, assign, begin, holders, hours, of,
    roles, tick,
};

/// What a page holds when no size is asked for.
const PAGE_DEFAULT: usize = 50;

fn ids(holdings: &[Holding]) -> Vec<&str> {
    holdings.iter().map(|holding| holding.id.as_str()).collect()
}

/// A resource group of its own for each number.
fn group(number: usize) -> String {
    format!("{SUBSCRIPTION}/resourcegroups/g{number}")
}

#[tokio::test]
async fn a_list_has_what_is_held_by_which_way_and_until_when() {
    let (world, organisation, alice) = begin().await;
    organisation.make_eligible(&alice, CONTRIBUTOR, SUBSCRIPTION).await;
    let active = alice.activate(Person::wish(CONTRIBUTOR, SUBSCRIPTION)).await.unwrap();
    let assigned = organisation.assign(&alice, USER_ADMINISTRATOR, ROOT).await.unwrap();
    let list = roles(&alice.client, of(&alice)).await.unwrap();
    let holding = |id: &str| list.holdings.iter().find(|one| one.id == id).unwrap();
    assert_eq!(list.holdings.len(), 2);
    assert!(list.holdings.is_sorted_by_key(|holding| &holding.id));
    let by_activation = Holding {
        id: active.id.clone(),
        kind: HoldingKind::Activation.into(),
        principal_id: alice.id.clone(),
        role_id: CONTRIBUTOR.to_owned(),
        scope: SUBSCRIPTION.to_owned(),
        start_time: Some(timestamp(world.now())),
        end_time: active.end_time,
        group_id: String::new(),
    };
    assert_eq!(*holding(&active.id), by_activation);
    let by_assignment = holding(&assigned.id);
    assert_eq!(by_assignment.kind(), HoldingKind::Assignment);
    assert_eq!((by_assignment.scope.as_str(), by_assignment.end_time), (ROOT, None));
    assert_eq!(list.as_of_time, Some(timestamp(world.now())));
    assert!(!list.revision.is_empty());
}

#[tokio::test]
async fn a_list_at_a_scope_has_what_holds_there() {
    let (_world, organisation, alice) = begin().await;
    organisation.assign(&alice, USER_ADMINISTRATOR, ROOT).await.unwrap();
    organisation.assign(&alice, CONTRIBUTOR, SUBSCRIPTION).await.unwrap();
    organisation.assign(&alice, Organisation::OWNER, GROUP).await.unwrap();
    let at = async |scope: &str| {
        let request = ListEffectiveRolesRequest { scope: scope.to_owned(), ..of(&alice) };
        let list = roles(&alice.client, request).await.unwrap();
        let mut held: Vec<String> = list.holdings.into_iter().map(|one| one.role_id).collect();
        held.sort();
        held
    };
    let (owner, contributor) = (Organisation::OWNER, CONTRIBUTOR);
    assert_eq!(at(ROOT).await, [USER_ADMINISTRATOR]);
    assert_eq!(at(SUBSCRIPTION).await, [contributor, USER_ADMINISTRATOR]);
    assert_eq!(at(GROUP).await, [owner, contributor, USER_ADMINISTRATOR]);
    assert_eq!(at("/subscriptions/another").await, [USER_ADMINISTRATOR]);
    assert_eq!(at("").await, [owner, contributor, USER_ADMINISTRATOR], "wherever it is held");
}

#[tokio::test]
async fn holders_are_from_above_included_and_not_from_below() {
    let (world, organisation, alice) = begin().await;
    let bob = organisation.user(&world, "bob").await;
    let carol = organisation.user(&world, "carol").await;
    let dave = organisation.user(&world, "dave").await;
    organisation.assign(&alice, CONTRIBUTOR, SUBSCRIPTION).await.unwrap();
    organisation.make_eligible(&bob, CONTRIBUTOR, SUBSCRIPTION).await;
    bob.activate(Person::wish(CONTRIBUTOR, GROUP)).await.unwrap();
    organisation.assign(&carol, CONTRIBUTOR, "/subscriptions/another").await.unwrap();
    organisation.assign(&dave, Organisation::OWNER, SUBSCRIPTION).await.unwrap();
    let admin = &organisation.admin.client;
    let at = async |scope: &str| {
        let list = holders(admin, CONTRIBUTOR, scope).await.unwrap();
        list.holdings.into_iter().map(|one| one.principal_id).collect::<Vec<_>>()
    };
    let mut both = [alice.id.clone(), bob.id.clone()].to_vec();
    both.sort();
    let mut here = at(GROUP).await;
    here.sort();
    assert_eq!(here, both);
    assert_eq!(at(SUBSCRIPTION).await, std::slice::from_ref(&alice.id));
    assert_eq!(at(ROOT).await, Vec::<String>::new());
    let list = holders(admin, CONTRIBUTOR, GROUP).await.unwrap();
    assert_eq!(list.valid_until, Some(timestamp(world.now() + hours(1))));
    world.advance(hours(1));
    assert_eq!(at(GROUP).await, [alice.id]);
}

#[tokio::test]
async fn pages_have_all_in_order_without_a_double() {
    let (world, organisation, alice) = begin().await;
    let admin = &organisation.admin.client;
    let end = world.now() + hours(9);
    let mut made = Vec::new();
    for number in 0..=PAGE_DEFAULT {
        let scope = group(number);
        made.push(assign(&organisation, &alice, (CONTRIBUTOR, &scope), None, end).await.id);
    }
    made.sort();
    let whole = roles(admin, ListEffectiveRolesRequest { page_size: 2_000, ..of(&alice) }).await;
    let whole = whole.unwrap();
    assert_eq!(
        (ids(&whole.holdings), whole.next_page_token.as_str()),
        (made.iter().map(String::as_str).collect(), "")
    );
    let first = roles(admin, of(&alice)).await.unwrap();
    assert_eq!(ids(&first.holdings), made[..PAGE_DEFAULT]);
    assert_ne!(first.next_page_token, "");

    let mut seen = Vec::new();
    let mut request = ListEffectiveRolesRequest { page_size: 17, ..of(&alice) };
    loop {
        let page = roles(admin, request.clone()).await.unwrap();
        assert_eq!(page.holdings.len(), 17, "of 51");
        assert_eq!(page.valid_until, Some(timestamp(end)), "that of the whole list");
        seen.extend(page.holdings.into_iter().map(|holding| holding.id));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, made);
}

#[tokio::test]
async fn what_ends_between_two_pages_shifts_nothing() {
    let (world, organisation, alice) = begin().await;
    let (soon, later) = (world.now() + hours(1), world.now() + hours(9));
    let mut made = Vec::new();
    for (number, end) in [soon, later, soon, later, later].into_iter().enumerate() {
        let scope = group(number);
        made.push((assign(&organisation, &alice, (CONTRIBUTOR, &scope), None, end).await.id, end));
        // Ids are in order from one millisecond to the next.
        world.advance(tick() * 1_000);
    }
    made.sort();
    let request = ListEffectiveRolesRequest { page_size: 2, ..of(&alice) };
    let first = roles(&alice.client, request.clone()).await.unwrap();
    assert_eq!(ids(&first.holdings), [&made[0].0, &made[1].0]);
    assert_eq!(first.valid_until, Some(timestamp(soon)));
    world.advance(hours(1));
    let page_token = first.next_page_token;
    let second = roles(&alice.client, ListEffectiveRolesRequest { page_token, ..request }).await;
    let left: Vec<&str> =
        made[2..].iter().filter(|(_, end)| *end == later).map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids(&second.unwrap().holdings), left);
}

#[tokio::test]
async fn holders_are_paged_as_well() {
    let (world, organisation, alice) = begin().await;
    let bob = organisation.user(&world, "bob").await;
    // By principal.
    let mut people = [&alice, &bob];
    people.sort_by_key(|person| &person.id);
    let mut made = Vec::new();
    for person in people {
        made.push(organisation.assign(person, CONTRIBUTOR, SUBSCRIPTION).await.unwrap().id);
    }
    let mut access = organisation.admin.client.access();
    let request = ListRoleHoldersRequest {
        role_id: CONTRIBUTOR.to_owned(),
        scope: GROUP.to_owned(),
        page_size: 1,
        ..ListRoleHoldersRequest::default()
    };
    let first = access.list_role_holders(request.clone()).await.unwrap().into_inner();
    assert_eq!(ids(&first.holdings), [&made[0]]);
    let page_token = first.next_page_token;
    let request = ListRoleHoldersRequest { page_token, ..request };
    let second = access.list_role_holders(request).await.unwrap().into_inner();
    assert_eq!((ids(&second.holdings), second.next_page_token.as_str()), (vec![&*made[1]], ""));
}

#[tokio::test]
async fn a_page_token_belongs_to_its_list_and_its_caller() {
    let (_world, organisation, alice) = begin().await;
    for number in 0..2 {
        organisation.assign(&alice, CONTRIBUTOR, &group(number)).await.unwrap();
    }
    let request = ListEffectiveRolesRequest { page_size: 1, ..of(&alice) };
    let first = roles(&alice.client, request.clone()).await.unwrap();
    let next = ListEffectiveRolesRequest { page_token: first.next_page_token, ..request };
    assert_eq!(roles(&alice.client, next.clone()).await.unwrap().holdings.len(), 1);

    let mut forged = next.clone();
    let last = if forged.page_token.ends_with('A') { "B" } else { "A" };
    forged.page_token.replace_range(forged.page_token.len() - 1.., last);
    let elsewhere = ListEffectiveRolesRequest { scope: SUBSCRIPTION.to_owned(), ..next.clone() };
    let refusals = [
        roles(&alice.client, forged).await,
        roles(&alice.client, elsewhere).await,
        roles(&organisation.admin.client, next).await,
    ];
    for refusal in refusals {
        let refusal = refusal.unwrap_err();
        assert_eq!(
            (refusal.code(), reason(&refusal).as_str()),
            (Code::InvalidArgument, "INVALID_FIELD")
        );
    }
}

#[tokio::test]
async fn the_members_of_a_large_group_are_paged_whole() {
    let (world, organisation, _alice) = begin().await;
    let admin = &organisation.admin;
    let [outer, inner] = [organisation.group("outer").await, organisation.group("inner").await];
    admin.assign_to(&outer.id, CONTRIBUTOR, SUBSCRIPTION).await.unwrap();
    admin.add_member(&inner.id, &outer).await.unwrap();
    let mut expected = Vec::new();
    for number in 0..45 {
        let user = organisation.user(&world, &format!("member {number}")).await;
        // Of some there are two ways.
        for (group, step) in [(&inner, 2), (&outer, 3)] {
            if number % step == 0 {
                admin.add_member(&user.id, group).await.unwrap();
            }
        }
        if number % 2 == 0 || number % 3 == 0 {
            expected.push(user.id);
        }
    }
    expected.sort();
    let mut seen = Vec::new();
    let mut request = ListRoleHoldersRequest {
        role_id: CONTRIBUTOR.to_owned(),
        scope: SUBSCRIPTION.to_owned(),
        page_size: 7,
        ..ListRoleHoldersRequest::default()
    };
    loop {
        let page = admin.client.access().list_role_holders(request.clone()).await.unwrap();
        let page = page.into_inner();
        assert!(page.holdings.iter().all(|holding| holding.group_id == outer.id));
        seen.extend(page.holdings.into_iter().map(|holding| holding.principal_id));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
        assert_eq!(seen.len() % 7, 0);
    }
    assert_eq!(seen, expected);
}
