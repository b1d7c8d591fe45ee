//! What this service wants of the activation service: asked once, after the commit, and whatever
//! comes of it changes nothing here.

use pim_proto::activation::v1::activation_service_server::ActivationServiceServer;
use pim_proto::{
    activation::v1::{Activation, ActivationState, Ending},
    assignment::v1::{DisablePrincipalRequest, Eligibility, GrantState, RemoveEligibilityRequest},
};
use pim_store::{Reach, activations};
use pim_tests::{Bell, Organisation, Peer, Person, Reply, new_id, nowhere};
use tonic::Status;

use crate::{
    grants::{Kind, get, removal, remove},
    ground::{Ground, ROLE, UNIT},
};

/// Ada is eligible everywhere and has activated it twice.
async fn twice(ground: &Ground) -> (Eligibility, [Activation; 2]) {
    let eligibility = ground.org.make_eligible(&ground.ada, ROLE, "/").await;
    let root = ground.ada.activate(Person::wish(ROLE, "/")).await.unwrap();
    let unit = ground.ada.activate(Person::wish(ROLE, UNIT)).await.unwrap();
    (eligibility, [root, unit])
}

/// The activation that a bell was rung for, and whether what it rests on still counted then.
type Heard = (String, bool);

/// An activation service that only listens.
async fn listen(ground: &Ground, reply: Reply) -> Peer<Heard> {
    let (db, clock) = (ground.world.db.clone(), ground.world.system.clock.clone());
    let tenant = ground.org.tenant.into();
    let note = move |bell: Bell| {
        let (db, clock) = (db.clone(), clock.clone());
        async move {
            assert_eq!(bell.path, "/pim.activation.v1.ActivationService/VoidActivation");
            let mut read = db.read(Reach::EveryTenant).await.unwrap();
            let id = bell.thing_id.parse().unwrap();
            let found = activations::get(&mut read, tenant, id).await.unwrap().unwrap();
            let rest = activations::rest(&mut read, tenant, &found).await.unwrap();
            (bell.thing_id, found.broken_path(&rest, clock.now().now).is_none())
        }
    };
    Peer::listen::<ActivationServiceServer<()>, _>(reply, note).await
}

/// The administrator calls an assignment service that has its peers at `peers`; the others are as
/// they were.
async fn alone(ground: &mut Ground, peers: &str) {
    ground.world.call_alone(pim_assignment::SERVICE, peers).await;
    ground.org.admin = ground.org.admin.again(&ground.world);
}

fn sorted<T: Ord>(mut all: Vec<T>) -> Vec<T> {
    all.sort();
    all
}

#[tokio::test]
async fn a_removal_rings_once_for_each_activation_after_the_commit() {
    let mut ground = Ground::new().await;
    let (eligibility, activations) = twice(&ground).await;
    let bells = listen(&ground, || Ok(())).await;
    alone(&mut ground, &bells.url).await;
    let admin = &ground.org.admin.client;
    remove(admin, Kind::Eligibility, removal(&eligibility.id)).await.unwrap();
    let expected = activations.iter().map(|one| (one.id.clone(), false));
    assert_eq!(sorted(bells.take()), sorted(expected.collect()));
}

#[tokio::test]
async fn a_move_rings_once_for_each_activation_that_it_has_severed() {
    let mut ground = Ground::new().await;
    let (web, shop) = ("/managementGroups/web", "/subscriptions/shop");
    ground.org.register(web, "").await.unwrap();
    ground.org.register(shop, web).await.unwrap();
    ground.org.make_eligible(&ground.ada, Organisation::CONTRIBUTOR, web).await;
    let wish = |scope| Person::wish(Organisation::CONTRIBUTOR, scope);
    ground.ada.activate(wish(web)).await.unwrap();
    let severed = ground.ada.activate(wish(shop)).await.unwrap();
    let bells = listen(&ground, || Ok(())).await;
    alone(&mut ground, &bells.url).await;
    ground.org.move_scope(shop, "/").await.unwrap();
    assert_eq!(bells.take(), [(severed.id, false)]);
}

