//! What the log leads to, as rows: of each thing, the rows of all tables that its events explain,
//! with every column. A column that is not here is one that the log does not explain, and an
//! untouched database says so.

use pim_domain::{
    activation::{Activation, Extension, State},
    alert::{Incident, IncidentState, Setting},
    approval::Approval,
    catalog,
    change::{Thing, fold},
    change_request::{ChangeRequest, State as Asked},
    event::{Event, ThingKind},
    grant::Grant,
    group::Group,
    id::TenantId,
    justification::Justification,
    policy::Policy,
    principal::{Principal, PrincipalKind},
    role::{self, Import, Role},
    scope::{self, Node},
    tenant::Tenant,
};
use serde_json::{Value, json};

use crate::{
    StoreError,
    activations::columns::{self, Columns},
    approvals,
    row::micros,
};

/// The tables that the log explains.
pub(super) const TABLES: [&str; 16] = [
    "tenant",
    "catalog_import",
    "role",
    "principal",
    "policy",
    "scope",
    "severed",
    "role_grant",
    "activation",
    "extension",
    "used_authentication",
    "approval",
    "decision",
    "change_request",
    "alert",
    "alert_setting",
];

/// A row as it should be.
pub(super) struct Row {
    /// One of [`TABLES`].
    pub(super) table: &'static str,
    /// Each column by its name.
    pub(super) columns: Value,
    /// What of it the log does not say.
    pub(super) besides: &'static [&'static str],
}

/// Of a role that a later import has left as it was: the log tells of imports, and which of them
/// have changed a role only the catalogs before would say.
const BY_IMPORTS: [&str; 3] = ["version", "create_time", "update_time"];

/// Why the events of a thing lead to no rows.
pub(super) struct Unreadable;

impl From<StoreError> for Unreadable {
    fn from(_: StoreError) -> Self {
        Self
    }
}

fn row(table: &'static str, columns: Value) -> Row {
    Row { table, columns, besides: &[] }
}

/// The commitment of a justification, as Postgres reads bytes.
fn committed(justification: &Justification) -> String {
    let commitment = justification.commitment().map(|one| one.to_string());
    format!("\\x{}", commitment.unwrap_or_default())
}

fn folded<T: Thing>(events: &[Event]) -> Result<T, Unreadable> {
    fold(events).ok_or(Unreadable)
}

/// The rows of the thing that these events, which are all of it, lead to.
pub(super) fn of(
    tenant: TenantId,
    kind: ThingKind,
    events: &[Event],
) -> Result<Vec<Row>, Unreadable> {
    Ok(match kind {
        ThingKind::Tenant => vec![of_tenant(&folded(events)?)],
        ThingKind::Catalog => of_import(tenant, &folded(events)?),
        ThingKind::Role => vec![of_role(tenant, &folded(events)?)],
        ThingKind::Principal => vec![of_principal(tenant, &folded(events)?)],
        ThingKind::Group => vec![of_group(tenant, &folded(events)?)],
        // Each version stays.
        ThingKind::Policy => (1..=events.len())
            .map(|count| Ok(of_policy(tenant, &folded(&events[..count])?)))
            .collect::<Result<_, Unreadable>>()?,
        ThingKind::Scope => of_scope(tenant, &folded(events)?, events),
        ThingKind::Eligibility | ThingKind::Assignment => vec![of_grant(tenant, &folded(events)?)],
        ThingKind::Activation => of_activation(tenant, &folded(events)?, events)?,
        ThingKind::Approval => of_approval(tenant, &folded(events)?)?,
        ThingKind::ChangeRequest => vec![of_change_request(tenant, &folded(events)?)],
        ThingKind::Alert => vec![of_incident(tenant, &folded(events)?)],
        ThingKind::AlertSetting => vec![of_setting(tenant, &folded(events)?)],
        ThingKind::Event => return Err(Unreadable),
    })
}

fn of_tenant(tenant: &Tenant) -> Row {
    let freeze = tenant.freeze.as_ref();
    let consent = freeze.and_then(|freeze| freeze.consent.as_ref());
    let columns = json!({
        "id": tenant.id,
        "display_name": tenant.display_name,
        "plan": tenant.plan.as_str(),
        "freeze_time": freeze.map(|freeze| freeze.time),
        "frozen_by": freeze.map(|freeze| freeze.by),
        "consent_time": consent.map(|consent| consent.time),
        "consent_by": consent.map(|consent| consent.by),
        "version": tenant.version,
        "create_time": tenant.create_time,
        "update_time": tenant.update_time,
    });
    row("tenant", columns)
}

