//! `AccessService`.

mod explain;

use pim_domain::{
    authority::GROUP_MEMBER,
    effective::{Effective, HoldingKind},
    id::{GroupId, PrincipalId},
    permission::{Operation, Plane},
    scope::Scope,
    time::format_duration,
};
use prost_types::Timestamp;

use super::{
    batch::{batch_read, wire_status},
    list, texts, wire_duration, wire_time,
};
use crate::{
    access::v1::{
        self,
        batch_check_access_request::{self, item::Question as Item},
        batch_check_access_response::{Answer, Result as ItemResult, result::Outcome},
        check_access_request::Question,
        consistency::Requirement,
        explain_access_request::Question as Explained,
        watch_effective_roles_response::Change,
    },
    call::{
        self, AccessPage, AccessView, Asked, BatchAnswer, BatchRead, CheckAccess, Consistency,
        ExplainAccess, HeldBy, HoldersFilter, HoldingsFilter, List, Watch, Watched, WatchedChange,
        When,
    },
    field::{self, FieldViolation, Required as _},
};

impl TryFrom<Option<v1::Consistency>> for Consistency {
    type Error = FieldViolation;

    fn try_from(given: Option<v1::Consistency>) -> Result<Self, FieldViolation> {
        let Some(v1::Consistency { requirement }) = given else { return Ok(Self::Full) };
        match requirement {
            None | Some(Requirement::FullyConsistent(true)) => Ok(Self::Full),
            Some(Requirement::FullyConsistent(false)) => Err(FieldViolation::new(
                "consistency.fully_consistent",
                "must be true; leave it out, or say what is enough instead",
            )),
            Some(Requirement::AtLeastAsFresh(revision)) => {
                let path = "consistency.at_least_as_fresh";
                if revision.is_empty() {
                    return Err(FieldViolation::required(path));
                }
                Ok(Self::AtLeast(field::opaque(revision, path, Self::REVISION_BYTES_MAX)?))
            }
            Some(Requirement::MaxStaleness(given)) => {
                let path = "consistency.max_staleness";
                let most = field::duration_from_zero(Some(given), path)?.required(path)?;
                if most > Self::STALENESS_MAX {
                    let description = format!(
                        "must be at most {}; it is {}",
                        format_duration(Self::STALENESS_MAX),
                        format_duration(most)
                    );
                    return Err(FieldViolation::new(path, description));
                }
                Ok(Self::MaxStaleness(most))
            }
        }
    }
}

impl TryFrom<v1::CheckAccessRequest> for Asked<CheckAccess> {
    type Error = FieldViolation;

    fn try_from(request: v1::CheckAccessRequest) -> Result<Self, FieldViolation> {
        let v1::CheckAccessRequest { principal_id, question, scope, consistency, at } = request;
        let question = question.map(|question| match question {
            Question::RoleId(id) => Item::RoleId(id),
            Question::Action(name) => Item::Action(name),
            Question::DataAction(name) => Item::DataAction(name),
            Question::GroupId(id) => Item::GroupId(id),
        });
        let item = batch_check_access_request::Item { principal_id, question, scope };
        Ok(Self { question: item.try_into()?, when: when(consistency, at)? })
    }
}

/// The past is as it is recorded: there is no older or newer state of it to choose.
fn when(
    consistency: Option<v1::Consistency>,
    at: Option<Timestamp>,
) -> Result<When, FieldViolation> {
    let consistency = Consistency::try_from(consistency)?;
    match (consistency, field::timestamp(at, "at")?) {
        (consistency, None) => Ok(When::Now(consistency)),
        (Consistency::Full, Some(at)) => Ok(When::Then(at)),
        (Consistency::AtLeast(_) | Consistency::MaxStaleness(_), Some(_)) => {
            let description = "must be fully consistent or absent where `at` is given";
            Err(FieldViolation::new("consistency", description))
        }
    }
}

impl TryFrom<batch_check_access_request::Item> for CheckAccess {
    type Error = FieldViolation;

    fn try_from(item: batch_check_access_request::Item) -> Result<Self, FieldViolation> {
        let principal = field::id(&item.principal_id, "principal_id")?;
        let question = match item.question.required("question")? {
            Item::RoleId(id) => call::Question::Role(field::id(&id, "role_id")?),
            Item::Action(name) => operation(Plane::Control, &name, "action")?,
            Item::DataAction(name) => operation(Plane::Data, &name, "data_action")?,
            Item::GroupId(id) => return belonging(principal, &id, &item.scope),
        };
        Ok(Self { principal, question, scope: field::scope(&item.scope, "scope")? })
    }
}

