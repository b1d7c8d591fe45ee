//! T-25: whether something exists is not learnt by asking for it. Each method that names a thing by
//! an id is asked for one that there is and for one that there is not, by people who may do neither,
//! each of whom gets further than the one before: a user, the owner of another subscription, the
//! owner of another group.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use pim_chassis::rpc::{Guard, find};
use pim_proto::{
    access::v1::{self as access, CheckAccessRequest, ExplainAccessRequest},
    activation::v1::{self as activation, ActivateRoleRequest},
    approval::v1 as approval,
    assignment::v1 as assignment,
    audit::v1::{self as audit, EventFilter},
};
use pim_tests::{
    Organisation, Person, World, all_of, assert_same_refusal, duration, new_id, reason, timestamp,
};
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tonic::Code;

use super::super::{
    wire::{Raw, Wire},
    written,
};

const ROLE: &str = Organisation::USER_ADMINISTRATOR;
const SHOP: &str = "/subscriptions/shop";
const CONTRIBUTOR: &str = Organisation::CONTRIBUTOR;

/// What everybody of the tenant may know: its roles and their policies; and where a person's id is
/// that of no thing. Batches answer each item as the single call, and what a list is narrowed by
/// names nothing.
const EXCEPT: [&str; 4] = ["GetRole", "GetPolicy", "GetPolicyInForce", "CreatePrincipal"];

/// One of each thing that there is, by its id, of one subscription and of the directory.
struct Things {
    eligibility: String,
    assignment: String,
    request: String,
    active: String,
    pending: String,
    approval: String,
    principal: String,
    group: String,
    role: String,
    event: String,
    alert: String,
}

impl Things {
    /// As many ids of nothing.
    fn none() -> Self {
        Self {
            eligibility: new_id(),
            assignment: new_id(),
            request: new_id(),
            active: new_id(),
            pending: new_id(),
            approval: new_id(),
            principal: new_id(),
            group: new_id(),
            role: new_id(),
            event: new_id(),
            alert: new_id(),
        }
    }

    async fn of(world: &World, organisation: &Organisation, role: &str, scope: &str) -> Self {
        let name = |what: &str| format!("{what} of {scope}");
        let [alice, bob, carol] = [
            organisation.user(world, &name("alice")).await,
            organisation.user(world, &name("bob")).await,
            organisation.user(world, &name("carol")).await,
        ];
        let admin = &organisation.admin;
        let end_time = Some(timestamp(world.now() + TimeDelta::days(7)));
        let made = assignment::CreateEligibilityRequest {
            principal_id: alice.id.clone(),
            role_id: role.to_owned(),
            scope: scope.to_owned(),
            end_time,
            ..Default::default()
        };
        let made = admin.client.assignments().create_eligibility(made).await.unwrap();
        let eligibility = made.into_inner().eligibility.unwrap().id;
        let active = alice.activate(Person::wish(role, scope)).await.unwrap().id;
        let ask = assignment::CreateChangeRequestRequest {
            kind: assignment::ChangeRequestKind::Extension.into(),
            grant: Some(assignment::create_change_request_request::Grant::EligibilityId(
                eligibility.clone(),
            )),
            justification: "still needed".to_owned(),
            ..Default::default()
        };
        let asked = alice.client.assignments().create_change_request(ask).await.unwrap();
        let rule = assignment::Rules { approval: Some(all_of(&[&carol])), ..Default::default() };
        organisation.set_policy_at(role, scope, rule, &[]).await.unwrap();
        organisation.make_eligible(&bob, role, scope).await;
        let pending = bob.activate(Person::wish(role, scope)).await.unwrap().id;
        let approval = carol.inbox().await.remove(0).id;
        world.scan().await;
        let alerts = admin.client.alerts().list_alerts(audit::ListAlertsRequest::default()).await;
        Self {
            assignment: organisation.assign(&carol, role, scope).await.unwrap().id,
            request: asked.into_inner().change_request.unwrap().id,
            principal: alice.id,
            group: organisation.group(&name("group")).await.id,
            role: custom_role(organisation, &name("role")).await,
            event: organisation.log(EventFilter::default()).await[0].id.clone(),
            alert: alerts.unwrap().into_inner().alerts[0].id.clone(),
            eligibility,
            active,
            pending,
            approval,
        }
    }
}

