//! `CreateRole`, `UpdateRole`, `DeleteRole`.

use chrono::TimeDelta;
use pim_client::Client;
use pim_proto::{
    activation::v1::{ActivationState, Ending},
    assignment::v1::{
        ChangeRequestState, CreateChangeRequestRequest, CreateEligibilityRequest,
        CreateRoleRequest, DeleteRoleRequest, GetAssignmentRequest, GetChangeRequestRequest,
        GetEligibilityRequest, GetRoleRequest, GrantState, ListRolesRequest, PermissionBlock, Role,
        RoleDefinition, UpdateRoleRequest, create_change_request_request::Grant,
    },
    audit::v1::EventFilter,
    r#type::v1::Catalog,
};
use pim_tests::{Organisation, Person, assert_invalid, assert_refused, new_id, timestamp};
use tonic::{Code, Status};

use crate::ground::{Ground, ROLE, SUBSCRIPTION};

const RESTART: &str = "Microsoft.Compute/virtualMachines/restart/action";

fn definition(name: &str, actions: &[&str]) -> RoleDefinition {
    RoleDefinition {
        display_name: name.to_owned(),
        privileged: false,
        permissions: vec![PermissionBlock {
            actions: actions.iter().map(|one| (*one).to_owned()).collect(),
            ..PermissionBlock::default()
        }],
        assignable_scopes: vec![SUBSCRIPTION.to_owned()],
    }
}

async fn create(client: &Client, definition: RoleDefinition) -> Result<Role, Status> {
    let request = CreateRoleRequest {
        catalog: Catalog::Azure.into(),
        definition: Some(definition),
        ..CreateRoleRequest::default()
    };
    Ok(client.roles().create_role(request).await?.into_inner().role.unwrap())
}

async fn update(client: &Client, role: &Role, to: RoleDefinition) -> Result<Role, Status> {
    let request = UpdateRoleRequest {
        role_id: role.id.clone(),
        etag: role.etag.clone(),
        definition: Some(to),
        ..UpdateRoleRequest::default()
    };
    Ok(client.roles().update_role(request).await?.into_inner().role.unwrap())
}

async fn delete(client: &Client, role: &Role) -> Result<Role, Status> {
    let request = DeleteRoleRequest {
        role_id: role.id.clone(),
        etag: role.etag.clone(),
        justification: "not used".to_owned(),
        ..DeleteRoleRequest::default()
    };
    Ok(client.roles().delete_role(request).await?.into_inner().role.unwrap())
}

async fn get(client: &Client, id: &str) -> Role {
    let request = GetRoleRequest { role_id: id.to_owned() };
    client.roles().get_role(request).await.unwrap().into_inner().role.unwrap()
}

async fn listed(client: &Client, request: ListRolesRequest) -> Vec<String> {
    let roles = client.roles().list_roles(request).await.unwrap().into_inner().roles;
    roles.into_iter().map(|role| role.display_name).collect()
}

#[tokio::test]
async fn a_custom_role_is_made_shown_changed_and_deleted_and_can_be_read_for_ever() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let made = create(admin, definition("Restarter", &[RESTART])).await.unwrap();
    assert!(made.custom && made.assignable && !made.privileged);
    assert_eq!(made.assignable_scopes, [SUBSCRIPTION]);
    assert_eq!(made.permissions[0].actions, [RESTART]);
    assert_eq!(get(&ground.ada.client, &made.id).await, made);
    let wider = definition("Restarter", &["Microsoft.Authorization/*"]);
    let changed = update(admin, &made, wider).await.unwrap();
    assert!(changed.privileged, "it can assign roles now");
    assert_ne!(changed.etag, made.etag);
    let stale = update(admin, &made, definition("Other", &[RESTART])).await;
    assert_refused(stale, Code::Aborted, "ETAG_MISMATCH");
    let own = || ListRolesRequest { custom_only: true, ..ListRolesRequest::default() };
    assert_eq!(listed(admin, own()).await, ["Restarter"]);
    let gone = delete(admin, &changed).await.unwrap();
    assert_eq!(gone.delete_time, Some(timestamp(ground.world.now())));
    assert_eq!(get(&ground.ada.client, &made.id).await, gone);
    assert_eq!(listed(admin, own()).await, Vec::<String>::new());
    let all = ListRolesRequest { include_deleted: true, ..own() };
    assert_eq!(listed(admin, all).await, ["Restarter"]);
    for answer in
        [update(admin, &gone, definition("Other", &[RESTART])).await, delete(admin, &gone).await]
    {
        assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
    }
    let built_in = get(admin, ROLE).await;
    let answer = delete(admin, &built_in).await;
    assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
    create(admin, definition("Restarter", &[RESTART])).await.unwrap();
}

