select
    e.id, e.body, e.event_time, e.code, e.category, e.result, e.correlation_id, e.actor_id,
    e.thing_kind, e.thing_id, e.thing_version, e.subject_id, e.role_id, e.scope,
    exists (
        select from log_leaf l where l.tenant_id = e.tenant_id and l.event_id = e.id
    ) as "is_sealed!"
from event e
where e.tenant_id = $1 and e.xid >= (select xid from log_watermark)
order by e.xid, e.id
limit $2
