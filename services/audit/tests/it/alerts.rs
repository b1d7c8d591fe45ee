//! Alerts end to end: each is triggered once, stays what it is for as long as its condition lasts,
//! and is resolved by itself.

mod holdings;

use chrono::TimeDelta;
use pim_proto::{
    assignment::v1::{
        CreateRoleRequest, DisablePrincipalRequest, EnablePrincipalRequest, PermissionBlock,
        RemoveAssignmentRequest, RoleDefinition, Rules,
    },
    audit::v1::{
        Alert, AlertParameterValue, AlertSettings, AlertState, DismissAlertRequest, EventFilter,
        GetAlertRequest, GetAlertSettingsRequest, ListAlertsRequest, Result as EventResult,
        UpdateAlertSettingsRequest,
    },
    r#type::v1::Catalog,
};
use pim_tests::{Organisation, Person, World, assert_invalid, assert_refused};
use tonic::{Code, Status};

use crate::story::{CONTRIBUTOR, SUBSCRIPTION};

const ROLE: &str = Organisation::USER_ADMINISTRATOR;
const UNUSED: &str = "RedundantAssignmentAlert";
const GLOBAL_READER: &str = "f2ef992c-3afb-46b9-b7cf-a126ee74c451";
const USED: &str = "BreakGlassUsedAlert";

/// A world whose alerts are looked at by somebody who is no break-glass account.
struct Ground {
    world: World,
    organisation: Organisation,
    boss: Person,
    alice: Person,
}

impl Ground {
    async fn new() -> Self {
        let world = World::start().await;
        let organisation = world.organisation().await;
        let boss = organisation.user(&world, "boss").await;
        organisation.assign(&boss, Organisation::GLOBAL_ADMINISTRATOR, "/").await.unwrap();
        let alice = organisation.user(&world, "alice").await;
        Self { world, organisation, boss, alice }
    }

    /// The alerts of a kind after a scan, the oldest first.
    async fn scanned(&self, kind: &str) -> Vec<Alert> {
        self.world.scan().await;
        let kind = kind.to_owned();
        let request = ListAlertsRequest { kind, ..ListAlertsRequest::default() };
        let answer = self.boss.client.alerts().list_alerts(request).await.unwrap();
        let mut alerts = answer.into_inner().alerts;
        alerts.reverse();
        alerts
    }

    /// Where they are, after a scan.
    async fn states(&self, kind: &str) -> Vec<AlertState> {
        self.scanned(kind).await.iter().map(Alert::state).collect()
    }

    /// One is there, and another scan leaves it as it is.
    async fn triggered(&self, kind: &str) -> Alert {
        let first = self.scanned(kind).await;
        assert_eq!(self.scanned(kind).await, first, "a second scan");
        let open = first.iter().filter(|alert| alert.state() != AlertState::Resolved);
        let [alert] = open.collect::<Vec<_>>()[..] else { panic!("one of {kind}: {first:?}") };
        assert_eq!(alert.state(), AlertState::Triggered);
        assert!(!alert.remediation.is_empty() && !alert.display_name.is_empty());
        let codes = self.codes(&alert.id).await;
        assert_eq!(codes, ["pim.alert.triggered"]);
        alert.clone()
    }

    /// All of a kind are gone.
    async fn resolved(&self, kind: &str) {
        let states = self.states(kind).await;
        assert!(!states.is_empty(), "none of {kind}");
        assert!(states.iter().all(|state| *state == AlertState::Resolved), "{kind}: {states:?}");
    }

    /// What the log says has been done to an alert, the oldest first.
    async fn codes(&self, alert: &str) -> Vec<String> {
        let filter = EventFilter {
            thing_id: alert.to_owned(),
            result: EventResult::Success.into(),
            ..EventFilter::default()
        };
        self.organisation.log(filter).await.into_iter().map(|event| event.code).collect()
    }

