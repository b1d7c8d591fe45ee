insert into alert (
    tenant_id, id, kind, condition_id, subject_id, role_id, scope, detail, state, dismissed_by,
    dismiss_time, dismiss_justification, resolve_time, version, create_time, update_time
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
-- What was seen never changes.
on conflict (tenant_id, id) do update
set state = excluded.state,
    dismissed_by = excluded.dismissed_by,
    dismiss_time = excluded.dismiss_time,
    dismiss_justification = excluded.dismiss_justification,
    resolve_time = excluded.resolve_time,
    version = excluded.version,
    update_time = excluded.update_time
where alert.version = excluded.version - 1
