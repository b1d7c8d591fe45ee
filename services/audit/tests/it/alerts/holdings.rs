//! Alerts about what is held, by whom, and from where it was activated.

use chrono::TimeDelta;
use pim_proto::{
    assignment::v1::{
        GetPrincipalRequest, RemoveAssignmentRequest, RemoveEligibilityRequest,
        SetTenantPlanRequest, TenantPlan,
    },
    audit::v1::AlertState,
};
use pim_tests::Person;
use sqlx::{AssertSqlSafe, Executor as _};
use uuid::Uuid;

use super::{Ground, ROLE};
use crate::story::{CONTRIBUTOR, tell};

const STALE: &str = "StaleSignInAlert";
const OUTSIDE: &str = "RolesAssignedOutsidePimAlert";
const AZURE_OUTSIDE: &str = "AzureRolesAssignedOutsidePimAlert";
const NETWORK: &str = "UnusualNetworkActivationAlert";
/// Of the catalog, and not privileged.
const MESSAGE_READER: &str = "790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b";

impl Ground {
    /// They call, and it is written that they have.
    async fn sign_in(&self, people: &[&Person]) {
        for person in people {
            let request = GetPrincipalRequest::default();
            person.client.directory().get_principal(request).await.unwrap();
        }
        self.world.write_sign_ins().await;
    }

    async fn set_plan(&self, plan: TenantPlan) {
        let request = SetTenantPlanRequest {
            tenant_id: self.organisation.tenant.to_string(),
            plan: plan.into(),
            ..SetTenantPlanRequest::default()
        };
        self.world.operator().tenants().set_tenant_plan(request).await.unwrap();
    }

    /// What somebody does in the database by hand, `$` being the tenant.
    async fn by_hand(&self, statement: &str) {
        let statement = statement.replace('$', &self.organisation.tenant.to_string());
        let mut database = self.world.database.connect().await;
        let done = database.execute(AssertSqlSafe(statement.clone())).await.unwrap();
        assert!(done.rows_affected() > 0, "{statement}");
    }

    /// A grant as another's, made by hand.
    async fn forged_grant(&self, of: &str, kind: &str, person: &Person) -> String {
        let (id, person) = (Uuid::new_v4().to_string(), &person.id);
        self.by_hand(&format!(
            "insert into role_grant
                 (tenant_id, id, kind, principal_id, role_id, scope, start_time, justification,
                  policy_revision, version, create_time, update_time)
             select tenant_id, '{id}', '{kind}', '{person}', role_id, scope, start_time,
                 justification, policy_revision, 1, create_time, update_time
             from role_grant where tenant_id = '$' and id = '{of}'"
        ))
        .await;
        id
    }

    async fn activate(&self) {
        let active = self.alice.activate(Person::wish(ROLE, "/")).await.unwrap();
        self.alice.deactivate(&active.id).await.unwrap();
        self.world.advance(TimeDelta::minutes(1));
    }
}

#[tokio::test]
async fn privileged_people_whom_nobody_has_seen_for_long() {
    let ground = Ground::new().await;
    let Ground { world, organisation, boss, alice } = &ground;
    let others = [&organisation.admin, &organisation.second_admin, boss];
    let (bob, carol) =
        (organisation.user(world, "bob").await, organisation.user(world, "carol").await);
    let eligible = organisation.make_eligible(alice, ROLE, "/").await;
    organisation.make_eligible(&carol, MESSAGE_READER, "/").await;
    world.advance(TimeDelta::days(29));
    ground.sign_in(&others).await;
    assert_eq!(ground.states(STALE).await, []);
    world.advance(TimeDelta::days(1));
    let alert = ground.triggered(STALE).await;
    assert_eq!(
        (&alert.subject_id, &*alert.detail),
        (&alice.id, "never signed in since 2026-01-05")
    );
    ground.sign_in(&[alice]).await;
    ground.resolved(STALE).await;
    // A group's members have what the group has.
    let group = organisation.group("crew").await;
    organisation.admin.make_eligible_for(&group.id, ROLE, "/").await.unwrap();
    organisation.admin.add_member(&bob.id, &group).await.unwrap();
    let open = async || {
        let all = ground.scanned(STALE).await;
        let open = all.into_iter().filter(|alert| alert.state() == AlertState::Triggered);
        open.map(|alert| (alert.subject_id, alert.detail)).collect::<Vec<_>>()
    };
    assert_eq!(open().await, [(bob.id.clone(), "never signed in since 2026-01-05".to_owned())]);
    ground.sign_in(&[&bob]).await;
    world.advance(TimeDelta::days(29));
    ground.sign_in(&others).await;
    ground.sign_in(&[&bob]).await;
    assert_eq!(open().await, []);
    world.advance(TimeDelta::days(1));
    assert_eq!(open().await, [(alice.id.clone(), "last signed in on 2026-02-04".to_owned())]);
    ground.set(STALE, None, &[("days", 365)]).await.unwrap();
    ground.resolved(STALE).await;
    ground.set(STALE, None, &[("days", 30)]).await.unwrap();
    assert_eq!(open().await.len(), 1);
    // Who has nothing privileged any more may stay away.
    let request = RemoveEligibilityRequest { eligibility_id: eligible.id, ..Default::default() };
    organisation.admin.client.assignments().remove_eligibility(request).await.unwrap();
    assert_eq!(open().await, []);
}

