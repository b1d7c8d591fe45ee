//! What requests that move dates are read as, and how change requests are shown.

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    change_request::{self, Approve, Ask, ChangeKind, ChangeRequest, Decision},
    fixture::{grant, noon, role, stamp, user},
    grant::{Extend, GrantKind, NewEnd, Update},
    role::Catalog,
};
use pim_proto::{
    assignment::v1::{
        self, ApproveChangeRequestRequest, ChangeRequestState, CreateChangeRequestRequest,
        ExtendEligibilityRequest, UpdateAssignmentRequest, UpdateEligibilityRequest,
        approve_change_request_request, create_change_request_request::Grant,
        extend_eligibility_request, update_assignment_request, update_eligibility_request,
    },
    call::{Answer, Write},
    field::FieldViolation,
};
use prost_types::Timestamp;

use crate::good::ID;

fn path<C: std::fmt::Debug>(read: Result<C, FieldViolation>) -> String {
    read.unwrap_err().path
}

fn at(seconds: i64) -> Timestamp {
    Timestamp { seconds, nanos: 0 }
}

#[test]
fn an_end_is_an_instant_or_none_at_all_or_stays() {
    use update_eligibility_request::End;
    let read = |start: Option<i64>, end| {
        Write::<Update>::try_from(UpdateEligibilityRequest {
            eligibility_id: ID.to_owned(),
            etag: "v1".to_owned(),
            start_time: start.map(at),
            end,
            ..UpdateEligibilityRequest::default()
        })
    };
    let end = |end| read(None, end).unwrap().command.end;
    assert_eq!(end(None), None);
    assert_eq!(end(Some(End::Permanent(true))), Some(NewEnd::Permanent));
    let two = DateTime::from_timestamp(2, 0).unwrap();
    assert_eq!(end(Some(End::EndTime(at(2)))), Some(NewEnd::At(two)));
    assert_eq!(path(read(None, Some(End::Permanent(false)))), "permanent");
    assert_eq!(path(read(Some(2), Some(End::EndTime(at(2))))), "end_time");
    assert_eq!(read(Some(2), None).unwrap().command.kind, GrantKind::Eligibility);

    let end = Some(update_assignment_request::End::Permanent(true));
    let (assignment_id, etag) = (ID.to_owned(), "v1".to_owned());
    let other = UpdateAssignmentRequest { assignment_id, etag, end, ..Default::default() };
    let other = Write::<Update>::try_from(other).unwrap().command;
    assert_eq!((other.kind, other.end), (GrantKind::Assignment, Some(NewEnd::Permanent)));
}

#[test]
fn an_extension_says_until_when() {
    let read = |end| {
        let eligibility_id = ID.to_owned();
        let request = ExtendEligibilityRequest { eligibility_id, end, ..Default::default() };
        Write::<Extend>::try_from(request)
    };
    assert_eq!(path(read(None)), "end_time");
    let no = extend_eligibility_request::End::Permanent(false);
    assert_eq!(path(read(Some(no))), "permanent");
}

#[test]
fn a_change_request_says_what_it_wants_of_what() {
    let read = |kind, grant| {
        let request = CreateChangeRequestRequest { kind, grant, ..Default::default() };
        Write::<Ask>::try_from(request)
    };
    let eligibility = || Some(Grant::EligibilityId(ID.to_owned()));
    let assignment = Some(Grant::AssignmentId(ID.to_owned()));
    let ask = read(1, eligibility()).unwrap().command;
    assert_eq!((ask.kind, ask.grant_kind), (ChangeKind::Extension, GrantKind::Eligibility));
    let ask = read(2, assignment).unwrap().command;
    assert_eq!((ask.kind, ask.grant_kind), (ChangeKind::Renewal, GrantKind::Assignment));
    assert_eq!(path(read(0, eligibility())), "kind");
    assert_eq!(path(read(3, eligibility())), "kind");
    assert_eq!(path(read(1, None)), "eligibility_id");
    assert_eq!(path(read(1, Some(Grant::AssignmentId("x".to_owned())))), "assignment_id");
}

#[test]
fn a_yes_may_leave_the_end_to_the_wish() {
    let read = |end| {
        Write::<Approve>::try_from(ApproveChangeRequestRequest {
            change_request_id: ID.to_owned(),
            etag: "v1".to_owned(),
            end,
            ..ApproveChangeRequestRequest::default()
        })
    };
    assert_eq!(read(None).unwrap().command.end, None);
    let no = approve_change_request_request::End::Permanent(false);
    assert_eq!(path(read(Some(no))), "permanent");
}

fn asked(kind: GrantKind) -> ChangeRequest {
    let (alice, role) = (user("alice"), role());
    let end = noon() + TimeDelta::days(1);
    let grant = grant(kind, &alice, &role, noon() - TimeDelta::days(9), Some(end));
    let (grant_kind, id) = (grant.kind, grant.id);
    let facts = change_request::Facts { grant, catalog: Catalog::Entra, pending: None };
    let wish = Ask {
        kind: ChangeKind::Extension,
        grant_kind,
        grant: id,
        end: Some(end + TimeDelta::days(9)),
        justification: "the project goes on".into(),
        ticket: None,
    };
    change_request::ask(&facts, &alice, wish, &stamp(noon())).unwrap().into_after()
}

fn shown(request: &ChangeRequest, as_of: DateTime<Utc>) -> v1::ChangeRequest {
    let answer = Answer { value: request.clone(), revision: "r1".to_owned(), as_of };
    v1::GetChangeRequestResponse::from(answer).change_request.unwrap()
}

#[test]
fn a_change_request_past_its_time_is_shown_as_timed_out() {
    let request = asked(GrantKind::Eligibility);
    let before = shown(&request, request.expire_time - TimeDelta::microseconds(1));
    assert_eq!(before.state(), ChangeRequestState::Pending);
    assert_eq!(
        before.grant,
        Some(v1::change_request::Grant::EligibilityId(request.grant.to_string()))
    );
    assert_eq!((before.decider_id.as_str(), before.outcome_id.as_str()), ("", ""));
    assert_eq!(shown(&request, request.expire_time).state(), ChangeRequestState::TimedOut);
}

#[test]
fn each_end_of_a_change_request_has_its_name_and_is_kept_as_it_is() {
    let request = asked(GrantKind::Assignment);
    let decision = Decision { by: request.principal, justification: "so".into() };
    let states = [
        (change_request::State::Pending, ChangeRequestState::Pending, "", ""),
        (change_request::State::TimedOut, ChangeRequestState::TimedOut, "", ""),
        (change_request::State::Denied(decision.clone()), ChangeRequestState::Denied, "so", ""),
        (change_request::State::Canceled(decision.clone()), ChangeRequestState::Canceled, "so", ""),
        (
            change_request::State::Approved { decision, outcome: request.grant },
            ChangeRequestState::Approved,
            "so",
            &*request.grant.to_string(),
        ),
    ];
    for (state, name, why, outcome) in states {
        let request = ChangeRequest { state, ..request.clone() };
        let shown = shown(&request, noon());
        assert_eq!((shown.state(), shown.decision_justification.as_str()), (name, why));
        assert_eq!(shown.outcome_id, outcome);
        assert_eq!(shown.decider_id.is_empty(), why.is_empty());
        let stored = serde_json::to_string(&request).unwrap();
        assert_eq!(serde_json::from_str::<ChangeRequest>(&stored).unwrap(), request);
    }
}
