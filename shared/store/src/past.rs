//! What there was: folded from the log, in the shape that the rules judge.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use pim_domain::{
    activation::Activation,
    authority::GROUP_MEMBER,
    change::{Thing, fold},
    event::{Event, ThingKind},
    grant::{Grant, GrantKind},
    group::{GROUP_NESTING_MAX, Group},
    id::{ActivationId, GrantId, PrincipalId, RoleId, TenantId},
    past::Past,
    principal::Principal,
    role::Role,
    scope::{Lineage, Node, Parents, Scope},
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{StoreError, holdings::nesting_max, roles};

/// Of what there was, what a question is about.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// As it had been recorded by then; absent: all that is recorded.
    pub until: Option<DateTime<Utc>>,
    /// Only of these roles.
    pub roles: Option<Vec<RoleId>>,
    /// Only at these scopes.
    pub scopes: Option<BTreeSet<Scope>>,
}

/// All that some principals had to do with of what is wanted, themselves and by groups, and all
/// that it rests on.
///
/// # Errors
/// The database cannot serve.
pub async fn of_principals(
    connection: &mut PgConnection,
    tenant: TenantId,
    principals: &[PrincipalId],
    wanted: &Wanted,
) -> Result<Past, StoreError> {
    let mut past = Past::default();
    let mut seen: BTreeSet<PrincipalId> = principals.iter().copied().collect();
    let mut next: Vec<PrincipalId> = seen.iter().copied().collect();
    // The principals, then one round for each group that lies in another.
    for _ in 0..=GROUP_NESTING_MAX {
        if next.is_empty() {
            break;
        }
        of_subjects(connection, tenant, &next, wanted, &mut past).await?;
        next = past.joined().filter(|group| seen.insert(*group)).collect();
    }
    let eligibilities = past.activations.values().map(|one| one.eligibility);
    let missing = eligibilities.filter(|id| !past.grants.contains_key(id)).map(GrantId::uuid);
    let missing: Vec<Uuid> = missing.collect();
    let until = wanted.until;
    let missing: Vec<Grant> =
        things(connection, tenant, GrantKind::Eligibility.thing(), &missing, until).await?;
    past.grants.extend(missing.into_iter().map(|one| (one.id, one)));
    let named: BTreeSet<Uuid> =
        past.named().chain(principals.iter().copied()).map(PrincipalId::uuid).collect();
    let named: Vec<Uuid> = named.into_iter().collect();
    let people: Vec<Principal> =
        things(connection, tenant, ThingKind::Principal, &named, until).await?;
    past.principals = people.into_iter().map(|one| (one.id, one)).collect();
    let groups: Vec<Group> = things(connection, tenant, ThingKind::Group, &named, until).await?;
    past.groups = groups.into_iter().map(|one| (one.principal(), one)).collect();
    let roles = BTreeSet::from_iter(past.roles_named());
    past.roles = known_roles(connection, tenant, roles, until).await?;
    past.severed = severed(connection, tenant, &past, until).await?;
    Ok(past)
}

/// What is the subject's own.
async fn of_subjects(
    connection: &mut PgConnection,
    tenant: TenantId,
    subjects: &[PrincipalId],
    wanted: &Wanted,
    past: &mut Past,
) -> Result<(), StoreError> {
    let subjects: Vec<Uuid> = subjects.iter().map(|one| one.uuid()).collect();
    let roles = wanted.roles.as_ref();
    let roles: Option<Vec<Uuid>> = roles.map(|all| all.iter().map(|one| one.uuid()).collect());
    let scopes = wanted.scopes.as_ref();
    let scopes: Option<Vec<String>> = scopes.map(|all| all.iter().map(Scope::to_string).collect());
    let rows = sqlx::query_file!(
        "src/past/of_subjects.sql",
        tenant.uuid(),
        &subjects,
        wanted.until,
        roles.as_deref(),
        scopes.as_deref(),
        GROUP_MEMBER,
    )
    .fetch_all(connection)
    .await?;
    let activation = ThingKind::Activation.as_str();
    let (activations, grants): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|row| row.kind == activation);
    let activations = activations.into_iter().map(|row| (row.id, row.body));
    let activations: Vec<Activation> = folded(activations)?;
    past.activations.extend(activations.into_iter().map(|one| (one.id, one)));
    let grants: Vec<Grant> = folded(grants.into_iter().map(|row| (row.id, row.body)))?;
    past.grants.extend(grants.into_iter().map(|one| (one.id, one)));
    Ok(())
}

