//! The second wall: what each login may do, and whose rows it sees, whatever statement it sends.

use std::collections::BTreeSet;

use pim_domain::{
    fixture::{noon, stamp},
    id::TenantId,
    tenant,
};
use pim_store::{
    Db, Login, Passwords, Purpose, Reach, StoreError, events, login, migrate, tenants,
};
use pim_tests::TestDb;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::ground::{Ground, options};

/// Those that act for one tenant.
const OF_ONE_TENANT: [Login; 3] = [Login::Assignment, Login::Activation, Login::Approval];
/// Tables of the whole database.
const WITHOUT_A_TENANT: [&str; 3] = ["_sqlx_migrations", "instance", "log_watermark"];
/// Tables of the log.
const LOG: [&str; 4] = ["event", "log_leaf", "log_node", "log_checkpoint"];

async fn by(database: &TestDb, login: Login) -> PgConnection {
    PgConnection::connect(&database.url_as(login.name())).await.unwrap()
}

async fn tell(connection: &mut PgConnection, statements: impl Into<String>) {
    sqlx::raw_sql(AssertSqlSafe(statements.into())).execute(connection).await.unwrap();
}

/// The SQLSTATE with which a statement is refused, and nothing of it has happened.
async fn refused(connection: &mut PgConnection, statement: &str) -> String {
    let mut tx = connection.begin().await.unwrap();
    let told = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut *tx).await;
    let error = match told {
        Ok(_) => panic!("not refused: {statement}"),
        Err(error) => error,
    };
    error.as_database_error().unwrap().code().unwrap().into_owned()
}

async fn count(connection: &mut PgConnection, table: &str, condition: &str) -> i64 {
    let statement = format!("select count(*) from {table} where {condition}");
    sqlx::query_scalar(AssertSqlSafe(statement)).fetch_one(connection).await.unwrap()
}

async fn names(connection: &mut PgConnection, statement: &'static str) -> BTreeSet<String> {
    let names: Vec<String> = sqlx::query_scalar(statement).fetch_all(connection).await.unwrap();
    names.into_iter().collect()
}

/// The condition of a table's rows of a tenant.
fn of(table: &str, tenant: TenantId) -> String {
    let key = if table == "tenant" { "id" } else { "tenant_id" };
    format!("{key} = '{tenant}'")
}

/// Another tenant, with as much in it as has been made by making it.
pub(crate) async fn stranger(ground: &Ground) -> TenantId {
    let stranger = tenant::create("Fabrikam".to_owned(), tenant::Plan::P2, &stamp(noon()));
    let mut tx = ground.db.begin(Purpose::Gain, Reach::EveryTenant).await.unwrap();
    tenants::record(&mut tx, &stranger).await.unwrap();
    tx.commit().await.unwrap();
    let (id, old) = (stranger.after().id, ground.tenant);
    // Of the roles and principals the same as in the other.
    let mut owner = ground.database.connect().await;
    for table in ["role", "principal"] {
        let copy = format!(
            "create temporary table copied as select * from {table} where tenant_id = '{old}';
             update copied set tenant_id = '{id}';
             insert into {table} select * from copied;
             drop table copied"
        );
        tell(&mut owner, copy).await;
    }
    id
}

#[tokio::test]
async fn each_login_may_do_what_is_written_and_nothing_else() {
    let database = TestDb::new().await;
    let mut owner = database.connect().await;
    let there = names(
        &mut owner,
        "select relname::text from pg_class
         where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')",
    )
    .await;
    let written: BTreeSet<_> = login::RIGHTS.iter().map(|one| one.table.to_owned()).collect();
    assert_eq!(there, written);
    for rights in &login::RIGHTS {
        for login in Login::ALL {
            let rows: Vec<(String, Vec<String>, bool)> = sqlx::query_as(
                "select p, array(
                     select a.attname::text from pg_attribute a
                     where a.attrelid = $2::regclass and a.attnum > 0 and not a.attisdropped
                         and case when p in ('DELETE', 'TRUNCATE', 'TRIGGER') then false
                             else has_column_privilege($1, a.attrelid, a.attnum, p) end
                     order by a.attnum
                 ), has_table_privilege($1, $2, p)
                 from unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE',
                     'REFERENCES', 'TRIGGER']) p",
            )
            .bind(login.name())
            .bind(rights.table)
            .fetch_all(&mut owner)
            .await
            .unwrap();
            for (privilege, columns, is_whole) in rows {
                let what = format!("{privilege} on {} by {}", rights.table, login.name());
                let (whole, some): (bool, &[&str]) = match privilege.as_str() {
                    "SELECT" if rights.reads.contains(&login) => (true, &[]),
                    "SELECT" if rights.inserts.contains(&login) => (false, rights.returned),
                    "INSERT" => (rights.inserts.contains(&login), &[]),
                    "DELETE" => (rights.deletes.contains(&login), &[]),
                    "UPDATE" if rights.updates.contains(&login) => (false, rights.changing),
                    _ => (false, &[]),
                };
                assert_eq!(is_whole, whole, "{what}");
                if !whole {
                    let columns: BTreeSet<_> = columns.iter().map(String::as_str).collect();
                    assert_eq!(columns, some.iter().copied().collect(), "{what}");
                }
            }
        }
    }
}

