-- What principals may hold, themselves and by groups, of which roles and at which places or above
-- them; null: any. A function, so that statements that need more of the same state ask for all of it
-- at once, and with one plan.
create function grounds(
    tenant uuid, principals uuid[], roles uuid[], places text[], member uuid, nesting int
) returns table (
    id uuid, is_activation boolean, holder_id uuid, role_id uuid, scope text,
    start_time timestamptz, end_time timestamptz, ended_time timestamptz, is_booked boolean,
    path_start_time timestamptz, path_end_time timestamptz, path_ended_time timestamptz,
    membership_ids uuid[], granted_by uuid, update_time timestamptz,
    enabled_since timestamptz, is_membership boolean, is_asked boolean
)
language plpgsql stable parallel safe as $$
#variable_conflict use_column
declare
    above text[];
begin
    if places is not null then
        select array_agg(distinct scope) into above
        from unnest(places) place cross join lateral unnest(scope_lineage(tenant, place)) scope;
    end if;
    return query
    with recursive
    -- The principals, and the groups that they may belong to.
    holder (id, removes) as (
        select unnest(principals), 0
        union
        select m.group_id, h.removes + 1
        from holder h
        cross join lateral (
            select g.group_id
            from role_grant g
            where g.tenant_id = tenant and g.principal_id = h.id and g.role_id = member
                and g.kind = 'assignment' and g.ended_time is null
            union all
            select a.group_id
            from activation a
            where a.tenant_id = tenant and a.principal_id = h.id and a.role_id = member
                and a.state in ('ACTIVE', 'SCHEDULED')
        ) m
        where h.removes < nesting
    )
    -- `offset 0`: of each holder by its own, whatever there may be of others.
    select
        h.id, h.is_activation, h.holder_id, h.role_id, h.scope, h.start_time, h.end_time,
        h.ended_time, h.is_booked, h.path_start_time, h.path_end_time, h.path_ended_time,
        h.membership_ids, h.granted_by, h.update_time, p.enabled_since, h.is_membership, h.is_asked
    from (select distinct id from holder) who
    cross join lateral (
        select id, enabled_since from principal where tenant_id = tenant and id = who.id
        offset 0
    ) p
    cross join lateral (
        select *
        from (
            select
                *, role_id = member as is_membership,
                (roles is null or role_id = any(roles)) and (places is null or scope = any(above))
                    as is_asked
            from holding
            where tenant_id = tenant and holder_id = p.id
        ) held
        where is_membership or is_asked
        offset 0
    ) h;
end
$$;
