//! `AccessService`.

use pim_domain::{
    effective::{Effective, HoldingKind},
    permission::{Operation, Plane},
};

use super::{
    batch::{batch_read, wire_status},
    list, texts, wire_duration, wire_time,
};
use crate::{
    access::v1::{
        self, batch_check_access_request,
        batch_check_access_response::{Answer, Result as Item, result::Outcome},
    },
    call::{
        AccessPage, AccessView, BatchAnswer, BatchRead, CheckAccess, HeldBy, HoldersFilter,
        HoldingsFilter, List, Question,
    },
    field::{self, FieldViolation, Required as _},
};

impl TryFrom<v1::CheckAccessRequest> for CheckAccess {
    type Error = FieldViolation;

    fn try_from(request: v1::CheckAccessRequest) -> Result<Self, FieldViolation> {
        use v1::check_access_request::Question as Asked;
        let principal = field::id(&request.principal_id, "principal_id")?;
        let question = match request.question.required("question")? {
            Asked::RoleId(id) => Question::Role(field::id(&id, "role_id")?),
            Asked::Action(name) => operation(Plane::Control, &name, "action")?,
            Asked::DataAction(name) => operation(Plane::Data, &name, "data_action")?,
        };
        Ok(Self { principal, question, scope: field::scope(&request.scope, "scope")? })
    }
}

impl TryFrom<batch_check_access_request::Item> for CheckAccess {
    type Error = FieldViolation;

    fn try_from(item: batch_check_access_request::Item) -> Result<Self, FieldViolation> {
        use batch_check_access_request::item::Question as Item;
        use v1::check_access_request::Question as Asked;
        let question = item.question.map(|question| match question {
            Item::RoleId(id) => Asked::RoleId(id),
            Item::Action(name) => Asked::Action(name),
            Item::DataAction(name) => Asked::DataAction(name),
        });
        let (principal_id, scope) = (item.principal_id, item.scope);
        Self::try_from(v1::CheckAccessRequest { principal_id, question, scope })
    }
}

impl TryFrom<v1::BatchCheckAccessRequest> for BatchRead<CheckAccess> {
    type Error = FieldViolation;

    fn try_from(request: v1::BatchCheckAccessRequest) -> Result<Self, FieldViolation> {
        batch_read(request.items)
    }
}

fn operation(plane: Plane, name: &str, path: &str) -> Result<Question, FieldViolation> {
    Operation::new(plane, name).map(Question::Operation).map_err(|error| {
        FieldViolation::new(path, format!("{error}; it is {}", field::given(name)))
    })
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
        let answer = Answer::from(view.effective);
        Self {
            decision: answer.decision,
            revision: view.revision,
            as_of_time: Some(wire_time(view.as_of)),
            max_clock_error: Some(wire_duration(view.max_clock_error)),
            valid_until: answer.valid_until,
            next_change_time: answer.next_change_time,
            supporting_ids: answer.supporting_ids,
        }
    }
}

impl From<BatchAnswer<Effective>> for v1::BatchCheckAccessResponse {
    fn from(batch: BatchAnswer<Effective>) -> Self {
        let outcome = |result: Result<Effective, tonic::Status>| match result {
            Ok(effective) => Outcome::Answer(effective.into()),
            Err(status) => Outcome::Status(wire_status(&status)),
        };
        let results = batch.results.into_iter().map(outcome);
        let results = results.map(|outcome| Item { outcome: Some(outcome) });
        Self {
            results: results.collect(),
            revision: batch.revision,
            as_of_time: Some(wire_time(batch.as_of)),
            max_clock_error: Some(wire_duration(batch.max_clock_error)),
        }
    }
}

impl From<Effective> for Answer {
    fn from(effective: Effective) -> Self {
        let valid_until = effective.valid_until.map(wire_time);
        // Of a no, the clock alone changes nothing but by a start.
        let (decision, next_change_time) = if effective.holdings.is_empty() {
            (v1::Decision::Denied, valid_until)
        } else {
            (v1::Decision::Allowed, None)
        };
        let ids = effective.holdings.iter().map(|holding| holding.id);
        Self {
            decision: decision.into(),
            valid_until,
            next_change_time,
            supporting_ids: texts(ids.chain(effective.memberships)),
        }
    }
}

impl From<AccessPage> for v1::ListEffectiveRolesResponse {
    fn from(page: AccessPage) -> Self {
        Self {
            holdings: page.held.into_iter().map(v1::Holding::from).collect(),
            next_page_token: page.next_page_token,
            revision: page.revision,
            as_of_time: Some(wire_time(page.as_of)),
            max_clock_error: Some(wire_duration(page.max_clock_error)),
            valid_until: page.valid_until.map(wire_time),
        }
    }
}

impl From<AccessPage> for v1::ListRoleHoldersResponse {
    fn from(page: AccessPage) -> Self {
        Self {
            holdings: page.held.into_iter().map(v1::Holding::from).collect(),
            next_page_token: page.next_page_token,
            revision: page.revision,
            as_of_time: Some(wire_time(page.as_of)),
            max_clock_error: Some(wire_duration(page.max_clock_error)),
            valid_until: page.valid_until.map(wire_time),
        }
    }
}

impl From<HeldBy> for v1::Holding {
    fn from(HeldBy { principal, holding }: HeldBy) -> Self {
        let kind = match holding.kind {
            HoldingKind::Assignment => v1::HoldingKind::Assignment,
            HoldingKind::Activation => v1::HoldingKind::Activation,
        };
        Self {
            id: holding.id.to_string(),
            kind: kind.into(),
            principal_id: principal.to_string(),
            group_id: if holding.holder == principal {
                String::new()
            } else {
                holding.holder.to_string()
            },
            role_id: holding.role.to_string(),
            scope: holding.scope.into(),
            start_time: Some(wire_time(holding.span.window.start)),
            end_time: holding.span.window.end.map(wire_time),
        }
    }
}