#[tokio::test]
async fn what_somebody_was_granted_beside_it_is_taken_away() {
    let database = TestDb::new().await;
    let mut owner = database.connect().await;
    tell(
        &mut owner,
        "grant update, delete on event to pim_activation;
         grant select on alert to public;
         grant create on schema public to public, pim_audit",
    )
    .await;
    migrate::migrate(database.url(), &Passwords::default()).await.unwrap();
    let left: Vec<bool> = sqlx::query_scalar(
        "select unnest(array[
             has_table_privilege('pim_activation', 'event', 'update'),
             has_table_privilege('pim_activation', 'event', 'delete'),
             has_table_privilege('pim_access', 'alert', 'select'),
             has_schema_privilege('pim_access', 'public', 'create'),
             has_schema_privilege('pim_audit', 'public', 'create')
         ])",
    )
    .fetch_all(&mut owner)
    .await
    .unwrap();
    assert_eq!(left, [false; 5]);
}

#[tokio::test]
async fn no_table_of_state_has_two_writers() {
    for rights in &login::RIGHTS {
        let shared = ["event", "idempotency", "words"].contains(&rights.table);
        assert!(shared || rights.inserts.len() <= 1, "{}", rights.table);
        assert!(rights.updates.len() <= 1, "{}", rights.table);
    }
}

#[tokio::test]
async fn of_what_happened_nobody_deletes_anything() {
    // What people wrote can be erased, and says so; the other is a mark.
    let rights = login::RIGHTS.iter().filter(|rights| !rights.deletes.is_empty());
    let deleting: Vec<_> = rights.map(|rights| (rights.table, rights.deletes)).collect();
    assert_eq!(deleting, [("words", &[Login::Audit][..]), ("log_stopped", &[Login::Audit])]);
}

#[tokio::test]
async fn no_login_is_more_than_a_login() {
    let database = TestDb::new().await;
    let mut owner = database.connect().await;
    for login in Login::ALL {
        let more: bool = sqlx::query_scalar(
            "select rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication
                 or not rolcanlogin
                 or exists (select from pg_auth_members where member = r.oid)
                 or exists (select from pg_class where relowner = r.oid)
                 or exists (select from pg_proc where proowner = r.oid)
             from pg_roles r where rolname = $1",
        )
        .bind(login.name())
        .fetch_one(&mut owner)
        .await
        .unwrap();
        assert!(!more, "{}", login.name());
    }
}

#[tokio::test]
async fn every_table_with_a_tenant_is_walled() {
    let database = TestDb::new().await;
    let mut owner = database.connect().await;
    let rows: Vec<(String, bool, Vec<String>)> = sqlx::query_as(
        "select c.relname::text, c.relrowsecurity and c.relforcerowsecurity, array(
             select p.policyname || ' ' || lower(p.cmd) || ' ' || array_to_string(
                 array(select role::text from unnest(p.roles) role order by role), ' ')
             from pg_policies p where p.schemaname = 'public' and p.tablename = c.relname
             order by p.policyname
         )
         from pg_class c
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')",
    )
    .fetch_all(&mut owner)
    .await
    .unwrap();
    assert!(rows.len() > WITHOUT_A_TENANT.len());
    for (table, is_walled, policies) in rows {
        if WITHOUT_A_TENANT.contains(&table.as_str()) {
            assert!(policies.is_empty() && !is_walled, "{table}");
            continue;
        }
        assert!(is_walled, "{table}");
        let all = "pim_access pim_activation pim_approval pim_assignment pim_audit pim_scheduler";
        let mut expected = vec![
            "every_tenant select pim_access pim_audit pim_scheduler".to_owned(),
            "migration all pim".to_owned(),
            format!("own_tenant all {all}"),
        ];
        if ["log_leaf", "log_node", "log_head", "log_stopped"].contains(&table.as_str()) {
            expected.push("sealing all pim_audit".to_owned());
        }
        assert_eq!(policies, expected, "{table}");
    }
}

