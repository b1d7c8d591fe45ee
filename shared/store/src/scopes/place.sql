with recursive down (path, depth) as (
    select $2::text, 1
    union all
    select s.path, d.depth + 1
    from down d
    join scope s on s.tenant_id = $1 and s.parent = d.path
    -- A tree of the deepest has fewer: a circle that nobody could make would have an end.
    where d.depth < 64
)
select
    (select max(depth) from down) as "height!",
    exists (
        select from scope where tenant_id = $1 and path = $3 and delete_time is null
    ) as "is_registered!",
    -- What has ended by time alone is among them until that is recorded: a no too many, for moments.
    array(
        select g.scope
        from role_grant g
        join principal p on p.tenant_id = g.tenant_id and p.id = g.principal_id
        where g.tenant_id = $1
            and g.scope = any((select scope_lineage($1, $3))::text[])
            and g.ended_time is null
            and (coalesce(p.person_id, p.id) = $4 or p.id = any($5))
        union
        select a.scope
        from activation a
        join principal p on p.tenant_id = a.tenant_id and p.id = a.principal_id
        where a.tenant_id = $1
            and a.scope = any((select scope_lineage($1, $3))::text[])
            and a.state <> 'ENDED'
            and coalesce(p.person_id, p.id) = $4
    ) as "own!"