#[tokio::test]
async fn privileged_roles_without_a_plan_for_them() {
    let ground = Ground::new().await;
    let kind = "InvalidLicenseAlert";
    ground.organisation.make_eligible(&ground.alice, MESSAGE_READER, "/").await;
    assert_eq!(ground.states(kind).await, []);
    ground.set_plan(TenantPlan::Free).await;
    let alert = ground.triggered(kind).await;
    // The administrators of the tenant, and boss.
    assert_eq!(alert.detail, "3 privileged roles are held or eligible; the plan is FREE");
    ground.set_plan(TenantPlan::P2).await;
    ground.resolved(kind).await;
}

#[tokio::test]
async fn what_no_entry_of_the_log_has_made() {
    let ground = Ground::new().await;
    let Ground { world, organisation, alice, .. } = &ground;
    tell(world, organisation, alice).await;
    let assigned = organisation.assign(alice, ROLE, "/administrativeUnits/a").await.unwrap();
    let eligible = organisation.make_eligible(alice, CONTRIBUTOR, "/subscriptions/b").await;
    let bob = organisation.user(world, "bob").await;
    let active = alice.activate(Person::wish(CONTRIBUTOR, "/subscriptions/b")).await.unwrap();
    for kind in [OUTSIDE, AZURE_OUTSIDE] {
        assert_eq!(ground.states(kind).await, [], "{kind}");
    }

    let forged = ground.forged_grant(&assigned.id, "assignment", &bob).await;
    let alert = ground.triggered(OUTSIDE).await;
    assert_eq!((&alert.subject_id, &*alert.role_id), (&bob.id, ROLE));
    assert_eq!(alert.scope, "/administrativeUnits/a");
    assert_eq!(alert.detail, format!("no entry of the log has made assignment {forged}"));
    assert_eq!(ground.states(AZURE_OUTSIDE).await, []);
    // It is removed as any other.
    let request = RemoveAssignmentRequest { assignment_id: forged, ..Default::default() };
    organisation.admin.client.assignments().remove_assignment(request).await.unwrap();
    ground.resolved(OUTSIDE).await;

    let forged = ground.forged_grant(&eligible.id, "eligibility", &bob).await;
    assert_eq!(ground.triggered(AZURE_OUTSIDE).await.subject_id, bob.id);
    ground
        .by_hand(&format!("delete from role_grant where tenant_id = '$' and id = '{forged}'"))
        .await;
    ground.resolved(AZURE_OUTSIDE).await;

    // One that was made, and is another's now.
    let give = |to: &str| {
        let id = &active.id;
        format!("update activation set principal_id = '{to}' where tenant_id = '$' and id = '{id}'")
    };
    ground.by_hand(&give(&bob.id)).await;
    let states = ground.states(AZURE_OUTSIDE).await;
    assert_eq!(states, [AlertState::Resolved, AlertState::Triggered]);
    ground.by_hand(&give(&alice.id)).await;
    ground.resolved(AZURE_OUTSIDE).await;
}

#[tokio::test]
async fn activations_from_a_network_that_is_not_theirs() {
    let ground = Ground::new().await;
    ground.organisation.make_eligible(&ground.alice, ROLE, "/").await;
    for _ in 0..10 {
        ground.activate().await;
    }
    assert_eq!(ground.states(NETWORK).await, [], "all from here");
    let move_away =
        "update activation set signals = jsonb_set(signals, '{address}', '\"10.1.2.3\"')
        where tenant_id = '$'";
    ground.by_hand(move_away).await;
    // One of which it is not known.
    ground
        .by_hand(
            "update activation set signals = signals - 'address' where id = (
                 select id from activation where tenant_id = '$' order by start_time limit 1)",
        )
        .await;
    ground.activate().await;
    assert_eq!(ground.states(NETWORK).await, [], "nine are no habit");
    ground.by_hand(move_away).await;
    ground.activate().await;
    let alert = ground.triggered(NETWORK).await;
    assert_eq!(alert.subject_id, ground.alice.id);
    assert_eq!(alert.detail, "from 127.0.0.0/24; none of the 11 before it was from there");
    // From there once more is no news.
    ground.activate().await;
    ground.triggered(NETWORK).await;
    ground.world.advance(TimeDelta::days(1));
    ground.resolved(NETWORK).await;
}
