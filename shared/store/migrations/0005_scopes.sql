-- The tree of scopes: what is registered in it, and what lies below what.

-- A registered scope. One that is registered no more stays, so that its versions go on.
-- Writer: assignment.
create table scope (
    tenant_id uuid not null references tenant,
    path text not null,
    kind text not null check (kind in (
        'administrative_unit', 'application', 'management_group', 'subscription',
        'resource_group', 'resource'
    )),
    -- What it was put below; absent: its place is that of its path.
    parent text,
    display_name text not null,
    delete_time timestamptz,
    version bigint not null,
    create_time timestamptz not null,
    update_time timestamptz not null,
    primary key (tenant_id, path),
    foreign key (tenant_id, parent) references scope (tenant_id, path),
    constraint scope_parent check (
        parent is null
        or (
            kind in ('management_group', 'subscription')
            and starts_with(parent, '/managementGroups/')
            and parent <> path
            and delete_time is null
        )
    )
);
create index scope_by_parent on scope (tenant_id, parent) where parent is not null;

-- Activations that a move has kept from the eligibility that they rest on: they count for nothing
-- from then on, and do not count again when the scope comes back. Insert-only. Writer: assignment.
create table severed (
    tenant_id uuid not null,
    activation_id uuid not null,
    sever_time timestamptz not null,
    primary key (tenant_id, activation_id),
    foreign key (tenant_id, activation_id) references activation (tenant_id, id)
);

create index role_grant_by_scope on role_grant (tenant_id, scope) where ended_time is null;

-- What a scope's place in the tree depends on: the subscription, management group, administrative
-- unit or application that its path begins with.
create function scope_head(place text) returns text
language sql immutable strict parallel safe
return '/' || split_part(place, '/', 2) || '/' || split_part(place, '/', 3);

-- A scope and all above it, the nearest first, the root last. In a language whose plans are kept,
-- for it is part of each check. Narrows only: the domain's Lineage decides.
create function scope_lineage(tenant uuid, place text) returns text[]
language plpgsql stable strict parallel safe as $$
declare
    head text := scope_head(place);
    here text := place;
    lineage text[] := '{}';
begin
    if place = '/' then
        return array['/'];
    end if;
    while length(here) > length(head) loop
        lineage := lineage || here;
        here := regexp_replace(here, '/[^/]*$', '');
    end loop;
    while here is not null loop
        lineage := lineage || here;
        -- A tree of the deepest has fewer: a circle that nobody could make would have an end.
        exit when cardinality(lineage) > 64 or not starts_with(here, '/managementGroups/')
            and not starts_with(here, '/subscriptions/');
        select s.parent into here from scope s where s.tenant_id = tenant and s.path = here;
    end loop;
    return lineage || '/'::text;
end
$$;

-- What was put below the scopes of a lineage, by path. Empty for most.
create function scope_parents(tenant uuid, place text) returns jsonb
language sql stable strict parallel safe
return (
    select coalesce(jsonb_object_agg(s.path, s.parent), '{}')
    from scope s
    where s.tenant_id = tenant
        and s.path = any(scope_lineage(tenant, place))
        and s.parent is not null
);

-- The heads of all that lies at a scope and below it because it was put there; the rest has the
-- scope's path before its own.
create function scope_heads_below(tenant uuid, place text) returns setof text
language sql stable strict parallel safe as $$
    with recursive below (path) as (
        select place
        union
        select s.path
        from below b
        join scope s on s.tenant_id = tenant and s.parent = b.path
    )
    select path from below
$$;
