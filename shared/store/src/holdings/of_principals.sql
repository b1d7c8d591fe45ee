-- What has ended as recorded never counts again, nor of a role that was deleted, so it is left out
-- here.
select
    g.id as "id!", false as "is_activation!", g.principal_id as "principal_id!",
    g.role_id as "role_id!", g.scope as "scope!", g.start_time as "start_time!",
    g.end_time as "end_time?", false as "is_booked!",
    null::timestamptz as "path_start_time?", null::timestamptz as "path_end_time?",
    null::timestamptz as "path_ended_time?", p.enabled_since as "enabled_since?",
    greatest(g.update_time, p.update_time, r.update_time) as "update_time!"
from role_grant g
join principal p on p.tenant_id = g.tenant_id and p.id = g.principal_id
join role r on r.tenant_id = g.tenant_id and r.id = g.role_id and r.deleted_time is null
where g.tenant_id = $1
    and g.kind = 'assignment'
    and g.ended_time is null
    and g.principal_id = any($2)
    and ($3::uuid[] is null or g.role_id = any($3))
    and ($4::text[] is null or g.scope = any($4))
union all
select
    a.id, true, a.principal_id, a.role_id, a.scope, a.start_time, a.end_time,
    a.state = 'SCHEDULED', e.start_time, e.end_time, least(e.ended_time, v.sever_time),
    p.enabled_since, greatest(a.update_time, e.update_time, p.update_time, r.update_time, v.sever_time)
from activation a
join role_grant e on e.tenant_id = a.tenant_id and e.id = a.eligibility_id
left join severed v on v.tenant_id = a.tenant_id and v.activation_id = a.id
join principal p on p.tenant_id = a.tenant_id and p.id = a.principal_id
join role r on r.tenant_id = a.tenant_id and r.id = a.role_id and r.deleted_time is null
where a.tenant_id = $1
    and a.state in ('ACTIVE', 'SCHEDULED')
    and a.principal_id = any($2)
    and ($3::uuid[] is null or a.role_id = any($3))
    and ($4::text[] is null or a.scope = any($4))
