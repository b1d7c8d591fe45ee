with recursive
-- The principals, and the groups that they may belong to.
holder (id, removes) as (
    select unnest($2::uuid[]), 0
    union
    select m.group_id, h.removes + 1
    from holder h
    cross join lateral (
        select g.group_id
        from role_grant g
        where g.tenant_id = $1 and g.principal_id = h.id and g.role_id = $5
            and g.kind = 'assignment' and g.ended_time is null
        union all
        select a.group_id
        from activation a
        where a.tenant_id = $1 and a.principal_id = h.id and a.role_id = $5
            and a.state in ('ACTIVE', 'SCHEDULED')
    ) m
    where h.removes < $6
)
-- `offset 0`: of each holder by its own, whatever there may be of others.
select
    h.id as "id!", h.is_activation as "is_activation!", h.holder_id as "holder_id!",
    h.role_id as "role_id!", h.scope as "scope!", h.start_time as "start_time!",
    h.end_time as "end_time?", h.ended_time as "ended_time?", h.is_booked as "is_booked!",
    h.path_start_time as "path_start_time?", h.path_end_time as "path_end_time?",
    h.path_ended_time as "path_ended_time?", h.membership_ids as "membership_ids!",
    p.enabled_since as "enabled_since?", h.granted_by as "granted_by?",
    h.update_time as "update_time!", h.is_membership as "is_membership!", h.is_asked as "is_asked!"
from (select distinct id from holder) who
cross join lateral (
    select id, enabled_since from principal where tenant_id = $1 and id = who.id
    offset 0
) p
cross join lateral (
    select *
    from (
        select
            *, role_id = $5 as is_membership,
            ($3::uuid[] is null or role_id = any($3)) and ($4::text[] is null or scope = any($4))
                as is_asked
        from holding
        where tenant_id = $1 and holder_id = p.id
    ) held
    where is_membership or is_asked
    offset 0
) h
