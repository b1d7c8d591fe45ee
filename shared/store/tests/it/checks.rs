//! Postgres refuses half states by named checks. Every check of the schema has a case here.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use pim_domain::{
    activation::{Ask, Length, ask},
    approval::{self, Decide, Decided, Verdict},
    change_request::Deny,
    fixture::{self, noon, stamp},
    grant::GrantKind,
    policy::{self, RuleSet},
    role::Catalog,
    scope::Scope,
    tenant,
};
use pim_store::StoreError;

use crate::ground::{Ground, asking, constraint, new_grant, scope, setting};

/// Constraints, each with a statement that breaks it and no other.
const CASES: [(&str, &str); 111] = [
    ("tenant_plan_check", "update tenant set plan = 'GOLD'"),
    ("tenant_freeze", "update tenant set freeze_time = now()"),
    ("tenant_freeze", "update tenant set frozen_by = gen_random_uuid()"),
    ("tenant_consent", "update tenant set consent_time = now()"),
    ("tenant_consent", "update tenant set consent_time = now(), consent_by = gen_random_uuid()"),
    ("activation_length", "update activation set requested_duration = null"),
    ("activation_length", "update activation set requested_end_time = now()"),
    ("activation_requested_duration_check", "update activation set requested_duration = 0"),
    ("activation_ticket", "update activation set ticket_number = '1'"),
    ("activation_ticket", "update activation set ticket_system = 'desk'"),
    ("activation_state_check", "update activation set state = 'LOST' where state = 'SCHEDULED'"),
    ("activation_pending", "update activation set expire_time = now() where state = 'ACTIVE'"),
    ("activation_pending", "update activation set expire_time = null where state like 'PENDING%'"),
    ("activation_waiting", "update activation set start_time = now() where state like 'PENDING%'"),
    (
        "activation_waiting",
        "update activation set end_time = now(), truncated = true where state like 'PENDING%'",
    ),
    ("activation_scheduled", "update activation set start_time = null where state = 'SCHEDULED'"),
    (
        "activation_scheduled",
        "update activation set end_time = 'infinity', truncated = false where state = 'SCHEDULED'",
    ),
    ("activation_active", "update activation set start_time = null where state = 'ACTIVE'"),
    (
        "activation_active",
        "update activation set end_time = null, truncated = null where state = 'ACTIVE'",
    ),
    ("activation_held", "update activation set truncated = null where state = 'ACTIVE'"),
    ("activation_held", "update activation set end_time = start_time where state = 'ACTIVE'"),
    ("activation_held", "update activation set start_time = now() where ending = 'canceled'"),
    (
        "activation_held",
        "update activation set end_time = now(), truncated = true where ending = 'canceled'",
    ),
    ("activation_ended", "update activation set ended_time = now() where state = 'ACTIVE'"),
    ("activation_ended", "update activation set ending = 'denied' where state = 'ACTIVE'"),
    ("activation_ended", "update activation set ended_time = null where ending = 'canceled'"),
    ("activation_ended", "update activation set ending = null where ending = 'canceled'"),
    ("activation_ended", "update activation set ending = 'void' where ending = 'canceled'"),
    ("activation_ended", "update activation set void_rules = '{}' where ending = 'canceled'"),
    ("activation_ending_check", "update activation set ending = 'lost' where ending = 'canceled'"),
    ("activation_shortened_duration_check", "update activation set shortened_duration = 0"),
    (
        "activation_extension",
        "update activation set extension_id = (select id from extension) where state = 'SCHEDULED'",
    ),
    (
        "activation_extension",
        "update activation set extension_id = (select id from extension)
         where state = 'PENDING_APPROVAL'",
    ),
    (
        "activation_extension",
        "update activation set extension_id = (select id from extension) where state = 'ENDED'",
    ),
    ("activation_signals", "update activation set signals = '[]'"),
    ("extension_signals", "update extension set signals = 'true'"),
    ("extension_length", "update extension set requested_duration = null"),
    ("extension_length", "update extension set requested_end_time = now()"),
    ("extension_requested_duration_check", "update extension set requested_duration = 0"),
    ("extension_ticket", "update extension set ticket_number = '1'"),
    ("extension_ticket", "update extension set ticket_system = 'desk'"),
    ("approval_shortened_duration_check", "update approval set shortened_duration = 0"),
    ("role_grant_window", "update role_grant set end_time = start_time where ended_time is null"),
    ("role_grant_ended", "update role_grant set ended_time = now() where ended_time is null"),
    ("role_grant_ended", "update role_grant set ending = 'removed' where ended_time is null"),
    ("role_grant_ended", "update role_grant set ending = null where ended_time is not null"),
    ("role_grant_ticket", "update role_grant set ticket_number = '1'"),
    ("role_grant_ticket", "update role_grant set ticket_system = 'desk'"),
    ("role_grant_kind_check", "update role_grant set kind = 'loan'"),
    (
        "role_grant_ending_check",
        "update role_grant set ending = 'lost' where ended_time is not null",
    ),
    ("role_grant_renews_another", "update role_grant set renewed_from = id"),
    ("change_request_kind_check", "update change_request set kind = 'GIFT'"),
    ("change_request_grant_kind_check", "update change_request set grant_kind = 'loan'"),
    ("change_request_state_check", "update change_request set state = 'LOST'"),
    ("change_request_ticket", "update change_request set ticket_number = null"),
    ("change_request_ticket", "update change_request set ticket_system = null"),
    (
        "change_request_decision",
        "update change_request set decider_id = principal_id, decision_justification = ''
         where state = 'PENDING'",
    ),
    (
        "change_request_decision",
        "update change_request set state = 'TIMED_OUT' where state = 'DENIED'",
    ),
    (
        "change_request_decision",
        "update change_request set decision_justification = null where state = 'DENIED'",
    ),
    (
        "change_request_outcome",
        "update change_request set outcome_id = grant_id where state = 'PENDING'",
    ),
    (
        "change_request_outcome",
        "update change_request set state = 'APPROVED' where state = 'DENIED'",
    ),
    (
        "change_request_pending",
        "insert into change_request
         select tenant_id, gen_random_uuid(), kind, grant_kind, grant_id, principal_id, role_id,
                scope, end_time, justification, ticket_number, ticket_system, expire_time, state,
                decider_id, decision_justification, outcome_id, version, create_time, update_time
         from change_request where state = 'PENDING'",
    ),
    (
        "scope_kind_check",
        "insert into scope (tenant_id, path, kind, parent, display_name, delete_time, version,
                            create_time, update_time)
         select id, '/planets/a', 'planet', null, '', null, 1, now(), now() from tenant",
    ),
    (
        "scope_parent",
        "insert into scope (tenant_id, path, kind, parent, display_name, delete_time, version,
                            create_time, update_time)
         select id, '/subscriptions/a/resourceGroups/b', 'resource_group', '/managementGroups/a', '', null, 1, now(), now() from tenant",
    ),
    (
        "scope_parent",
        "insert into scope (tenant_id, path, kind, parent, display_name, delete_time, version,
                            create_time, update_time)
         select id, '/managementGroups/a', 'management_group', '/managementGroups/a', '', null, 1, now(), now() from tenant",
    ),
    (
        "scope_parent",
        "insert into scope (tenant_id, path, kind, parent, display_name, delete_time, version,
                            create_time, update_time)
         select id, '/managementGroups/a', 'management_group', '/subscriptions/a', '', null, 1, now(), now() from tenant",
    ),
    (
        "scope_parent",
        "insert into scope (tenant_id, path, kind, parent, display_name, delete_time, version,
                            create_time, update_time)
         select id, '/subscriptions/a', 'subscription', '/managementGroups/a', '', now(), 1, now(), now() from tenant",
    ),
    ("approval_state_check", "update approval set state = 'LOST'"),
    ("decision_verdict_check", "update decision set verdict = 'perhaps'"),
    ("role_custom", "update role set assignable_scopes = '{}'"),
    ("role_custom", "update role set assignable_scopes = '{/}', catalog = 'pim'"),
    ("role_deleted", "update role set deleted_time = now(), assignable_scopes = '{/}'"),
    (
        "role_deleted",
        "update role set deleted_by = (select id from principal limit 1), assignable_scopes = '{/}'",
    ),
    (
        "role_deleted",
        "update role set deleted_time = now(), deleted_by = (select id from principal limit 1)",
    ),
    ("principal_kind", "update principal set kind = 'robot'"),
    ("principal_signs_in", "update principal set subject = null"),
    ("principal_signs_in", "update principal set issuer = null, subject = null"),
    (
        "principal_signs_in",
        "update principal set kind = 'group', role_assignable = false, person_id = null,
                enabled_since = null, break_glass = false",
    ),
    ("principal_group", "update principal set kind = 'group', issuer = null, subject = null"),
    ("principal_group", "update principal set role_assignable = true"),
    ("principal_group", "update principal set deleted_time = now()"),
    ("alert_state_check", "update alert set state = 'LOST'"),
    ("alert_dismissal", "update alert set dismiss_time = now() where state = 'TRIGGERED'"),
    ("alert_dismissal", "update alert set dismissed_by = null where state = 'DISMISSED'"),
    ("alert_dismissal", "update alert set dismiss_justification = null where state = 'DISMISSED'"),
    ("alert_resolution", "update alert set resolve_time = now() where state = 'TRIGGERED'"),
    ("alert_resolution", "update alert set resolve_time = null where state = 'RESOLVED'"),
    ("alert_justification", "update alert set dismiss_justification = 'x' where state = 'DISMISSED'"),
    ("role_grant_justification", "update role_grant set justification = 'x'"),
    ("activation_justification", "update activation set justification = 'x'"),
    ("extension_justification", "update extension set justification = 'x'"),
    ("decision_justification", "update decision set justification = 'x'"),
    ("change_request_justification", "update change_request set justification = 'x'"),
    ("words_commitment", "insert into words select tenant_id, sha256(''), salt, text from words"),
    (
        "words_salt_check",
        "insert into words
         select tenant_id, sha256(convert_to(text, 'UTF8')), '', text from words",
    ),
    ("policy_revision_check", "update policy set revision = 0"),
    ("role_catalog_check", "update role set catalog = 'other'"),
    ("catalog_import_catalog_check", "update catalog_import set catalog = 'other'"),
    ("instance_only_one_check", "update instance set only_one = false"),
    (
        "event_result_check",
        "insert into event
             (tenant_id, id, body, event_time, code, category, result, actor_id)
         values (gen_random_uuid(), gen_random_uuid(), '', now(), '', '', 'perhaps', '')",
    ),
    ("instance_pkey", "insert into instance default values"),
    ("log_leaf_index_check", "insert into log_leaf select id, -1, id, sha256('') from tenant"),
    ("log_leaf_hash_check", "insert into log_leaf select id, 0, id, '' from tenant"),
    ("log_node_level_check", "insert into log_node select id, 0, 0, sha256('') from tenant"),
    ("log_node_index_check", "insert into log_node select id, 1, -1, sha256('') from tenant"),
    ("log_node_hash_check", "insert into log_node select id, 1, 0, '' from tenant"),
    (
        "log_checkpoint_size_check",
        "insert into log_checkpoint select id, 0, sha256(''), '' from tenant",
    ),
    ("log_checkpoint_root_check", "insert into log_checkpoint select id, 1, '', '' from tenant"),
    ("log_head_size_check", "insert into log_head select id, 0, '' from tenant"),
    ("log_head_peaks_check", "insert into log_head select id, 1, 'a' from tenant"),
    ("log_watermark_only_one_check", "update log_watermark set only_one = false"),
];

