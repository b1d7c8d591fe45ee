//! What several callers do at once, over real connections: one of them is first.

use std::collections::BTreeSet;

use futures::future::join_all;
use pim_client::Client;
use pim_proto::{
    activation::v1::{
        ActivateRoleRequest, Activation, ActivationState, Ending, SearchMyActivationsRequest,
    },
    approval::v1::{Approval, ApprovalState, ApproveRequest},
    assignment::v1::{ApprovalMode, Rules},
    audit::v1::EventFilter,
};
use pim_store::{Reach, approvals};
use pim_tests::{Organisation, Person, World, reason, stage, stages};
use uuid::Uuid;

const ROLE: &str = Organisation::USER_ADMINISTRATOR;
const AT_ONCE: usize = 16;
const ACTIVATIONS: usize = 32;
const APPROVALS: usize = 64;
/// Of a yes and a no.
const PAIRS: usize = 500;
/// So many pairs are under way at once, each of another requester.
const REQUESTERS: usize = 10;

/// So many connections of somebody's own, open.
async fn connections(world: &World, person: &Person, count: usize) -> Vec<Client> {
    let clients: Vec<Client> =
        (0..count).map(|_| person.signed_in(world, Some(world.now()), &[])).collect();
    let known = clients.iter().map(async |client| {
        let mine = SearchMyActivationsRequest::default();
        client.activations().search_my_activations(mine).await.unwrap();
    });
    join_all(known).await;
    clients
}

/// All activations of somebody, ended ones too.
async fn activations(person: &Person) -> Vec<Activation> {
    let request = SearchMyActivationsRequest {
        include_ended: true,
        page_size: 1_000,
        ..SearchMyActivationsRequest::default()
    };
    let answer = person.client.activations().search_my_activations(request).await.unwrap();
    answer.into_inner().activations
}

/// How often the log says so of a thing.
async fn told(organisation: &Organisation, code: &str, thing: &str) -> usize {
    let log = organisation.log(EventFilter::default()).await;
    log.iter().filter(|event| event.code == code && event.thing_id == thing).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_49b_one_of_many_activations_of_a_target_is_made() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    organisation.make_eligible(&alice, ROLE, "/").await;
    let clients = connections(&world, &alice, ACTIVATIONS).await;
    let wishes = clients
        .iter()
        .map(async |client| client.activations().activate_role(Person::wish(ROLE, "/")).await);
    let (made, refused): (Vec<_>, Vec<_>) =
        join_all(wishes).await.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), refused.len()), (1, ACTIVATIONS - 1));
    for refused in refused.into_iter().filter_map(Result::err) {
        assert_eq!(reason(&refused), "ACTIVATION_LIVE", "{refused}");
    }
    let [made] = <[Activation; 1]>::try_from(activations(&alice).await).unwrap();
    assert_eq!(made.state(), ActivationState::Active);
    assert_eq!(told(&organisation, "pim.activation.activated", &made.id).await, 1);
}

