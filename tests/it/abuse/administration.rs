//! Policy, administration and break-glass.

mod self_grant;

use chrono::TimeDelta;
use pim_proto::{
    assignment::v1::{GetPrincipalRequest, PrincipalKind, Rules, UpdatePolicyRequest},
    audit::v1::{AlertState, EventFilter, ListAlertsRequest},
};
use pim_tests::{Organisation, Person, World, assert_refused};
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tonic::{Code, Status};

use super::written;
use crate::descriptor::methods;

const ROLE: &str = Organisation::USER_ADMINISTRATOR;

async fn set_mfa(by: &Person, organisation: &Organisation, value: bool) -> Result<(), Status> {
    let request = UpdatePolicyRequest {
        role_id: ROLE.to_owned(),
        scope: "/".to_owned(),
        etag: organisation.policy(ROLE).await.etag,
        rules: Some(Rules { require_mfa: Some(value), ..Rules::default() }),
        ..UpdatePolicyRequest::default()
    };
    by.client.policies().update_policy(request).await.map(|_| ())
}

/// Until two have to agree, weakening a policy is not kept from who is eligible. It is never secret:
/// each change is an entry with both values, the activation names the revision that it was judged
/// by, and there is an alert of it.
#[tokio::test]
async fn t_31_who_weakens_a_policy_activates_and_restores_it_has_left_all_of_it_in_the_log() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let mallory = organisation.user(&world, "mallory").await;
    let role = Organisation::GLOBAL_ADMINISTRATOR;
    organisation.assign(&mallory, role, "/").await.unwrap();
    organisation.make_eligible(&mallory, ROLE, "/").await;
    set_mfa(&organisation.admin, &organisation, true).await.unwrap();
    let strict = organisation.policy(ROLE).await.policy_revision;
    set_mfa(&mallory, &organisation, false).await.unwrap();
    let mut weak = mallory.weak.activations();
    let made = weak.activate_role(Person::wish(ROLE, "/")).await.unwrap().into_inner();
    let made = made.activation.unwrap();
    assert_eq!(made.policy_revision, strict + 1);
    world.scan().await;
    let alerts = ListAlertsRequest {
        kind: "SettingsWeakenedAlert".to_owned(),
        state: AlertState::Triggered.into(),
        ..ListAlertsRequest::default()
    };
    let mut auditor = organisation.admin.client.alerts();
    let [alert] = &auditor.list_alerts(alerts).await.unwrap().into_inner().alerts[..] else {
        panic!("there is one alert")
    };
    assert_eq!((alert.role_id.as_str(), alert.detail.as_str()), (ROLE, "weaker: require_mfa"));
    world.advance(TimeDelta::seconds(1));
    set_mfa(&mallory, &organisation, true).await.unwrap();
    let by_mallory = EventFilter {
        actor_id: mallory.id.clone(),
        code: "pim.policy.updated".to_owned(),
        ..EventFilter::default()
    };
    let changes = organisation.log(by_mallory).await.into_iter().map(|event| {
        let change = event.changes.iter().find(|change| change.field == "require_mfa");
        let change = change.unwrap();
        let field = change.field.clone();
        (event.policy_revision, field, change.old_value.clone(), change.new_value.clone())
    });
    let told = |revision, old: &str, new: &str| {
        (revision, "require_mfa".to_owned(), old.to_owned(), new.to_owned())
    };
    assert_eq!(
        changes.collect::<Vec<_>>(),
        [told(strict + 1, "true", "false"), told(strict + 2, "false", "true")]
    );
}

#[tokio::test]
async fn t_33_a_policy_is_changed_only_as_it_was_read() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let read = organisation.policy(ROLE).await.etag;
    set_mfa(&organisation.second_admin, &organisation, true).await.unwrap();
    let before = written(&organisation).await;
    let blind = |etag: &str| UpdatePolicyRequest {
        role_id: ROLE.to_owned(),
        scope: "/".to_owned(),
        etag: etag.to_owned(),
        rules: Some(Rules { require_mfa: Some(false), ..Rules::default() }),
        ..UpdatePolicyRequest::default()
    };
    let mut policies = organisation.admin.client.policies();
    let refused = policies.update_policy(blind(&read)).await;
    assert_refused(refused, Code::Aborted, "ETAG_MISMATCH");
    for none in ["", "*"] {
        let refused = policies.update_policy(blind(none)).await.unwrap_err();
        assert!([Code::InvalidArgument, Code::Aborted].contains(&refused.code()), "{refused:?}");
    }
    assert_eq!(written(&organisation).await, before);
    let rules = organisation.policy(ROLE).await.rules.unwrap();
    assert_eq!(rules.require_mfa, Some(true));
}

/// An emergency account is made by the operator alone, with its tenant: no request has such a field.
#[tokio::test]
async fn t_38_nobody_makes_themselves_a_break_glass_account() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    assert!(methods().iter().all(|method| !method.name.contains("BreakGlass")));
    let set = FileDescriptorSet::decode(pim_proto::FILE_DESCRIPTOR_SET).unwrap();
    let messages = set.file.iter().flat_map(|file| &file.message_type);
    let fields = messages.filter(|message| message.name().ends_with("Request"));
    let mut fields = fields.flat_map(|message| &message.field);
    assert!(fields.all(|field| !field.name().contains("break_glass")));
    let made = organisation.principal(&world, "mallory", PrincipalKind::User, None).await;
    let shown = async |person: &Person| {
        let request = GetPrincipalRequest { principal_id: person.id.clone() };
        let answer = organisation.admin.client.directory().get_principal(request).await.unwrap();
        answer.into_inner().principal.unwrap().break_glass
    };
    assert!(shown(&organisation.admin).await && shown(&organisation.second_admin).await);
    assert!(!shown(&made).await);
}
