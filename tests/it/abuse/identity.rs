//! Identity, tokens and tenants.

mod bound;
mod enumeration;
mod single_use;

use chrono::TimeDelta;
use pim_chassis::auth::Grant;
use pim_proto::{
    activation::v1::{
        DeactivateRoleRequest, ExpireActivationRequest, GetActivationRequest,
        GetActivationResponse, ResolveActivationRequest, RevokeActivationRequest,
        StartActivationRequest, VoidActivationRequest,
    },
    assignment::v1::{
        CreatePrincipalRequest, DisablePrincipalRequest, ListEligibilitiesRequest,
        ListEligibilitiesResponse, ListRolesRequest, PrincipalKind,
    },
};
use pim_tests::{
    Organisation, Person, World, assert_invalid, assert_refused, assert_same_refusal, metadata,
    new_id,
};
use tonic::Code;

use super::{wire::Wire, written};
use crate::descriptor::methods;

const ROLE: &str = Organisation::USER_ADMINISTRATOR;

#[tokio::test]
async fn t_13_another_tenants_things_are_not_there() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    organisation.make_eligible(&alice, ROLE, "/").await;
    let active = alice.activate(Person::wish(ROLE, "/")).await.unwrap();
    let other = world.organisation().await;
    let mallory = other.user(&world, "mallory").await;
    let before = written(&organisation).await;
    let denied = Code::PermissionDenied;
    let foreign = assert_refused(mallory.activation(&active.id).await, denied, "NOT_PERMITTED");
    let missing = assert_refused(mallory.activation(&new_id()).await, denied, "NOT_PERMITTED");
    assert_same_refusal(&foreign, &missing);
    assert_refused(mallory.deactivate(&active.id).await, denied, "NOT_PERMITTED");
    assert_eq!(written(&organisation).await, before);
    assert!(alice.holds(ROLE, "/").await);
}

#[tokio::test]
async fn t_14_a_tenant_or_a_caller_that_metadata_names_is_not_heard() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    organisation.make_eligible(&alice, ROLE, "/").await;
    let active = alice.activate(Person::wish(ROLE, "/")).await.unwrap();
    let other = world.organisation().await;
    let tenant = organisation.tenant.to_string();
    let headers = [
        ("x-tenant", &*tenant),
        ("x-tenant-id", &*tenant),
        ("tenant-id", &*tenant),
        ("pim-tenant", &*tenant),
        ("x-on-behalf-of", &*alice.id),
        ("x-forwarded-user", "alice"),
    ];
    let wire = Wire::of(&world, &other.admin);
    let path = "/pim.activation.v1.ActivationService/GetActivation";
    let request = GetActivationRequest { activation_id: active.id };
    let asked = wire.call_with::<_, GetActivationResponse>(path, request.clone(), &headers).await;
    let with = assert_refused(asked, Code::NotFound, "NOT_FOUND");
    let without = wire.call::<_, GetActivationResponse>(path, request).await.unwrap_err();
    assert_eq!((with.code(), with.message()), (without.code(), without.message()));
    let path = "/pim.assignment.v1.AssignmentService/ListEligibilities";
    let request = ListEligibilitiesRequest::default();
    let listed: ListEligibilitiesResponse = wire.call_with(path, request, &headers).await.unwrap();
    assert_eq!(listed.eligibilities, []);
}

/// An account is its issuer's subject for ever: who comes by that name later is the one who was.
#[tokio::test]
async fn t_23_a_subject_is_never_given_to_somebody_else() {
    let deleting = methods().into_iter().find(|method| method.name == "DeletePrincipal");
    assert!(deleting.is_none(), "what happens to the subject of who is deleted?");
    let world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    organisation.make_eligible(&alice, ROLE, "/").await;
    let mut directory = organisation.admin.client.directory();
    let disable = DisablePrincipalRequest {
        principal_id: alice.id.clone(),
        ..DisablePrincipalRequest::default()
    };
    directory.disable_principal(disable).await.unwrap();
    let before = written(&organisation).await;
    for kind in [PrincipalKind::User, PrincipalKind::ServicePrincipal] {
        let again = CreatePrincipalRequest {
            kind: kind.into(),
            issuer: Person::issuer().to_owned(),
            subject: "alice".to_owned(),
            display_name: "another Alice".to_owned(),
            ..CreatePrincipalRequest::default()
        };
        let refused = directory.create_principal(again).await;
        let refused = assert_refused(refused, Code::AlreadyExists, "DUPLICATE");
        assert_eq!(metadata(&refused, "id"), alice.id);
    }
    let refused = alice.activate(Person::wish(ROLE, "/")).await;
    assert_refused(refused, Code::Unauthenticated, "CREDENTIAL_INVALID");
    assert_eq!(written(&organisation).await, before);
}

