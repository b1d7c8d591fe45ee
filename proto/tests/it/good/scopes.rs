//! The requests of the scope service.

use pim_domain::{
    id::GrantId,
    scope::{Deletion, Register, Scope, Update},
};
use pim_proto::{
    assignment::v1::{
        CreateScopeRequest, DeleteScopeRequest, GetScopeRequest, ListScopesRequest,
        SearchActivatableScopesRequest, UpdateScopeRequest,
    },
    call::{List, ScopeFilter, Write},
};

use crate::{
    good::{id, scope, why},
    requests::{Shape, shape},
};

fn parent() -> String {
    "/managementGroups/a".to_owned()
}

pub(crate) fn scopes() -> Vec<Shape> {
    vec![
        shape::<Scope, _>(GetScopeRequest { scope: scope() }),
        shape::<List<ScopeFilter>, _>(ListScopesRequest {
            parent_scope: parent(),
            below_scope: parent(),
            kind: 4,
            page_size: 7,
            page_token: id(),
        }),
        shape::<Write<Register>, _>(CreateScopeRequest {
            scope: scope(),
            parent_scope: parent(),
            display_name: why(),
            request_id: id(),
            validate_only: true,
        }),
        shape::<Write<Update>, _>(UpdateScopeRequest {
            scope: scope(),
            etag: "v1".to_owned(),
            display_name: why(),
            parent_scope: parent(),
            request_id: id(),
            validate_only: true,
        }),
        shape::<Write<Deletion>, _>(DeleteScopeRequest {
            scope: scope(),
            etag: "v1".to_owned(),
            request_id: id(),
            validate_only: true,
        }),
        shape::<List<GrantId>, _>(SearchActivatableScopesRequest {
            eligibility_id: id(),
            page_size: 7,
            page_token: id(),
        }),
    ]
}
