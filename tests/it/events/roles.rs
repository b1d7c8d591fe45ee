//! The part of the walk that makes, changes and deletes a role.

use pim_proto::{
    assignment::v1::{
        CreateRoleRequest, DeleteRoleRequest, PermissionBlock, RoleDefinition, UpdateRoleRequest,
    },
    r#type::v1::Catalog,
};
use pim_tests::{Organisation, Person};

use super::Walk;

pub(super) async fn custom(organisation: &Organisation, alice: &Person, walk: &mut Walk<'_>) {
    let mut roles = organisation.admin.client.roles();
    let block = PermissionBlock {
        actions: vec!["microsoft.directory/users/standard/read".to_owned()],
        ..PermissionBlock::default()
    };
    let definition = RoleDefinition {
        display_name: "User Viewer".to_owned(),
        privileged: false,
        permissions: vec![block],
        assignable_scopes: vec!["/".to_owned()],
    };
    let request = CreateRoleRequest {
        catalog: Catalog::Entra.into(),
        definition: Some(definition.clone()),
        ..CreateRoleRequest::default()
    };
    let made = roles.create_role(request).await.unwrap().into_inner().role.unwrap();
    walk.left(&[("CreateRole", "pim.role.created")]).await;
    let mut request = UpdateRoleRequest {
        role_id: made.id.clone(),
        etag: made.etag,
        definition: Some(RoleDefinition { privileged: true, ..definition }),
        ..UpdateRoleRequest::default()
    };
    let changed = roles.update_role(request.clone()).await.unwrap().into_inner().role.unwrap();
    walk.left(&[("UpdateRole", "pim.role.updated")]).await;
    // It is so already: nothing changes, and nothing is written.
    request.etag.clone_from(&changed.etag);
    roles.update_role(request).await.unwrap();
    walk.left(&[]).await;
    organisation.make_eligible(alice, &changed.id, "/").await;
    walk.left(&[("CreateEligibility", "pim.eligibility.created")]).await;
    alice.activate(Person::wish(&changed.id, "/")).await.unwrap();
    walk.left(&[("ActivateRole", "pim.activation.activated")]).await;
    let request = DeleteRoleRequest {
        role_id: changed.id,
        etag: changed.etag,
        ..DeleteRoleRequest::default()
    };
    roles.delete_role(request).await.unwrap();
    // One for the role, and one for each thing that there is of it.
    walk.left(&[
        ("DeleteRole", "pim.role.deleted"),
        ("EndEligibility", "pim.eligibility.removed"),
        ("VoidActivation", "pim.activation.voided"),
    ])
    .await;
}
