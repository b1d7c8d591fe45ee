-- Alerts: what somebody should look at, and what tenants set of that. Old code goes on beside it.

-- Incidents. Writer: audit.
create table alert (
    tenant_id uuid not null references tenant,
    id uuid not null,
    kind text not null,
    -- Names what is met: the same for as long as it lasts.
    condition_id uuid not null,
    subject_id uuid,
    role_id uuid,
    scope text,
    -- What was seen when it was opened.
    detail text not null,
    state text not null check (state in ('TRIGGERED', 'DISMISSED', 'RESOLVED')),
    dismissed_by uuid,
    dismiss_time timestamptz,
    dismiss_justification text,
    resolve_time timestamptz,
    version bigint not null,
    create_time timestamptz not null,
    update_time timestamptz not null,
    primary key (tenant_id, id),
    foreign key (tenant_id, dismissed_by) references principal (tenant_id, id),
    constraint alert_dismissal check (
        (state = 'DISMISSED') = (dismissed_by is not null)
        and (dismissed_by is null) = (dismiss_time is null)
        and (dismissed_by is null) = (dismiss_justification is null)
    ),
    constraint alert_resolution check ((state = 'RESOLVED') = (resolve_time is not null))
);
-- What concurrency could break: one incident for one condition.
create unique index alert_open on alert (tenant_id, kind, condition_id) where state <> 'RESOLVED';

-- What a tenant has set of a kind. Writer: audit.
create table alert_setting (
    tenant_id uuid not null references tenant,
    kind text not null,
    is_enabled boolean not null,
    parameters jsonb not null,
    version bigint not null,
    create_time timestamptz not null,
    update_time timestamptz not null,
    primary key (tenant_id, kind)
);

-- When a tenant's last scan began. Writer: audit.
create table alert_scan (
    tenant_id uuid primary key references tenant,
    scan_time timestamptz not null
);

-- What conditions are looked for by.
create index event_by_actor on event (tenant_id, actor_id, event_time);
create index event_counted on event (tenant_id, code, event_time)
    where code in ('pim.activation.activated', 'pim.call.refused');
create index activation_of_eligibility on activation (tenant_id, eligibility_id, start_time);
create index decision_by_time on decision (tenant_id, decide_time);
create index principal_break_glass on principal (tenant_id, id) where break_glass;
