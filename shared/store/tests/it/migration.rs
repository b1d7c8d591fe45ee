//! What an older program has written is read by this one: each migration brings the rows along.

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    activation::{Length, State as ActivationState},
    approval::State,
    authority::{GROUP_MEMBER, SignIn},
    change::Version,
    fixture::{noon, stamp},
    id::{ActivationId, ApprovalId, PrincipalId, RoleId, TenantId},
    policy::{ApprovalRule, Layers, RuleName, RuleSet, update},
    role::Role,
    scope::{Lineage, Parents, Scope},
};
use pim_store::{Db, Passwords, Reach, activations, approvals, holdings, migrate, policies, roles};
use pim_tests::TestDb;
use sqlx::{Connection as _, PgConnection, migrate::Migrator};
use uuid::Uuid;

use crate::ground::setting;

static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// Rows as the first schema has them, of a tenant with a role, three users and an eligibility.
const BEFORE: &str = include_str!("migration/0001.sql");

/// The id that ends in these digits.
fn id(digits: u128) -> Uuid {
    Uuid::from_u128(digits)
}

fn tenant() -> TenantId {
    id(1).into()
}

fn carol() -> PrincipalId {
    id(0x4b).into()
}

fn dave() -> PrincipalId {
    id(0x4c).into()
}

/// A database in which `BEFORE` has been written and the later migrations have been run since.
struct Brought {
    database: TestDb,
    db: Db,
    role: Role,
}

impl Brought {
    async fn new() -> Self {
        let database = TestDb::new().await;
        let mut connection = database.connect().await;
        execute(&mut connection, "drop schema public cascade; create schema public").await;
        MIGRATOR.run_to(1, &mut connection).await.unwrap();
        execute(&mut connection, BEFORE).await;
        connection.close().await.unwrap();
        migrate::migrate(database.url(), &Passwords::default()).await.unwrap();
        let db = database.db().await;
        let mut read = db.read(Reach::EveryTenant).await.unwrap();
        let role: RoleId = id(2).into();
        let role = roles::get(&mut read, tenant(), role).await.unwrap().unwrap();
        drop(read);
        Self { database, db, role }
    }

    async fn policies(&self, at: &Scope, revision: i64) -> Layers {
        let mut read = self.db.read(Reach::EveryTenant).await.unwrap();
        policies::at(&mut read, tenant(), &self.role, at, revision).await.unwrap()
    }
}

async fn execute(connection: &mut PgConnection, statements: &'static str) {
    sqlx::raw_sql(statements).execute(connection).await.unwrap();
}

/// When all of it was written.
fn written() -> DateTime<Utc> {
    noon() + TimeDelta::microseconds(123_456)
}

#[tokio::test]
async fn a_policy_is_that_of_the_whole_tenant() {
    let brought = Brought::new().await;
    let root = Scope::root();
    for (revision, expected) in [
        (1, RuleSet { activation_max: Some(TimeDelta::hours(2)), ..RuleSet::default() }),
        (
            2,
            RuleSet {
                activation_max: Some(TimeDelta::hours(2)),
                approval: Some(ApprovalRule {
                    timeout: TimeDelta::minutes(90),
                    justify_deny: false,
                    ..ApprovalRule::all_of([carol(), dave()])
                }),
                ..RuleSet::default()
            },
        ),
        // Approval was off: it still is, because the catalog's default is.
        (3, RuleSet { require_mfa: Some(false), ..RuleSet::default() }),
        (4, RuleSet::default()),
    ] {
        let layers = brought.policies(&root, revision).await;
        assert_eq!((layers.revision, layers.policies.len()), (revision, 1));
        let policy = layers.own(&root);
        assert_eq!(policy.set, expected, "{revision}");
        assert_eq!((policy.revision, policy.version), (revision, Version(revision)));
        assert!(policy.enforced.is_empty());
        assert_eq!((policy.create_time, policy.update_time), (written(), written()));
    }
    let rules = brought.policies(&root, 3).await.at(&root);
    assert_eq!(rules.approvals, []);
    // It reaches everywhere, and can be changed from here on.
    let below: Scope = "/applications/a".parse().unwrap();
    let layers = brought.policies(&below, i64::MAX).await;
    let set = RuleSet { require_ticket: Some(true), ..RuleSet::default() };
    let wish = setting(&layers, &root, set);
    let role = brought.role.clone();
    let facts = pim_domain::policy::Facts {
        role,
        layers,
        people: Vec::new(),
        belonging: Vec::new(),
        groups: Vec::new(),
    };
    let change = update(&facts, wish, &stamp(noon() + TimeDelta::hours(1))).unwrap();
    let mut tx = brought.db.begin(pim_store::Purpose::Gain, tenant()).await.unwrap();
    policies::record(&mut tx, tenant(), &change).await.unwrap();
    tx.commit().await.unwrap();
    let newest = brought.policies(&below, i64::MAX).await;
    assert_eq!((newest.revision, &newest.own(&root)), (5, change.after()));
    let names: Vec<_> = change.after().set.names().collect();
    assert_eq!(names, [RuleName::RequireTicket]);
}

