with recursive
-- Who is eligible for a resource role or has it, where somebody is an owner.
holder (role_id, scope, holder_id, is_permanent) as (
    select g.role_id, g.scope, g.principal_id, g.kind = 'assignment' and g.end_time is null
    from role_grant g
    join role r on r.tenant_id = g.tenant_id and r.id = g.role_id
        and r.catalog = 'azure' and r.deleted_time is null
    where g.tenant_id = $1 and g.ended_time is null
        and g.start_time <= $3 and (g.end_time is null or g.end_time > $3)
        and g.scope in (
            select o.scope from role_grant o
            where o.tenant_id = $1 and o.role_id = $2 and o.ended_time is null
        )
    union
    select h.role_id, h.scope, m.principal_id, h.is_permanent and m.end_time is null
    from holder h
    join role_grant m on m.tenant_id = $1 and m.group_id = h.holder_id and m.role_id = $4
        and m.kind = 'assignment' and m.ended_time is null
        and m.start_time <= $3 and (m.end_time is null or m.end_time > $3)
),
person as (
    select
        h.scope, coalesce(p.person_id, p.id) as person_id,
        bool_or(h.role_id = $2) as is_owner,
        bool_or(h.role_id = $2 and h.is_permanent) as is_permanent
    from holder h
    join principal p on p.tenant_id = $1 and p.id = h.holder_id
        and p.kind <> 'group' and p.enabled_since is not null
    group by h.scope, coalesce(p.person_id, p.id)
),
crowd as (
    select
        scope,
        count(*) filter (where is_owner) as owners,
        count(*) filter (where is_permanent) as permanent_owners,
        count(*) as members
    from person
    group by scope
)
select
    scope as "scope!",
    case when $5 then permanent_owners else owners end as "count!",
    case when $5 then owners else members end as "of!"
from crowd
-- As the rule, so that it does not take all to find those that meet it.
where case when $5 then permanent_owners >= $6 and permanent_owners * 100 >= $7 * owners
    else owners >= $6 and owners * 100 >= $7 * members end
order by scope
limit $8
