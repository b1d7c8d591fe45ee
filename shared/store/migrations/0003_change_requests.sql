-- What holders ask of administrators about their eligibilities and assignments, and renewals.

-- The grant that had ended, where this one renews it.
alter table role_grant
    add column renewed_from uuid,
    add constraint role_grant_renewed_from
        foreign key (tenant_id, renewed_from) references role_grant (tenant_id, id),
    add constraint role_grant_renews_another check (renewed_from <> id);

-- Writer: assignment.
create table change_request (
    tenant_id uuid not null,
    id uuid not null,
    kind text not null check (kind in ('EXTENSION', 'RENEWAL')),
    grant_kind text not null check (grant_kind in ('eligibility', 'assignment')),
    grant_id uuid not null,
    -- Those of the grant, which never change.
    principal_id uuid not null,
    role_id uuid not null,
    scope text not null,
    -- The end that is wished for.
    end_time timestamptz,
    justification text not null,
    ticket_number text,
    ticket_system text,
    -- Nobody can decide from then on.
    expire_time timestamptz not null,
    state text not null
        check (state in ('PENDING', 'APPROVED', 'DENIED', 'TIMED_OUT', 'CANCELED')),
    decider_id uuid,
    decision_justification text,
    -- The grant that was extended, or the new one.
    outcome_id uuid,
    version bigint not null,
    create_time timestamptz not null,
    update_time timestamptz not null,
    primary key (tenant_id, id),
    foreign key (tenant_id, grant_id) references role_grant (tenant_id, id),
    foreign key (tenant_id, outcome_id) references role_grant (tenant_id, id),
    foreign key (tenant_id, principal_id) references principal (tenant_id, id),
    foreign key (tenant_id, role_id) references role (tenant_id, id),
    foreign key (tenant_id, decider_id) references principal (tenant_id, id),
    constraint change_request_ticket check ((ticket_number is null) = (ticket_system is null)),
    constraint change_request_decision check (
        (state in ('APPROVED', 'DENIED', 'CANCELED')) = (decider_id is not null)
        and (decider_id is null) = (decision_justification is null)
    ),
    constraint change_request_outcome check ((state = 'APPROVED') = (outcome_id is not null))
);
-- What concurrency could break: one that waits for a grant.
create unique index change_request_pending on change_request (tenant_id, grant_id)
    where state = 'PENDING';
create index change_request_by_principal on change_request (tenant_id, principal_id, id);
create index change_request_time_out_due on change_request (expire_time) where state = 'PENDING';
