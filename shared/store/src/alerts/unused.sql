select
    g.id, g.principal_id, g.role_id, g.scope,
    greatest(g.start_time, g.create_time, p.enabled_since) as "since!",
    used.latest as last_used
from role_grant g
join principal p on p.tenant_id = g.tenant_id and p.id = g.principal_id
    and (p.enabled_since is not null or p.kind = 'group' and p.deleted_time is null)
join role r on r.tenant_id = g.tenant_id and r.id = g.role_id and r.deleted_time is null
left join lateral (
    select a.start_time as latest
    from activation a
    where a.tenant_id = g.tenant_id and a.eligibility_id = g.id
        -- It was held, and not only asked for.
        and (a.state = 'ACTIVE' or a.ending in ('expired', 'deactivated', 'revoked'))
    order by a.start_time desc
    limit 1
) used on true
where g.tenant_id = $1 and g.kind = 'eligibility' and g.ended_time is null
    and g.start_time <= $2 and (g.end_time is null or g.end_time > $2)
    and coalesce(used.latest, greatest(g.start_time, g.create_time, p.enabled_since)) <= $3
order by g.id
limit $4