    async fn dismiss(&self, by: &Person, alert: &Alert, why: &str) -> Result<Alert, Status> {
        let request = DismissAlertRequest {
            alert_id: alert.id.clone(),
            justification: why.to_owned(),
            ..DismissAlertRequest::default()
        };
        let answer = by.client.alerts().dismiss_alert(request).await?;
        Ok(answer.into_inner().alert.unwrap())
    }

    async fn settings(&self, kind: &str) -> AlertSettings {
        let request = GetAlertSettingsRequest { kind: kind.to_owned() };
        let answer = self.boss.client.alerts().get_alert_settings(request).await.unwrap();
        answer.into_inner().settings.pop().unwrap()
    }

    async fn set(
        &self,
        kind: &str,
        is_enabled: Option<bool>,
        values: &[(&str, i64)],
    ) -> Result<AlertSettings, Status> {
        let value = |(name, value): &(&str, i64)| AlertParameterValue {
            name: (*name).to_owned(),
            value: *value,
        };
        let request = UpdateAlertSettingsRequest {
            kind: kind.to_owned(),
            etag: self.settings(kind).await.etag,
            is_enabled,
            parameters: values.iter().map(value).collect(),
            ..UpdateAlertSettingsRequest::default()
        };
        let answer = self.boss.client.alerts().update_alert_settings(request).await?;
        Ok(answer.into_inner().settings.unwrap())
    }

    async fn disable(&self, person: &Person) {
        let principal_id = person.id.clone();
        let request = DisablePrincipalRequest { principal_id, ..Default::default() };
        self.boss.client.directory().disable_principal(request).await.unwrap();
    }

    async fn enable(&self, person: &Person) {
        let principal_id = person.id.clone();
        let request = EnablePrincipalRequest { principal_id, ..Default::default() };
        self.boss.client.directory().enable_principal(request).await.unwrap();
    }

    async fn require_mfa(&self, require_mfa: bool) {
        let rules = Rules { require_mfa: Some(require_mfa), ..Rules::default() };
        self.organisation.set_policy(ROLE, rules).await.unwrap();
    }
}

#[tokio::test]
async fn a_break_glass_account_that_is_used() {
    let ground = Ground::new().await;
    let alert = ground.triggered(USED).await;
    assert_eq!(alert.subject_id, ground.organisation.admin.id);
    let blank = ground.dismiss(&ground.boss, &alert, " ").await;
    assert_refused(blank, Code::FailedPrecondition, "POLICY_DENIED");
    let dismissed = ground.dismiss(&ground.boss, &alert, "a drill").await.unwrap();
    assert_eq!(dismissed.state(), AlertState::Dismissed);
    assert_eq!(
        (&*dismissed.justification, &dismissed.dismissed_by_id),
        ("a drill", &ground.boss.id)
    );
    let again = ground.dismiss(&ground.boss, &alert, "a drill").await;
    assert_refused(again, Code::FailedPrecondition, "WRONG_STATE");
    assert_eq!(ground.states(USED).await, [AlertState::Dismissed], "it stays dismissed");
    // Another use is another alert.
    ground.organisation.make_eligible(&ground.alice, ROLE, "/").await;
    let states = ground.states(USED).await;
    assert_eq!(states, [AlertState::Resolved, AlertState::Triggered]);
    ground.world.advance(TimeDelta::hours(25));
    ground.resolved(USED).await;
    let codes = ground.codes(&alert.id).await;
    assert_eq!(codes, ["pim.alert.triggered", "pim.alert.dismissed", "pim.alert.resolved"]);
}

#[tokio::test]
async fn fewer_than_two_break_glass_holders() {
    let ground = Ground::new().await;
    let kind = "FewBreakGlassHoldersAlert";
    assert_eq!(ground.states(kind).await, []);
    ground.disable(&ground.organisation.second_admin).await;
    ground.triggered(kind).await;
    ground.enable(&ground.organisation.second_admin).await;
    ground.resolved(kind).await;
}