/// Of different targets, so that nothing else keeps them apart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_21_of_many_activations_by_one_sign_in_one_is_made() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    organisation.make_eligible(&alice, ROLE, "/").await;
    let once = Rules { single_use_authentication: Some(true), ..Rules::default() };
    organisation.set_policy(ROLE, once).await.unwrap();
    let clients = connections(&world, &alice, AT_ONCE).await;
    let wishes = clients.iter().enumerate().map(async |(number, client)| {
        let unit =
            format!("/administrativeUnits/{}", Uuid::from_u128(u128::try_from(number).unwrap()));
        client.activations().activate_role(Person::wish(ROLE, &unit)).await
    });
    let (made, refused): (Vec<_>, Vec<_>) =
        join_all(wishes).await.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), refused.len()), (1, AT_ONCE - 1));
    for refused in refused.into_iter().filter_map(Result::err) {
        assert_eq!(reason(&refused), "STEP_UP_REQUIRED", "{refused}");
    }
    assert_eq!(activations(&alice).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_70_a_request_that_is_sent_many_times_at_once_is_one() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    organisation.make_eligible(&alice, ROLE, "/").await;
    let request_id = Uuid::new_v4().to_string();
    let wish = ActivateRoleRequest { request_id, ..Person::wish(ROLE, "/") };
    let answers = join_all((0..AT_ONCE).map(|_| alice.activate(wish.clone()))).await;
    let ids: BTreeSet<String> = answers.into_iter().map(|answer| answer.unwrap().id).collect();
    assert_eq!(ids.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_12_approvals_at_once_give_one_activation() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    let carol = organisation.user(&world, "carol").await;
    let dave = organisation.user(&world, "dave").await;
    organisation.make_eligible(&alice, ROLE, "/").await;
    organisation.require_approval(ROLE, &[&carol, &dave]).await;
    let carols = connections(&world, &carol, APPROVALS / 2).await;
    let daves = connections(&world, &dave, APPROVALS / 2).await;
    let asked = alice.activate(Person::wish(ROLE, "/")).await.unwrap();
    let approval = carol.inbox().await.remove(0);
    let yes = ApproveRequest {
        approval_id: approval.id.clone(),
        etag: approval.etag.clone(),
        justification: "known work".to_owned(),
        ..ApproveRequest::default()
    };
    let votes = carols.iter().zip(&daves).flat_map(|(one, other)| [one, other]);
    let votes = votes.map(async |client| client.approvals().approve(yes.clone()).await);
    let answers = join_all(votes).await;
    assert_eq!(answers.len(), APPROVALS);
    for answer in answers {
        answer.unwrap();
    }
    // A bell that was not heard in time is the scheduler's.
    world.settle().await;
    assert!(alice.holds(ROLE, "/").await);
    let [active] = <[Activation; 1]>::try_from(activations(&alice).await).unwrap();
    assert_eq!(active.id, asked.id);
    assert_eq!((active.state(), active.etag.as_str()), (ActivationState::Active, "v2"));
    assert_eq!(told(&organisation, "pim.activation.activated", &active.id).await, 1);
    for code in ["pim.approval.voted", "pim.approval.approved"] {
        assert_eq!(told(&organisation, code, &approval.id).await, 1, "{code}");
    }
}

/// The approval of an activation, read where it is stored.
async fn opened(world: &World, tenant: Uuid, asked: &Activation) -> Approval {
    let mut read = world.db.read(Reach::EveryTenant).await.unwrap();
    let activation = asked.id.parse::<Uuid>().unwrap().into();
    let found = approvals::of_activation(&mut read, tenant.into(), activation, None).await.unwrap();
    let approval = found.expect("the bell was heard");
    Approval { id: approval.id.to_string(), etag: approval.etag(), ..Approval::default() }
}

/// A yes of carol's and a no of dave's at once, of which each would do; whether it was yes.
async fn decided(world: &World, tenant: Uuid, [alice, carol, dave]: [&Person; 3]) -> bool {
    let asked = alice.activate(Person::wish(ROLE, "/")).await.unwrap();
    let approval = opened(world, tenant, &asked).await;
    let (yes, no) = tokio::join!(carol.approve(&approval), dave.deny(&approval));
    let (won, lost) = match (yes, no) {
        (Ok(won), Err(lost)) | (Err(lost), Ok(won)) => (won, lost),
        both => panic!("not one outcome: {both:?}"),
    };
    assert_eq!(reason(&lost), "ALREADY_RESOLVED", "{lost}");
    assert_eq!(won.decisions.len(), 1);
    let is_yes = won.state() == ApprovalState::Approved;
    let expected = if is_yes {
        (ApprovalState::Approved, ActivationState::Active)
    } else {
        (ApprovalState::Denied, ActivationState::Ended)
    };
    assert_eq!((won.state(), won.activation_state()), expected);
    if is_yes {
        alice.deactivate(&asked.id).await.unwrap();
    }
    is_yes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_11_a_yes_and_a_no_at_once_have_one_outcome() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let carol = organisation.user(&world, "carol").await;
    let dave = organisation.user(&world, "dave").await;
    let any = stages(vec![stage(ApprovalMode::AnyOf, 0, &[&carol, &dave])]);
    let set = Rules { approval: Some(any), ..Rules::default() };
    organisation.set_policy(ROLE, set).await.unwrap();
    let pairs = (0..REQUESTERS).map(async |number| {
        let alice = organisation.user(&world, &format!("alice-{number}")).await;
        organisation.make_eligible(&alice, ROLE, "/").await;
        // Each on connections of their own.
        let (carol, dave) = (carol.again(&world), dave.again(&world));
        let mut approved = 0;
        for _ in 0..PAIRS / REQUESTERS {
            approved +=
                usize::from(decided(&world, organisation.tenant, [&alice, &carol, &dave]).await);
        }
        let all = activations(&alice).await;
        let ended = |ending| all.iter().filter(|one| one.ending() == ending).count();
        let denied = PAIRS / REQUESTERS - approved;
        assert_eq!((ended(Ending::Deactivated), ended(Ending::Denied)), (approved, denied));
        assert_eq!(all.len(), approved + denied);
    });
    join_all(pairs).await;
}
