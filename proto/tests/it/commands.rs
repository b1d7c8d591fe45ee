//! What single requests are read as, and what they refuse as a whole.

use chrono::TimeDelta;
use pim_domain::{
    activation::{Ask, Extend, Length},
    approval::{Decide, Verdict},
    authority::SignIn,
    grant::{Create, GrantKind},
    role::Catalog,
};
use pim_proto::{
    activation::v1::{
        ActivateRoleRequest, ExtendActivationRequest, activate_role_request,
        extend_activation_request,
    },
    approval::v1::{ApproveRequest, DenyRequest},
    assignment::v1::{
        Administrator, CreateAssignmentRequest, CreateTenantRequest, ListRolesRequest,
    },
    audit::v1::{EventFilter as WireFilter, ListEventsRequest},
    call::{CreateTenant, EventCategory, EventFilter, List, PAGE_SIZE_MAX, RoleFilter, Write},
    field::FieldViolation,
};
use prost_types::{Duration, Timestamp};

use crate::good::ID;

fn hour() -> Duration {
    Duration { seconds: 3_600, nanos: 0 }
}

pub(crate) fn path<C: std::fmt::Debug>(read: Result<C, FieldViolation>) -> String {
    read.unwrap_err().path
}

#[test]
fn two_administrators_who_differ_make_a_tenant() {
    let named = |subject: &str| Administrator {
        issuer: "https://issuer.example".to_owned(),
        subject: subject.to_owned(),
        display_name: "A".to_owned(),
    };
    let create = |administrators| {
        let display_name = "Tenant".to_owned();
        let request = CreateTenantRequest { display_name, administrators, ..Default::default() };
        Write::<CreateTenant>::try_from(request)
    };
    assert!(create(vec![named("a"), named("b")]).is_ok());
    assert_eq!(path(create(vec![named("a"), named("a")])), "administrators");
    assert_eq!(path(create(vec![named("a")])), "administrators");
    assert_eq!(path(create(vec![named("a"), named("b"), named("c")])), "administrators");
    assert_eq!(path(create(vec![named("a"), named("")])), "administrators[1].subject");
}

#[test]
fn an_activation_says_how_long() {
    let ask = |start_time, length| {
        Write::<Ask>::try_from(ActivateRoleRequest {
            role_id: ID.to_owned(),
            scope: "/".to_owned(),
            start_time,
            length,
            ..ActivateRoleRequest::default()
        })
    };
    let at = |seconds| Timestamp { seconds, nanos: 0 };
    let read = ask(None, Some(activate_role_request::Length::Duration(hour()))).unwrap().command;
    assert_eq!(read.request.length, Length::Duration(TimeDelta::hours(1)));
    // How they signed in is not theirs to say.
    assert_eq!(read.request.sign_in, SignIn::default());
    assert_eq!(path(ask(None, None)), "duration");
    let until = |seconds| Some(activate_role_request::Length::EndTime(at(seconds)));
    assert!(ask(Some(at(1)), until(2)).is_ok());
    assert_eq!(path(ask(Some(at(2)), until(2))), "end_time");
}

#[test]
fn an_extension_says_how_much_longer() {
    use extend_activation_request::Length as Longer;
    let extend = |length| {
        Write::<Extend>::try_from(ExtendActivationRequest {
            activation_id: ID.to_owned(),
            length,
            ..ExtendActivationRequest::default()
        })
    };
    let read = extend(Some(Longer::Duration(hour()))).unwrap().command;
    assert_eq!(read.activation.to_string(), ID);
    assert_eq!(read.request.length, Length::Duration(TimeDelta::hours(1)));
    assert_eq!((read.request.start, read.request.sign_in), (None, SignIn::default()));
    let end = Timestamp { seconds: 5, nanos: 0 };
    let read = extend(Some(Longer::EndTime(end))).unwrap().command;
    assert!(matches!(read.request.length, Length::Until(end) if end.timestamp() == 5));
    assert_eq!(path(extend(None)), "duration");
    let none = Duration::default();
    assert_eq!(path(extend(Some(Longer::Duration(none)))), "duration");
    let end = Timestamp { seconds: 1, nanos: -1 };
    assert_eq!(path(extend(Some(Longer::EndTime(end)))), "end_time");
}

#[test]
fn a_yes_may_be_to_less() {
    let approve = |duration| {
        let (approval_id, etag) = (ID.to_owned(), "a1".to_owned());
        let yes = ApproveRequest { approval_id, etag, duration, ..ApproveRequest::default() };
        Write::<Decide>::try_from(yes).map(|write| write.command.duration)
    };
    assert_eq!(approve(None), Ok(None));
    assert_eq!(approve(Some(hour())), Ok(Some(TimeDelta::hours(1))));
    assert_eq!(path(approve(Some(Duration::default()))), "duration");
    assert_eq!(path(approve(Some(Duration { seconds: -1, nanos: 0 }))), "duration");
}

#[test]
fn the_rpc_says_which_kind_and_which_verdict() {
    let request = CreateAssignmentRequest {
        principal_id: ID.to_owned(),
        role_id: ID.to_owned(),
        scope: "/Subscriptions/A".to_owned(),
        ..CreateAssignmentRequest::default()
    };
    let read = Write::<Create>::try_from(request).unwrap().command;
    assert_eq!(read.kind, GrantKind::Assignment);
    assert_eq!(read.scope.as_str(), "/subscriptions/a");
    let (approval_id, etag) = (ID.to_owned(), "a1".to_owned());
    let yes = ApproveRequest { approval_id, etag, ..ApproveRequest::default() };
    assert_eq!(Write::<Decide>::try_from(yes).unwrap().command.verdict, Verdict::Approve);
    let (approval_id, etag) = (ID.to_owned(), "a1".to_owned());
    let no = DenyRequest { approval_id, etag, ..DenyRequest::default() };
    assert_eq!(Write::<Decide>::try_from(no).unwrap().command.verdict, Verdict::Deny);
}

#[test]
fn pages_have_a_default_and_a_limit() {
    let size = |page_size| {
        let request = ListRolesRequest { catalog: 2, page_size, ..ListRolesRequest::default() };
        let list = List::<RoleFilter>::try_from(request)?;
        assert_eq!(list.filter.catalog, Some(Catalog::Azure));
        Ok(list.page.size)
    };
    assert_eq!(size(0), Ok(50));
    assert_eq!(size(1), Ok(1));
    assert_eq!(size(1_000), Ok(PAGE_SIZE_MAX));
    assert_eq!(size(i32::MAX), Ok(PAGE_SIZE_MAX));
    assert_eq!(path(size(-1)), "page_size");
    assert_eq!(path(size(i32::MIN)), "page_size");
}

#[test]
fn categories_go_by_the_names_that_people_know() {
    let read = |category: &str| {
        let filter = WireFilter { category: category.to_owned(), ..WireFilter::default() };
        let request = ListEventsRequest { filter: Some(filter), ..ListEventsRequest::default() };
        List::<EventFilter>::try_from(request).map(|list| list.filter.category)
    };
    assert_eq!(read("Privileged Identity Management"), Ok(None));
    assert_eq!(read("Directory Management"), Ok(Some(EventCategory::RoleManagement)));
    assert_eq!(read("RoleManagement"), Ok(Some(EventCategory::RoleManagement)));
    assert_eq!(read("ResourceManagement"), Ok(Some(EventCategory::ResourceManagement)));
    assert_eq!(path(read("rolemanagement")), "filter.category");
}