#[tokio::test]
async fn settings_that_ask_for_less() {
    let ground = Ground::new().await;
    let (no_mfa, weakened) = ("NoMfaOnRoleActivationAlert", "SettingsWeakenedAlert");
    ground.require_mfa(true).await;
    assert_eq!(ground.states(no_mfa).await, []);
    assert_eq!(ground.states(weakened).await, []);
    ground.require_mfa(false).await;
    assert_eq!(ground.triggered(no_mfa).await.role_id, ROLE);
    assert_eq!(ground.triggered(weakened).await.detail, "weaker: require_mfa");
    ground.require_mfa(true).await;
    ground.resolved(no_mfa).await;
    ground.resolved(weakened).await;
    // Gone, and there again: another one.
    ground.require_mfa(false).await;
    assert_eq!(ground.states(no_mfa).await, [AlertState::Resolved, AlertState::Triggered]);
    // What has been so for long is weak, and was not weakened.
    ground.world.advance(TimeDelta::days(7));
    ground.resolved(weakened).await;
    ground.triggered(no_mfa).await;
}

#[tokio::test]
async fn eligibilities_that_nobody_uses() {
    let ground = Ground::new().await;
    ground.organisation.make_eligible(&ground.alice, ROLE, "/").await;
    ground.world.advance(TimeDelta::days(29));
    assert_eq!(ground.states(UNUSED).await, []);
    ground.world.advance(TimeDelta::days(1));
    let alert = ground.triggered(UNUSED).await;
    assert_eq!((&alert.subject_id, &*alert.role_id), (&ground.alice.id, ROLE));
    ground.alice.activate(Person::wish(ROLE, "/")).await.unwrap();
    ground.resolved(UNUSED).await;
}

#[tokio::test]
async fn roles_that_are_activated_again_and_again_or_at_night() {
    let ground = Ground::new().await;
    let (kind, night) = ("SequentialActivationRenewalsAlert", "UnusualHourActivationAlert");
    ground.organisation.make_eligible(&ground.alice, ROLE, "/").await;
    let activate = async || {
        let active = ground.alice.activate(Person::wish(ROLE, "/")).await.unwrap();
        ground.alice.deactivate(&active.id).await.unwrap();
    };
    activate().await;
    activate().await;
    assert_eq!(ground.states(kind).await, []);
    activate().await;
    assert_eq!(ground.triggered(kind).await.detail, "activated 3 times; the limit is 3");
    ground.world.advance(TimeDelta::hours(1));
    ground.resolved(kind).await;
    ground.world.advance(TimeDelta::hours(22));
    for _ in 0..8 {
        activate().await;
        ground.world.advance(TimeDelta::days(1));
    }
    ground.world.advance(TimeDelta::hours(1));
    activate().await;
    assert_eq!(ground.states(night).await, []);
    ground.world.advance(TimeDelta::hours(12));
    activate().await;
    assert_eq!(ground.triggered(night).await.subject_id, ground.alice.id);
    ground.world.advance(TimeDelta::days(1));
    ground.resolved(night).await;
}

#[tokio::test]
async fn a_policy_that_nobody_can_approve() {
    let ground = Ground::new().await;
    let kind = "UnapprovablePolicyAlert";
    let bob = ground.organisation.user(&ground.world, "bob").await;
    ground.organisation.require_approval(ROLE, &[&bob]).await;
    assert_eq!(ground.states(kind).await, []);
    ground.disable(&bob).await;
    assert_eq!(ground.triggered(kind).await.role_id, ROLE);
    ground.enable(&bob).await;
    ground.resolved(kind).await;
}

#[tokio::test]
async fn two_people_who_always_approve_each_other() {
    let ground = Ground::new().await;
    let bob = ground.organisation.user(&ground.world, "bob").await;
    let pairs = [(&ground.alice, &bob, ROLE), (&bob, &ground.alice, GLOBAL_READER)];
    for (asks, approves, role) in pairs {
        ground.organisation.make_eligible(asks, role, "/").await;
        ground.organisation.require_approval(role, &[approves]).await;
    }
    let kind = "MutualApprovalAlert";
    for round in 0..3 {
        assert_eq!(ground.states(kind).await, [], "round {round}");
        for (asks, approves, role) in pairs {
            let asked = asks.activate(Person::wish(role, "/")).await.unwrap();
            approves.approve(&approves.inbox().await[0]).await.unwrap();
            asks.deactivate(&asked.id).await.unwrap();
        }
    }
    ground.triggered(kind).await;
    ground.world.advance(TimeDelta::days(90));
    ground.resolved(kind).await;
}

