//! T-30: no administrative write widens what the caller's own person can hold, by any way there is.
//! Mallory administers everything and has two accounts; Ada has no person but her first account.

use chrono::{DateTime, TimeDelta, Utc};
use pim_proto::{
    assignment::v1::{
        ApproveChangeRequestRequest, ChangeRequest, ChangeRequestKind, CreateAssignmentRequest,
        CreateChangeRequestRequest, CreateEligibilityRequest, CreateRoleRequest,
        CreateScopeRequest, DisablePrincipalRequest, Eligibility, EnablePrincipalRequest,
        ExtendEligibilityRequest, Group, PermissionBlock, PrincipalKind, RenewEligibilityRequest,
        Role, RoleDefinition, UpdateEligibilityRequest, UpdateRoleRequest, UpdateScopeRequest,
        create_change_request_request::Grant, extend_eligibility_request,
        update_eligibility_request,
    },
    r#type::v1::Catalog,
};
use pim_tests::{Organisation, Person, World, assert_refused, timestamp};
use tonic::{Code, Status};
use uuid::Uuid;

use crate::abuse::written;

const ROLE: &str = Organisation::USER_ADMINISTRATOR;
const MEMBER: &str = Organisation::GROUP_MEMBER;
const OWNER: &str = Organisation::GROUP_OWNER;
const SHOP: &str = "/subscriptions/shop";

struct Scene {
    world: World,
    organisation: Organisation,
    /// Administers everything.
    mallory: Person,
    /// Another account of the same person.
    second: Person,
}

impl Scene {
    async fn new() -> Self {
        let world = World::start().await;
        let organisation = world.organisation().await;
        let (user, person) = (PrincipalKind::User, Some(Uuid::new_v4()));
        let mallory = organisation.principal(&world, "mallory", user, person).await;
        let second = organisation.principal(&world, "mallory-second", user, person).await;
        let role = Organisation::GLOBAL_ADMINISTRATOR;
        organisation.assign(&mallory, role, "/").await.unwrap();
        Self { world, organisation, mallory, second }
    }

    fn in_days(&self, days: i64) -> DateTime<Utc> {
        self.world.now() + TimeDelta::days(days)
    }

    /// An account whose person is Ada by the id of hers: she has no other.
    async fn another_ada(&self) -> Person {
        let ada = self.organisation.admin.id.parse().unwrap();
        let user = PrincipalKind::User;
        self.organisation.principal(&self.world, "ada-second", user, Some(ada)).await
    }

    /// An eligibility of `id` that ends in ten days, made by Grace, who is nobody else's account.
    async fn eligible_for_ten_days(&self, id: &str) -> Eligibility {
        let request = CreateEligibilityRequest {
            principal_id: id.to_owned(),
            role_id: ROLE.to_owned(),
            scope: "/".to_owned(),
            end_time: Some(timestamp(self.in_days(10))),
            ..CreateEligibilityRequest::default()
        };
        let mut grace = self.organisation.second_admin.client.assignments();
        grace.create_eligibility(request).await.unwrap().into_inner().eligibility.unwrap()
    }
}

fn assert_self_grant<T>(answer: Result<T, Status>) {
    assert_refused(answer, Code::PermissionDenied, "SELF_GRANT");
}

/// Every kind of grant to `id` by `caller` is refused, and rehearsing it as well.
async fn assert_nothing_is_granted(caller: &Person, id: &str, elsewhere: &Group) {
    for (role, scope) in [(ROLE, "/"), (MEMBER, &*elsewhere.scope), (OWNER, &*elsewhere.scope)] {
        assert_self_grant(caller.assign_to(id, role, scope).await);
        assert_self_grant(caller.make_eligible_for(id, role, scope).await);
        let rehearsed = CreateAssignmentRequest {
            principal_id: id.to_owned(),
            role_id: role.to_owned(),
            scope: scope.to_owned(),
            validate_only: true,
            ..CreateAssignmentRequest::default()
        };
        assert_self_grant(caller.client.assignments().create_assignment(rehearsed).await);
    }
}

#[tokio::test]
async fn t_30_nobody_grants_to_an_account_of_their_own_person() {
    let scene = Scene::new().await;
    let Scene { organisation, mallory, second, .. } = &scene;
    let elsewhere = organisation.group("elsewhere").await;
    let another = scene.another_ada().await;
    let before = written(organisation).await;
    let ada = &organisation.admin;
    for (caller, account) in [(mallory, mallory), (mallory, second), (ada, ada), (ada, &another)] {
        assert_nothing_is_granted(caller, &account.id, &elsewhere).await;
    }
    assert_eq!(written(organisation).await, before);
    // Of somebody else's it is no grant to oneself.
    mallory.assign_to(&another.id, ROLE, "/").await.unwrap();
    ada.assign_to(&second.id, ROLE, "/").await.unwrap();
}

