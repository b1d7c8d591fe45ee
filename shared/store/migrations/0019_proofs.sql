-- What examining, sealing and signing the log need. Code before this goes on beside it.

-- Checkpoints are numbered, so that one that is gone leaves a gap behind it.
alter table log_checkpoint add column number bigint;
alter table log_checkpoint disable trigger log_checkpoint_is_insert_only;
update log_checkpoint c
set number = n.number
from (
    select tenant_id, size, row_number() over (partition by tenant_id order by size) as number
    from log_checkpoint
) n
where n.tenant_id = c.tenant_id and n.size = c.size;
alter table log_checkpoint enable trigger log_checkpoint_is_insert_only;
alter table log_checkpoint
    alter column number set not null,
    add constraint log_checkpoint_number unique (tenant_id, number);

-- What of a tree was signed last, so that whoever signs finds the trees that have grown without a
-- look at all others.
alter table log_head add column signed_size bigint not null default 0;
update log_head h
set signed_size = coalesce((select max(size) from log_checkpoint where tenant_id = h.tenant_id), 0);
create index log_head_unsigned on log_head (tenant_id) where size <> signed_size;

-- By triggers, because the code before this does not know of either.
create function log_checkpoint_number() returns trigger language plpgsql as $$
begin
    new.number := 1 + coalesce(
        (select max(number) from log_checkpoint where tenant_id = new.tenant_id), 0);
    return new;
end
$$;
create trigger log_checkpoint_number before insert on log_checkpoint
    for each row execute function log_checkpoint_number();
create function log_checkpoint_signed() returns trigger language plpgsql as $$
begin
    update log_head set signed_size = new.size where tenant_id = new.tenant_id;
    return new;
end
$$;
create trigger log_checkpoint_signed after insert on log_checkpoint
    for each row execute function log_checkpoint_signed();

-- Tenants whose head is not what their leaves lead to: nothing of theirs is sealed, from that
-- transaction on, until it is again. Writer: audit.
create table log_stopped (
    tenant_id uuid primary key,
    xid xid8 not null
);
call wall('log_stopped');
create policy sealing on log_stopped to pim_audit using (true);

-- The primary key of a table without the tenant, as text of the row `of`.
create function log_key(of regclass, row_name text) returns text
language sql stable strict as $$
    select format(
        'concat_ws('' '', %s)',
        string_agg(format('%I.%I', row_name, a.attname), ', ' order by k.place))
    from pg_index i
    cross join lateral unnest(i.indkey::smallint[]) with ordinality as k (number, place)
    join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
    where i.indrelid = of and i.indisprimary and a.attname <> 'tenant_id'
$$;

-- Rows that should be in a table, by key, each with the columns that are otherwise there: all of
-- them where the row is not. `besides` says which columns do not matter.
create function log_compare(of regclass, expected jsonb, besides text[])
returns table (key text, columns text[])
language plpgsql stable strict as $$
declare
    same_key text;
begin
    select string_agg(format('t.%1$I = e.%1$I', a.attname), ' and ') into same_key
    from pg_index i
    join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey::smallint[])
    where i.indrelid = of and i.indisprimary;
    -- What Postgres makes of the other columns itself is no statement of its own.
    besides := besides || array(
        select attname::text from pg_attribute where attrelid = of and attgenerated <> '');
    return query execute format(
        'select %1$s, case
             when to_jsonb(e) - $2 = to_jsonb(t) - $2 then ''{}''::text[]
             else array(
                 select n.key
                 from jsonb_each(to_jsonb(e) - $2) n
                 where n.value is distinct from to_jsonb(t) -> n.key
                 order by n.key)
         end
         from jsonb_populate_recordset(null::%2$s, $1) e left join %2$s t on %3$s',
        log_key(of, 'e'), of, same_key)
    using expected, besides;
end
$$;

-- The keys of all rows that a tenant has in a table.
create function log_keys(of regclass, tenant uuid) returns setof text
language plpgsql stable strict as $$
begin
    return query execute format(
        'select %s from %s t where t.%I = $1', log_key(of, 't'), of,
        case of when 'tenant'::regclass then 'id' else 'tenant_id' end)
    using tenant;
end
$$;

-- Everybody who has a row in any table.
create function log_tenants() returns setof uuid
language plpgsql stable as $$
declare
    of regclass;
begin
    for of in
        select c.oid
        from pg_attribute a
        join pg_class c on c.oid = a.attrelid
        where a.attname = 'tenant_id' and c.relkind = 'r'
            and c.relnamespace = current_schema()::regnamespace
    loop
        return query execute format('select distinct tenant_id from %s', of);
    end loop;
    return query select id from tenant;
end
$$;