/// Whatever a function or a view does, it does with the rights of whoever calls.
#[tokio::test]
async fn nothing_runs_with_the_rights_of_the_owner_but_three_functions() {
    let database = TestDb::new().await;
    let mut owner = database.connect().await;
    let definers = names(
        &mut owner,
        "select proname::text from pg_proc
         where pronamespace = 'public'::regnamespace and prosecdef",
    );
    let known = ["newest_event_time", "oldest_unsealed_time", "record_sign_ins"];
    assert_eq!(definers.await, BTreeSet::from(known.map(str::to_owned)));
    let views = names(
        &mut owner,
        "select relname::text from pg_class
         where relnamespace = 'public'::regnamespace and relkind in ('v', 'm')
             and not coalesce('security_invoker=true' = any(reloptions), false)",
    );
    assert_eq!(views.await, BTreeSet::new());
}

#[tokio::test]
async fn no_login_changes_the_log_or_the_schema() {
    const NOT_GRANTED: &str = "42501";
    let ground = Ground::new().await;
    for login in Login::ALL {
        let mut connection = by(&ground.database, login).await;
        let act = format!("set app.tenant = '{}'", ground.tenant);
        tell(&mut connection, act).await;
        let mut statements: Vec<String> = Vec::new();
        for table in LOG {
            let column = if table == "event" { "body" } else { "tenant_id" };
            statements.extend([
                format!("update {table} set {column} = {column}"),
                format!("delete from {table}"),
                format!("truncate {table}"),
                format!("drop table {table}"),
                format!("alter table {table} disable trigger all"),
                format!("alter table {table} disable row level security"),
                format!("create policy open on {table} using (true)"),
                format!(
                    "create trigger later before insert on {table}
                         for each row execute function event_is_insert_only()"
                ),
            ]);
        }
        statements.extend(
            [
                "create table mine (id int)",
                "create function mine() returns int language sql return 1",
                "drop view holding",
                "drop function newest_event_time",
                "insert into sign_in select tenant_id, id, create_time from principal",
                "update sign_in set last_time = 'infinity'",
                "delete from sign_in",
                "set local app.migrating = 'on'; delete from sign_in",
                "create schema mine",
                "create role mine",
                "set session_replication_role = replica",
                "set role pim",
                "delete from role_grant",
                "delete from log_head",
                "call wall('event')",
            ]
            .map(str::to_owned),
        );
        for statement in statements {
            let code = refused(&mut connection, &statement).await;
            assert_eq!(code, NOT_GRANTED, "{statement} by {}", login.name());
        }
    }
}

#[tokio::test]
async fn who_acts_for_a_tenant_sees_nothing_of_another() {
    let ground = Ground::new().await;
    ground.user("alice").await;
    let other = stranger(&ground).await;
    let mut owner = ground.database.connect().await;
    for login in OF_ONE_TENANT {
        let mut connection = by(&ground.database, login).await;
        let mut seen = 0;
        for rights in login::RIGHTS.iter().filter(|one| one.reads.contains(&login)) {
            let table = rights.table;
            if WITHOUT_A_TENANT.contains(&table) {
                continue;
            }
            let what = format!("{table} by {}", login.name());
            // A statement that forgot its condition.
            assert_eq!(count(&mut connection, table, "true").await, 0, "{what}");
            let mut tx = connection.begin().await.unwrap();
            tell(&mut tx, format!("set local app.tenant = '{}'", ground.tenant)).await;
            let own = count(&mut owner, table, &of(table, ground.tenant)).await;
            assert_eq!(count(&mut tx, table, "true").await, own, "{what}");
            assert_eq!(count(&mut tx, table, &of(table, other)).await, 0, "{what}");
            seen += own;
            tx.commit().await.unwrap();
            // And nothing of it is left on the connection.
            assert_eq!(count(&mut connection, table, "true").await, 0, "{what}");
        }
        assert!(seen > 0);
    }
}

#[tokio::test]
async fn who_reads_all_tenants_does_and_writes_for_one() {
    let ground = Ground::new().await;
    ground.user("alice").await;
    let other = stranger(&ground).await;
    let mut owner = ground.database.connect().await;
    for login in Login::OF_ALL_TENANTS {
        let mut connection = by(&ground.database, login).await;
        for rights in login::RIGHTS.iter().filter(|one| one.reads.contains(&login)) {
            let all = count(&mut owner, rights.table, "true").await;
            let seen = count(&mut connection, rights.table, "true").await;
            assert_eq!(seen, all, "{} by {}", rights.table, login.name());
        }
    }
    assert!(count(&mut owner, "principal", &of("principal", other)).await > 0);
}