#[tokio::test]
async fn t_24_who_only_looks_like_somebody_is_somebody_else() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    organisation.assign(&alice, ROLE, "/").await.unwrap();
    let as_subject = |subject: &str| {
        world.client(Grant::Principal {
            tenant: organisation.tenant,
            subject: subject.to_owned(),
            amr: vec!["mfa".to_owned()],
            acr: None,
            acrs: Vec::new(),
            auth_time: None,
            signals: pim_domain::condition::Signals::default(),
        })
    };
    // In capitals, with a Cyrillic letter, full-width, with a space, with an invisible character.
    let alike =
        ["Alice", "\u{430}lice", "\u{ff41}lice", "alice ", "al\u{200b}ice", "ali\u{63}\u{327}e"];
    for subject in alike {
        let refused = as_subject(subject).roles().list_roles(ListRolesRequest::default()).await;
        assert_refused(refused, Code::Unauthenticated, "CREDENTIAL_INVALID");
    }
    let twin = organisation.user(&world, "\u{430}lice").await;
    assert_ne!(twin.id, alice.id);
    assert_eq!(twin.effective_roles().await, Vec::<String>::new());
    let request = CreatePrincipalRequest {
        kind: PrincipalKind::User.into(),
        issuer: Person::issuer().to_owned(),
        subject: "mallory".to_owned(),
        display_name: "\u{202e}ecila".to_owned(),
        ..CreatePrincipalRequest::default()
    };
    let refused = organisation.admin.client.directory().create_principal(request).await;
    assert_invalid(refused, "display_name");
}

#[tokio::test]
async fn t_26_the_scheduler_ends_nothing_early_and_begins_nothing() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    organisation.make_eligible(&alice, ROLE, "/").await;
    let active = alice.activate(Person::wish(ROLE, "/")).await.unwrap();
    world.advance(TimeDelta::hours(1) - TimeDelta::microseconds(1));
    let before = written(&organisation).await;
    let scheduler = world.service("scheduler");
    let mut activations = scheduler.activations();
    let (activation_id, tenant_id) = (active.id.clone(), organisation.tenant.to_string());
    let expire = ExpireActivationRequest {
        tenant_id: tenant_id.clone(),
        activation_id: activation_id.clone(),
    };
    let refused = activations.expire_activation(expire.clone()).await;
    assert_refused(refused, Code::FailedPrecondition, "WRONG_STATE");
    let request = VoidActivationRequest {
        tenant_id: tenant_id.clone(),
        activation_id: activation_id.clone(),
    };
    let refused = activations.void_activation(request).await;
    assert_refused(refused, Code::FailedPrecondition, "WRONG_STATE");
    let request = StartActivationRequest {
        tenant_id: tenant_id.clone(),
        activation_id: activation_id.clone(),
    };
    let refused = activations.start_activation(request).await;
    assert_refused(refused, Code::FailedPrecondition, "WRONG_STATE");
    let request = ResolveActivationRequest { tenant_id, activation_id: activation_id.clone() };
    let refused = activations.resolve_activation(request).await;
    assert_refused(refused, Code::FailedPrecondition, "WRONG_STATE");
    let id = activation_id.clone();
    let request = DeactivateRoleRequest { activation_id: id, ..DeactivateRoleRequest::default() };
    let denied = Code::PermissionDenied;
    assert_refused(activations.deactivate_role(request).await, denied, "NOT_PERMITTED");
    let request = RevokeActivationRequest { activation_id, ..RevokeActivationRequest::default() };
    assert_refused(activations.revoke_activation(request).await, denied, "NOT_PERMITTED");
    let wish = Person::wish(ROLE, "/");
    assert_refused(activations.activate_role(wish).await, denied, "NOT_PERMITTED");
    assert_eq!(written(&organisation).await, before);
    assert!(alice.holds(ROLE, "/").await);
    world.advance(TimeDelta::microseconds(1));
    activations.expire_activation(expire).await.unwrap();
}

#[tokio::test]
async fn t_28_a_page_token_is_good_for_its_own_list_alone() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let other = world.organisation().await;
    let list = |filter: &str, page_token: String| ListRolesRequest {
        display_name_contains: filter.to_owned(),
        page_size: 3,
        page_token,
        ..ListRolesRequest::default()
    };
    let roles = |person: &Person| person.client.roles();
    let admin = &organisation.admin;
    let first = roles(admin).list_roles(list("", String::new())).await.unwrap().into_inner();
    let token = first.next_page_token;
    roles(admin).list_roles(list("", token.clone())).await.unwrap();
    let mut forged = token.clone();
    forged.replace_range(3..4, if &token[3..4] == "A" { "B" } else { "A" });
    let misused = [
        (admin, list("", forged)),
        (admin, list("", "1".to_owned())),
        (admin, list("reader", token.clone())),
        (&organisation.second_admin, list("", token.clone())),
        (&other.admin, list("", token)),
    ];
    for (person, request) in misused {
        assert_invalid(roles(person).list_roles(request).await, "page_token");
    }
}