#[tokio::test]
async fn disabling_rings_once_for_each_activation_after_the_commit() {
    let mut ground = Ground::new().await;
    let (_, activations) = twice(&ground).await;
    let bells = listen(&ground, || Ok(())).await;
    alone(&mut ground, &bells.url).await;
    ground.disable(&ground.ada).await;
    let expected = activations.iter().map(|one| (one.id.clone(), false));
    assert_eq!(sorted(bells.take()), sorted(expected.collect()));
}

#[tokio::test]
async fn what_nothing_rests_on_rings_for_nobody() {
    let mut ground = Ground::new().await;
    let (_, [root, unit]) = twice(&ground).await;
    for ended in [root, unit] {
        ground.ada.deactivate(&ended.id).await.unwrap();
    }
    let bob = ground.user("bob").await;
    let unused = ground.org.make_eligible(&bob, ROLE, "/").await;
    let bells = listen(&ground, || Ok(())).await;
    alone(&mut ground, &bells.url).await;
    let admin = &ground.org.admin.client;
    remove(admin, Kind::Eligibility, removal(&unused.id)).await.unwrap();
    ground.disable(&ground.ada).await;
    assert_eq!(bells.take(), []);
}

#[tokio::test]
async fn a_dry_run_and_a_repeat_ring_for_nobody() {
    let mut ground = Ground::new().await;
    let (eligibility, _) = twice(&ground).await;
    let bells = listen(&ground, || Ok(())).await;
    alone(&mut ground, &bells.url).await;
    let admin = &ground.org.admin.client;
    let request = RemoveEligibilityRequest { request_id: new_id(), ..removal(&eligibility.id) };
    let dry = RemoveEligibilityRequest { validate_only: true, ..request.clone() };
    remove(admin, Kind::Eligibility, dry).await.unwrap();
    let (principal_id, validate_only) = (ground.ada.id.clone(), true);
    let dry = DisablePrincipalRequest { principal_id, validate_only, ..Default::default() };
    admin.directory().disable_principal(dry).await.unwrap();
    assert_eq!(bells.take(), []);
    remove(admin, Kind::Eligibility, request.clone()).await.unwrap();
    remove(admin, Kind::Eligibility, request).await.unwrap();
    assert_eq!(bells.take().len(), 2, "one for each of the two activations");
}

#[tokio::test]
async fn a_bell_that_is_refused_is_not_rung_again() {
    let mut ground = Ground::new().await;
    let (eligibility, _) = twice(&ground).await;
    let bells = listen(&ground, || Err(Status::unavailable("not now"))).await;
    alone(&mut ground, &bells.url).await;
    let admin = &ground.org.admin.client;
    remove(admin, Kind::Eligibility, removal(&eligibility.id)).await.unwrap();
    assert_eq!(bells.take().len(), 1, "the scheduler does this one and the rest");
}

#[tokio::test]
async fn a_bell_for_what_is_over_already_is_heard_and_the_next_is_rung() {
    let mut ground = Ground::new().await;
    let (eligibility, _) = twice(&ground).await;
    let bells = listen(&ground, || Err(Status::failed_precondition("over"))).await;
    alone(&mut ground, &bells.url).await;
    let admin = &ground.org.admin.client;
    remove(admin, Kind::Eligibility, removal(&eligibility.id)).await.unwrap();
    assert_eq!(bells.take().len(), 2);
}

#[tokio::test]
async fn a_peer_that_is_down_changes_nothing_of_the_answer_nor_of_the_effect() {
    let mut ground = Ground::new().await;
    let (eligibility, activations) = twice(&ground).await;
    let whole = ground.world.url.clone();
    let before = ground.org.admin.clone();
    alone(&mut ground, &nowhere().await).await;
    let admin = &ground.org.admin.client;
    let removed = remove(admin, Kind::Eligibility, removal(&eligibility.id)).await.unwrap();
    assert_eq!(removed.state(), GrantState::Removed);
    assert_eq!(get(admin, Kind::Eligibility, &eligibility.id).await.unwrap(), removed);
    assert!(!ground.ada.holds(ROLE, "/").await, "the effect does not wait");
    let unheard = before.activation(&activations[0].id).await.unwrap();
    assert_eq!(unheard.state(), ActivationState::Active, "it is not recorded yet");
    ground.world.url = whole;
    ground.world.settle().await;
    for activation in activations {
        let ended = before.activation(&activation.id).await.unwrap();
        assert_eq!(ended.ending(), Ending::Void, "the scheduler has asked for it");
    }
}