async fn custom_role(organisation: &Organisation, name: &str) -> String {
    let request = assignment::CreateRoleRequest {
        catalog: pim_proto::r#type::v1::Catalog::Azure.into(),
        definition: Some(definition(name)),
        ..Default::default()
    };
    let answer = organisation.admin.client.roles().create_role(request).await.unwrap();
    answer.into_inner().role.unwrap().id
}

fn definition(name: &str) -> assignment::RoleDefinition {
    let actions = vec!["Microsoft.Compute/*".to_owned()];
    assignment::RoleDefinition {
        display_name: name.to_owned(),
        permissions: vec![assignment::PermissionBlock { actions, ..Default::default() }],
        assignable_scopes: vec![SHOP.to_owned()],
        ..Default::default()
    }
}

/// Well-formed requests, each by the name of its method.
type Asked = Vec<(&'static str, Raw)>;

fn ask(method: &'static str, message: &impl prost::Message) -> (&'static str, Raw) {
    (method, Raw::of(message))
}

fn text(one: &str) -> String {
    one.to_owned()
}

fn about_eligibilities(things: &Things) -> Asked {
    use assignment::{
        CreateEligibilityRequest, ExtendEligibilityRequest, GetEligibilityRequest,
        RemoveEligibilityRequest, RenewEligibilityRequest, SearchActivatableScopesRequest,
        UpdateEligibilityRequest, extend_eligibility_request as extend,
        update_eligibility_request as update,
    };
    let eligibility_id = things.eligibility.clone();
    vec![
        ask(
            "CreateEligibility",
            &CreateEligibilityRequest {
                principal_id: things.principal.clone(),
                role_id: things.role.clone(),
                scope: text(SHOP),
                ..Default::default()
            },
        ),
        ask(
            "SearchActivatableScopes",
            &SearchActivatableScopesRequest {
                eligibility_id: eligibility_id.clone(),
                ..Default::default()
            },
        ),
        ask("GetEligibility", &GetEligibilityRequest { eligibility_id: eligibility_id.clone() }),
        ask(
            "UpdateEligibility",
            &UpdateEligibilityRequest {
                eligibility_id: eligibility_id.clone(),
                etag: text("v1"),
                end: Some(update::End::Permanent(true)),
                ..Default::default()
            },
        ),
        ask(
            "ExtendEligibility",
            &ExtendEligibilityRequest {
                eligibility_id: eligibility_id.clone(),
                end: Some(extend::End::Permanent(true)),
                ..Default::default()
            },
        ),
        ask(
            "RenewEligibility",
            &RenewEligibilityRequest {
                eligibility_id: eligibility_id.clone(),
                ..Default::default()
            },
        ),
        ask(
            "RemoveEligibility",
            &RemoveEligibilityRequest { eligibility_id, ..Default::default() },
        ),
    ]
}

fn about_assignments(things: &Things) -> Asked {
    use assignment::{
        CreateAssignmentRequest, ExtendAssignmentRequest, GetAssignmentRequest,
        RemoveAssignmentRequest, RenewAssignmentRequest, UpdateAssignmentRequest,
        extend_assignment_request as extend, update_assignment_request as update,
    };
    let assignment_id = things.assignment.clone();
    vec![
        ask(
            "CreateAssignment",
            &CreateAssignmentRequest {
                principal_id: things.principal.clone(),
                role_id: things.role.clone(),
                scope: text(SHOP),
                justification: text("their work"),
                ..Default::default()
            },
        ),
        ask("GetAssignment", &GetAssignmentRequest { assignment_id: assignment_id.clone() }),
        ask(
            "UpdateAssignment",
            &UpdateAssignmentRequest {
                assignment_id: assignment_id.clone(),
                etag: text("v1"),
                end: Some(update::End::Permanent(true)),
                ..Default::default()
            },
        ),
        ask(
            "ExtendAssignment",
            &ExtendAssignmentRequest {
                assignment_id: assignment_id.clone(),
                end: Some(extend::End::Permanent(true)),
                ..Default::default()
            },
        ),
        ask(
            "RenewAssignment",
            &RenewAssignmentRequest { assignment_id: assignment_id.clone(), ..Default::default() },
        ),
        ask("RemoveAssignment", &RemoveAssignmentRequest { assignment_id, ..Default::default() }),
    ]
}

fn about_change_requests(things: &Things) -> Asked {
    use assignment::{
        ApproveChangeRequestRequest, CancelChangeRequestRequest, ChangeRequestKind,
        CreateChangeRequestRequest, DenyChangeRequestRequest, GetChangeRequestRequest,
        approve_change_request_request as approve, create_change_request_request as create,
    };
    let change_request_id = things.request.clone();
    vec![
        ask(
            "CreateChangeRequest",
            &CreateChangeRequestRequest {
                kind: ChangeRequestKind::Extension.into(),
                grant: Some(create::Grant::EligibilityId(things.eligibility.clone())),
                justification: text("still needed"),
                ..Default::default()
            },
        ),
        ask(
            "GetChangeRequest",
            &GetChangeRequestRequest { change_request_id: change_request_id.clone() },
        ),
        ask(
            "ApproveChangeRequest",
            &ApproveChangeRequestRequest {
                change_request_id: change_request_id.clone(),
                etag: text("v1"),
                end: Some(approve::End::Permanent(true)),
                ..Default::default()
            },
        ),
        ask(
            "DenyChangeRequest",
            &DenyChangeRequestRequest {
                change_request_id: change_request_id.clone(),
                etag: text("v1"),
                justification: text("no"),
                ..Default::default()
            },
        ),
        ask(
            "CancelChangeRequest",
            &CancelChangeRequestRequest { change_request_id, ..Default::default() },
        ),
    ]
}

fn about_directory(things: &Things) -> Asked {
    use assignment::{
        DeleteGroupRequest, DeleteRoleRequest, DisablePrincipalRequest, EnablePrincipalRequest,
        GetGroupRequest, GetPrincipalRequest, UpdateGroupRequest, UpdatePolicyRequest,
        UpdateRoleRequest,
    };
    let (principal_id, group_id) = (things.principal.clone(), things.group.clone());
    let (role_id, etag) = (things.role.clone(), text("v1"));
    vec![
        ask("GetPrincipal", &GetPrincipalRequest { principal_id: principal_id.clone() }),
        ask(
            "DisablePrincipal",
            &DisablePrincipalRequest { principal_id: principal_id.clone(), ..Default::default() },
        ),
        ask("EnablePrincipal", &EnablePrincipalRequest { principal_id, ..Default::default() }),
        ask("GetGroup", &GetGroupRequest { group_id: group_id.clone() }),
        ask(
            "UpdateGroup",
            &UpdateGroupRequest {
                group_id: group_id.clone(),
                etag: etag.clone(),
                display_name: text("mine"),
                ..Default::default()
            },
        ),
        ask(
            "DeleteGroup",
            &DeleteGroupRequest { group_id, etag: etag.clone(), ..Default::default() },
        ),
        ask(
            "UpdateRole",
            &UpdateRoleRequest {
                role_id: role_id.clone(),
                etag: etag.clone(),
                definition: Some(definition("mine")),
                ..Default::default()
            },
        ),
        ask(
            "DeleteRole",
            &DeleteRoleRequest {
                role_id: role_id.clone(),
                etag: etag.clone(),
                ..Default::default()
            },
        ),
        ask(
            "UpdatePolicy",
            &UpdatePolicyRequest {
                role_id,
                scope: text(SHOP),
                etag,
                rules: Some(assignment::Rules { require_mfa: Some(false), ..Default::default() }),
                ..Default::default()
            },
        ),
    ]
}

fn about_activations(things: &Things) -> Asked {
    use activation::{
        CancelActivationRequest, DeactivateRoleRequest, ExtendActivationRequest,
        GetActivationRequest, RevokeActivationRequest, extend_activation_request as extend,
    };
    let activation_id = things.active.clone();
    vec![
        ask(
            "ActivateRole",
            &ActivateRoleRequest {
                eligibility_id: things.eligibility.clone(),
                ..Person::wish(CONTRIBUTOR, SHOP)
            },
        ),
        ask("GetActivation", &GetActivationRequest { activation_id: activation_id.clone() }),
        ask(
            "DeactivateRole",
            &DeactivateRoleRequest { activation_id: activation_id.clone(), ..Default::default() },
        ),
        ask(
            "ExtendActivation",
            &ExtendActivationRequest {
                activation_id: activation_id.clone(),
                length: Some(extend::Length::Duration(duration(TimeDelta::hours(2)))),
                justification: text("more"),
                ..Default::default()
            },
        ),
        ask(
            "CancelActivation",
            &CancelActivationRequest {
                activation_id: things.pending.clone(),
                ..Default::default()
            },
        ),
        ask(
            "RevokeActivation",
            &RevokeActivationRequest {
                activation_id,
                justification: text("no"),
                ..Default::default()
            },
        ),
    ]
}

fn about_approvals(things: &Things) -> Asked {
    use approval::{ApproveRequest, DenyRequest, GetApprovalRequest, ListPossibleApproversRequest};
    let approval_id = things.approval.clone();
    vec![
        ask("GetApproval", &GetApprovalRequest { approval_id: approval_id.clone() }),
        ask(
            "ListPossibleApprovers",
            &ListPossibleApproversRequest { approval_id: approval_id.clone() },
        ),
        ask(
            "Approve",
            &ApproveRequest {
                approval_id: approval_id.clone(),
                etag: text("a1"),
                justification: text("yes"),
                ..Default::default()
            },
        ),
        ask(
            "Deny",
            &DenyRequest {
                approval_id,
                etag: text("a1"),
                justification: text("no"),
                ..Default::default()
            },
        ),
    ]
}

fn about_the_rest(things: &Things) -> Asked {
    use access::{check_access_request as check, explain_access_request as explain};
    use audit::{
        DismissAlertRequest, GetAlertRequest, GetEventRequest, GetInclusionProofRequest,
        get_inclusion_proof_request as proof,
    };
    let (principal_id, role_id) = (things.principal.clone(), things.role.clone());
    vec![
        ask(
            "CheckAccess",
            &CheckAccessRequest {
                principal_id: principal_id.clone(),
                question: Some(check::Question::RoleId(role_id.clone())),
                scope: text(SHOP),
                ..Default::default()
            },
        ),
        ask(
            "ExplainAccess",
            &ExplainAccessRequest {
                principal_id,
                question: Some(explain::Question::RoleId(role_id)),
                scope: text(SHOP),
                ..Default::default()
            },
        ),
        ask("GetEvent", &GetEventRequest { event_id: things.event.clone() }),
        ask(
            "GetInclusionProof",
            &GetInclusionProofRequest {
                entry: Some(proof::Entry::EventId(things.event.clone())),
                ..Default::default()
            },
        ),
        ask("GetAlert", &GetAlertRequest { alert_id: things.alert.clone() }),
        ask(
            "DismissAlert",
            &DismissAlertRequest {
                alert_id: things.alert.clone(),
                justification: text("known"),
                ..Default::default()
            },
        ),
    ]
}

fn about_all(things: &Things) -> Asked {
    let about = [
        about_eligibilities,
        about_assignments,
        about_change_requests,
        about_directory,
        about_activations,
        about_approvals,
        about_the_rest,
    ];
    about.into_iter().flat_map(|about| about(things)).collect()
}

/// The methods of people that name a thing by an id outside of a filter, by their paths.
fn naming() -> Vec<String> {
    let set = FileDescriptorSet::decode(pim_proto::FILE_DESCRIPTOR_SET).unwrap();
    let names_something = |message: &str| {
        let mut all = set.file.iter().flat_map(|file| {
            file.message_type.iter().map(|one| (format!(".{}.{}", file.package(), one.name()), one))
        });
        let (_, request) = all.find(|(name, _)| name == message).unwrap();
        let ids = request.field.iter().filter(|field| field.name().ends_with("_id"));
        ids.filter(|field| field.name() != "request_id").count() > 0
    };
    let mut paths = Vec::new();
    for file in set.file.iter().filter(|file| file.package().starts_with("pim.")) {
        for service in &file.service {
            for method in &service.method {
                let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                let guard = find(&path).unwrap().guard;
                let is_of_people = matches!(guard, Guard::AnyPrincipal | Guard::Action(_));
                let is_list = ["List", "Search"].iter().any(|one| method.name().starts_with(one));
                let filters = is_list && !NAMING_LISTS.contains(&method.name());
                if is_of_people && !filters && names_something(method.input_type()) {
                    paths.push(path);
                }
            }
        }
    }
    paths
}

/// Lists of what belongs to one thing.
const NAMING_LISTS: [&str; 2] = ["SearchActivatableScopes", "ListPossibleApprovers"];

/// An owner of another subscription, or of another group; and a user.
async fn outsiders(world: &World, organisation: &Organisation) -> Vec<Person> {
    let [user, owner, chief] = [
        organisation.user(world, "user").await,
        organisation.user(world, "owner").await,
        organisation.user(world, "chief").await,
    ];
    let elsewhere = "/subscriptions/elsewhere";
    organisation.assign(&owner, Organisation::OWNER, elsewhere).await.unwrap();
    let club = organisation.group("club").await;
    organisation.assign(&chief, Organisation::GROUP_OWNER, &club.scope).await.unwrap();
    vec![user, owner, chief]
}

#[tokio::test]
async fn t_25_what_there_is_is_refused_like_what_there_is_not() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let outsiders = outsiders(&world, &organisation).await;
    let there = [
        Things::of(&world, &organisation, CONTRIBUTOR, SHOP).await,
        Things::of(&world, &organisation, ROLE, "/").await,
    ];
    let none = Things::none();
    let naming = naming();
    let path_of = |method: &str| {
        naming.iter().find(|path| path.ends_with(&format!("/{method}"))).unwrap().clone()
    };
    let before = written(&organisation).await;
    let mut asked = BTreeSet::new();
    for person in &outsiders {
        let wire = Wire::of(&world, person);
        for things in &there {
            for ((method, real), (_, unreal)) in about_all(things).into_iter().zip(about_all(&none))
            {
                let path = path_of(method);
                let real = wire.call::<_, ()>(&path, real).await;
                let unreal = wire.call::<_, ()>(&path, unreal).await;
                let (Err(real), Err(unreal)) = (real, unreal) else {
                    panic!("{} was answered {method}", person.name)
                };
                assert_eq!(real.code(), refusal_of(method).0, "{method}: {real:?}");
                assert_eq!(reason(&real), refusal_of(method).1, "{method}: {real:?}");
                assert_same_refusal(&real, &unreal);
                asked.insert(method);
            }
        }
    }
    assert_eq!(written(&organisation).await, before);
    let known = naming.iter().map(|path| path.rsplit('/').next().unwrap());
    let expected: BTreeSet<&str> = known.filter(|name| !EXCEPT.contains(name)).collect();
    assert_eq!(asked, expected, "a method that names a thing is not asked");
}

/// Who asks for a role with an eligibility that is not theirs has none.
fn refusal_of(method: &str) -> (Code, &'static str) {
    match method {
        "ActivateRole" => (Code::FailedPrecondition, "POLICY_DENIED"),
        "Approve" | "Deny" => (Code::PermissionDenied, "NOT_AN_APPROVER"),
        _ => (Code::PermissionDenied, "NOT_PERMITTED"),
    }
}
