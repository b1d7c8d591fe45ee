insert into activation
    (tenant_id, id, principal_id, role_id, scope, eligibility_id, membership_ids,
     requested_start_time, requested_duration, requested_end_time, justification, ticket_number,
     ticket_system, mfa, auth_time, authentication_contexts, signals, shortened_duration,
     policy_revision,
     state, expire_time, start_time, end_time, truncated, ended_time, ending, void_rules,
     extension_id, version, create_time, update_time)
values
    ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
     $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31)
on conflict (tenant_id, id) do update
-- The request never changes.
set shortened_duration = excluded.shortened_duration,
    state = excluded.state,
    expire_time = excluded.expire_time,
    start_time = excluded.start_time,
    end_time = excluded.end_time,
    truncated = excluded.truncated,
    ended_time = excluded.ended_time,
    ending = excluded.ending,
    void_rules = excluded.void_rules,
    extension_id = excluded.extension_id,
    version = excluded.version,
    update_time = excluded.update_time
where activation.version = excluded.version - 1
