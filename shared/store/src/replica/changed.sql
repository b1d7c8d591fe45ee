with news as materialized (
    select distinct tenant_id, thing_kind, thing_id
    from (
        select tenant_id, thing_kind, thing_id
        from event
        where xid >= pg_snapshot_xmin($1::text::pg_snapshot)
            and not pg_visible_in_snapshot(xid, $1::text::pg_snapshot)
            -- A refusal has changed nothing.
            and thing_version is not null
        order by xid
        limit $2
    ) new
)
select what as "what!", tenant_id as "tenant_id!", id as "id!", holder_id as "holder_id!"
from (
    select 'holding' as what, g.tenant_id, g.id, g.principal_id as holder_id
    from news n
    join role_grant g on g.tenant_id = n.tenant_id and g.id = n.thing_id
    where n.thing_kind = 'assignment'

    union
    select 'holding', a.tenant_id, a.id, a.principal_id
    from news n
    join activation a on a.tenant_id = n.tenant_id and a.id = n.thing_id
    where n.thing_kind = 'activation'

    -- What rests on it.
    union
    select 'holding', a.tenant_id, a.id, a.principal_id
    from news n
    join activation a on a.tenant_id = n.tenant_id and a.eligibility_id = n.thing_id
        and a.state in ('ACTIVE', 'SCHEDULED')
    where n.thing_kind = 'eligibility'

    union
    select 'principal', n.tenant_id, n.thing_id, n.thing_id
    from news n
    where n.thing_kind = 'principal'

    -- What it has, what gives access to it, and what rests on what it is eligible for.
    union
    select 'holding', g.tenant_id, g.id, g.principal_id
    from news n
    join role_grant g on g.tenant_id = n.tenant_id and g.principal_id = n.thing_id
        and g.kind = 'assignment' and g.ended_time is null
    where n.thing_kind = 'group'

    union
    select 'holding', g.tenant_id, g.id, g.principal_id
    from news n
    join role_grant g on g.tenant_id = n.tenant_id and g.group_id = n.thing_id
        and g.kind = 'assignment' and g.ended_time is null
    where n.thing_kind = 'group'

    union
    select 'holding', a.tenant_id, a.id, a.principal_id
    from news n
    join activation a on a.tenant_id = n.tenant_id and a.group_id = n.thing_id
        and a.state in ('ACTIVE', 'SCHEDULED')
    where n.thing_kind = 'group'

    union
    select 'holding', a.tenant_id, a.id, a.principal_id
    from news n
    join role_grant e on e.tenant_id = n.tenant_id and e.principal_id = n.thing_id
    join activation a on a.tenant_id = e.tenant_id and a.eligibility_id = e.id
        and a.state in ('ACTIVE', 'SCHEDULED')
    where n.thing_kind = 'group'

    -- Its move may have kept activations from what they rest on.
    union
    select 'holding', a.tenant_id, a.id, a.principal_id
    from news n
    join severed v on v.tenant_id = n.tenant_id
    join activation a on a.tenant_id = v.tenant_id and a.id = v.activation_id
        and a.state in ('ACTIVE', 'SCHEDULED')
    where n.thing_kind = 'scope'

    union
    select 'tree', n.tenant_id, n.tenant_id, n.tenant_id
    from news n
    where n.thing_kind = 'scope'

    union
    select 'role', n.tenant_id, n.thing_id, n.thing_id
    from news n
    where n.thing_kind = 'role'

    union
    select 'role', r.tenant_id, r.id, r.id
    from news n
    join role r on r.tenant_id = n.tenant_id
    where n.thing_kind = 'catalog'
) found
