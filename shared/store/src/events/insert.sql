-- What somebody wrote, where this event is the first to tell of it, aside from what is hashed.
with kept as (
    insert into words (tenant_id, commitment, salt, text)
    select $1, $16, $17, $18
    where $16::bytea is not null
    on conflict do nothing
)
insert into event
    (tenant_id, id, body, event_time, code, category, result, correlation_id, actor_id,
     thing_kind, thing_id, thing_version, subject_id, role_id, scope)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
returning xid::text::bigint as "xid!"
