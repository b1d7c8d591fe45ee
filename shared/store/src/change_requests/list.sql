select
    id, kind, grant_kind, grant_id, principal_id, role_id, scope, end_time,
    justification(justification, (
        select w.text from words w
        where w.tenant_id = change_request.tenant_id and w.commitment = change_request.justification
    )) as "justification!: Json<Justification>",
    ticket_number, ticket_system, expire_time, state, decider_id,
    justification(decision_justification, (
        select w.text from words w
        where w.tenant_id = change_request.tenant_id and w.commitment = change_request.decision_justification
    )) as "decision_justification: Json<Justification>",
    outcome_id, version, create_time, update_time
from change_request
where tenant_id = $1
    and ($2::uuid is null or principal_id = $2)
    and ($3::text is null
        or starts_with(scope || '/', $3 || '/')
        or scope_head(scope) in (select scope_heads_below($1, $3)))
    and ($4::timestamptz is null or (state = 'PENDING' and expire_time > $4))
    and ($5::text[] is null or exists (
        select from role r
        where r.tenant_id = change_request.tenant_id and r.id = change_request.role_id
            and r.catalog = any($5)
    ))
    and ($6::uuid is null or id > $6)
order by id
limit $7
