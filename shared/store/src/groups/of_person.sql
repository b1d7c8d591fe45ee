-- Members, owners and who may become one, whenever: who may come to have something must not widen
-- it, and an owner decides who has it.
with recursive reached (id) as (
    select id from principal
    where tenant_id = $1 and (person_id = $2 or id = $2)
    union
    select g.group_id
    from reached r
    join role_grant g on g.tenant_id = $1 and g.principal_id = r.id and g.role_id = any($3)
        and g.group_id is not null and g.ended_time is null
)
select r.id as "id!"
from reached r
join principal p on p.tenant_id = $1 and p.id = r.id and p.kind = 'group'
