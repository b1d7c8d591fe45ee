-- One statement, so that the number and the policies are of one state. The number is that of the
-- newest change even where nothing is set at these scopes.
select
    (
        select coalesce(max(revision), 0)
        from policy
        where tenant_id = $1 and role_id = $2 and revision <= $4
    ) as "revision!",
    -- In the form in which the domain has them.
    coalesce(jsonb_agg(rules || jsonb_build_object(
        'role', role_id, 'scope', scope, 'enforced', enforced, 'revision', revision,
        'version', version, 'create_time', create_time, 'update_time', update_time)
    ), '[]') as "policies!: Json<Vec<Policy>>",
    scope_parents($1, $3) as "parents!: Json<Parents>"
from (
    select distinct on (scope) *
    from policy
    where tenant_id = $1
        and role_id = $2
        and scope = any((select scope_lineage($1, $3))::text[])
        and revision <= $4
    order by scope, revision desc
) reaching
