//! `AccessService`.

use pim_domain::effective::{Holding, HoldingKind};

use super::{list, texts, wire_duration, wire_time};
use crate::{
    access::v1,
    call::{AccessPage, AccessView, CheckAccess, HoldersFilter, HoldingsFilter, List},
    field::{self, FieldViolation},
};

impl TryFrom<v1::CheckAccessRequest> for CheckAccess {
    type Error = FieldViolation;

    fn try_from(request: v1::CheckAccessRequest) -> Result<Self, FieldViolation> {
        Ok(Self {
            principal: field::id(&request.principal_id, "principal_id")?,
            role: field::id(&request.role_id, "role_id")?,
            scope: field::scope(&request.scope, "scope")?,
        })
    }
}

impl TryFrom<v1::ListEffectiveRolesRequest> for List<HoldingsFilter> {
    type Error = FieldViolation;

    fn try_from(request: v1::ListEffectiveRolesRequest) -> Result<Self, FieldViolation> {
        let filter = HoldingsFilter {
            principal: field::id(&request.principal_id, "principal_id")?,
            scope: field::optional_scope(&request.scope, "scope")?,
        };
        list(filter, request.page_size, request.page_token)
    }
}

impl TryFrom<v1::ListRoleHoldersRequest> for List<HoldersFilter> {
    type Error = FieldViolation;

    fn try_from(request: v1::ListRoleHoldersRequest) -> Result<Self, FieldViolation> {
        let filter = HoldersFilter {
            role: field::id(&request.role_id, "role_id")?,
            scope: field::scope(&request.scope, "scope")?,
        };
        list(filter, request.page_size, request.page_token)
    }
}

impl From<AccessView> for v1::CheckAccessResponse {
    fn from(view: AccessView) -> Self {
        let valid_until = view.effective.valid_until.map(wire_time);
        let holdings = view.effective.holdings;
        // Of a no, the clock alone changes nothing but by a start.
        let (decision, next_change_time) = if holdings.is_empty() {
            (v1::Decision::Denied, valid_until)
        } else {
            (v1::Decision::Allowed, None)
        };
        Self {
            decision: decision.into(),
            revision: view.revision,
            as_of_time: Some(wire_time(view.as_of)),
            max_clock_error: Some(wire_duration(view.max_clock_error)),
            valid_until,
            next_change_time,
            supporting_ids: texts(holdings.iter().map(|holding| holding.id)),
        }
    }
}

impl From<AccessPage> for v1::ListEffectiveRolesResponse {
    fn from(AccessPage { view, next_page_token }: AccessPage) -> Self {
        Self {
            holdings: view.effective.holdings.into_iter().map(v1::Holding::from).collect(),
            next_page_token,
            revision: view.revision,
            as_of_time: Some(wire_time(view.as_of)),
            max_clock_error: Some(wire_duration(view.max_clock_error)),
            valid_until: view.effective.valid_until.map(wire_time),
        }
    }
}

impl From<AccessPage> for v1::ListRoleHoldersResponse {
    fn from(AccessPage { view, next_page_token }: AccessPage) -> Self {
        Self {
            holdings: view.effective.holdings.into_iter().map(v1::Holding::from).collect(),
            next_page_token,
            revision: view.revision,
            as_of_time: Some(wire_time(view.as_of)),
            max_clock_error: Some(wire_duration(view.max_clock_error)),
            valid_until: view.effective.valid_until.map(wire_time),
        }
    }
}

impl From<Holding> for v1::Holding {
    fn from(holding: Holding) -> Self {
        let kind = match holding.kind {
            HoldingKind::Assignment => v1::HoldingKind::Assignment,
            HoldingKind::Activation => v1::HoldingKind::Activation,
        };
        Self {
            id: holding.id.to_string(),
            kind: kind.into(),
            principal_id: holding.principal.to_string(),
            role_id: holding.role.to_string(),
            scope: holding.scope.into(),
            start_time: Some(wire_time(holding.span.window.start)),
            end_time: holding.span.window.end.map(wire_time),
        }
    }
}