/// The things with these ids that there were.
async fn things<T: Thing>(
    connection: &mut PgConnection,
    tenant: TenantId,
    kind: ThingKind,
    ids: &[Uuid],
    until: Option<DateTime<Utc>>,
) -> Result<Vec<T>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query!(
        r#"select thing_id as "id!", body
         from event
         where tenant_id = $1 and thing_kind = $2 and thing_id = any($3)
             and thing_version is not null
             and ($4::timestamptz is null or event_time <= $4)
         order by thing_id, thing_version"#,
        tenant.uuid(),
        kind.as_str(),
        ids,
        until,
    )
    .fetch_all(connection)
    .await?;
    folded(rows.into_iter().map(|row| (row.id, row.body)))
}

/// Things, of their events by thing and version.
fn folded<T: Thing>(rows: impl Iterator<Item = (Uuid, Vec<u8>)>) -> Result<Vec<T>, StoreError> {
    let mut of_things: BTreeMap<Uuid, Vec<Event>> = BTreeMap::new();
    for (id, body) in rows {
        let event = serde_json::from_slice(&body);
        let event = event.map_err(|error| StoreError::corrupt("event", error))?;
        of_things.entry(id).or_default().push(event);
    }
    let thing = |events: &Vec<Event>| {
        fold(events).ok_or_else(|| StoreError::corrupt("event", "does not fold to its thing"))
    };
    of_things.values().map(thing).collect()
}

/// The roles that there were, with what they inherit from: custom ones as they were, those of a
/// catalog as they are, because the log has no entry for each.
async fn known_roles(
    connection: &mut PgConnection,
    tenant: TenantId,
    ids: BTreeSet<RoleId>,
    until: Option<DateTime<Utc>>,
) -> Result<BTreeMap<RoleId, Role>, StoreError> {
    let ids: Vec<RoleId> = ids.into_iter().collect();
    let known = roles::with_inherited(connection, tenant, &ids).await?;
    let (custom, built_in): (Vec<Role>, Vec<Role>) =
        known.into_iter().partition(|role| role.custom.is_some());
    let custom: Vec<Uuid> = custom.into_iter().map(|role| role.id.uuid()).collect();
    let custom: Vec<Role> = things(connection, tenant, ThingKind::Role, &custom, until).await?;
    let built_in =
        built_in.into_iter().filter(|role| until.is_none_or(|until| role.create_time <= until));
    Ok(built_in.chain(custom).map(|role| (role.id, role)).collect())
}

async fn severed(
    connection: &mut PgConnection,
    tenant: TenantId,
    past: &Past,
    until: Option<DateTime<Utc>>,
) -> Result<BTreeMap<ActivationId, DateTime<Utc>>, StoreError> {
    let ids: Vec<Uuid> = past.activations.keys().map(|id| id.uuid()).collect();
    let rows = sqlx::query!(
        "select activation_id, sever_time from severed
         where tenant_id = $1 and activation_id = any($2)
             and ($3::timestamptz is null or sever_time <= $3)",
        tenant.uuid(),
        &ids,
        until,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.activation_id.into(), row.sever_time)).collect())
}

/// What a scope lay below.
///
/// # Errors
/// The database cannot serve.
pub async fn lineage(
    connection: &mut PgConnection,
    tenant: TenantId,
    scope: &Scope,
    until: Option<DateTime<Utc>>,
) -> Result<Lineage, StoreError> {
    let mut parents = Parents::new();
    loop {
        let lineage = Lineage::of(scope, &parents);
        // Only the last before the root may have been put somewhere.
        let Some(head) = lineage.iter().filter(|one| one.is_movable()).last() else {
            return Ok(lineage);
        };
        if parents.contains_key(head) {
            return Ok(lineage);
        }
        let id = Node::id_of(tenant, head).uuid();
        let node: Vec<Node> = things(connection, tenant, ThingKind::Scope, &[id], until).await?;
        let parent = node.into_iter().filter(Node::is_live).find_map(|node| node.parent);
        let Some(parent) = parent else { return Ok(lineage) };
        parents.insert(head.clone(), parent);
    }
}

/// Those who may have held a role at a scope, from above and through groups included: by id, at
/// most `limit`, the first not before `from`.
///
/// # Errors
/// The database cannot serve.
pub async fn holders(
    connection: &mut PgConnection,
    tenant: TenantId,
    (role, at): (RoleId, &Lineage),
    until: DateTime<Utc>,
    from: Option<PrincipalId>,
    limit: i64,
) -> Result<Vec<PrincipalId>, StoreError> {
    let scopes: Vec<String> = at.iter().map(Scope::to_string).collect();
    let ids = sqlx::query_file_scalar!(
        "src/past/holders.sql",
        tenant.uuid(),
        role.uuid(),
        &scopes,
        from.map_or(Uuid::nil(), PrincipalId::uuid),
        limit,
        GROUP_MEMBER,
        nesting_max(),
        until,
    )
    .fetch_all(connection)
    .await?;
    Ok(ids.into_iter().map(PrincipalId::from).collect())
}
