//! The requests about groups.

use pim_domain::{
    group::{Delete, NewGroup, Update},
    id::GroupId,
};
use pim_proto::{
    assignment::v1::{
        CreateGroupRequest, DeleteGroupRequest, GetGroupRequest, ListGroupsRequest,
        UpdateGroupRequest,
    },
    call::{GroupFilter, List, Write},
};

use crate::{
    good::{id, why},
    requests::{Shape, shape},
};

pub(crate) fn groups() -> Vec<Shape> {
    vec![
        shape::<Write<NewGroup>, _>(CreateGroupRequest {
            display_name: why(),
            role_assignable: true,
            request_id: id(),
            validate_only: true,
        }),
        shape::<GroupId, _>(GetGroupRequest { group_id: id() }),
        shape::<List<GroupFilter>, _>(ListGroupsRequest {
            text_contains: why(),
            include_deleted: true,
            page_size: 7,
            page_token: id(),
        }),
        shape::<Write<Update>, _>(UpdateGroupRequest {
            group_id: id(),
            etag: "v1".to_owned(),
            display_name: why(),
            request_id: id(),
            validate_only: true,
        }),
        shape::<Write<Delete>, _>(DeleteGroupRequest {
            group_id: id(),
            etag: "v1".to_owned(),
            request_id: id(),
            validate_only: true,
        }),
    ]
}