#[tokio::test]
async fn a_name_is_of_one_role_in_whatever_case() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let first = create(admin, definition("Restarter", &[RESTART])).await.unwrap();
    for taken in ["Restarter", "RESTARTER", "owner"] {
        let answer = create(admin, definition(taken, &[RESTART])).await;
        assert_refused(answer, Code::AlreadyExists, "DUPLICATE");
    }
    let second = create(admin, definition("Starter", &[RESTART])).await.unwrap();
    let answer = update(admin, &second, definition("restarter", &[RESTART])).await;
    assert_refused(answer, Code::AlreadyExists, "DUPLICATE");
    let own = update(admin, &first, definition("RESTARTER", &[RESTART])).await.unwrap();
    assert_eq!(own.display_name, "RESTARTER");
}

#[tokio::test]
async fn a_role_is_of_those_who_may_manage_all_of_its_scopes() {
    let ground = Ground::new().await;
    let owner = ground.owner().await;
    let wide = |scopes: &[&str]| RoleDefinition {
        assignable_scopes: scopes.iter().map(|one| (*one).to_owned()).collect(),
        ..definition("Restarter", &[RESTART])
    };
    let both = wide(&[SUBSCRIPTION, "/subscriptions/another"]);
    for (client, definition) in [
        (&ground.ada.client, wide(&[SUBSCRIPTION])),
        (&owner.client, both.clone()),
        (&owner.client, wide(&["/"])),
    ] {
        let answer = create(client, definition).await;
        assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
    }
    let made = create(&owner.client, wide(&[SUBSCRIPTION])).await.unwrap();
    let answer = update(&owner.client, &made, both.clone()).await;
    assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
    let made = update(&ground.org.admin.client, &made, both).await.unwrap();
    let answer = update(&owner.client, &made, wide(&[SUBSCRIPTION])).await;
    assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
    assert_refused(delete(&owner.client, &made).await, Code::PermissionDenied, "NOT_PERMITTED");
    delete(&ground.org.admin.client, &made).await.unwrap();
    let unknown = Role { id: new_id(), ..made };
    assert_refused(delete(&owner.client, &unknown).await, Code::PermissionDenied, "NOT_PERMITTED");
    let answer = delete(&ground.org.admin.client, &unknown).await;
    assert_refused(answer, Code::NotFound, "NOT_FOUND");
}

#[tokio::test]
async fn a_role_is_granted_and_activated_within_its_scopes_and_those_stay() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let made = create(admin, definition("Restarter", &[RESTART])).await.unwrap();
    for elsewhere in ["/", "/subscriptions/another"] {
        let answer = ground.org.assign(&ground.ada, &made.id, elsewhere).await;
        assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
    }
    let group = format!("{SUBSCRIPTION}/resourceGroups/web");
    ground.org.make_eligible(&ground.ada, &made.id, &group).await;
    ground.ada.activate(Person::wish(&made.id, &group)).await.unwrap();
    let elsewhere = RoleDefinition {
        assignable_scopes: vec!["/subscriptions/another".to_owned()],
        ..definition("Restarter", &[RESTART])
    };
    let answer = update(admin, &made, elsewhere).await;
    assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
    let narrower =
        RoleDefinition { assignable_scopes: vec![group], ..definition("Restarter", &[RESTART]) };
    update(admin, &made, narrower).await.unwrap();
}

