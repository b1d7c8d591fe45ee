insert into log_leaf (tenant_id, index, event_id, hash)
select
    e.tenant_id,
    -- Behind what its tenant has. Transactions in the order of their numbers: that is no order of
    -- effect, and needs to be none, because the versions of things say that one.
    coalesce(h.size, 0) + row_number() over (partition by e.tenant_id order by e.xid, e.id) - 1,
    e.id,
    sha256('\x00'::bytea || e.body)
from event e
left join log_head h on h.tenant_id = e.tenant_id
where e.xid >= $1::bigint::text::xid8 and e.xid < $2::bigint::text::xid8
returning tenant_id, index, event_id, hash
