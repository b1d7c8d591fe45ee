with recursive
-- Who is eligible for a privileged role or has it: users, and groups with all who belong to them.
holder (holder_id) as (
    select g.principal_id
    from role_grant g
    join role r on r.tenant_id = g.tenant_id and r.id = g.role_id
        and r.privileged and r.deleted_time is null
    where g.tenant_id = $1 and g.ended_time is null
        and g.start_time <= $2 and (g.end_time is null or g.end_time > $2)
    union
    select m.principal_id
    from holder h
    join role_grant m on m.tenant_id = $1 and m.group_id = h.holder_id and m.role_id = $4
        and m.kind = 'assignment' and m.ended_time is null
        and m.start_time <= $2 and (m.end_time is null or m.end_time > $2)
)
select p.id, p.create_time as since, s.last_time as "last_sign_in?"
from holder h
join principal p on p.tenant_id = $1 and p.id = h.holder_id
    and p.kind <> 'group' and p.enabled_since is not null
left join sign_in s on s.tenant_id = p.tenant_id and s.principal_id = p.id
-- As the rule.
where coalesce(s.last_time, p.create_time) <= $3
order by p.id
limit $5
