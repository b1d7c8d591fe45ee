//! Every request that there is can be read, and only as its fields permit.

use std::any::type_name;

use pim_proto::field::FieldViolation;
use proptest::prelude::*;
use prost::Message;

use crate::{
    descriptor::method_names,
    good::{alerts, assignment, batch, changes, groups, others, scopes},
};

/// One kind of request: a good one as it is on the wire, and how it is read.
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) good: Vec<u8>,
    /// `None` where the bytes are no such message at all.
    pub(crate) read: fn(&[u8]) -> Option<Result<(), FieldViolation>>,
}

pub(crate) fn shape<C, R>(good: R) -> Shape
where
    R: Message + Default,
    C: TryFrom<R, Error = FieldViolation>,
{
    Shape {
        name: type_name::<R>().rsplit("::").next().unwrap(),
        good: good.encode_to_vec(),
        read: |bytes| R::decode(bytes).ok().map(|request| C::try_from(request).map(drop)),
    }
}

pub(crate) fn all() -> Vec<Shape> {
    [
        assignment::tenants_and_roles(),
        assignment::directory(),
        groups::groups(),
        assignment::policies(),
        scopes::scopes(),
        assignment::eligibilities(),
        assignment::assignments(),
        changes::eligibilities(),
        changes::assignments(),
        changes::requests(),
        others::activations(),
        others::activations_internally(),
        others::approvals(),
        batch::batches(),
        others::audit(),
        alerts::alerts(),
        others::access(),
        others::scheduler(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[test]
fn every_request_can_be_read() {
    let mut read: Vec<_> = all().iter().map(|shape| shape.name).collect();
    read.sort_unstable();
    assert_eq!(read, method_names("Request"));
    for shape in all() {
        assert_eq!((shape.read)(&shape.good), Some(Ok(())), "{}", shape.name);
    }
}

#[test]
fn a_request_that_says_nothing_is_refused_or_asks_for_all() {
    for shape in all() {
        let needs_nothing = match shape.name {
            "ListRoleHoldersRequest"
            | "ListEffectiveRolesRequest"
            | "SearchActivatableScopesRequest"
            | "ListPossibleApproversRequest" => false,
            "TailEventsRequest"
            | "GetPrincipalRequest"
            | "GetRoleTokenKeysRequest"
            | "GetCallerRequest"
            | "GetTenantRequest"
            // What is missing is for the rules to say.
            | "FreezeTenantRequest"
            | "GetCheckpointRequest"
            | "GetAlertSettingsRequest" => true,
            name => name.starts_with("List") || name.starts_with("Search"),
        };
        let read = (shape.read)(&[]).unwrap();
        assert_eq!(read.is_ok(), needs_nothing, "{}: {read:?}", shape.name);
    }
}

proptest! {
    #[test]
    fn no_message_is_too_strange_to_be_read_or_refused(
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        tail in prop::collection::vec(any::<u8>(), 0..24),
    ) {
        for shape in all() {
            let mut bytes = shape.good.clone();
            // One that has no fields is as long as nothing.
            if !bytes.is_empty() {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
            let _ = (shape.read)(&bytes);
            bytes.extend(&tail);
            let _ = (shape.read)(&bytes);
        }
    }
}
