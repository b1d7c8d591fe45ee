-- The tables of the foundation. Every key leads with the tenant, so that nothing can be joined
-- across tenants. Each state has the columns that it needs and no others, by named checks that
-- mirror the domain's enums. Each state table has one writing service, named beside it.

-- Which database this is: revisions name it, so that they cannot be taken to another.
create table instance (
    only_one boolean primary key default true check (only_one),
    id uuid not null default gen_random_uuid()
);
insert into instance default values;

-- Writer: assignment.
create table tenant (
    id uuid primary key,
    display_name text not null,
    version bigint not null,
    create_time timestamptz not null,
    update_time timestamptz not null
);

-- Writer: assignment.
create table catalog_import (
    tenant_id uuid not null references tenant,
    id uuid not null,
    catalog text not null check (catalog in ('entra', 'azure', 'pim')),
    catalog_version text not null,
    version bigint not null,
    create_time timestamptz not null,
    update_time timestamptz not null,
    primary key (tenant_id, catalog)
);

-- Writer: assignment.
create table role (
    tenant_id uuid not null references tenant,
    id uuid not null,
    catalog text not null check (catalog in ('entra', 'azure', 'pim')),
    display_name text not null,
    privileged boolean not null,
    assignable boolean not null,
    inherits uuid[] not null,
    permissions jsonb not null,
    version bigint not null,
    create_time timestamptz not null,
    update_time timestamptz not null,
    primary key (tenant_id, id)
);
create index role_by_name on role (tenant_id, lower(display_name), id);

-- Writer: assignment.
create table principal (
    tenant_id uuid not null references tenant,
    id uuid not null,
    kind text not null check (kind in ('user', 'service_principal')),
    issuer text not null,
    subject text not null,
    display_name text not null,
    person_id uuid,
    -- Absent while disabled.
    enabled_since timestamptz,
    break_glass boolean not null,
    version bigint not null,
    create_time timestamptz not null,
    update_time timestamptz not null,
    primary key (tenant_id, id),
    constraint principal_identity unique (tenant_id, issuer, subject)
);

-- Each revision stays: requests remember the one that they were judged by.
-- Writer: assignment.
create table policy (
    tenant_id uuid not null,
    role_id uuid not null,
    revision bigint not null check (revision > 0),
    -- The rules that the tenant has set.
    rules jsonb not null,
    create_time timestamptz not null,
    update_time timestamptz not null,
    primary key (tenant_id, role_id, revision),
    foreign key (tenant_id, role_id) references role (tenant_id, id)
);

-- Eligibilities and active assignments. Writer: assignment.
create table role_grant (
    tenant_id uuid not null,
    id uuid not null,
    kind text not null check (kind in ('eligibility', 'assignment')),
    principal_id uuid not null,
    role_id uuid not null,
    scope text not null,
    start_time timestamptz not null,
    -- Absent: permanent.
    end_time timestamptz,
    ended_time timestamptz,
    ending text check (ending in ('removed', 'canceled', 'expired')),
    justification text not null,
    ticket_number text,
    ticket_system text,
    policy_revision bigint not null,
    version bigint not null,
    create_time timestamptz not null,
    update_time timestamptz not null,
    primary key (tenant_id, id),
    foreign key (tenant_id, principal_id) references principal (tenant_id, id),
    foreign key (tenant_id, role_id) references role (tenant_id, id),
    constraint role_grant_window check (end_time > start_time),
    constraint role_grant_ended check ((ended_time is null) = (ending is null)),
    constraint role_grant_ticket check ((ticket_number is null) = (ticket_system is null))
);
create index role_grant_by_principal on role_grant (tenant_id, principal_id, role_id);
create index role_grant_by_role on role_grant (tenant_id, role_id, scope);
create index role_grant_due on role_grant (end_time) where ended_time is null;