/// One of each state of everything.
async fn everything() -> Ground {
    let ground = Ground::new().await;
    let facts = ground.facts().await;
    let carol = ground.user("carol").await;
    let wish = |at: &str| Ask { scope: scope(at), ..fixture::wish(&facts) };
    let asking = asking(&facts, std::slice::from_ref(&carol));
    let now = stamp(noon());
    let pending = ground.kept(ask(&asking, wish("/applications/1"), &now).unwrap()).await;
    let withdrawn = ground.kept(ask(&asking, wish("/applications/2"), &now).unwrap()).await;
    ground.kept(withdrawn.cancel(Catalog::Entra, Default::default(), &now).unwrap()).await;
    let mut later = wish("/applications/3");
    later.request.start = Some(noon() + TimeDelta::hours(1));
    ground.kept(ask(&facts, later, &now).unwrap()).await;
    ground.kept(ask(&facts, wish("/applications/4"), &now).unwrap()).await;

    let length = Length::Duration(TimeDelta::hours(1));
    ground.extending(&facts, &asking, "/applications/5", length).await;

    let rules = asking.policy.at(&Scope::root());
    let opened = approval::open(&pending, rules, Catalog::Entra, &now).unwrap();
    let opened = ground.kept(opened).await;
    let decide = Decide {
        approval: opened.id,
        etag: opened.etag(),
        verdict: Verdict::Approve,
        justification: "known work".into(),
        duration: None,
    };
    let judged = approval::Facts {
        approval: opened,
        activation: pending,
        catalog: Catalog::Entra,
        requester: facts.principal.clone(),
        people: vec![carol.clone()],
        belonging: Vec::new(),
    };
    let Decided::Now(change) = approval::decide(&judged, &carol, decide, &now).unwrap() else {
        panic!("decided before")
    };
    ground.kept(*change).await;

    let [denied, _] = ground.requests(&carol).await;
    let decision = Deny {
        request: denied.id,
        etag: denied.version.etag(),
        justification: "not needed".into(),
    };
    let alice = &facts.principal;
    ground.kept(denied.deny(&carol, Catalog::Entra, alice, decision, &now).unwrap()).await;

    let brief = ground.grant(GrantKind::Assignment, &carol, None).await;
    ground.kept(brief.remove(Catalog::Entra, Default::default(), &now).unwrap()).await;

    let set = RuleSet { require_mfa: Some(false), ..RuleSet::default() };
    let wish = setting(&facts.policy, &Scope::root(), set);
    let (role, layers) = (ground.role.clone(), facts.policy);
    let judged = policy::Facts {
        role,
        layers,
        people: Vec::new(),
        belonging: Vec::new(),
        groups: Vec::new(),
    };
    ground.kept(policy::update(&judged, wish, &now).unwrap()).await;
    ground.incidents().await;
    ground
}