#[tokio::test]
async fn no_login_writes_for_a_tenant_for_whom_it_does_not_act() {
    let ground = Ground::new().await;
    let other = stranger(&ground).await;
    for login in Login::ALL {
        let mut connection = by(&ground.database, login).await;
        for acting in ["", &format!("set app.tenant = '{}'", ground.tenant)] {
            tell(&mut connection, acting).await;
            let statement = format!(
                "insert into event
                     (tenant_id, id, body, event_time, code, category, result, actor_id)
                 values ('{other}', gen_random_uuid(), '', now(), 'a', 'b', 'success', 'c')"
            );
            assert_eq!(refused(&mut connection, &statement).await, "42501", "{}", login.name());
        }
        let own = format!(
            "insert into event
                 (tenant_id, id, body, event_time, code, category, result, actor_id)
             values ('{}', gen_random_uuid(), '', now(), 'a', 'b', 'success', 'c')",
            ground.tenant
        );
        tell(&mut connection, own).await;
    }
    // What is another's is not changed either: it is not there.
    let mut assignment = by(&ground.database, Login::Assignment).await;
    tell(&mut assignment, format!("set app.tenant = '{other}'")).await;
    let changed = sqlx::raw_sql(AssertSqlSafe(format!(
        "update role set version = 99 where tenant_id = '{}'",
        ground.tenant
    )));
    assert_eq!(changed.execute(&mut assignment).await.unwrap().rows_affected(), 0);
}

#[tokio::test]
async fn a_login_for_whom_there_is_no_wall_is_refused() {
    let database = TestDb::new().await;
    let mut owner = database.connect().await;
    tell(
        &mut owner,
        "create role over_the_wall login bypassrls;
         create role of_the_owner login;
         grant usage on schema public to over_the_wall, of_the_owner;
         grant select on _sqlx_migrations, instance to over_the_wall, of_the_owner;
         alter table event owner to of_the_owner",
    )
    .await;
    for (role, expected) in [
        ("pim", "is a superuser"),
        ("over_the_wall", "bypasses row-level security"),
        ("of_the_owner", "owns the tables"),
    ] {
        match Db::connect(&database.url_as(role), &options()).await {
            Err(StoreError::UnsafeLogin { login, may }) => {
                assert_eq!((login.as_str(), may), (role, expected));
            }
            other => panic!("not refused: {other:?}"),
        }
    }
    for login in Login::ALL {
        Db::connect(&database.url_as(login.name()), &options()).await.unwrap();
    }
}

/// As an installation does that gives its owner no more than it needs.
#[tokio::test]
async fn an_owner_who_is_no_superuser_migrates_and_is_behind_the_wall_but_then() {
    let database = TestDb::new().await;
    let mut superuser = database.connect().await;
    tell(
        &mut superuser,
        "create role plain_owner login;
         drop schema public cascade;
         create schema public authorization plain_owner",
    )
    .await;
    let url = database.url_as("plain_owner");
    migrate::migrate(&url, &Passwords::default()).await.unwrap();
    let assignment = Db::connect(&database.url_of("assignment"), &options()).await.unwrap();
    let made = tenant::create("Contoso".to_owned(), tenant::Plan::P2, &stamp(noon()));
    let mut tx = assignment.begin(Purpose::Gain, Reach::EveryTenant).await.unwrap();
    tenants::record(&mut tx, &made).await.unwrap();
    tx.commit().await.unwrap();

    let mut owner = PgConnection::connect(&url).await.unwrap();
    assert_eq!(count(&mut owner, "tenant", "true").await, 0);
    tell(&mut owner, "set app.migrating = 'on'").await;
    assert_eq!(count(&mut owner, "tenant", "true").await, 1);
    // A service gains nothing by saying that it migrates.
    let mut service = by(&database, Login::Assignment).await;
    tell(&mut service, "set app.migrating = 'on'").await;
    assert_eq!(count(&mut service, "tenant", "true").await, 0);
    // The newest event is that of the tenant, whoever asks.
    let mut read = assignment.read(Reach::EveryTenant).await.unwrap();
    assert_eq!(events::newest_time(&mut read).await.unwrap(), Some(noon()));
}

#[tokio::test]
async fn what_postgres_keeps_of_a_password_stays_without_one() {
    let database = TestDb::new().await;
    let mut passwords = Passwords::default();
    passwords.add(Login::Scheduler, "correct horse").unwrap();
    migrate::migrate(database.url(), &passwords).await.unwrap();
    let mut owner = database.connect().await;
    let mut kept = async || -> String {
        sqlx::query_scalar("select rolpassword from pg_authid where rolname = 'pim_scheduler'")
            .fetch_one(&mut owner)
            .await
            .unwrap()
    };
    let first = kept().await;
    assert!(first.starts_with("SCRAM-SHA-256$4096:"), "{first}");
    migrate::migrate(database.url(), &Passwords::default()).await.unwrap();
    assert_eq!(kept().await, first);
}
