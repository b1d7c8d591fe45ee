select
    h.tenant_id as "tenant_id!", h.id as "id!", h.is_activation as "is_activation!",
    h.holder_id as "holder_id!", h.role_id as "role_id!", h.scope as "scope!",
    h.start_time as "start_time!", h.end_time as "end_time?", h.ended_time as "ended_time?",
    h.is_booked as "is_booked!", h.path_start_time as "path_start_time?",
    h.path_end_time as "path_end_time?", h.path_ended_time as "path_ended_time?",
    h.membership_ids as "membership_ids!", h.granted_by as "granted_by?",
    h.update_time as "update_time!"
from unnest($1::uuid[], $2::uuid[]) wanted (tenant_id, id)
cross join lateral (
    select * from holding
    where tenant_id = wanted.tenant_id and id = wanted.id
    -- Each by itself, whatever there may be of others.
    offset 0
) h