#[tokio::test]
async fn many_denials_in_a_row() {
    let ground = Ground::new().await;
    let kind = "DenialsInARowAlert";
    let refused = async || ground.alice.activate(Person::wish(ROLE, "/")).await.unwrap_err();
    for _ in 0..9 {
        refused().await;
    }
    assert_eq!(ground.states(kind).await, []);
    refused().await;
    assert_eq!(ground.triggered(kind).await.subject_id, ground.alice.id);
    // What succeeds ends the row.
    ground.organisation.make_eligible(&ground.alice, ROLE, "/").await;
    ground.alice.activate(Person::wish(ROLE, "/")).await.unwrap();
    ground.resolved(kind).await;
}

#[tokio::test]
async fn too_many_owners_and_administrators() {
    let ground = Ground::new().await;
    let (owners, admins) =
        ("TooManyOwnersAssignedToResource", "TooManyGlobalAdminsAssignedToTenantAlert");
    let assign = async |person: &Person| {
        let assigned = ground.organisation.assign(person, Organisation::OWNER, SUBSCRIPTION).await;
        assigned.unwrap()
    };
    assign(&ground.alice).await;
    assert_eq!(ground.states(owners).await, []);
    let second = assign(&ground.boss).await;
    assert_eq!(ground.triggered(owners).await.scope, SUBSCRIPTION);
    let permanent = "TooManyPermanentOwnersAssignedToResource";
    assert_eq!(ground.states(permanent).await, []);
    ground.set(permanent, None, &[("threshold_number_of_permanent_owners", 2)]).await.unwrap();
    ground.triggered(permanent).await;
    let request = RemoveAssignmentRequest { assignment_id: second.id, ..Default::default() };
    let mut assignments = ground.organisation.admin.client.assignments();
    assignments.remove_assignment(request).await.unwrap();
    ground.resolved(owners).await;
    ground.resolved(permanent).await;

    assert_eq!(ground.states(admins).await, []);
    ground.set(admins, None, &[("global_admin_count_threshold", 3)]).await.unwrap();
    assert_eq!(ground.triggered(admins).await.detail, "3 of 3; the limits are 3 and 10 percent");
    ground.set(admins, None, &[("global_admin_count_threshold", 4)]).await.unwrap();
    ground.resolved(admins).await;
}

#[tokio::test]
async fn custom_roles_that_permit_the_same() {
    let ground = Ground::new().await;
    let kind = "DuplicateRoleCreated";
    let create = async |name: &str| {
        let block = PermissionBlock {
            actions: vec!["Microsoft.Compute/virtualMachines/read".to_owned()],
            ..PermissionBlock::default()
        };
        let definition = RoleDefinition {
            display_name: name.to_owned(),
            privileged: false,
            permissions: vec![block],
            assignable_scopes: vec![SUBSCRIPTION.to_owned()],
        };
        let request = CreateRoleRequest {
            catalog: Catalog::Azure.into(),
            definition: Some(definition),
            ..CreateRoleRequest::default()
        };
        ground.organisation.admin.client.roles().create_role(request).await.unwrap();
    };
    create("one").await;
    assert_eq!(ground.states(kind).await, []);
    create("other").await;
    ground.triggered(kind).await;
}