/// A group for each way in which Mallory's person may have to do with one, made by Ada.
async fn groups_of_mallory(scene: &Scene) -> Vec<Group> {
    let Scene { organisation, mallory, second, .. } = scene;
    let ada = &organisation.admin;
    let group = async |name: &str| organisation.group(name).await;
    let [direct, around, may_join, around_may] =
        [group("direct").await, group("around").await, group("may").await, group("mays").await];
    ada.add_member(&mallory.id, &direct).await.unwrap();
    ada.add_member(&direct.id, &around).await.unwrap();
    ada.make_eligible_for(&second.id, MEMBER, &may_join.scope).await.unwrap();
    ada.add_member(&may_join.id, &around_may).await.unwrap();
    let [by_second, by_group, later] =
        [group("second").await, group("group").await, group("later").await];
    ada.add_member(&second.id, &by_second).await.unwrap();
    // All who belong to the one may come to belong to the other.
    ada.make_eligible_for(&direct.id, MEMBER, &by_group.scope).await.unwrap();
    let request = CreateAssignmentRequest {
        principal_id: mallory.id.clone(),
        role_id: MEMBER.to_owned(),
        scope: later.scope.clone(),
        start_time: Some(timestamp(scene.in_days(30))),
        ..CreateAssignmentRequest::default()
    };
    ada.client.assignments().create_assignment(request).await.unwrap();
    let [owned, around_owned, may_own, owned_by_group] = [
        group("owned").await,
        group("around owned").await,
        group("may own").await,
        group("owned by group").await,
    ];
    ada.assign_to(&second.id, OWNER, &owned.scope).await.unwrap();
    ada.add_member(&owned.id, &around_owned).await.unwrap();
    ada.make_eligible_for(&mallory.id, OWNER, &may_own.scope).await.unwrap();
    ada.assign_to(&direct.id, OWNER, &owned_by_group.scope).await.unwrap();
    vec![
        direct,
        around,
        may_join,
        around_may,
        by_second,
        by_group,
        later,
        owned,
        around_owned,
        may_own,
        owned_by_group,
    ]
}

#[tokio::test]
async fn t_30_nobody_grants_to_a_group_that_their_person_belongs_to_owns_or_may_come_to() {
    let scene = Scene::new().await;
    let Scene { organisation, mallory, .. } = &scene;
    let groups = groups_of_mallory(&scene).await;
    let [elsewhere, others] =
        [organisation.group("elsewhere").await, organisation.group("others").await];
    let before = written(organisation).await;
    for group in &groups {
        assert_nothing_is_granted(mallory, &group.id, &elsewhere).await;
    }
    assert_eq!(written(organisation).await, before);
    mallory.assign_to(&others.id, ROLE, "/").await.unwrap();
    for group in &groups {
        organisation.admin.assign_to(&group.id, ROLE, "/").await.unwrap();
    }
}

/// Each way to a later end of an eligibility.
async fn longer(scene: &Scene, of: &Eligibility) -> [Result<(), Status>; 2] {
    let end = timestamp(scene.in_days(90));
    let extend = ExtendEligibilityRequest {
        eligibility_id: of.id.clone(),
        end: Some(extend_eligibility_request::End::EndTime(end)),
        ..ExtendEligibilityRequest::default()
    };
    let update = UpdateEligibilityRequest {
        eligibility_id: of.id.clone(),
        etag: of.etag.clone(),
        end: Some(update_eligibility_request::End::Permanent(true)),
        ..UpdateEligibilityRequest::default()
    };
    let mut client = scene.mallory.client.assignments();
    [
        client.extend_eligibility(extend).await.map(|_| ()),
        client.update_eligibility(update).await.map(|_| ()),
    ]
}

#[tokio::test]
async fn t_30_nobody_moves_extends_or_renews_what_their_person_has() {
    let scene = Scene::new().await;
    let Scene { organisation, mallory, second, world } = &scene;
    let ada = &organisation.admin;
    let [joined, owned] = [organisation.group("joined").await, organisation.group("owned").await];
    ada.make_eligible_for(&second.id, MEMBER, &joined.scope).await.unwrap();
    ada.assign_to(&mallory.id, OWNER, &owned.scope).await.unwrap();
    let mut theirs = Vec::new();
    for id in [&mallory.id, &second.id, &joined.id, &owned.id] {
        theirs.push(scene.eligible_for_ten_days(id).await);
    }
    let before = written(organisation).await;
    for eligibility in &theirs {
        for refused in longer(&scene, eligibility).await {
            assert_self_grant(refused);
        }
    }
    world.advance(TimeDelta::days(11));
    for eligibility in &theirs {
        let request = RenewEligibilityRequest {
            eligibility_id: eligibility.id.clone(),
            ..RenewEligibilityRequest::default()
        };
        let refused = mallory.client.assignments().renew_eligibility(request.clone()).await;
        assert_self_grant(refused);
        let by_second = second.client.assignments().renew_eligibility(request).await;
        assert_refused(by_second, Code::PermissionDenied, "NOT_PERMITTED");
    }
    assert_eq!(written(organisation).await, before);
}

