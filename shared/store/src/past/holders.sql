with recursive
-- The groups that have ever held it, and those that have ever belonged to them.
holding (id, removes) as (
    select p.id, 0
    from event e
    join principal p on p.tenant_id = $1 and p.id = e.subject_id and p.kind = 'group'
    where e.tenant_id = $1 and e.role_id = $2 and e.scope = any($3)
        and e.thing_version = 1 and e.thing_kind in ('assignment', 'activation')
    union
    select p.id, h.removes + 1
    from holding h
    join event e on e.tenant_id = $1 and e.role_id = $6 and e.scope = '/groups/' || h.id
        and e.thing_version = 1 and e.thing_kind in ('assignment', 'activation')
    join principal p on p.tenant_id = $1 and p.id = e.subject_id and p.kind = 'group'
    where h.removes < $7
)
-- Of each group only as many as are wanted: it may have had very many.
select distinct id as "id!"
from (
    select e.subject_id as id
    from event e
    where e.tenant_id = $1 and e.role_id = $2 and e.scope = any($3)
        and e.thing_version = 1 and e.thing_kind in ('assignment', 'activation')
        and e.subject_id >= $4 and e.event_time <= $8
    union all
    select m.subject_id
    from (select distinct id from holding) h
    cross join lateral (
        select distinct e.subject_id
        from event e
        join principal p on p.tenant_id = $1 and p.id = e.subject_id and p.kind <> 'group'
        where e.tenant_id = $1 and e.role_id = $6 and e.scope = '/groups/' || h.id
            and e.thing_version = 1 and e.thing_kind in ('assignment', 'activation')
            and e.subject_id >= $4 and e.event_time <= $8
        order by e.subject_id
        limit $5
    ) m
) found
where exists (
    select from principal p where p.tenant_id = $1 and p.id = found.id and p.kind <> 'group'
)
order by id
limit $5