/// To belong to a group is a role that is held at its scope.
fn belonging(
    principal: PrincipalId,
    group: &str,
    scope: &str,
) -> Result<CheckAccess, FieldViolation> {
    let group: GroupId = field::id(group, "group_id")?;
    if !scope.is_empty() {
        let description = "must be empty where a group is asked about";
        return Err(FieldViolation::new("scope", description));
    }
    let question = call::Question::Role(GROUP_MEMBER.into());
    Ok(CheckAccess { principal, question, scope: Scope::of_group(group) })
}

impl TryFrom<v1::BatchCheckAccessRequest> for Asked<BatchRead<CheckAccess>> {
    type Error = FieldViolation;

    fn try_from(request: v1::BatchCheckAccessRequest) -> Result<Self, FieldViolation> {
        let v1::BatchCheckAccessRequest { items, consistency, at } = request;
        Ok(Self { question: batch_read(items)?, when: when(consistency, at)? })
    }
}

fn operation(plane: Plane, name: &str, path: &str) -> Result<call::Question, FieldViolation> {
    Operation::new(plane, name).map(call::Question::Operation).map_err(|error| {
        FieldViolation::new(path, format!("{error}; it is {}", field::given(name)))
    })
}

impl TryFrom<v1::ListEffectiveRolesRequest> for Asked<List<HoldingsFilter>> {
    type Error = FieldViolation;

    fn try_from(request: v1::ListEffectiveRolesRequest) -> Result<Self, FieldViolation> {
        let when = when(request.consistency, request.at)?;
        let filter = HoldingsFilter {
            principal: field::id(&request.principal_id, "principal_id")?,
            scope: field::optional_scope(&request.scope, "scope")?,
            at: match when {
                When::Now(_) => None,
                When::Then(at) => Some(at),
            },
        };
        Ok(Self { question: list(filter, request.page_size, request.page_token)?, when })
    }
}

impl TryFrom<v1::ListRoleHoldersRequest> for List<HoldersFilter> {
    type Error = FieldViolation;

    fn try_from(request: v1::ListRoleHoldersRequest) -> Result<Self, FieldViolation> {
        let filter = HoldersFilter {
            role: field::id(&request.role_id, "role_id")?,
            scope: field::scope(&request.scope, "scope")?,
            at: field::timestamp(request.at, "at")?,
        };
        list(filter, request.page_size, request.page_token)
    }
}

impl TryFrom<v1::ExplainAccessRequest> for ExplainAccess {
    type Error = FieldViolation;

    fn try_from(request: v1::ExplainAccessRequest) -> Result<Self, FieldViolation> {
        let v1::ExplainAccessRequest { principal_id, question, scope, at } = request;
        let question = question.map(|question| match question {
            Explained::RoleId(id) => Item::RoleId(id),
            Explained::Action(name) => Item::Action(name),
            Explained::DataAction(name) => Item::DataAction(name),
            Explained::GroupId(id) => Item::GroupId(id),
        });
        let item = batch_check_access_request::Item { principal_id, question, scope };
        Ok(Self { question: item.try_into()?, at: field::timestamp(at, "at")? })
    }
}

impl TryFrom<v1::WatchEffectiveRolesRequest> for Watch {
    type Error = FieldViolation;

    fn try_from(request: v1::WatchEffectiveRolesRequest) -> Result<Self, FieldViolation> {
        let count = request.principal_ids.len();
        if !(1..=Self::PRINCIPALS_MAX).contains(&count) {
            let description = format!("must be 1 to {}; it has {count}", Self::PRINCIPALS_MAX);
            return Err(FieldViolation::new("principal_ids", description));
        }
        let ids = request.principal_ids.iter().enumerate();
        let ids = ids.map(|(place, id)| field::id(id, &format!("principal_ids[{place}]")));
        let (position, max) = (request.after_position, Self::POSITION_BYTES_MAX);
        Ok(Self {
            principals: ids.collect::<Result<_, _>>()?,
            after_position: field::opaque(position, "after_position", max)?,
        })
    }
}

impl From<Watched> for v1::WatchEffectiveRolesResponse {
    fn from(watched: Watched) -> Self {
        let change = |change: WatchedChange| {
            let principal = change.principal;
            let held = change.held.into_iter().map(|holding| HeldBy { principal, holding });
            Change {
                principal_id: principal.to_string(),
                is_whole: change.is_whole,
                held: held.map(v1::Holding::from).collect(),
                lost_ids: texts(change.lost),
                valid_until: change.valid_until.map(wire_time),
            }
        };
        Self {
            changes: watched.changes.into_iter().map(change).collect(),
            position: watched.position,
            revision: watched.revision,
            as_of_time: Some(wire_time(watched.as_of)),
            max_clock_error: Some(wire_duration(watched.max_clock_error)),
            answers_void: watched.answers_void,
        }
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
        let results = results.map(|outcome| ItemResult { outcome: Some(outcome) });
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