/// Asks for an extension of what one has.
async fn asked(person: &Person, about: &Eligibility) -> ChangeRequest {
    let request = CreateChangeRequestRequest {
        kind: ChangeRequestKind::Extension.into(),
        grant: Some(Grant::EligibilityId(about.id.clone())),
        justification: "still needed".to_owned(),
        ..CreateChangeRequestRequest::default()
    };
    let answer = person.client.assignments().create_change_request(request).await.unwrap();
    answer.into_inner().change_request.unwrap()
}

#[tokio::test]
async fn t_30_nobody_decides_on_a_change_request_of_their_own_person() {
    let scene = Scene::new().await;
    let Scene { organisation, mallory, second, .. } = &scene;
    let ada = &organisation.admin;
    let another = scene.another_ada().await;
    let mut waiting = Vec::new();
    for (caller, asker) in [(mallory, mallory), (mallory, second), (ada, &another)] {
        let eligibility = scene.eligible_for_ten_days(&asker.id).await;
        waiting.push((caller, asked(asker, &eligibility).await));
    }
    let before = written(organisation).await;
    let approve = |request: &ChangeRequest| ApproveChangeRequestRequest {
        change_request_id: request.id.clone(),
        etag: request.etag.clone(),
        end: Some(pim_proto::assignment::v1::approve_change_request_request::End::Permanent(true)),
        justification: "granted".to_owned(),
        ..ApproveChangeRequestRequest::default()
    };
    for (caller, request) in &waiting {
        let mut client = caller.client.assignments();
        let refused = client.approve_change_request(approve(request)).await;
        assert_refused(refused, Code::PermissionDenied, "SELF_APPROVAL");
    }
    assert_eq!(written(organisation).await, before);
    let mut grace = organisation.second_admin.client.assignments();
    for (_, request) in &waiting {
        grace.approve_change_request(approve(request)).await.unwrap();
    }
}

const RESTART: &str = "Microsoft.Compute/virtualMachines/restart/action";

fn definition(name: &str, actions: &[&str], not_actions: &[&str]) -> RoleDefinition {
    let owned = |some: &[&str]| some.iter().map(|one| (*one).to_owned()).collect();
    let (actions, not_actions) = (owned(actions), owned(not_actions));
    RoleDefinition {
        display_name: name.to_owned(),
        privileged: false,
        permissions: vec![PermissionBlock { actions, not_actions, ..PermissionBlock::default() }],
        assignable_scopes: vec![SHOP.to_owned()],
    }
}

async fn make(by: &Person, name: &str) -> Role {
    let request = CreateRoleRequest {
        catalog: Catalog::Azure.into(),
        definition: Some(definition(name, &["Microsoft.Compute/*"], &[RESTART])),
        ..CreateRoleRequest::default()
    };
    by.client.roles().create_role(request).await.unwrap().into_inner().role.unwrap()
}

async fn define(by: &Person, role: &Role, definition: RoleDefinition) -> Result<Role, Status> {
    let request = UpdateRoleRequest {
        role_id: role.id.clone(),
        etag: role.etag.clone(),
        definition: Some(definition),
        ..UpdateRoleRequest::default()
    };
    let answer = by.client.roles().update_role(request).await?;
    Ok(answer.into_inner().role.unwrap())
}