-- Writer: activation.
create table activation (
    tenant_id uuid not null,
    id uuid not null,
    principal_id uuid not null,
    role_id uuid not null,
    scope text not null,
    eligibility_id uuid not null,
    requested_start_time timestamptz,
    -- Microseconds.
    requested_duration bigint check (requested_duration > 0),
    requested_end_time timestamptz,
    justification text not null,
    ticket_number text,
    ticket_system text,
    mfa boolean not null,
    policy_revision bigint not null,
    state text not null check (state in ('PENDING_APPROVAL', 'SCHEDULED', 'ACTIVE', 'ENDED')),
    -- Of a pending one: timed out from then on.
    expire_time timestamptz,
    start_time timestamptz,
    end_time timestamptz,
    truncated boolean,
    ended_time timestamptz,
    ending text check (
        ending in ('denied', 'timed_out', 'canceled', 'void', 'expired', 'deactivated')
    ),
    void_rules text[],
    version bigint not null,
    create_time timestamptz not null,
    update_time timestamptz not null,
    primary key (tenant_id, id),
    foreign key (tenant_id, principal_id) references principal (tenant_id, id),
    foreign key (tenant_id, role_id) references role (tenant_id, id),
    foreign key (tenant_id, eligibility_id) references role_grant (tenant_id, id),
    constraint activation_length check (
        (requested_duration is null) <> (requested_end_time is null)
    ),
    constraint activation_ticket check ((ticket_number is null) = (ticket_system is null)),
    constraint activation_pending check (
        (state = 'PENDING_APPROVAL') = (expire_time is not null)
    ),
    constraint activation_scheduled check (
        state <> 'SCHEDULED' or (start_time is not null and end_time is null)
    ),
    constraint activation_active check (
        state <> 'ACTIVE' or (start_time is not null and end_time is not null)
    ),
    constraint activation_waiting check (
        state <> 'PENDING_APPROVAL' or (start_time is null and end_time is null)
    ),
    constraint activation_held check (
        (end_time is null) = (truncated is null)
        and (end_time is null or end_time > start_time)
        and (state <> 'ENDED' or (start_time is null) = (end_time is null))
    ),
    constraint activation_ended check (
        (state = 'ENDED') = (ended_time is not null)
        and (ended_time is null) = (ending is null)
        and (coalesce(ending, '') = 'void') = (void_rules is not null)
    )
);
-- What concurrency could break: one live activation for a principal and target.
create unique index activation_live on activation (tenant_id, principal_id, role_id, scope)
    where state <> 'ENDED';
create index activation_by_role on activation (tenant_id, role_id, scope) where state <> 'ENDED';
create index activation_by_eligibility on activation (tenant_id, eligibility_id)
    where state <> 'ENDED';
create index activation_expire_due on activation (end_time) where state = 'ACTIVE';
create index activation_start_due on activation (start_time) where state = 'SCHEDULED';
create index activation_time_out_due on activation (expire_time)
    where state = 'PENDING_APPROVAL';

-- Writer: approval.
create table approval (
    tenant_id uuid not null,
    id uuid not null,
    activation_id uuid not null,
    approver_ids uuid[] not null,
    -- Microseconds.
    timeout bigint not null,
    justify_approve boolean not null,
    justify_deny boolean not null,
    expire_time timestamptz not null,
    state text not null
        check (state in ('PENDING', 'APPROVED', 'DENIED', 'TIMED_OUT', 'CANCELED')),
    version bigint not null,
    create_time timestamptz not null,
    update_time timestamptz not null,
    primary key (tenant_id, id),
    foreign key (tenant_id, activation_id) references activation (tenant_id, id),
    -- Opening twice opens one.
    constraint approval_of_activation unique (tenant_id, activation_id)
);
create index approval_inbox on approval using gin (approver_ids) where state = 'PENDING';
create index approval_time_out_due on approval (expire_time) where state = 'PENDING';

-- Writer: approval.
create table decision (
    tenant_id uuid not null,
    approval_id uuid not null,
    -- The human behind the account: counts once.
    person_id uuid not null,
    approver_id uuid not null,
    verdict text not null check (verdict in ('approve', 'deny')),
    justification text not null,
    decide_time timestamptz not null,
    -- The approval's version that it made.
    version bigint not null,
    constraint decision_once primary key (tenant_id, approval_id, person_id),
    foreign key (tenant_id, approval_id) references approval (tenant_id, id),
    foreign key (tenant_id, approver_id) references principal (tenant_id, id)
);

-- The log, before it is sealed. Insert-only, by every service, in the transaction of its change.
-- The nil tenant is the platform itself. The body is what happened; the columns beside it are an
-- index on it.
create table event (
    tenant_id uuid not null,
    id uuid not null,
    xid xid8 not null default pg_current_xact_id(),
    body bytea not null,
    event_time timestamptz not null,
    code text not null,
    category text not null,
    result text not null check (result in ('success', 'failure')),
    correlation_id uuid,
    actor_id text not null,
    thing_kind text,
    thing_id uuid,
    thing_version bigint,
    subject_id uuid,
    role_id uuid,
    scope text,
    primary key (tenant_id, id),
    -- One change, one event.
    constraint event_of_version unique (tenant_id, thing_kind, thing_id, thing_version)
);
create index event_by_time on event (tenant_id, event_time, id);
create index event_by_xid on event (xid);
create index event_by_correlation on event (tenant_id, correlation_id);
create index event_by_subject on event (tenant_id, subject_id, event_time);
create index event_newest on event (event_time);

create function event_is_insert_only() returns trigger language plpgsql as $$
begin
    raise exception 'the log is insert-only';
end
$$;
create trigger event_is_insert_only before update or delete or truncate on event
    for each statement execute function event_is_insert_only();

-- What was answered to whom under which request id; only successes. Insert-only.
create table idempotency (
    tenant_id uuid not null,
    caller text not null,
    method text not null,
    request_id uuid not null,
    -- SHA-256 of the parsed command.
    digest bytea not null,
    answer jsonb not null,
    create_time timestamptz not null,
    primary key (tenant_id, caller, method, request_id)
);
