insert into severed (tenant_id, activation_id, sever_time)
select a.tenant_id, a.id, $4
from role_grant e
join activation a on a.tenant_id = e.tenant_id and a.eligibility_id = e.id
where e.tenant_id = $1
    and e.scope = any($3)
    -- What has been ended never counts again by itself.
    and e.ended_time is null
    and a.state <> 'ENDED'
    and (
        starts_with(a.scope || '/', $2 || '/')
        or scope_head(a.scope) in (select scope_heads_below($1, $2))
    )
-- A move before has done it already.
on conflict do nothing
returning activation_id
