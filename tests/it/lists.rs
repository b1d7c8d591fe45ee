//! Every list is complete over its pages while writes go on, however long it is: what was there all
//! the time is on it once, in the order that the contract names, and nothing is on it twice.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
};

use pim_access::{BY_SQL, SERVICE};
use pim_proto::{
    access::v1::{Holding, ListEffectiveRolesRequest, ListRoleHoldersRequest},
    assignment::v1::{ListAssignmentsRequest, RemoveAssignmentRequest},
};
use pim_tests::{Copied, Organisation, Person, World};
use uuid::Uuid;

/// Of a group, and so holders of what it holds.
const MEMBERS: u128 = 100_000;
/// Of one principal.
const HOLDINGS: u128 = 5_000;
/// Holdings on the longest page that there is.
const PAGE: usize = 1_000;
const ROLE: &str = Organisation::CONTRIBUTOR;
const SUBSCRIPTION: &str = "/subscriptions/a";
const BELOW: &str = "/subscriptions/a/resourceGroups/web";

/// By what a list is ordered: principal and holding, or assignment and principal.
type Key = (String, String);

/// The `n`th of a kind, in the order of their numbers.
fn numbered(kind: u128, n: u128) -> Uuid {
    Uuid::from_u128(kind << 96 | n)
}

fn person(n: u128) -> Uuid {
    numbered(1, n)
}

fn assignment(n: u128) -> Uuid {
    numbered(2, n)
}

/// Not there at first.
fn is_added(n: u128) -> bool {
    n % 500 == 123
}

/// There at first only.
fn is_ended(n: u128) -> bool {
    n % 500 == 321
}

/// An assignment that somebody is to have, by principal, role and scope.
#[derive(Debug, Clone)]
struct Wanted(String, String, String);

/// Makes and ends assignments, over and over, and ends some that were there before, as long as a
/// list is being read.
async fn while_writing(
    admin: &Person,
    added: Vec<Wanted>,
    ended: Vec<Uuid>,
    list: impl Future<Output = Vec<Key>>,
) -> Vec<Key> {
    let is_read = AtomicBool::new(false);
    let read = async {
        let list = list.await;
        is_read.store(true, Ordering::Relaxed);
        list
    };
    let write = async {
        let mut ended = ended.into_iter();
        for Wanted(principal, role, scope) in added.iter().cycle() {
            if is_read.load(Ordering::Relaxed) {
                break;
            }
            let made = admin.assign_to(principal, role, scope).await.unwrap();
            if let Some(id) = ended.next() {
                remove(admin, id.to_string()).await;
            }
            remove(admin, made.id).await;
        }
    };
    tokio::join!(read, write).0
}

async fn remove(admin: &Person, assignment_id: String) {
    let request = RemoveAssignmentRequest { assignment_id, ..RemoveAssignmentRequest::default() };
    admin.client.assignments().remove_assignment(request).await.unwrap();
}

/// A whole list, page after page.
async fn pages(mut page: impl AsyncFnMut(String) -> (Vec<Key>, String)) -> Vec<Key> {
    let (mut list, mut token) = (Vec::new(), String::new());
    loop {
        let (keys, next) = page(token).await;
        assert!(keys.len() <= PAGE);
        assert!(keys.len() == PAGE || next.is_empty(), "{} on a page", keys.len());
        list.extend(keys);
        if next.is_empty() {
            return list;
        }
        token = next;
    }
}

fn keys(holdings: Vec<Holding>) -> Vec<Key> {
    holdings.into_iter().map(|one| (one.principal_id, one.id)).collect()
}

async fn holders(caller: &Person, role: &str, scope: &str) -> Vec<Key> {
    pages(async |page_token| {
        let request = ListRoleHoldersRequest {
            role_id: role.to_owned(),
            scope: scope.to_owned(),
            page_size: i32::MAX,
            page_token,
            ..ListRoleHoldersRequest::default()
        };
        let answer = caller.client.access().list_role_holders(request).await.unwrap().into_inner();
        (keys(answer.holdings), answer.next_page_token)
    })
    .await
}

async fn holdings(caller: &Person) -> Vec<Key> {
    pages(async |page_token| {
        let request = ListEffectiveRolesRequest {
            principal_id: caller.id.clone(),
            page_size: i32::MAX,
            page_token,
            ..ListEffectiveRolesRequest::default()
        };
        let answer = caller.client.access().list_effective_roles(request).await.unwrap();
        let answer = answer.into_inner();
        (keys(answer.holdings), answer.next_page_token)
    })
    .await
}

