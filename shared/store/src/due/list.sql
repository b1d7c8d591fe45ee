select
    kind as "kind!", tenant_id as "tenant_id!", thing_id as "thing_id!", due_time as "due_time!"
from (
    select 'expire_activation' as kind, tenant_id, id as thing_id, end_time as due_time
    from activation where state = 'ACTIVE' and end_time <= $1

    -- Nobody decided in time.
    union all
    select 'expire_activation', tenant_id, id, expire_time
    from activation where state = 'PENDING_APPROVAL' and expire_time <= $1

    union all
    select 'start_activation', tenant_id, id, start_time
    from activation where state = 'SCHEDULED' and start_time <= $1

    -- What it rests on has ended, or will have by its start.
    union all
    select 'void_activation', a.tenant_id, a.id,
        least(greatest(e.update_time, p.update_time), $1)
    from activation a
    join role_grant e on e.tenant_id = a.tenant_id and e.id = a.eligibility_id
    join principal p on p.tenant_id = a.tenant_id and p.id = a.principal_id
    where a.state <> 'ENDED'
        and coalesce(a.expire_time, a.end_time, 'infinity') > $1
        and (
            p.enabled_since is null
            or p.enabled_since > case a.state when 'ACTIVE' then a.start_time else a.create_time end
            or coalesce(e.ended_time, e.end_time) <= case a.state
                when 'ACTIVE' then $1
                when 'SCHEDULED' then greatest($1, a.start_time)
                else greatest($1, a.requested_start_time)
            end
        )

    -- The bell that an approval was decided was not heard.
    union all
    select 'resolve_activation', a.tenant_id, a.id, v.update_time
    from activation a
    join approval v on v.tenant_id = a.tenant_id and v.activation_id = a.id
    where a.state = 'PENDING_APPROVAL' and a.expire_time > $1
        and v.state in ('APPROVED', 'DENIED')

    -- The bell that an approval is wanted was not heard.
    union all
    select 'open_approval', a.tenant_id, a.id, a.create_time
    from activation a
    where a.state = 'PENDING_APPROVAL' and a.expire_time > $1
        and not exists (
            select from approval v where v.tenant_id = a.tenant_id and v.activation_id = a.id
        )

    union all
    select 'time_out_approval', tenant_id, id, expire_time
    from approval where state = 'PENDING' and expire_time <= $1

    -- Its activation ended otherwise.
    union all
    select 'cancel_approval', v.tenant_id, v.id, a.update_time
    from approval v
    join activation a on a.tenant_id = v.tenant_id and a.id = v.activation_id
    where v.state = 'PENDING' and v.expire_time > $1 and a.state <> 'PENDING_APPROVAL'

    union all
    select 'end_' || kind, tenant_id, id, end_time
    from role_grant where ended_time is null and end_time <= $1

    -- Nobody decided in time.
    union all
    select 'time_out_change_request', tenant_id, id, expire_time
    from change_request where state = 'PENDING' and expire_time <= $1
) due
where $2::timestamptz is null or (due_time, thing_id, kind) > ($2, $3::uuid, $4::text)
order by due_time, thing_id, kind
limit $5