#[tokio::test]
async fn half_states_are_refused() {
    let ground = everything().await;
    let mut connection = ground.database.connect().await;
    for (name, statement) in CASES {
        let done = sqlx::query(statement).execute(&mut connection).await;
        let error = done.map_err(|error| (constraint(&error).map(str::to_owned), error));
        let (broken, error) = error.expect_err(statement);
        assert_eq!(broken.as_deref(), Some(name), "{statement}: {error}");
    }
}

#[tokio::test]
async fn every_check_has_a_case() {
    let ground = Ground::new().await;
    let names: Vec<String> = sqlx::query_scalar(
        "select conname::text from pg_constraint
         where contype = 'c' and connamespace = 'public'::regnamespace
           and conrelid <> '_sqlx_migrations'::regclass",
    )
    .fetch_all(&mut ground.database.connect().await)
    .await
    .unwrap();
    let covered: BTreeSet<&str> = CASES.iter().map(|(name, _)| *name).collect();
    let bare: Vec<_> = names.iter().filter(|name| !covered.contains(name.as_str())).collect();
    assert!(!names.is_empty());
    assert_eq!(bare, Vec::<&String>::new());
}

/// A broken check is a fault of this program, and never an invitation to try again.
#[tokio::test]
async fn a_broken_check_is_refused_and_no_conflict() {
    let ground = everything().await;
    let mut connection = ground.database.connect().await;
    let error = sqlx::query("update activation set requested_duration = 0")
        .execute(&mut connection)
        .await
        .unwrap_err();
    assert!(matches!(StoreError::from(error), StoreError::Refused(_)));
}

