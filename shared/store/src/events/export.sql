select id, event_time, body
from event
where tenant_id = $1
    -- However long it takes, it is of one state.
    and pg_visible_in_snapshot(xid, $2::text::pg_snapshot)
    and ($3::timestamptz is null or event_time >= $3)
    and ($4::timestamptz is null or event_time < $4)
    and ($5::text is null or actor_id = $5)
    and ($6::uuid is null or subject_id = $6)
    and ($7::uuid is null or role_id = $7)
    and ($8::text is null or scope = $8)
    and ($9::text is null or code = $9)
    and ($10::text is null or result = $10)
    and ($11::uuid is null or correlation_id = $11)
    and ($12::uuid is null or thing_id = $12)
    and ($13::text is null or category = $13)
    and ($14::timestamptz is null or (event_time, id) > ($14, $15::uuid))
order by event_time, id
limit $16
