insert into log_leaf (tenant_id, index, event_id, hash)
select
    e.tenant_id,
    -- Behind what its tenant has. Transactions in the order of their numbers: that is no order of
    -- effect, and needs to be none, because the versions of things say that one.
    coalesce(h.size, 0) + row_number() over (partition by e.tenant_id order by e.xid, e.id) - 1,
    e.id,
    sha256('\x00'::bytea || e.body)
from (
    select e.tenant_id, e.id, e.xid, e.body
    from event e
    where e.xid >= $1::bigint::text::xid8 and e.xid < $2::bigint::text::xid8
        and e.tenant_id <> all($3::uuid[])
    union all
    -- What was left when a tenant's log was stopped that can go on.
    select e.tenant_id, e.id, e.xid, e.body
    from unnest($4::uuid[], $5::bigint[]) as mended (tenant, since)
    join event e on e.tenant_id = mended.tenant
        and e.xid >= mended.since::text::xid8 and e.xid < $1::bigint::text::xid8
) e
left join log_head h on h.tenant_id = e.tenant_id
returning tenant_id, index, hash
