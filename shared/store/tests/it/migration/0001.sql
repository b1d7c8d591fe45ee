-- Times are some microseconds after noon, so that nothing is lost unseen. Ids end in digits by kind.
create function pg_temp.id(digits text) returns uuid language sql
    return lpad(digits, 32, '0')::uuid;
create function pg_temp.at(later interval) returns timestamptz language sql
    return '2026-01-05T12:00:00.123456Z'::timestamptz + later;

insert into tenant (id, display_name, version, create_time, update_time)
values (pg_temp.id('1'), 'Contoso', 1, pg_temp.at('0'), pg_temp.at('0'));
insert into role
    (tenant_id, id, catalog, display_name, privileged, assignable, inherits, permissions, version,
     create_time, update_time)
values
    (pg_temp.id('1'), pg_temp.id('2'), 'entra', 'Test Administrator', true, true, '{}', '[]', 1,
     pg_temp.at('0'), pg_temp.at('0'));
insert into principal
    (tenant_id, id, kind, issuer, subject, display_name, enabled_since, break_glass, version,
     create_time, update_time)
select pg_temp.id('1'), pg_temp.id(digits), 'user', 'https://issuer.example', digits, digits,
    pg_temp.at('-1 day'), false, 1, pg_temp.at('0'), pg_temp.at('0')
from unnest(array['4a', '4b', '4c']) digits;
insert into role_grant
    (tenant_id, id, kind, principal_id, role_id, scope, start_time, justification, policy_revision,
     version, create_time, update_time)
values
    (pg_temp.id('1'), pg_temp.id('5a'), 'eligibility', pg_temp.id('4a'), pg_temp.id('2'), '/',
     pg_temp.at('-1 day'), 'their work', 0, 1, pg_temp.at('0'), pg_temp.at('0'));

insert into policy (tenant_id, role_id, revision, rules, create_time, update_time)
select pg_temp.id('1'), pg_temp.id('2'), revision, rules, pg_temp.at('0'), pg_temp.at('0')
from (values
    (1, '{"activation_max": "PT2H"}'::jsonb),
    (2, jsonb_build_object('activation_max', 'PT2H', 'approval', jsonb_build_object(
        'approvers', jsonb_build_array(pg_temp.id('4b'), pg_temp.id('4c')),
        'timeout', 'PT1H30M', 'justify_approve', true, 'justify_deny', false))),
    (3, '{"require_mfa": false, "approval": {"approvers": [], "timeout": "P1D",
          "justify_approve": true, "justify_deny": true}}'),
    (4, '{}')
) policy (revision, rules);

insert into activation
    (tenant_id, id, principal_id, role_id, scope, eligibility_id, requested_duration,
     justification, mfa, policy_revision, state, expire_time, start_time, end_time, truncated,
     ended_time, ending, version, create_time, update_time)
select pg_temp.id('1'), pg_temp.id(digits), pg_temp.id('4a'), pg_temp.id('2'), scope,
    pg_temp.id('5a'), 3600000000, 'to mend the mail', true, 2, state, expire_time, start_time,
    end_time, truncated, ended_time, ending, 1, pg_temp.at('0'), pg_temp.at('0')
from (values
    ('61', '/applications/a', 'PENDING_APPROVAL', pg_temp.at('90 minutes'),
     null::timestamptz, null::timestamptz, null::boolean, null::timestamptz, null),
    ('62', '/applications/b', 'ACTIVE', null, pg_temp.at('0'), pg_temp.at('1 hour'), false, null,
     null),
    ('63', '/applications/c', 'ENDED', null, null, null, null, pg_temp.at('0'), 'canceled')
) activation
    (digits, scope, state, expire_time, start_time, end_time, truncated, ended_time, ending);

insert into approval
    (tenant_id, id, activation_id, approver_ids, timeout, justify_approve, justify_deny,
     expire_time, state, version, create_time, update_time)
select pg_temp.id('1'), pg_temp.id(digits), pg_temp.id(activation),
    array[pg_temp.id('4b'), pg_temp.id('4c')], 5400000000, true, false, pg_temp.at('90 minutes'),
    state, version, pg_temp.at('0'), pg_temp.at('0')
from (values ('71', '61', 'PENDING', 2), ('72', '62', 'APPROVED', 3))
    approval (digits, activation, state, version);
-- Of the second approval Dave said yes first.
insert into decision
    (tenant_id, approval_id, person_id, approver_id, verdict, justification, decide_time, version)
select pg_temp.id('1'), pg_temp.id(approval), pg_temp.id(who), pg_temp.id(who), 'approve',
    'known work', pg_temp.at('0'), version
from (values ('71', '4b', 2), ('72', '4b', 3), ('72', '4c', 2)) decision (approval, who, version);
