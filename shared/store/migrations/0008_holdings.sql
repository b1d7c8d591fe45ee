-- What may be held: assignments that have not ended, and activations that run or are booked, each
-- with all that it rests on. What has ended as recorded never counts again, nor what is of a role
-- that was deleted, so it is left out. The rules say what of it counts when.
create view holding as
select
    g.tenant_id, g.id, false as is_activation, g.principal_id as holder_id, g.role_id, g.scope,
    g.start_time, g.end_time,
    -- What a group has, and what gives access to it, ends with it.
    least(p.deleted_time, t.deleted_time) as ended_time, false as is_booked,
    null::timestamptz as path_start_time, null::timestamptz as path_end_time,
    null::timestamptz as path_ended_time, '{}'::uuid[] as membership_ids,
    -- The person who did.
    coalesce(b.person_id, b.id) as granted_by,
    greatest(g.update_time, p.update_time, t.update_time, r.update_time) as update_time
from role_grant g
join principal p on p.tenant_id = g.tenant_id and p.id = g.principal_id
join role r on r.tenant_id = g.tenant_id and r.id = g.role_id and r.deleted_time is null
left join principal t on t.tenant_id = g.tenant_id and t.id = g.group_id
left join principal b on b.tenant_id = g.tenant_id and b.id = g.granted_by
where g.kind = 'assignment' and g.ended_time is null
union all
select
    a.tenant_id, a.id, true, a.principal_id, a.role_id, a.scope, a.start_time, a.end_time,
    t.deleted_time, a.state = 'SCHEDULED', e.start_time, e.end_time,
    least(e.ended_time, eh.deleted_time, v.sever_time), a.membership_ids,
    coalesce(b.person_id, b.id),
    greatest(a.update_time, e.update_time, p.update_time, t.update_time, eh.update_time,
        r.update_time, v.sever_time)
from activation a
join principal p on p.tenant_id = a.tenant_id and p.id = a.principal_id
join role r on r.tenant_id = a.tenant_id and r.id = a.role_id and r.deleted_time is null
join role_grant e on e.tenant_id = a.tenant_id and e.id = a.eligibility_id
left join severed v on v.tenant_id = a.tenant_id and v.activation_id = a.id
join principal eh on eh.tenant_id = a.tenant_id and eh.id = e.principal_id
left join principal t on t.tenant_id = a.tenant_id and t.id = a.group_id
left join principal b on b.tenant_id = a.tenant_id and b.id = e.granted_by
where a.state in ('ACTIVE', 'SCHEDULED');
