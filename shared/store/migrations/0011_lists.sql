-- Pages of who holds something: each reads on from where the one before ended, however many there
-- are.

alter table role_grant add column holder_is_group boolean not null default false;
update role_grant g set holder_is_group = true
from principal p
where p.tenant_id = g.tenant_id and p.id = g.principal_id and p.kind = 'group';

-- What a principal is never changes. By a trigger, because the code before this does not know of it.
create function role_grant_holder() returns trigger language plpgsql as $$
begin
    new.holder_is_group := exists (
        select from principal p
        where p.tenant_id = new.tenant_id and p.id = new.principal_id and p.kind = 'group'
    );
    return new;
end
$$;
create trigger role_grant_holder before insert on role_grant
    for each row execute function role_grant_holder();

-- Few, beside what their members have.
create index role_grant_of_groups on role_grant (tenant_id, role_id, scope)
    where holder_is_group and ended_time is null;

drop index role_grant_open_by_role;
create index role_grant_open_by_role on role_grant (tenant_id, role_id, kind, scope, principal_id)
    where ended_time is null;
drop index activation_by_role;
create index activation_by_role on activation (tenant_id, role_id, scope, principal_id)
    where state <> 'ENDED';

-- Who was given access to a group, page by page.
create index role_grant_listed_by_group on role_grant (tenant_id, group_id, id)
    where group_id is not null;
