-- What has ended as recorded never counts again, nor what is of a role that was deleted, so it is left
-- out here.
with recursive
-- The principals, and the groups that they may belong to.
holder (id, removes) as (
    select unnest($2::uuid[]), 0
    union
    select m.group_id, h.removes + 1
    from holder h
    cross join lateral (
        select g.group_id
        from role_grant g
        where g.tenant_id = $1 and g.principal_id = h.id and g.role_id = $5
            and g.kind = 'assignment' and g.ended_time is null
        union all
        select a.group_id
        from activation a
        where a.tenant_id = $1 and a.principal_id = h.id and a.role_id = $5
            and a.state in ('ACTIVE', 'SCHEDULED')
    ) m
    where h.removes < $6
),
who as (
    select p.id, p.enabled_since, p.deleted_time, p.update_time
    from principal p
    where p.tenant_id = $1 and p.id in (select id from holder)
)
select *
from (
    select
        g.id as "id!", false as "is_activation!", g.principal_id as "holder_id!",
        g.role_id as "role_id!", g.scope as "scope!", g.start_time as "start_time!",
        g.end_time as "end_time?",
        -- What a group has, and what gives access to it, ends with it.
        least(p.deleted_time, t.deleted_time) as "ended_time?", false as "is_booked!",
        null::timestamptz as "path_start_time?", null::timestamptz as "path_end_time?",
        null::timestamptz as "path_ended_time?", '{}'::uuid[] as "membership_ids!",
        p.enabled_since as "enabled_since?",
        -- The person who did.
        coalesce(b.person_id, b.id) as "granted_by?",
        greatest(g.update_time, p.update_time, t.update_time, r.update_time) as "update_time!",
        g.role_id = $5 as "is_membership!",
        ($3::uuid[] is null or g.role_id = any($3)) and ($4::text[] is null or g.scope = any($4))
            as "is_asked!"
    from who p
    join role_grant g on g.tenant_id = $1 and g.principal_id = p.id
    join role r on r.tenant_id = $1 and r.id = g.role_id and r.deleted_time is null
    left join principal t on t.tenant_id = $1 and t.id = g.group_id
    left join principal b on b.tenant_id = $1 and b.id = g.granted_by
    where g.kind = 'assignment' and g.ended_time is null
    union all
    select
        a.id, true, a.principal_id, a.role_id, a.scope, a.start_time, a.end_time, t.deleted_time,
        a.state = 'SCHEDULED', e.start_time, e.end_time,
        least(e.ended_time, eh.deleted_time, v.sever_time), a.membership_ids, p.enabled_since,
        coalesce(b.person_id, b.id),
        greatest(a.update_time, e.update_time, p.update_time, t.update_time, eh.update_time,
            r.update_time, v.sever_time),
        a.role_id = $5,
        ($3 is null or a.role_id = any($3)) and ($4 is null or a.scope = any($4))
    from who p
    join activation a on a.tenant_id = $1 and a.principal_id = p.id
    join role r on r.tenant_id = $1 and r.id = a.role_id and r.deleted_time is null
    join role_grant e on e.tenant_id = $1 and e.id = a.eligibility_id
    left join severed v on v.tenant_id = $1 and v.activation_id = a.id
    join principal eh on eh.tenant_id = $1 and eh.id = e.principal_id
    left join principal t on t.tenant_id = $1 and t.id = a.group_id
    left join principal b on b.tenant_id = $1 and b.id = e.granted_by
    where a.state in ('ACTIVE', 'SCHEDULED')
) found
where "is_membership!" or "is_asked!"