#[tokio::test]
async fn an_approval_is_one_stage_of_all_with_its_decisions() {
    let brought = Brought::new().await;
    let mut read = brought.db.read(Reach::EveryTenant).await.unwrap();
    for (number, state, said) in
        [(0x71, State::Pending, vec![carol()]), (0x72, State::Approved, vec![dave(), carol()])]
    {
        let approval: ApprovalId = id(number).into();
        let found = approvals::get(&mut read, tenant(), approval).await.unwrap().unwrap();
        let rule = ApprovalRule {
            timeout: TimeDelta::minutes(90),
            justify_deny: false,
            ..ApprovalRule::all_of([carol(), dave()])
        };
        assert_eq!(found.rules, [rule]);
        assert_eq!((found.state, found.extension, found.shortened), (state, None, None));
        assert_eq!(found.shortest, TimeDelta::minutes(5));
        let people: Vec<_> = found.decisions.iter().map(|one| one.approver).collect();
        assert_eq!(people, said);
        assert!(found.decisions.iter().all(|one| one.dropped.is_none()));
        let of = approvals::of_activation(&mut read, tenant(), found.activation, None).await;
        assert_eq!(of.unwrap().as_ref(), Some(&found));
    }
    // Who has not answered is still asked.
    for (who, count) in [(carol(), 0), (dave(), 1)] {
        let filter = approvals::Filter {
            waits_for: Some((who, &[])),
            pending_at: Some(noon()),
            ..approvals::Filter::default()
        };
        let found = approvals::list(&mut read, tenant(), &filter, None, 10).await.unwrap();
        assert_eq!(found.len(), count);
    }
    let mut tx = brought.db.begin(pim_store::Purpose::Gain, tenant()).await.unwrap();
    let facts = approvals::facts(&mut tx, tenant(), id(0x71).into()).await.unwrap().unwrap();
    assert_eq!(facts.people.len(), 2);
    assert!(facts.has_standing(dave(), noon()));
}

#[tokio::test]
async fn an_activation_waits_for_no_extension() {
    let brought = Brought::new().await;
    let mut read = brought.db.read(Reach::EveryTenant).await.unwrap();
    for (number, expected) in [(0x61, "PENDING_APPROVAL"), (0x62, "ACTIVE"), (0x63, "ENDED")] {
        let activation: ActivationId = id(number).into();
        let found = activations::get(&mut read, tenant(), activation).await.unwrap().unwrap();
        assert_eq!(found.state.as_str(), expected);
        if let ActivationState::Active { extension, .. } = &found.state {
            assert_eq!(extension, &None);
        }
        assert_eq!(found.shortened, None);
        assert_eq!(found.request.sign_in, SignIn { mfa: true, ..SignIn::default() });
        assert_eq!(found.request.length, Length::Duration(TimeDelta::hours(1)));
        // What it was judged by is still known.
        let pinned = activations::pinned(&mut read, tenant(), &found).await.unwrap();
        assert_eq!(pinned.approvals.len(), 1);
    }
}

#[tokio::test]
async fn nothing_is_left_of_the_old_form() {
    let brought = Brought::new().await;
    let mut connection = brought.database.connect().await;
    let old: i64 = sqlx::query_scalar(
        "select (select count(*) from policy where rules #> '{approval,approvers}' is not null)
              + (select count(*) from approval where rules #> '{0,approvers}' is not null)",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    assert_eq!(old, 0);
}

/// A group that holds the role at a scope of its own, and carol in it, as a program writes them that
/// knows schema 8 only.
async fn group_that_holds(connection: &mut PgConnection, group: u128) {
    let statements = [
        "insert into principal (tenant_id, id, kind, display_name, role_assignable, break_glass,
             version, create_time, update_time)
         select tenant_id, $1, 'group', 'team', true, false, 1, create_time, update_time
         from principal where id = $2 and $3 is not null",
        "insert into role (tenant_id, id, catalog, display_name, privileged, assignable, inherits,
             permissions, version, create_time, update_time)
         select tenant_id, $3, catalog, 'Group Member', false, true, '{}', '[]', 1, create_time,
             update_time
         from role where id <> $3 and $1 <> $2
         on conflict do nothing",
        "insert into role_grant (tenant_id, id, kind, principal_id, role_id, scope, start_time,
             justification, policy_revision, version, create_time, update_time)
         select p.tenant_id, gen_random_uuid(), 'assignment', held.who, held.role_id, held.scope,
             p.create_time, '', 1, 1, p.create_time, p.update_time
         from principal p
         cross join lateral (
             select $1 as who, r.id as role_id, '/subscriptions/' || $1 as scope
             from role r where r.id <> $3
             union all
             select $2, $3, '/groups/' || $1
         ) held
         where p.id = $2",
    ];
    for statement in statements {
        sqlx::query(statement)
            .bind(id(group))
            .bind(carol().uuid())
            .bind(GROUP_MEMBER)
            .execute(&mut *connection)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn what_a_group_holds_is_found_whenever_an_older_program_wrote_it() {
    let database = TestDb::new().await;
    let mut connection = database.connect().await;
    execute(&mut connection, "drop schema public cascade; create schema public").await;
    MIGRATOR.run_to(1, &mut connection).await.unwrap();
    execute(&mut connection, BEFORE).await;
    MIGRATOR.run_to(8, &mut connection).await.unwrap();
    let [before, since] = [0x101, 0x102];
    group_that_holds(&mut connection, before).await;
    migrate::migrate(database.url(), &Passwords::default()).await.unwrap();
    group_that_holds(&mut connection, since).await;
    let role: RoleId = id(2).into();
    for group in [before, since] {
        let at: Scope = format!("/subscriptions/{}", id(group)).parse().unwrap();
        let at = Lineage::of(&at, &Parents::new());
        let found = holdings::holders(&mut connection, tenant(), (role, &at), None, 10).await;
        assert_eq!(found.unwrap(), [carol()]);
    }
}
