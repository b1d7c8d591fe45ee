select id, body, xid::text::bigint as "xid!"
from event
where tenant_id = $1
    -- The index narrows to what the older state may have missed ...
    and xid >= pg_snapshot_xmin($2::text::pg_snapshot)
    -- ... and this drops what it did not.
    and not pg_visible_in_snapshot(xid, $2::text::pg_snapshot)
    -- A later read must not slip in what committed meanwhile, under a number that was passed by.
    and pg_visible_in_snapshot(xid, $3::text::pg_snapshot)
    and ($4::bigint is null or (xid, id) > ($4::bigint::text::xid8, $5::uuid))
order by xid, id
limit $6