/// With its roles, where this program has the catalog at that version.
fn of_import(tenant: TenantId, import: &Import) -> Vec<Row> {
    let columns = json!({
        "tenant_id": tenant,
        "id": import.id,
        "catalog": import.catalog,
        "catalog_version": import.catalog_version,
        "version": import.version,
        "create_time": import.create_time,
        "update_time": import.update_time,
    });
    let mut rows = vec![row("catalog_import", columns)];
    let file = catalog::file(import.catalog).ok();
    if let Some(file) = file.filter(|file| file.version == import.catalog_version) {
        let besides: &[_] = if import.version.0 > 1 { &BY_IMPORTS } else { &[] };
        let roles = role::of_catalog(file, import).map(|role| of_role(tenant, &role));
        rows.extend(roles.map(|row| Row { besides, ..row }));
    }
    rows
}

fn of_role(tenant: TenantId, role: &Role) -> Row {
    let custom = role.custom.as_ref();
    let deleted = custom.and_then(|custom| custom.deleted);
    let columns = json!({
        "tenant_id": tenant,
        "id": role.id,
        "catalog": role.catalog,
        "display_name": role.display_name,
        "privileged": role.privileged,
        "assignable": role.assignable,
        "inherits": role.inherits,
        "permissions": role.permissions,
        "assignable_scopes": custom.map(|custom| &custom.assignable_scopes),
        "deleted_time": deleted.map(|deletion| deletion.at),
        "deleted_by": deleted.map(|deletion| deletion.by),
        "version": role.version,
        "create_time": role.create_time,
        "update_time": role.update_time,
    });
    row("role", columns)
}

fn of_principal(tenant: TenantId, principal: &Principal) -> Row {
    let kind = match principal.kind {
        PrincipalKind::User => "user",
        PrincipalKind::ServicePrincipal => "service_principal",
    };
    let columns = json!({
        "tenant_id": tenant,
        "id": principal.id,
        "kind": kind,
        "issuer": principal.issuer,
        "subject": principal.subject,
        "display_name": principal.display_name,
        "person_id": principal.person,
        "enabled_since": principal.enabled_since,
        "break_glass": principal.break_glass,
        "version": principal.version,
        "create_time": principal.create_time,
        "update_time": principal.update_time,
    });
    row("principal", columns)
}

fn of_group(tenant: TenantId, group: &Group) -> Row {
    let columns = json!({
        "tenant_id": tenant,
        "id": group.id,
        "kind": "group",
        "display_name": group.display_name,
        "break_glass": false,
        "role_assignable": group.role_assignable,
        "deleted_time": group.deleted,
        "version": group.version,
        "create_time": group.create_time,
        "update_time": group.update_time,
    });
    row("principal", columns)
}

fn of_policy(tenant: TenantId, policy: &Policy) -> Row {
    let enforced: Vec<&str> = policy.enforced.iter().map(|rule| rule.as_str()).collect();
    let columns = json!({
        "tenant_id": tenant,
        "role_id": policy.role,
        "scope": policy.scope,
        "revision": policy.revision,
        "version": policy.version,
        "rules": policy.set,
        "enforced": enforced,
        "create_time": policy.create_time,
        "update_time": policy.update_time,
    });
    row("policy", columns)
}

/// With what its moves have severed, each by the first that did.
fn of_scope(tenant: TenantId, node: &Node, events: &[Event]) -> Vec<Row> {
    let columns = json!({
        "tenant_id": tenant,
        "path": node.scope,
        "kind": node.kind().as_str(),
        "parent": node.parent,
        "display_name": node.display_name,
        "delete_time": node.deleted,
        "version": node.version,
        "create_time": node.create_time,
        "update_time": node.update_time,
    });
    let mut rows = vec![row("scope", columns)];
    for event in events {
        rows.extend(scope::severed(event).into_iter().map(|activation| {
            let columns = json!({
                "tenant_id": tenant,
                "activation_id": activation,
                "sever_time": event.time,
            });
            row("severed", columns)
        }));
    }
    rows
}

