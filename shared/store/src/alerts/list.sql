select
    id, kind, condition_id, subject_id, role_id, scope, detail, state, dismissed_by, dismiss_time,
    justification(dismiss_justification, (
        select w.text from words w
        where w.tenant_id = alert.tenant_id and w.commitment = alert.dismiss_justification
    )) as "dismiss_justification: Json<Justification>",
    resolve_time, version, create_time, update_time
from alert
where tenant_id = $1
    and ($2::text is null or kind = $2)
    and ($3::text is null or state = $3)
    -- Ids begin with the time: the newest first.
    and ($4::uuid is null or id < $4)
order by id desc
limit $5
