-- What is held, or can come to be, and whether the log tells of it: of this version of it, for the
-- same person, role and scope. State and log are written together, so one state of the database has
-- both or neither.
select
    h.kind as "kind!", h.id as "id!", h.principal_id as "principal_id!", h.role_id as "role_id!",
    h.scope as "scope!"
from (
    select g.tenant_id, g.kind, g.id, g.version, g.principal_id, g.role_id, g.scope
    from role_grant g
    where g.tenant_id = $1 and g.ended_time is null and (g.end_time is null or g.end_time > $2)
    union all
    select a.tenant_id, 'activation', a.id, a.version, a.principal_id, a.role_id, a.scope
    from activation a
    where a.tenant_id = $1 and a.state <> 'ENDED' and (a.end_time is null or a.end_time > $2)
) h
join role r on r.tenant_id = h.tenant_id and r.id = h.role_id and r.deleted_time is null
    and (r.catalog = $3) = $4
where not exists (
    select
    from event e
    where e.tenant_id = h.tenant_id and e.thing_kind = h.kind and e.thing_id = h.id
        and e.thing_version = h.version
        and e.subject_id = h.principal_id and e.role_id = h.role_id and e.scope = h.scope
)
order by h.kind, h.id
limit $5