fn of_grant(tenant: TenantId, grant: &Grant) -> Row {
    let columns = json!({
        "tenant_id": tenant,
        "id": grant.id,
        "kind": grant.kind.as_str(),
        "principal_id": grant.principal,
        "role_id": grant.role,
        "scope": grant.scope,
        "start_time": grant.window.start,
        "end_time": grant.window.end,
        "ended_time": grant.ended.map(|end| end.at),
        "ending": grant.ended.map(|end| end.how.as_str()),
        "justification": committed(&grant.justification),
        "ticket_number": grant.ticket.as_ref().map(|ticket| &ticket.number),
        "ticket_system": grant.ticket.as_ref().map(|ticket| &ticket.system),
        "granted_by": grant.granted_by,
        "renewed_from": grant.renewed_from,
        "policy_revision": grant.policy_revision,
        "version": grant.version,
        "create_time": grant.create_time,
        "update_time": grant.update_time,
    });
    // By a trigger, of the principal: looked at by itself.
    Row { table: "role_grant", columns, besides: &["holder_is_group"] }
}

/// With every extension that was ever asked for, and the sign-ins that served for them.
fn of_activation(
    tenant: TenantId,
    activation: &Activation,
    events: &[Event],
) -> Result<Vec<Row>, Unreadable> {
    let columns = Columns::of(activation)?;
    let request = &activation.request;
    let columns = json!({
        "tenant_id": tenant,
        "id": activation.id,
        "principal_id": activation.principal,
        "role_id": activation.role,
        "scope": activation.scope,
        "eligibility_id": activation.eligibility,
        "membership_ids": activation.memberships,
        "requested_start_time": request.start,
        "requested_duration": columns.requested_duration,
        "requested_end_time": columns.requested_end_time,
        "justification": committed(&request.justification),
        "ticket_number": columns.ticket_number,
        "ticket_system": columns.ticket_system,
        "mfa": request.sign_in.mfa,
        "auth_time": request.sign_in.time,
        "authentication_contexts": request.sign_in.contexts,
        "signals": request.sign_in.signals,
        "shortened_duration": columns.shortened_duration,
        "policy_revision": activation.policy_revision,
        "state": activation.state.as_str(),
        "expire_time": columns.expire_time,
        "start_time": columns.start_time,
        "end_time": columns.end_time,
        "truncated": columns.truncated,
        "ended_time": columns.ended_time,
        "ending": columns.ending,
        "void_rules": columns.void_rules,
        "extension_id": columns.extension_id,
        "version": activation.version,
        "create_time": activation.create_time,
        "update_time": activation.update_time,
    });
    let mut rows = vec![row("activation", columns)];
    rows.extend(activation.used_authentications.iter().map(|time| {
        let columns = json!({
            "tenant_id": tenant,
            "principal_id": activation.principal,
            "auth_time": time,
            "activation_id": activation.id,
        });
        row("used_authentication", columns)
    }));
    let mut last = None;
    for count in 1..=events.len() {
        let State::Active { extension: Some(extension), .. } =
            folded::<Activation>(&events[..count])?.state
        else {
            continue;
        };
        if last.replace(extension.id) != Some(extension.id) {
            rows.push(of_extension(tenant, activation, &extension)?);
        }
    }
    Ok(rows)
}

fn of_extension(
    tenant: TenantId,
    activation: &Activation,
    extension: &Extension,
) -> Result<Row, Unreadable> {
    let request = &extension.request;
    let (requested_duration, requested_end_time) = columns::length(request.length)?;
    let (ticket_number, ticket_system) = columns::ticket(request.ticket.as_ref());
    let columns = json!({
        "tenant_id": tenant,
        "id": extension.id,
        "activation_id": activation.id,
        "end_time": extension.end,
        "requested_duration": requested_duration,
        "requested_end_time": requested_end_time,
        "justification": committed(&request.justification),
        "ticket_number": ticket_number,
        "ticket_system": ticket_system,
        "mfa": request.sign_in.mfa,
        "auth_time": request.sign_in.time,
        "authentication_contexts": request.sign_in.contexts,
        "signals": request.sign_in.signals,
        "policy_revision": extension.policy_revision,
        "expire_time": extension.expire_time,
        "create_time": extension.create_time,
    });
    Ok(row("extension", columns))
}

