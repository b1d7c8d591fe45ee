with recursive
-- The groups that may hold it, and those that may belong to them.
holding (id, removes) as (
    select g.principal_id, 0
    from role_grant g
    where g.tenant_id = $1 and g.role_id = $2 and g.scope = any($3)
        and g.kind = 'assignment' and g.ended_time is null and g.holder_is_group
    union
    select g.principal_id, h.removes + 1
    from holding h
    join role_grant g on g.tenant_id = $1 and g.role_id = $6 and g.scope = '/groups/' || h.id
        and g.kind = 'assignment' and g.ended_time is null and g.holder_is_group
    where h.removes < $7
),
-- What each of those wanted has at least one of.
held (role_id, scope) as (
    select $2, unnest($3)
    union
    select $6, '/groups/' || id from holding
)
-- Of each only as many as are wanted, because it may have very many; and each of them once, because
-- some have it several times, one after the other.
select distinct m.id as "id!"
from held h
cross join lateral (
    (
        select distinct g.principal_id as id
        from role_grant g
        where g.tenant_id = $1 and g.role_id = h.role_id and g.scope = h.scope
            and g.kind = 'assignment' and g.ended_time is null and not g.holder_is_group
            and g.principal_id >= $4
        order by g.principal_id
        limit $5
    )
    union all
    (
        select distinct a.principal_id
        from activation a
        where a.tenant_id = $1 and a.role_id = h.role_id and a.scope = h.scope
            and a.state in ('ACTIVE', 'SCHEDULED') and a.principal_id >= $4
        order by a.principal_id
        limit $5
    )
) m
order by m.id
limit $5
