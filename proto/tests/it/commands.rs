//! What single requests are read as, and what they refuse as a whole.

use chrono::TimeDelta;
use pim_domain::{
    activation::{Ask, Length},
    approval::{Decide, Verdict},
    grant::{Create, GrantKind},
    policy::{APPROVAL_TIMEOUT_DEFAULT, RuleName, Update},
    role::Catalog,
};
use pim_proto::{
    activation::v1::{ActivateRoleRequest, activate_role_request},
    approval::v1::{ApproveRequest, DenyRequest},
    assignment::v1::{
        Administrator, ApprovalRule, CreateAssignmentRequest, CreateTenantRequest,
        ListRolesRequest, Rules, UpdatePolicyRequest,
    },
    audit::v1::{EventFilter as WireFilter, ListEventsRequest},
    call::{CreateTenant, EventCategory, EventFilter, List, PAGE_SIZE_MAX, RoleFilter, Write},
    field::FieldViolation,
};
use prost_types::{Duration, Timestamp};

use crate::good::{ID, OTHER_ID};

fn hour() -> Duration {
    Duration { seconds: 3_600, nanos: 0 }
}

fn path<C: std::fmt::Debug>(read: Result<C, FieldViolation>) -> String {
    read.unwrap_err().path
}

fn update(rules: Option<Rules>, reset: &[&str]) -> Result<Write<Update>, FieldViolation> {
    Write::try_from(UpdatePolicyRequest {
        role_id: ID.to_owned(),
        etag: "v0".to_owned(),
        rules,
        reset_rules: reset.iter().map(|name| (*name).to_owned()).collect(),
        ..UpdatePolicyRequest::default()
    })
}

fn approval(approver_ids: Vec<String>) -> Option<Rules> {
    let approval = Some(ApprovalRule { approver_ids, ..ApprovalRule::default() });
    Some(Rules { approval, ..Rules::default() })
}

#[test]
fn an_update_sets_what_it_names_and_nothing_else() {
    let rules = Rules {
        activation_max: Some(hour()),
        require_mfa: Some(false),
        ticket_pattern: Some(String::new()),
        ..Rules::default()
    };
    let read = update(Some(rules), &["approval"]).unwrap().command;
    let set: Vec<_> = read.set.names().collect();
    assert_eq!(set, [RuleName::ActivationMax, RuleName::RequireMfa, RuleName::TicketPattern]);
    assert_eq!(read.set.activation_max, Some(TimeDelta::hours(1)));
    assert_eq!(read.reset, [RuleName::Approval]);
}

#[test]
fn an_update_that_contradicts_itself_is_refused() {
    let mfa = Rules { require_mfa: Some(true), ..Rules::default() };
    assert_eq!(path(update(None, &[])), "rules");
    assert_eq!(path(update(Some(Rules::default()), &[])), "rules");
    assert_eq!(path(update(Some(mfa), &["approval", "require_mfa"])), "reset_rules[1]");
    assert_eq!(path(update(None, &["approval", "approval"])), "reset_rules[1]");
    assert_eq!(path(update(None, &["RequireMfa"])), "reset_rules[0]");
    let pattern = Rules { ticket_pattern: Some("(".to_owned()), ..Rules::default() };
    assert_eq!(path(update(Some(pattern), &[])), "rules.ticket_pattern");
}

#[test]
fn every_rule_can_be_reset_by_its_name() {
    for rule in RuleName::ALL {
        assert_eq!(update(None, &[rule.as_str()]).unwrap().command.reset, [rule]);
    }
}

#[test]
fn an_approval_rule_says_only_what_differs() {
    let read = update(approval(vec![ID.to_owned()]), &[]).unwrap().command.set.approval.unwrap();
    assert_eq!(read.timeout, APPROVAL_TIMEOUT_DEFAULT);
    assert!(read.justify_approve && read.justify_deny);
    let off = update(approval(Vec::new()), &[]).unwrap().command.set.approval.unwrap();
    assert!(!off.is_on());
}

#[test]
fn approvers_are_few_and_differ() {
    let twice = vec![ID.to_owned(), OTHER_ID.to_owned(), ID.to_owned()];
    assert_eq!(path(update(approval(twice), &[])), "rules.approval.approver_ids[2]");
    let many = |count: u128| (0..count).map(|n| uuid::Uuid::from_u128(n).to_string()).collect();
    assert!(update(approval(many(50)), &[]).is_ok());
    assert_eq!(path(update(approval(many(51)), &[])), "rules.approval.approver_ids");
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
    assert!(!read.request.mfa);
    assert_eq!(path(ask(None, None)), "duration");
    let until = |seconds| Some(activate_role_request::Length::EndTime(at(seconds)));
    assert!(ask(Some(at(1)), until(2)).is_ok());
    assert_eq!(path(ask(Some(at(2)), until(2))), "end_time");
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