/// With its decisions.
fn of_approval(tenant: TenantId, approval: &Approval) -> Result<Vec<Row>, Unreadable> {
    let columns = json!({
        "tenant_id": tenant,
        "id": approval.id,
        "activation_id": approval.activation,
        "extension_id": approval.extension,
        "approver_ids": approvals::approver_ids(approval),
        "rules": approval.rules,
        "shortest_duration": micros(approval.shortest)?,
        "shortened_duration": approval.shortened.map(micros).transpose()?,
        "expire_time": approval.expire_time,
        "state": approval.state.as_str(),
        "version": approval.version,
        "create_time": approval.create_time,
        "update_time": approval.update_time,
    });
    // Each has made one version, the first one the second.
    let decisions = (2..).zip(&approval.decisions).map(|(version, decision): (i64, _)| {
        let columns = json!({
            "tenant_id": tenant,
            "approval_id": approval.id,
            "person_id": decision.person,
            "approver_id": decision.approver,
            "verdict": decision.verdict,
            "justification": committed(&decision.justification),
            "decide_time": decision.time,
            "dropped_time": decision.dropped,
            "version": version,
        });
        row("decision", columns)
    });
    Ok([row("approval", columns)].into_iter().chain(decisions).collect())
}

fn of_change_request(tenant: TenantId, request: &ChangeRequest) -> Row {
    let (decision, outcome) = match &request.state {
        Asked::Pending | Asked::TimedOut => (None, None),
        Asked::Denied(decision) | Asked::Canceled(decision) => (Some(decision), None),
        Asked::Approved { decision, outcome } => (Some(decision), Some(outcome)),
    };
    let columns = json!({
        "tenant_id": tenant,
        "id": request.id,
        "kind": request.kind.as_str(),
        "grant_kind": request.grant_kind.as_str(),
        "grant_id": request.grant,
        "principal_id": request.principal,
        "role_id": request.role,
        "scope": request.scope,
        "end_time": request.end,
        "justification": committed(&request.justification),
        "ticket_number": request.ticket.as_ref().map(|ticket| &ticket.number),
        "ticket_system": request.ticket.as_ref().map(|ticket| &ticket.system),
        "expire_time": request.expire_time,
        "state": request.state.as_str(),
        "decider_id": decision.map(|decision| decision.by),
        "decision_justification": decision.map(|decision| committed(&decision.justification)),
        "outcome_id": outcome,
        "version": request.version,
        "create_time": request.create_time,
        "update_time": request.update_time,
    });
    row("change_request", columns)
}

fn of_incident(tenant: TenantId, incident: &Incident) -> Row {
    let (dismissal, resolved) = match &incident.state {
        IncidentState::Triggered => (None, None),
        IncidentState::Dismissed { dismissed_by, dismiss_time, justification } => {
            (Some((dismissed_by, dismiss_time, justification)), None)
        }
        IncidentState::Resolved { resolve_time } => (None, Some(resolve_time)),
    };
    let columns = json!({
        "tenant_id": tenant,
        "id": incident.id,
        "kind": incident.kind.as_str(),
        "condition_id": incident.condition,
        "subject_id": incident.subject,
        "role_id": incident.role,
        "scope": incident.scope,
        "detail": incident.detail,
        "state": incident.state.as_str(),
        "dismissed_by": dismissal.map(|(by, ..)| by),
        "dismiss_time": dismissal.map(|(_, time, _)| time),
        "dismiss_justification": dismissal.map(|(.., justification)| committed(justification)),
        "resolve_time": resolved,
        "version": incident.version,
        "create_time": incident.create_time,
        "update_time": incident.update_time,
    });
    row("alert", columns)
}

fn of_setting(tenant: TenantId, setting: &Setting) -> Row {
    let columns = json!({
        "tenant_id": tenant,
        "kind": setting.kind.as_str(),
        "is_enabled": setting.is_enabled,
        "parameters": setting.parameters,
        "version": setting.version,
        "create_time": setting.create_time,
        "update_time": setting.update_time,
    });
    row("alert_setting", columns)
}
