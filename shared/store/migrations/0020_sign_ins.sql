-- When somebody last signed in, and what alerts are looked for by. Old code goes on beside it.

-- When a verified token of a principal was last seen, to the hour. Telemetry and no state: no entry
-- of the log tells of it. No login writes it but by the function below.
create table sign_in (
    tenant_id uuid not null,
    principal_id uuid not null,
    last_time timestamptz not null,
    primary key (tenant_id, principal_id),
    foreign key (tenant_id, principal_id) references principal (tenant_id, id)
);
call wall('sign_in');

-- Keeps when principals of the tenant for which the transaction acts were seen: only forward in
-- time, and a row at most once an hour, whoever tells of it. Answers with what is kept of them. The
-- third function that does more than its caller may: every service that is called tells it of its
-- callers, and can do nothing else to the table.
create function record_sign_ins(principals uuid[], times timestamptz[])
returns table (principal_id uuid, last_time timestamptz)
language plpgsql volatile security definer set search_path from current as $$
#variable_conflict use_column
declare
    tenant constant uuid := acting_tenant();
begin
    -- Concerns the owner alone.
    perform set_config('app.migrating', 'on', true);
    insert into sign_in as kept (tenant_id, principal_id, last_time)
    select tenant, p.id, max(seen.at)
    from unnest(principals, times) as seen (id, at)
    join principal p on p.tenant_id = tenant and p.id = seen.id and p.kind <> 'group'
    group by p.id
    -- In one order, so that two who tell of the same do not wait for each other.
    order by p.id
    on conflict (tenant_id, principal_id) do update
    set last_time = excluded.last_time
    where excluded.last_time >= kept.last_time + interval '1 hour';
    return query
    select s.principal_id, s.last_time
    from sign_in s
    where s.tenant_id = tenant and s.principal_id = any(principals);
    perform set_config('app.migrating', '', true);
end
$$;
revoke execute on function record_sign_ins from public;

-- The network of an address, as the rules have it: 24 bits of version 4, 48 of version 6. An address
-- of version 4 may be written as one of version 6. One expression, so that Postgres puts it in the
-- place of the call.
create function network_of(address text) returns cidr language sql immutable parallel safe
return network(set_masklen(
    regexp_replace(address, '^::ffff:(?=\d+\.)', '')::inet,
    case when address ~ '^(::ffff:)?\d+\.' then 24 else 48 end));
