-- A second wall between tenants, and between services: each logs in with a role of its own. What a
-- role may do with which table is said in `shared/store/src/login.rs`; here is whose rows it sees.

-- Roles belong to the cluster: another of its databases may have made them, or makes them right now.
do $$
declare
    service text;
begin
    foreach service in array
        array['assignment', 'activation', 'approval', 'audit', 'access', 'scheduler']
    loop
        if not exists (select from pg_roles where rolname = 'pim_' || service) then
            begin
                execute format('create role %I login', 'pim_' || service);
            exception when duplicate_object or unique_violation then
                null;
            end;
        end if;
    end loop;
end
$$;

-- For whom the transaction acts. Without a tenant it sees nothing.
create function acting_tenant() returns uuid language sql stable parallel safe
return nullif(current_setting('app.tenant', true), '')::uuid;

-- Each table that has a tenant is walled by this, in the migration that makes it. Whoever owns the
-- tables is behind the wall as well, and sees rows in migrations alone.
create procedure wall(walled regclass, tenant name default 'tenant_id') language plpgsql as $$
begin
    execute format(
        'alter table %s enable row level security, force row level security', walled);
    execute format(
        'create policy own_tenant on %s
             to pim_assignment, pim_activation, pim_approval, pim_audit, pim_access, pim_scheduler
             using (%I = acting_tenant())', walled, tenant);
    execute format(
        'create policy every_tenant on %s for select to pim_audit, pim_access, pim_scheduler
             using (true)', walled);
    execute format(
        'create policy migration on %s to current_user
             using (current_setting(''app.migrating'', true) = ''on'')', walled);
end
$$;
revoke execute on procedure wall from public;

call wall('tenant', 'id');
call wall('catalog_import');
call wall('role');
call wall('principal');
call wall('policy');
call wall('role_grant');
call wall('change_request');
call wall('scope');
call wall('severed');
call wall('activation');
call wall('extension');
call wall('approval');
call wall('decision');
call wall('event');
call wall('idempotency');
call wall('alert');
call wall('alert_setting');
call wall('alert_scan');
call wall('log_leaf');
call wall('log_node');
call wall('log_head');
call wall('log_checkpoint');
call wall('words');

-- The events of all tenants are sealed in one transaction.
create policy sealing on log_leaf to pim_audit using (true);
create policy sealing on log_node to pim_audit using (true);
create policy sealing on log_head to pim_audit using (true);

-- Else it would be read with the rights of whoever made it.
alter view holding set (security_invoker = true);

-- When the newest event of any tenant happened, and nothing else of it: no clock of a service is to
-- begin before. One of two functions that see more than their caller; the other tells how long the
-- log has not been sealed.
create function newest_event_time() returns timestamptz
language plpgsql volatile security definer set search_path from current as $$
declare
    newest timestamptz;
begin
    -- Concerns the owner alone.
    perform set_config('app.migrating', 'on', true);
    select max(e.event_time) into newest from event e;
    perform set_config('app.migrating', '', true);
    return newest;
end
$$;
revoke execute on function newest_event_time from public;

-- Which arrays overlap may tell of rows behind the wall, as Postgres sees it, so that the wall has to
-- be looked at first and no index of array elements serves any more. What waits in a tenant is little.
drop index approval_inbox;
create index approval_pending on approval (tenant_id, id) where state = 'PENDING';
drop index activation_by_membership;
create index activation_resting on activation (tenant_id, id)
    where state <> 'ENDED' and membership_ids <> '{}';
