//! Batches: how many items, what a malformed one spoils, and what a refusal says on the wire.

use std::collections::HashMap;

use pim_domain::{
    activation::Ask,
    approval::{Decide, Verdict},
    justification::spelled_out,
};
use pim_proto::{
    activation::v1::{
        ActivateRoleRequest, BatchActivateRolesRequest, BatchActivateRolesResponse,
        activate_role_request, batch_activate_roles_request::item,
        batch_activate_roles_response::result::Outcome,
    },
    approval::v1::{BatchDecideRequest, Verdict as WireVerdict, batch_decide_request::Item},
    call::{AskView, BATCH_ITEMS_MAX, Batch, Batched, Write},
};
use prost::Message as _;
use prost_types::Timestamp;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::good::{
    batch::{ask, decide},
    id,
};

fn roles(count: usize) -> BatchActivateRolesRequest {
    BatchActivateRolesRequest { items: vec![ask(); count], ..Default::default() }
}

#[test]
fn a_batch_has_one_item_to_five_hundred() {
    assert_eq!(BATCH_ITEMS_MAX, 500);
    for count in [1, 500] {
        assert_eq!(Batch::<Ask>::try_from(roles(count)).unwrap().items.len(), count);
    }
    for count in [0, 501] {
        let violation = Batch::<Ask>::try_from(roles(count)).unwrap_err();
        assert_eq!(violation.path, "items");
        assert_eq!(violation.description, format!("must be 1 to 500; it has {count}"));
        let items = vec![decide(); count];
        let request = BatchDecideRequest { items, ..Default::default() };
        assert_eq!(Batch::<Decide>::try_from(request).unwrap_err().path, "items");
    }
}

#[test]
fn a_malformed_item_is_named_by_its_place_and_spoils_no_other() {
    let mut request = roles(5);
    request.items[3].role_id = "7".to_owned();
    request.items[4].ticket.as_mut().unwrap().number.clear();
    let read = Batch::<Ask>::try_from(request).unwrap();
    let paths: Vec<_> = read.items.iter().map(|item| item.as_ref().err()).collect();
    let paths: Vec<_> = paths.into_iter().map(|wrong| wrong.map(|it| &*it.path)).collect();
    assert_eq!(paths, [None, None, None, Some("items[3].role_id"), Some("items[4].ticket.number")]);
    let mut items = vec![decide(); 2];
    items[1].verdict = WireVerdict::Unspecified.into();
    let request = BatchDecideRequest { items, ..Default::default() };
    let read = Batch::<Decide>::try_from(request).unwrap();
    assert!(read.items[0].is_ok());
    assert_eq!(read.items[1].as_ref().unwrap_err().path, "items[1].verdict");
    let request = BatchDecideRequest { request_id: "7".to_owned(), ..batch_of(decide()) };
    assert_eq!(Batch::<Decide>::try_from(request).unwrap_err().path, "request_id");
}

fn batch_of(item: Item) -> BatchDecideRequest {
    BatchDecideRequest { items: vec![item], ..Default::default() }
}

#[test]
fn an_item_reads_as_the_request_for_it_alone() {
    let end = Timestamp { seconds: 4_000, nanos: 0 };
    for length in [ask().length, Some(item::Length::EndTime(end))] {
        let item =
            pim_proto::activation::v1::batch_activate_roles_request::Item { length, ..ask() };
        let single = ActivateRoleRequest {
            role_id: item.role_id.clone(),
            scope: item.scope.clone(),
            eligibility_id: item.eligibility_id.clone(),
            start_time: item.start_time,
            length: item.length.map(|length| match length {
                item::Length::Duration(it) => activate_role_request::Length::Duration(it),
                item::Length::EndTime(it) => activate_role_request::Length::EndTime(it),
            }),
            justification: item.justification.clone(),
            ticket: item.ticket.clone(),
            ..Default::default()
        };
        let single = Write::<Ask>::try_from(single).unwrap().command;
        // Each is committed to by a salt of its own.
        let words = |ask: &Ask| spelled_out(|| serde_json::to_value(ask).unwrap());
        assert_eq!(words(&Ask::try_from(item).unwrap()), words(&single));
    }
    for (verdict, expected) in
        [(WireVerdict::Approve, Verdict::Approve), (WireVerdict::Deny, Verdict::Deny)]
    {
        let duration = decide().duration.filter(|_| verdict == WireVerdict::Approve);
        let item = Item { verdict: verdict.into(), duration, ..decide() };
        let read = Batch::<Decide>::try_from(batch_of(item)).unwrap();
        assert_eq!(read.items[0].as_ref().unwrap().verdict, expected);
        assert_eq!(read.items[0].as_ref().unwrap().approval.to_string(), id());
    }
}

#[test]
fn a_refusal_is_carried_with_all_its_details() {
    let mut details = ErrorDetails::with_error_info("POLICY_DENIED", "pim.dev", HashMap::new());
    details.add_precondition_failure_violation("MFA", "authorization", "limit: one; given: none");
    let whole = Status::with_error_details(Code::FailedPrecondition, "no", details);
    let bare = Status::unavailable("gone");
    let results = vec![Err(whole.clone()), Err(bare)];
    let batched = Batched::<AskView> { results, revision: "r".to_owned() };
    let response = BatchActivateRolesResponse::from(batched);
    assert_eq!(response.revision, "r");
    let refused: Vec<_> = response
        .results
        .into_iter()
        .map(|result| match result.outcome.unwrap() {
            Outcome::Status(status) => status,
            Outcome::Activation(activation) => panic!("{activation:?}"),
        })
        .collect();
    assert_eq!(refused[0].encode_to_vec(), whole.details());
    assert_eq!(refused[0].code, i32::from(Code::FailedPrecondition));
    let gone = (refused[1].code, &*refused[1].message, refused[1].details.len());
    assert_eq!(gone, (i32::from(Code::Unavailable), "gone", 0));
}
