insert into change_request (
    tenant_id, id, kind, grant_kind, grant_id, principal_id, role_id, scope, end_time,
    justification, ticket_number, ticket_system, expire_time, state, decider_id,
    decision_justification, outcome_id, version, create_time, update_time
)
values (
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20
)
-- What was asked for never changes.
on conflict (tenant_id, id) do update
set state = excluded.state,
    decider_id = excluded.decider_id,
    decision_justification = excluded.decision_justification,
    outcome_id = excluded.outcome_id,
    version = excluded.version,
    update_time = excluded.update_time
where change_request.version = excluded.version - 1