#[tokio::test]
async fn nobody_widens_a_role_that_another_account_of_their_person_has() {
    let ground = Ground::new().await;
    let [working, private] = ground.accounts(["working", "private"]).await;
    ground.org.assign(&working, Organisation::GLOBAL_ADMINISTRATOR, "/").await.unwrap();
    let made = create(&working.client, definition("Restarter", &[RESTART])).await.unwrap();
    ground.org.make_eligible(&private, &made.id, SUBSCRIPTION).await;
    let wider = definition("Restarter", &[RESTART, "Microsoft.Compute/*/read"]);
    let answer = update(&working.client, &made, wider.clone()).await;
    assert_refused(answer, Code::PermissionDenied, "SELF_GRANT");
    update(&ground.org.admin.client, &made, wider).await.unwrap();
    let made = get(&working.client, &made.id).await;
    update(&working.client, &made, definition("Restarter", &[RESTART])).await.unwrap();
    let made = get(&working.client, &made.id).await;
    delete(&working.client, &made).await.unwrap();

    let through = create(&working.client, definition("Stopper", &[RESTART])).await.unwrap();
    let (admin, ops) = (&ground.org.admin, ground.org.group("ops").await);
    admin.add_member(&private.id, &ops).await.unwrap();
    admin.assign_to(&ops.id, &through.id, SUBSCRIPTION).await.unwrap();
    let wider = definition("Stopper", &[RESTART, "Microsoft.Compute/*/read"]);
    let answer = update(&working.client, &through, wider).await;
    assert_refused(answer, Code::PermissionDenied, "SELF_GRANT");
}

/// What there is of a role: an eligibility with an activation and a request, and an assignment.
struct Things {
    eligibility: String,
    activation: String,
    request: String,
    assignment: String,
}

async fn things(ground: &Ground, role: &Role) -> Things {
    let admin = &ground.org.admin.client;
    let request = CreateEligibilityRequest {
        principal_id: ground.ada.id.clone(),
        role_id: role.id.clone(),
        scope: SUBSCRIPTION.to_owned(),
        end_time: Some(timestamp(ground.world.now() + TimeDelta::days(7))),
        ..CreateEligibilityRequest::default()
    };
    let made = admin.assignments().create_eligibility(request).await.unwrap().into_inner();
    let eligibility = made.eligibility.unwrap().id;
    let wish = Person::wish(&role.id, SUBSCRIPTION);
    let activation = ground.ada.activate(wish).await.unwrap().id;
    let request = CreateChangeRequestRequest {
        grant: Some(Grant::EligibilityId(eligibility.clone())),
        kind: 1,
        justification: "still needed".to_owned(),
        ..CreateChangeRequestRequest::default()
    };
    let asked = ground.ada.client.assignments().create_change_request(request).await.unwrap();
    let request = asked.into_inner().change_request.unwrap().id;
    let bob = ground.user("bob").await;
    let assignment = ground.org.assign(&bob, &role.id, SUBSCRIPTION).await.unwrap().id;
    Things { eligibility, activation, request, assignment }
}

async fn assert_ended(ground: &Ground, things: &Things) {
    let mut assignments = ground.org.admin.client.assignments();
    let request = GetEligibilityRequest { eligibility_id: things.eligibility.clone() };
    let found = assignments.get_eligibility(request).await.unwrap().into_inner();
    assert_eq!(found.eligibility.unwrap().state(), GrantState::Removed);
    let request = GetAssignmentRequest { assignment_id: things.assignment.clone() };
    let found = assignments.get_assignment(request).await.unwrap().into_inner();
    assert_eq!(found.assignment.unwrap().state(), GrantState::Removed);
    let request = GetChangeRequestRequest { change_request_id: things.request.clone() };
    let found = assignments.get_change_request(request).await.unwrap().into_inner();
    assert_eq!(found.change_request.unwrap().state(), ChangeRequestState::Canceled);
    let activation = ground.ada.activation(&things.activation).await.unwrap();
    assert_eq!((activation.state(), activation.ending()), (ActivationState::Ended, Ending::Void));
    assert_eq!(activation.void_rules, ["ROLE"]);
}

