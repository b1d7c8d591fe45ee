select body
from event
where tenant_id = $1
    and ($2::timestamptz is null or event_time >= $2)
    and ($3::timestamptz is null or event_time < $3)
    and ($4::text is null or actor_id = $4)
    and ($5::uuid is null or subject_id = $5)
    and ($6::uuid is null or role_id = $6)
    and ($7::text is null or scope = $7)
    and ($8::text is null or code = $8)
    and ($9::text is null or result = $9)
    and ($10::uuid is null or correlation_id = $10)
    and ($11::uuid is null or thing_id = $11)
    and ($12::text is null or category = $12)
    and ($13::timestamptz is null or (event_time, id) < ($13, $14::uuid))
order by event_time desc, id desc
limit $15
