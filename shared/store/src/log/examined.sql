select
    l.index, l.event_id, l.hash,
    e.xid::text::bigint as "xid?", e.body as "body?", e.event_time as "event_time?",
    e.code as "code?", e.category as "category?", e.result as "result?", e.correlation_id,
    e.actor_id as "actor_id?", e.thing_kind, e.thing_id, e.thing_version, e.subject_id, e.role_id,
    e.scope
from log_leaf l
left join event e on e.tenant_id = l.tenant_id and e.id = l.event_id
where l.tenant_id = $1 and l.index >= $2
order by l.index
limit $3
