//! What the writes about groups leave.

use pim_proto::assignment::v1::{DeleteGroupRequest, UpdateGroupRequest};
use pim_tests::Organisation;

use super::Walk;

pub(super) async fn groups(organisation: &Organisation, walk: &mut Walk<'_>) {
    let mut directory = organisation.admin.client.directory();
    let group = organisation.plain_group("ops").await;
    walk.left(&[("CreateGroup", "pim.group.created")]).await;
    let request = UpdateGroupRequest {
        group_id: group.id.clone(),
        etag: group.etag,
        display_name: "operations".to_owned(),
        ..UpdateGroupRequest::default()
    };
    let group = directory.update_group(request).await.unwrap().into_inner().group.unwrap();
    walk.left(&[("UpdateGroup", "pim.group.updated")]).await;
    let request = DeleteGroupRequest {
        group_id: group.id,
        etag: group.etag,
        ..DeleteGroupRequest::default()
    };
    directory.delete_group(request).await.unwrap();
    walk.left(&[("DeleteGroup", "pim.group.deleted")]).await;
}
