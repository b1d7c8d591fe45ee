with recursive
-- Each way by which somebody has it for good, from the assignment down to a principal.
way (assignment_id, holder_id, membership_ids, group_ids) as (
    select g.id, g.principal_id, '{}'::uuid[], '{}'::uuid[]
    from role_grant g
    where g.tenant_id = $1 and g.kind = 'assignment' and g.role_id = $2 and g.scope = $3
        and g.end_time is null and g.ended_time is null
    union all
    select w.assignment_id, m.principal_id, m.id || w.membership_ids, m.group_id || w.group_ids
    from way w
    join role_grant m on m.tenant_id = $1 and m.group_id = w.holder_id and m.role_id = $4
        and m.kind = 'assignment' and m.end_time is null and m.ended_time is null
    where cardinality(w.membership_ids) < $5
        -- Not around a circle.
        and m.group_id <> all(w.group_ids)
)
select
    w.assignment_id as "assignment_id!", w.holder_id as "holder_id!",
    w.membership_ids as "membership_ids!", w.group_ids as "group_ids!"
from way w
join principal p on p.tenant_id = $1 and p.id = w.holder_id and p.kind <> 'group'
order by w.assignment_id, w.holder_id, w.membership_ids