/// Every reference has the tenant in it, so that nothing of one can hang on another's.
#[tokio::test]
async fn nothing_refers_to_another_tenant() {
    let ground = Ground::new().await;
    let alice = ground.user("alice").await;
    let stranger = tenant::create("Fabrikam".to_owned(), tenant::Plan::P2, &stamp(noon()));
    let mut tx = ground.begin().await;
    pim_store::tenants::record(&mut tx, &stranger).await.unwrap();
    tx.commit().await.unwrap();
    let grant = new_grant(GrantKind::Assignment, &alice, &ground.role, None);
    let mut tx = ground.begin().await;
    // In the stranger's transaction, else the wall between tenants would be first to refuse it.
    tx.enter(stranger.after().id).await.unwrap();
    let error = pim_store::grants::record(&mut tx, stranger.after().id, &grant).await.unwrap_err();
    let StoreError::Refused(error) = error else { panic!("{error}") };
    assert_eq!(constraint(&error), Some("role_grant_tenant_id_principal_id_fkey"));

    let bare: Vec<String> = sqlx::query_scalar(
        "select c.conname::text from pg_constraint c
         where c.contype = 'f' and c.connamespace = 'public'::regnamespace
           and not exists (
               select from pg_attribute a
               where a.attrelid = c.conrelid
                 and a.attname = case when c.conrelid = 'tenant'::regclass then 'id'
                                      else 'tenant_id' end
                 and a.attnum = any(c.conkey))",
    )
    .fetch_all(&mut ground.database.connect().await)
    .await
    .unwrap();
    assert_eq!(bare, Vec::<String>::new());
}