#[tokio::test]
async fn t_30_nobody_widens_a_custom_role_that_their_person_has() {
    let scene = Scene::new().await;
    let Scene { organisation, mallory, second, .. } = &scene;
    let (ada, grace) = (&organisation.admin, &organisation.second_admin);
    let another = scene.another_ada().await;
    let [joined, owned, may] = [
        organisation.group("joined").await,
        organisation.group("owned").await,
        organisation.group("may").await,
    ];
    grace.add_member(&second.id, &joined).await.unwrap();
    grace.assign_to(&mallory.id, OWNER, &owned.scope).await.unwrap();
    grace.make_eligible_for(&mallory.id, MEMBER, &may.scope).await.unwrap();
    let theirs = [
        (mallory, &mallory.id),
        (mallory, &second.id),
        (mallory, &joined.id),
        (mallory, &owned.id),
        (mallory, &may.id),
        (ada, &another.id),
    ];
    for (number, (caller, holder)) in theirs.into_iter().enumerate() {
        let name = format!("Restarter {number}");
        let role = make(caller, &name).await;
        grace.make_eligible_for(holder, &role.id, SHOP).await.unwrap();
        let before = written(organisation).await;
        let more = definition(&name, &["Microsoft.Compute/*", "Microsoft.Storage/*"], &[RESTART]);
        assert_self_grant(define(caller, &role, more).await);
        let less_excepted = definition(&name, &["Microsoft.Compute/*"], &[]);
        assert_self_grant(define(caller, &role, less_excepted.clone()).await);
        assert_eq!(written(organisation).await, before);
        let narrower = definition(&name, &["Microsoft.Compute/disks/*"], &[RESTART]);
        let role = define(caller, &role, narrower).await.unwrap();
        define(grace, &role, less_excepted).await.unwrap();
    }
}

/// To make one more account of one's own is no grant: it has nothing, and gets nothing from its
/// maker. What a second account has is not let act again by the first.
#[tokio::test]
async fn t_30_an_account_of_ones_own_is_neither_filled_nor_enabled() {
    let scene = Scene::new().await;
    let Scene { organisation, mallory, second, world } = &scene;
    let elsewhere = organisation.group("elsewhere").await;
    let mut theirs = organisation.clone();
    theirs.admin = mallory.clone();
    let shown = pim_proto::assignment::v1::GetPrincipalRequest::default();
    let shown = mallory.client.directory().get_principal(shown).await.unwrap().into_inner();
    let person = Some(shown.principal.unwrap().person_id.parse().unwrap());
    let third = theirs.principal(world, "mallory-third", PrincipalKind::User, person).await;
    assert_eq!(third.effective_roles().await, Vec::<String>::new());
    assert_nothing_is_granted(mallory, &third.id, &elsewhere).await;

    organisation.assign(second, ROLE, "/").await.unwrap();
    let disable = DisablePrincipalRequest {
        principal_id: second.id.clone(),
        ..DisablePrincipalRequest::default()
    };
    mallory.client.directory().disable_principal(disable).await.unwrap();
    let before = written(organisation).await;
    let enable = EnablePrincipalRequest {
        principal_id: second.id.clone(),
        ..EnablePrincipalRequest::default()
    };
    assert_self_grant(mallory.client.directory().enable_principal(enable.clone()).await);
    assert_eq!(written(organisation).await, before);
    organisation.admin.client.directory().enable_principal(enable).await.unwrap();
    assert!(second.holds(ROLE, "/").await);
}

#[tokio::test]
async fn t_30_nobody_puts_a_scope_below_one_at_which_their_person_has_something() {
    let scene = Scene::new().await;
    let Scene { organisation, mallory, second, .. } = &scene;
    let ada = &organisation.admin;
    let another = scene.another_ada().await;
    let owned = organisation.plain_group("owned").await;
    let joined = organisation.plain_group("joined").await;
    ada.assign_to(&mallory.id, OWNER, &owned.scope).await.unwrap();
    ada.make_eligible_for(&second.id, MEMBER, &joined.scope).await.unwrap();
    organisation.register(SHOP, "").await.unwrap();
    let role = Organisation::CONTRIBUTOR;
    let theirs = [
        (mallory, &mallory.id),
        (mallory, &second.id),
        (mallory, &joined.id),
        (mallory, &owned.id),
        (ada, &another.id),
    ];
    for (number, (caller, holder)) in theirs.into_iter().enumerate() {
        let above = format!("/managementGroups/above-{number}");
        let below = format!("/managementGroups/below-{number}");
        organisation.register(&above, "").await.unwrap();
        organisation.register(&below, &above).await.unwrap();
        organisation.second_admin.make_eligible_for(holder, role, &above).await.unwrap();
        let before = written(organisation).await;
        for parent_scope in [above, below] {
            let request = UpdateScopeRequest {
                scope: SHOP.to_owned(),
                etag: organisation.scope(SHOP).await.unwrap().etag,
                parent_scope: parent_scope.clone(),
                ..UpdateScopeRequest::default()
            };
            assert_self_grant(caller.client.scopes().update_scope(request).await);
            let request = CreateScopeRequest {
                scope: "/subscriptions/new".to_owned(),
                parent_scope,
                display_name: "new".to_owned(),
                ..CreateScopeRequest::default()
            };
            assert_self_grant(caller.client.scopes().create_scope(request).await);
        }
        assert_eq!(written(organisation).await, before);
    }
}