#[tokio::test]
async fn an_alert_that_is_disabled_is_not_looked_for_and_is_told_of() {
    let ground = Ground::new().await;
    let kind = "AlertDisabledAlert";
    ground.organisation.make_eligible(&ground.alice, CONTRIBUTOR, SUBSCRIPTION).await;
    ground.world.advance(TimeDelta::days(30));
    ground.triggered(UNUSED).await;
    let set = ground.set(UNUSED, Some(false), &[]).await.unwrap();
    assert!(!set.is_enabled);
    assert_eq!(ground.triggered(kind).await.detail, UNUSED);
    ground.resolved(UNUSED).await;
    ground.set(UNUSED, Some(true), &[]).await.unwrap();
    ground.resolved(kind).await;
    assert_eq!(ground.states(UNUSED).await, [AlertState::Resolved, AlertState::Triggered]);
    let log = ground.organisation.log(EventFilter::default()).await;
    let of = |code: &str| log.iter().filter(|event| event.code == code).count();
    assert_eq!((of("pim.alert.disabled"), of("pim.alert.enabled")), (1, 1));
}

#[tokio::test]
async fn what_is_out_of_range_is_refused_and_changes_nothing() {
    let ground = Ground::new().await;
    let before = ground.settings(UNUSED).await;
    for (values, field) in [
        (&[("days", 101)][..], "parameters[0].value"),
        (&[("days", -1)], "parameters[0].value"),
        (&[("days", 9), ("hours", 1)], "parameters[1].name"),
        (&[("days", 9), ("days", 9)], "parameters[1].name"),
    ] {
        let refused = ground.set(UNUSED, Some(false), values).await;
        assert_invalid(refused, field);
    }
    assert_eq!(ground.settings(UNUSED).await, before);
    let request = UpdateAlertSettingsRequest {
        kind: UNUSED.to_owned(),
        etag: "v7".to_owned(),
        ..UpdateAlertSettingsRequest::default()
    };
    let stale = ground.boss.client.alerts().update_alert_settings(request).await;
    assert_refused(stale, Code::Aborted, "ETAG_MISMATCH");
    let set = ground.set(UNUSED, None, &[("days", 100)]).await.unwrap();
    assert_eq!((set.parameters[0].value, set.parameters[0].default_value), (100, 30));
    assert_eq!(ground.settings(UNUSED).await, set);
    let filter = EventFilter { code: "pim.alert.updated".to_owned(), ..EventFilter::default() };
    assert_eq!(ground.organisation.log(filter).await.len(), 1);
}

#[tokio::test]
async fn who_may_not_and_who_is_elsewhere() {
    let ground = Ground::new().await;
    let alert = ground.triggered(USED).await;
    let reader = ground.organisation.user(&ground.world, "rita").await;
    ground.organisation.assign(&reader, GLOBAL_READER, "/").await.unwrap();
    let get = async |by: &Person| {
        let request = GetAlertRequest { alert_id: alert.id.clone() };
        by.client.alerts().get_alert(request).await.map(tonic::Response::into_inner)
    };
    assert_eq!(get(&reader).await.unwrap().alert.as_ref(), Some(&alert));
    let refused = ground.dismiss(&reader, &alert, "not mine").await;
    assert_refused(refused, Code::PermissionDenied, "NOT_PERMITTED");
    assert_refused(get(&ground.alice).await, Code::PermissionDenied, "NOT_PERMITTED");

    let other = ground.world.organisation().await;
    assert_refused(get(&other.admin).await, Code::NotFound, "NOT_FOUND");
    let refused = ground.dismiss(&other.admin, &alert, "not mine").await;
    assert_refused(refused, Code::NotFound, "NOT_FOUND");
    ground.world.scan().await;
    let request = ListAlertsRequest::default();
    let answer = other.admin.client.alerts().list_alerts(request).await.unwrap().into_inner();
    let about: Vec<&str> = answer.alerts.iter().map(|alert| alert.subject_id.as_str()).collect();
    assert_eq!(about, [&other.admin.id], "its own, and no others");
    assert_eq!(get(&ground.boss).await.unwrap().alert.as_ref(), Some(&alert));
}

#[tokio::test]
async fn two_replicas_open_one() {
    let ground = Ground::new().await;
    ground.world.advance(TimeDelta::minutes(1));
    let one = ground.world.system.process("audit", &ground.world.url).unwrap();
    let (first, second) = tokio::join!(pim_audit::scan(&one), pim_audit::scan(&one));
    first.unwrap();
    second.unwrap();
    ground.triggered(USED).await;
}
