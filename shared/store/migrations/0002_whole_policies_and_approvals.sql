-- What runs on the schema before does not run on this one: nothing has been released yet.
-- Policies at scopes, rules that bind what lies below; approval in stages; extensions.

-- A policy is set for a role at a scope, the root for the whole tenant. Its revision numbers the
-- changes of all policies of the role, so that one number names what a request was judged by.
alter table policy
    add column scope text not null default '/',
    add column version bigint,
    add column enforced text[] not null default '{}';
update policy
set version = revision,
    rules = case
        when coalesce(jsonb_array_length(rules #> '{approval,approvers}'), 0) = 0
            then rules - 'approval'
        else jsonb_set(rules, '{approval}', (rules -> 'approval') - 'approvers' || jsonb_build_object(
            'fallback_approvers', '[]'::jsonb,
            'stages', jsonb_build_array(jsonb_build_object(
                'mode', 'all_of',
                'slots', (
                    select jsonb_agg(jsonb_build_object('user', one))
                    from jsonb_array_elements(rules #> '{approval,approvers}') one)))))
    end;
alter table policy
    alter column scope drop default,
    alter column enforced drop default,
    alter column version set not null,
    add constraint policy_version unique (tenant_id, role_id, scope, version);

-- Who must approve is a list of rules, each with stages; one decision of a person counts, and may
-- be dropped.
alter table approval
    add column extension_id uuid,
    add column rules jsonb,
    -- Microseconds.
    add column shortest_duration bigint,
    add column shortened_duration bigint check (shortened_duration > 0);
update approval
set shortest_duration = 300000000,
    rules = jsonb_build_array(jsonb_build_object(
        'stages', jsonb_build_array(jsonb_build_object(
            'mode', 'all_of',
            'slots', (select jsonb_agg(jsonb_build_object('user', one)) from unnest(approver_ids) one))),
        'timeout', 'PT' || timeout / 1000000 || 'S',
        'justify_approve', justify_approve,
        'justify_deny', justify_deny,
        'fallback_approvers', '[]'::jsonb));
drop index approval_inbox;
alter table approval
    alter column rules set not null,
    alter column shortest_duration set not null,
    drop column timeout,
    drop column justify_approve,
    drop column justify_deny,
    drop constraint approval_of_activation;
-- Every user whom the rules name: an index on them.
alter table approval rename column approver_ids to user_ids;
create index approval_inbox on approval using gin (user_ids) where state = 'PENDING';
-- Opening twice opens one.
create unique index approval_of_activation on approval
    (tenant_id, activation_id, coalesce(extension_id, '00000000-0000-0000-0000-000000000000'));

alter table decision
    add column dropped_time timestamptz,
    drop constraint decision_once,
    add primary key (tenant_id, approval_id, version);
create unique index decision_once on decision (tenant_id, approval_id, person_id)
    where dropped_time is null;

-- A wish to hold an active role for longer. Never changes. Writer: activation.
create table extension (
    tenant_id uuid not null,
    id uuid not null,
    activation_id uuid not null,
    -- Where the end is to move.
    end_time timestamptz not null,
    -- Microseconds.
    requested_duration bigint check (requested_duration > 0),
    requested_end_time timestamptz,
    justification text not null,
    ticket_number text,
    ticket_system text,
    mfa boolean not null,
    auth_time timestamptz,
    authentication_contexts text[] not null,
    policy_revision bigint not null,
    expire_time timestamptz not null,
    create_time timestamptz not null,
    primary key (tenant_id, id),
    foreign key (tenant_id, activation_id) references activation (tenant_id, id),
    constraint extension_length check (
        (requested_duration is null) <> (requested_end_time is null)
    ),
    constraint extension_ticket check ((ticket_number is null) = (ticket_system is null))
);

alter table approval add foreign key (tenant_id, extension_id) references extension (tenant_id, id);

-- Answers in the shape before would not read.
truncate idempotency;

alter table activation
    add column auth_time timestamptz,
    add column authentication_contexts text[] not null default '{}',
    -- Microseconds.
    add column shortened_duration bigint check (shortened_duration > 0),
    -- The extension that waits for its approvers.
    add column extension_id uuid,
    add foreign key (tenant_id, extension_id) references extension (tenant_id, id),
    add constraint activation_extension check (extension_id is null or state = 'ACTIVE');
alter table activation alter column authentication_contexts drop default;
create index activation_extending on activation (tenant_id, extension_id)
    where extension_id is not null;