#[tokio::test]
async fn all_that_there_is_of_a_role_ends_with_it_each_with_an_event() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let made = create(admin, definition("Restarter", &[RESTART])).await.unwrap();
    let things = things(&ground, &made).await;
    assert!(ground.ada.holds(&made.id, SUBSCRIPTION).await);
    let answer = DeleteRoleRequest {
        role_id: made.id.clone(),
        etag: made.etag.clone(),
        validate_only: true,
        ..DeleteRoleRequest::default()
    };
    admin.roles().delete_role(answer).await.unwrap();
    assert!(ground.ada.holds(&made.id, SUBSCRIPTION).await, "it was only asked for");
    delete(admin, &made).await.unwrap();
    assert!(!ground.ada.holds(&made.id, SUBSCRIPTION).await);
    assert_ended(&ground, &things).await;
    let filter = EventFilter { role_id: made.id.clone(), ..EventFilter::default() };
    let events = ground.org.log(filter).await;
    for code in [
        "pim.role.created",
        "pim.role.deleted",
        "pim.eligibility.removed",
        "pim.assignment.removed",
        "pim.activation.voided",
        "pim.change_request.eligibility_extension_canceled",
    ] {
        assert_eq!(events.iter().filter(|event| event.code == code).count(), 1, "{code}");
    }
    let answer = ground.ada.activate(Person::wish(&made.id, SUBSCRIPTION)).await;
    assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
    let answer = ground.org.assign(&ground.ada, &made.id, SUBSCRIPTION).await;
    assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
}

#[tokio::test]
async fn of_a_role_that_many_have_the_rest_is_ended_by_the_scheduler_and_nobody_holds_it_before() {
    const MANY: usize = 120;
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let made = create(admin, definition("Restarter", &[RESTART])).await.unwrap();
    let group = |n: usize| format!("{SUBSCRIPTION}/resourceGroups/g{n}");
    for n in 0..MANY {
        ground.org.assign(&ground.ada, &made.id, &group(n)).await.unwrap();
    }
    assert_eq!(ground.ada.effective_roles().await.len(), 50, "a page of them");
    delete(admin, &made).await.unwrap();
    assert_eq!(ground.ada.effective_roles().await, Vec::<String>::new(), "at once");
    let removed = async || {
        let code = "pim.assignment.removed".to_owned();
        ground.org.log(EventFilter { code, ..EventFilter::default() }).await.len()
    };
    let before = removed().await;
    assert!(before < MANY, "{before} were ended at once");
    ground.world.settle().await;
    assert_eq!(removed().await, MANY);
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let request = CreateRoleRequest {
        catalog: Catalog::Azure.into(),
        definition: Some(definition("Restarter", &[RESTART])),
        request_id: new_id(),
        validate_only: false,
    };
    let first = admin.roles().create_role(request.clone()).await.unwrap().into_inner().role;
    let again = admin.roles().create_role(request).await.unwrap().into_inner().role;
    assert_eq!(first, again);
    let made = first.unwrap();
    let request = DeleteRoleRequest {
        role_id: made.id,
        etag: made.etag,
        request_id: new_id(),
        ..DeleteRoleRequest::default()
    };
    let first = admin.roles().delete_role(request.clone()).await.unwrap().into_inner().role;
    let again = admin.roles().delete_role(request).await.unwrap().into_inner().role;
    assert_eq!(first, again);
}

#[tokio::test]
async fn malformed_fields_are_named() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let wrong = async |change: fn(&mut RoleDefinition)| {
        let mut wish = definition("Restarter", &[RESTART]);
        change(&mut wish);
        create(admin, wish).await
    };
    assert_invalid(wrong(|it| it.display_name.clear()).await, "definition.display_name");
    let answer = wrong(|it| it.assignable_scopes.push("x".to_owned())).await;
    assert_invalid(answer, "definition.assignable_scopes[1]");
    let pattern = |it: &mut RoleDefinition| it.permissions[0].actions.push("a b".to_owned());
    assert_invalid(wrong(pattern).await, "definition.permissions[0].actions[1]");
    assert_invalid(wrong(|it| it.permissions.clear()).await, "definition.permissions");
    let request = CreateRoleRequest { catalog: 3, ..CreateRoleRequest::default() };
    assert_invalid(admin.roles().create_role(request).await, "definition");
    let request = CreateRoleRequest {
        catalog: Catalog::Pim.into(),
        definition: Some(definition("Restarter", &["pim/role/read"])),
        ..CreateRoleRequest::default()
    };
    assert_invalid(admin.roles().create_role(request).await, "catalog");
}
