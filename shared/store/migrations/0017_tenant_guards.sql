-- What a tenant can be stopped by: a freeze, and a plan that does not include gaining; and how long
-- the log has not been sealed. Old code goes on beside it.

alter table tenant
    add column plan text not null default 'P2' check (plan in ('P2', 'FREE')),
    -- Absent: it is not frozen.
    add column freeze_time timestamptz,
    add column frozen_by uuid,
    -- The first of two who want the freeze to end.
    add column consent_time timestamptz,
    add column consent_by uuid,
    add constraint tenant_freeze check ((freeze_time is null) = (frozen_by is null)),
    add constraint tenant_consent check (
        (consent_time is null) = (consent_by is null)
        and (consent_time is null or freeze_time is not null)
    ),
    add constraint tenant_frozen_by foreign key (id, frozen_by)
        references principal (tenant_id, id),
    add constraint tenant_consent_by foreign key (id, consent_by)
        references principal (tenant_id, id);

-- What a tenant may gain by, for who gains something in it: whoever freezes it waits until the
-- transaction that asked this has ended, and who asks later sees the freeze. Volatile, so that the
-- second statement sees what was committed while the first one waited.
create function tenant_for_gain(tenant uuid)
returns table (plan text, freeze_time timestamptz, frozen_by uuid)
language plpgsql volatile as $$
begin
    perform pg_advisory_xact_lock_shared(hashtextextended(tenant::text, 11));
    return query select t.plan, t.freeze_time, t.frozen_by from tenant t where t.id = tenant;
end
$$;

-- When it was written, by the database's own clock: how long it has waited to be sealed. Those from
-- before have none, so that nothing is rewritten.
alter table event add column insert_time timestamptz;
alter table event alter column insert_time set default clock_timestamp();

-- When the event was written that waits the longest to be sealed, of whatever tenant: who lets
-- people gain asks it, and sees nothing else of the log.
create function oldest_unsealed_time() returns timestamptz
language plpgsql volatile security definer set search_path from current as $$
declare
    oldest timestamptz;
begin
    -- Concerns the owner alone.
    perform set_config('app.migrating', 'on', true);
    select e.insert_time into oldest
    from event e
    where e.xid >= (select w.xid from log_watermark w)
    order by e.xid
    limit 1;
    perform set_config('app.migrating', '', true);
    return oldest;
end
$$;
revoke execute on function oldest_unsealed_time from public;
