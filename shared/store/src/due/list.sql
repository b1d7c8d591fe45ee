with stopped as (
    -- Where nothing can be gained: what would is due when that has ended.
    select id from tenant where freeze_time is not null or plan <> 'P2'
),
waiting as (
    -- What waits for its approvers: a request, or an extension of what is held.
    select tenant_id, id, null::uuid as extension_id, create_time as since
    from activation
    where state = 'PENDING_APPROVAL' and expire_time > $1
    union all
    select a.tenant_id, a.id, x.id, x.create_time
    from activation a
    join extension x on x.tenant_id = a.tenant_id and x.id = a.extension_id
    where a.end_time > $1 and x.expire_time > $1
)
select
    kind as "kind!", tenant_id as "tenant_id!", thing_id as "thing_id!", due_time as "due_time!",
    approval_id
from (
    select
        kind, tenant_id, thing_id,
        -- That an approval may have become impossible says nothing where something else is certain.
        coalesce(min(due_time) filter (where approval_id is null), min(due_time)) as due_time,
        -- Only where nothing else makes it due.
        case when bool_and(approval_id is not null) then (array_agg(approval_id))[1] end
            as approval_id
    from (
        select
            'expire_activation' as kind, tenant_id, id as thing_id, end_time as due_time,
            -- Of what is due only if this approval has become impossible.
            null::uuid as approval_id
        from activation where state = 'ACTIVE' and end_time <= $1

        -- Nobody decided in time.
        union all
        select 'expire_activation', tenant_id, id, expire_time, null
        from activation where state = 'PENDING_APPROVAL' and expire_time <= $1

        -- Nobody decided on its extension in time.
        union all
        select 'expire_activation', a.tenant_id, a.id, x.expire_time, null
        from activation a
        join extension x on x.tenant_id = a.tenant_id and x.id = a.extension_id
        where a.end_time > $1 and x.expire_time <= $1

        union all
        select 'start_activation', tenant_id, id, start_time, null
        from activation
        where state = 'SCHEDULED' and start_time <= $1
            and tenant_id not in (select id from stopped)

        -- What it rests on has ended, or will have by its start; or a move has kept it from that.
        union all
        select 'void_activation', a.tenant_id, a.id,
            least(greatest(e.update_time, p.update_time, v.sever_time), $1), null
        from activation a
        join role_grant e on e.tenant_id = a.tenant_id and e.id = a.eligibility_id
        join principal p on p.tenant_id = a.tenant_id and p.id = a.principal_id
        left join severed v on v.tenant_id = a.tenant_id and v.activation_id = a.id
        where a.state <> 'ENDED'
            and coalesce(a.expire_time, a.end_time, 'infinity') > $1
            and (
                v.sever_time is not null
                or p.enabled_since is null
                or p.enabled_since > case a.state when 'ACTIVE' then a.start_time else a.create_time end
                or coalesce(e.ended_time, e.end_time) <= case a.state
                    when 'ACTIVE' then $1
                    when 'SCHEDULED' then greatest($1, a.start_time)
                    else greatest($1, a.requested_start_time)
                end
            )

        -- A membership on the way to what it rests on has ended, or will have by its start.
        union all
        select 'void_activation', a.tenant_id, a.id,
            least(greatest(max(m.update_time), max(v.update_time)), $1), null
        from activation a
        cross join unnest(a.membership_ids) on_path
        left join role_grant m on m.tenant_id = a.tenant_id and m.id = on_path
        left join activation v on v.tenant_id = a.tenant_id and v.id = on_path
        where a.state <> 'ENDED'
            and coalesce(a.expire_time, a.end_time, 'infinity') > $1
            and coalesce(m.ended_time, m.end_time, v.ended_time, v.end_time) <= case a.state
                when 'ACTIVE' then $1
                when 'SCHEDULED' then greatest($1, a.start_time)
                else greatest($1, a.requested_start_time)
            end
        group by a.tenant_id, a.id

        -- The group that has what it rests on, or to which that gives access, is deleted.
        union all
        select 'void_activation', a.tenant_id, a.id, least(p.deleted_time, $1), null
        from principal p
        join role_grant e on e.tenant_id = p.tenant_id and p.id in (e.principal_id, e.group_id)
        join activation a on a.tenant_id = e.tenant_id and a.eligibility_id = e.id
            and a.state <> 'ENDED' and coalesce(a.expire_time, a.end_time, 'infinity') > $1
        where p.deleted_time is not null

        -- Its role was deleted.
        union all
        select 'void_activation', a.tenant_id, a.id, least(r.deleted_time, $1), null
        from role r
        join activation a on a.tenant_id = r.tenant_id and a.role_id = r.id
        where r.deleted_time is not null and a.state <> 'ENDED'
            and coalesce(a.expire_time, a.end_time, 'infinity') > $1

        -- An approver of what it waits for has gone, or may have: perhaps those who are left cannot approve it.
        union all
        select 'void_activation', w.tenant_id, w.id, least(max(p.update_time), $1), v.id
        from waiting w
        join approval v on v.tenant_id = w.tenant_id and v.activation_id = w.id
            and v.extension_id is not distinct from w.extension_id and v.state = 'PENDING'
        join principal p on p.tenant_id = v.tenant_id and p.id = any(v.approver_ids)
            -- Who belongs to a group changes with its memberships, and the rules say who does.
            and (p.enabled_since is null or p.kind = 'group')
        group by w.tenant_id, w.id, v.id

        -- The bell that an approval was decided was not heard.
        union all
        select 'resolve_activation', w.tenant_id, w.id, v.update_time, null
        from waiting w
        join approval v on v.tenant_id = w.tenant_id and v.activation_id = w.id
            and v.extension_id is not distinct from w.extension_id
        where v.state = 'DENIED'
            or (v.state = 'APPROVED' and w.tenant_id not in (select id from stopped))

        -- The bell that an approval is wanted was not heard.
        union all
        select 'open_approval', w.tenant_id, w.id, w.since, null
        from waiting w
        where not exists (
            select from approval v
            where v.tenant_id = w.tenant_id and v.activation_id = w.id
                and v.extension_id is not distinct from w.extension_id
        )

        union all
        select 'time_out_approval', tenant_id, id, expire_time, null
        from approval where state = 'PENDING' and expire_time <= $1

        -- Its activation, or the extension of it, waits for it no more.
        union all
        select 'cancel_approval', v.tenant_id, v.id, a.update_time, null
        from approval v
        join activation a on a.tenant_id = v.tenant_id and a.id = v.activation_id
        where v.state = 'PENDING' and v.expire_time > $1
            and case
                when v.extension_id is null then a.state <> 'PENDING_APPROVAL'
                else a.extension_id is distinct from v.extension_id
            end

        union all
        select 'end_' || kind, tenant_id, id, end_time, null
        from role_grant where ended_time is null and end_time <= $1

        -- It ended with its group.
        union all
        select 'end_' || g.kind, g.tenant_id, g.id, p.deleted_time, null
        from principal p
        join role_grant g on g.tenant_id = p.tenant_id and p.id in (g.principal_id, g.group_id)
        where p.deleted_time is not null and g.ended_time is null

        -- Its role was deleted.
        union all
        select 'end_' || g.kind, g.tenant_id, g.id, least(r.deleted_time, $1), null
        from role r
        join role_grant g on g.tenant_id = r.tenant_id and g.role_id = r.id
        where r.deleted_time is not null and g.ended_time is null

        -- Nobody decided in time.
        union all
        select 'time_out_change_request', tenant_id, id, expire_time, null
        from change_request where state = 'PENDING' and expire_time <= $1

        -- Its role was deleted.
        union all
        select 'time_out_change_request', c.tenant_id, c.id, least(r.deleted_time, $1), null
        from role r
        join change_request c on c.tenant_id = r.tenant_id and c.role_id = r.id
        where r.deleted_time is not null and c.state = 'PENDING'
    ) found
    -- Both the path and the approvers of one may have ended.
    group by kind, tenant_id, thing_id
) due
where $2::timestamptz is null or (due_time, thing_id, kind) > ($2, $3::uuid, $4::text)
order by due_time, thing_id, kind
limit $5
