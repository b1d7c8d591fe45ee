with recursive
-- Who is eligible for a directory role or has it: users, and groups with all who belong to them.
holder (role_id, scope, holder_id) as (
    select g.role_id, g.scope, g.principal_id
    from role_grant g
    join role r on r.tenant_id = g.tenant_id and r.id = g.role_id
        and r.catalog = 'entra' and r.deleted_time is null
    where g.tenant_id = $1 and g.ended_time is null
        and g.start_time <= $3 and (g.end_time is null or g.end_time > $3)
    union
    select h.role_id, h.scope, m.principal_id
    from holder h
    join role_grant m on m.tenant_id = $1 and m.group_id = h.holder_id and m.role_id = $4
        and m.kind = 'assignment' and m.ended_time is null
        and m.start_time <= $3 and (m.end_time is null or m.end_time > $3)
),
-- The roles of each person, each once.
assigned as (
    select distinct h.role_id, h.scope, coalesce(p.person_id, p.id) as person_id
    from holder h
    join principal p on p.tenant_id = $1 and p.id = h.holder_id
        and p.kind <> 'group' and p.enabled_since is not null
)
select
    count(*) filter (where role_id = $2 and scope = '/') as "count!",
    count(*) as "of!"
from assigned
