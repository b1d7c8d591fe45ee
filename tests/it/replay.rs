//! The log leads to the state, and `pim audit replay` says where it does not: something changed,
//! added or removed behind the services, in each of the tables.

use chrono::TimeDelta;
use pim_proto::assignment::v1::Rules;
use pim_tests::{Organisation, Person, World, duration};
use sqlx::{AssertSqlSafe, Executor as _};

const ROLE: &str = Organisation::USER_ADMINISTRATOR;

/// A change to a row of each table that the log explains. `$` is the tenant.
const CHANGES: [&str; 11] = [
    "update tenant set display_name = 'Another' where id = '$'",
    "update catalog_import set catalog_version = '0' where tenant_id = '$' and catalog = 'azure'",
    "update principal set break_glass = true where tenant_id = '$' and subject = 'alice'",
    "update principal set version = version + 1 where tenant_id = '$' and subject = 'alice'",
    "update principal set role_assignable = not role_assignable
     where tenant_id = '$' and kind = 'group'",
    "update role_grant set justification = sha256('another') where tenant_id = '$' and kind = 'eligibility'",
    "update role_grant set start_time = start_time - interval '1 day'
     where tenant_id = '$' and kind = 'assignment'",
    "update activation set end_time = end_time + interval '1 hour'
     where tenant_id = '$' and state = 'ACTIVE'",
    "update policy set rules = '{\"require_mfa\": false}' where tenant_id = '$'",
    "update scope set display_name = 'Another' where tenant_id = '$'",
    "insert into role_grant
         (tenant_id, id, kind, principal_id, role_id, scope, start_time, justification,
          policy_revision, version, create_time, update_time)
     select tenant_id, gen_random_uuid(), 'assignment', principal_id, role_id, scope, start_time,
         '', 0, 1, now(), now()
     from role_grant where tenant_id = '$' limit 1",
];

/// An organisation with something in most tables.
async fn busy(world: &World) -> Organisation {
    let organisation = world.organisation().await;
    let alice = organisation.user(world, "alice").await;
    organisation.group("crew").await;
    organisation.make_eligible(&alice, ROLE, "/").await;
    organisation.assign(&alice, Organisation::CONTRIBUTOR, "/subscriptions/a").await.unwrap();
    organisation.register("/managementGroups/web", "").await.unwrap();
    let activation_max = Some(duration(TimeDelta::hours(2)));
    let shorter = Rules { activation_max, ..Rules::default() };
    organisation.set_policy(ROLE, shorter).await.unwrap();
    alice.activate(Person::wish(ROLE, "/")).await.unwrap();
    organisation
}

#[tokio::test]
async fn what_was_changed_behind_the_services_is_found() {
    let world = World::start().await;
    let mut connection = world.database.connect().await;
    for change in CHANGES {
        let organisation = busy(&world).await;
        let tenant = organisation.tenant.to_string();
        let examined = world.examine(&["replay", "--tenant", &tenant]).await;
        assert_eq!(examined.code, 0, "{examined:?}");
        let change = change.replace('$', &tenant);
        let done = connection.execute(AssertSqlSafe(change.clone())).await.unwrap();
        assert!(done.rows_affected() > 0, "{change}");
        let examined = world.examine(&["replay", "--tenant", &tenant]).await;
        assert_eq!(examined.code, 13, "{change}: {examined:?}");
        assert!(examined.out.contains("state differs"), "{examined:?}");
    }
    // The others are what they were; one fault is enough for all.
    assert_eq!(world.examine(&["replay"]).await.code, 13);
}
