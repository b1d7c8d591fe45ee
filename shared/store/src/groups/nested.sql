with recursive
-- One group in another, or eligible to be: whoever may activate it stands for both.
edge as (
    select g.principal_id as inner_id, g.group_id as outer_id
    from role_grant g
    where g.tenant_id = $1 and g.role_id = $4 and g.holder_is_group and g.group_id is not null
        and g.ended_time is null
),
up (id, removes) as (
    select $3::uuid, 1
    union
    select e.outer_id, u.removes + 1 from up u join edge e on e.inner_id = u.id
    where u.removes <= $5
),
down (id, removes) as (
    select $2::uuid, 1
    union
    select e.inner_id, d.removes + 1 from down d join edge e on e.outer_id = d.id
    where d.removes <= $5
)
select
    (select array_agg(distinct id) from up) as "above!",
    (select max(removes) from up) + (select max(removes) from down) as "nesting!"
