//! The life of a custom role, as people see it.

use chrono::TimeDelta;
use pim_proto::{
    access::v1::{CheckAccessRequest, Decision, check_access_request::Question},
    activation::v1::{ActivationState, Ending},
    assignment::v1::{
        CreateRoleRequest, DeleteRoleRequest, PermissionBlock, Role, RoleDefinition,
        UpdateRoleRequest,
    },
    audit::v1::EventFilter,
    r#type::v1::Catalog,
};
use pim_tests::{Organisation, Person, World};

const SUBSCRIPTION: &str = "/subscriptions/9e1c27e8-55a8-4c5b-9d0e-6f6d1f3f2a11";
const RESTART: &str = "Microsoft.Compute/virtualMachines/restart/action";
const READ: &str = "Microsoft.Compute/virtualMachines/read";

fn definition(actions: &[&str]) -> Option<RoleDefinition> {
    let actions = actions.iter().map(|one| (*one).to_owned()).collect();
    Some(RoleDefinition {
        display_name: "Restarter".to_owned(),
        privileged: false,
        permissions: vec![PermissionBlock { actions, ..PermissionBlock::default() }],
        assignable_scopes: vec![SUBSCRIPTION.to_owned()],
    })
}

async fn make(organisation: &Organisation) -> Role {
    let request = CreateRoleRequest {
        catalog: Catalog::Azure.into(),
        definition: definition(&[RESTART]),
        ..CreateRoleRequest::default()
    };
    let answer = organisation.admin.client.roles().create_role(request).await.unwrap();
    answer.into_inner().role.unwrap()
}

async fn may(person: &Person, action: &str) -> bool {
    let request = CheckAccessRequest {
        principal_id: person.id.clone(),
        question: Some(Question::Action(action.to_owned())),
        scope: format!("{SUBSCRIPTION}/resourceGroups/web"),
        ..CheckAccessRequest::default()
    };
    let answer = person.client.access().check_access(request).await.unwrap().into_inner();
    answer.decision() == Decision::Allowed
}

#[tokio::test]
async fn it_is_granted_asked_by_action_changed_and_deleted_and_all_of_it_ends() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    let bob = organisation.user(&world, "bob").await;
    let carol = organisation.user(&world, "carol").await;
    let role = make(&organisation).await;
    organisation.make_eligible(&alice, &role.id, SUBSCRIPTION).await;
    assert!(!may(&alice, RESTART).await, "eligible only");
    let active = alice.activate(Person::wish(&role.id, SUBSCRIPTION)).await.unwrap();
    organisation.assign(&bob, &role.id, SUBSCRIPTION).await.unwrap();
    assert!(may(&alice, RESTART).await && may(&bob, RESTART).await);
    assert!(!may(&alice, READ).await);

    world.advance(TimeDelta::minutes(1));
    let request = UpdateRoleRequest {
        role_id: role.id.clone(),
        etag: role.etag,
        definition: definition(&["Microsoft.Compute/*"]),
        ..UpdateRoleRequest::default()
    };
    let mut roles = organisation.admin.client.roles();
    let role = roles.update_role(request).await.unwrap().into_inner().role.unwrap();
    assert!(may(&alice, READ).await && may(&bob, READ).await);

    organisation.make_eligible(&carol, &role.id, SUBSCRIPTION).await;
    organisation.require_approval(&role.id, &[&bob]).await;
    let pending = carol.activate(Person::wish(&role.id, SUBSCRIPTION)).await.unwrap();
    assert_eq!(bob.inbox().await.len(), 1);

    world.advance(TimeDelta::minutes(1));
    let request = DeleteRoleRequest {
        role_id: role.id.clone(),
        etag: role.etag,
        ..DeleteRoleRequest::default()
    };
    roles.delete_role(request).await.unwrap();
    assert!(!may(&alice, RESTART).await && !may(&bob, RESTART).await);
    assert_eq!(bob.effective_roles().await, Vec::<String>::new());
    assert!(bob.inbox().await.is_empty(), "nothing waits for him any more");
    for (person, id) in [(&alice, active.id), (&carol, pending.id)] {
        let ended = person.activation(&id).await.unwrap();
        assert_eq!((ended.state(), ended.ending()), (ActivationState::Ended, Ending::Void));
        assert_eq!(ended.void_rules, ["ROLE"]);
    }
    let filter = EventFilter { role_id: role.id, ..EventFilter::default() };
    let before = organisation.log(filter.clone()).await.len();
    world.advance(TimeDelta::hours(2));
    world.settle().await;
    assert_eq!(organisation.log(filter).await.len(), before, "nothing is left to be ended");
    assert!(!may(&alice, RESTART).await, "nothing comes back");
}