async fn assignments(caller: &Person, role: &str, scope: &str) -> Vec<Key> {
    pages(async |page_token| {
        let request = ListAssignmentsRequest {
            role_id: role.to_owned(),
            scope: scope.to_owned(),
            page_size: i32::MAX,
            page_token,
            ..ListAssignmentsRequest::default()
        };
        let answer = caller.client.assignments().list_assignments(request).await.unwrap();
        let answer = answer.into_inner();
        let keys = answer.assignments.into_iter().map(|one| (one.id, one.principal_id));
        (keys.collect(), answer.next_page_token)
    })
    .await
}

fn assert_complete(list: &[Key], throughout: impl Iterator<Item = Key>) {
    assert!(list.is_sorted_by(|one, next| one < next), "out of order, or twice");
    let seen: BTreeSet<&Key> = list.iter().collect();
    let missing: Vec<Key> = throughout.filter(|one| !seen.contains(one)).collect();
    assert!(missing.is_empty(), "{} are missing, such as {:?}", missing.len(), missing[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_members_of_a_group_are_listed_and_all_who_hold_what_it_holds() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let admin = &organisation.admin;
    let first = organisation.user(&world, "first").await;
    let crowd = organisation.group("crowd").await;
    let (member, scope) = (Organisation::GROUP_MEMBER, crowd.scope.as_str());
    let like = admin.add_member(&first.id, &crowd).await.unwrap();
    let by_group = admin.assign_to(&crowd.id, ROLE, SUBSCRIPTION).await.unwrap();
    let own = organisation.assign(&first, ROLE, BELOW).await.unwrap();
    world.copy_person(&first, (0..MEMBERS).map(person)).await;
    let copied = |n| Copied {
        id: assignment(n),
        principal: person(n),
        role: member.parse().unwrap(),
        scope: scope.parse().unwrap(),
    };
    world.copy_assignment(&like, (0..MEMBERS).filter(|n| !is_added(*n)).map(copied)).await;
    let added = || {
        let of = |n| Wanted(person(n).to_string(), member.to_owned(), scope.to_owned());
        (0..MEMBERS).filter(|n| is_added(*n)).map(of).collect()
    };
    let stays = || (0..MEMBERS).filter(|n| !is_added(*n) && !is_ended(*n));
    let mut ended = (0..MEMBERS).filter(|n| is_ended(*n)).map(assignment);

    let mut some = || ended.by_ref().take(60).collect();
    let list = while_writing(admin, added(), some(), holders(admin, member, scope)).await;
    let members = stays().map(|n| (person(n).to_string(), assignment(n).to_string()));
    assert_complete(&list, members.chain([(first.id.clone(), like.id.clone())]));

    let list = while_writing(admin, added(), some(), assignments(admin, member, scope)).await;
    let members = stays().map(|n| (assignment(n).to_string(), person(n).to_string()));
    assert_complete(&list, members.chain([(like.id, first.id.clone())]));

    let list = while_writing(admin, added(), some(), holders(admin, ROLE, BELOW)).await;
    let holders = stays().map(|n| (person(n).to_string(), by_group.id.clone()));
    let by_both = [&by_group.id, &own.id].map(|id| (first.id.clone(), id.clone()));
    assert_complete(&list, holders.chain(by_both));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_somebody_holds_is_listed_from_memory_and_from_the_database() {
    let mut world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    let like = organisation.assign(&alice, ROLE, SUBSCRIPTION).await.unwrap();
    let scope = |n| format!("{SUBSCRIPTION}/resourceGroups/g{n}");
    let copied = |n| Copied {
        id: assignment(n),
        principal: alice.id.parse().unwrap(),
        role: ROLE.parse().unwrap(),
        scope: scope(n).parse().unwrap(),
    };
    world.copy_assignment(&like, (0..HOLDINGS).map(copied)).await;
    let added: Vec<Wanted> = (HOLDINGS..HOLDINGS + 100)
        .map(|n| Wanted(alice.id.clone(), ROLE.to_owned(), scope(n)))
        .collect();
    let stays = || (0..HOLDINGS).filter(|n| !is_ended(*n));
    let mut ended = (0..HOLDINGS).filter(|n| is_ended(*n)).map(assignment);
    let url = world.url.clone();
    for service in [SERVICE, BY_SQL] {
        world.call_alone(service, &url).await;
        let there = alice.again(&world);
        for _ in 0..3 {
            let some = ended.by_ref().take(1).collect();
            let list = holdings(&there);
            let list = while_writing(&organisation.admin, added.clone(), some, list).await;
            let throughout = stays().map(|n| (alice.id.clone(), assignment(n).to_string()));
            assert_complete(&list, throughout.chain([(alice.id.clone(), like.id.clone())]));
        }
    }
}
