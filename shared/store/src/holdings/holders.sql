with recursive
-- The groups that may hold it, and those that may belong to them.
holding (id, removes) as (
    select p.id, 0
    from role_grant g
    join principal p on p.tenant_id = $1 and p.id = g.principal_id and p.kind = 'group'
    where g.tenant_id = $1 and g.role_id = $2 and g.scope = any($3)
        and g.kind = 'assignment' and g.ended_time is null
    union
    select p.id, h.removes + 1
    from holding h
    join role_grant g on g.tenant_id = $1 and g.group_id = h.id and g.role_id = $6
        and g.kind = 'assignment' and g.ended_time is null
    join principal p on p.tenant_id = $1 and p.id = g.principal_id and p.kind = 'group'
    where h.removes < $7
)
-- Of each group only as many as are wanted: it may have very many.
select distinct id as "id!"
from (
    select g.principal_id as id
    from role_grant g
    where g.tenant_id = $1 and g.role_id = $2 and g.scope = any($3)
        and g.kind = 'assignment' and g.ended_time is null and g.principal_id >= $4
    union all
    select a.principal_id
    from activation a
    where a.tenant_id = $1 and a.role_id = $2 and a.scope = any($3)
        and a.state in ('ACTIVE', 'SCHEDULED') and a.principal_id >= $4
    union all
    select m.principal_id
    from (select distinct id from holding) h
    cross join lateral (
        -- Some may have several, in turn.
        select distinct g.principal_id
        from role_grant g
        join principal p on p.tenant_id = $1 and p.id = g.principal_id and p.kind <> 'group'
        where g.tenant_id = $1 and g.group_id = h.id and g.role_id = $6
            and g.kind = 'assignment' and g.ended_time is null and g.principal_id >= $4
        order by g.principal_id
        limit $5
    ) m
    union all
    select m.principal_id
    from (select distinct id from holding) h
    cross join lateral (
        select distinct a.principal_id
        from activation a
        where a.tenant_id = $1 and a.group_id = h.id and a.role_id = $6
            and a.state in ('ACTIVE', 'SCHEDULED') and a.principal_id >= $4
        order by a.principal_id
        limit $5
    ) m
) found
where exists (
    select from principal p where p.tenant_id = $1 and p.id = found.id and p.kind <> 'group'
)
order by id
limit $5
