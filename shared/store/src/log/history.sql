select thing_kind as "kind!", thing_id as "id!", thing_version as "version!", body
from event
where tenant_id = $1
    -- Refusals have made no version.
    and thing_version is not null
    and (
        $2::text is null
        or (thing_kind, thing_id, thing_version) > ($2::text, $3::uuid, $4::bigint)
    )
-- As the index has them, so that the next page begins where this one ends.
order by thing_kind, thing_id, thing_version
limit $5
