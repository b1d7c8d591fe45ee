select thing_kind as "kind!", thing_id as "id!", body
from event
where tenant_id = $1 and subject_id = any($2)
    and thing_kind in ('assignment', 'eligibility', 'activation') and thing_version is not null
    and ($3::timestamptz is null or event_time <= $3)
    and (
        role_id = $6
        or (($4::uuid[] is null or role_id = any($4)) and ($5::text[] is null or scope = any($5)))
    )
order by thing_id, thing_version
