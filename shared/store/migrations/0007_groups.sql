-- Groups: principals that cannot sign in. Access to a group is a role that is held at its scope,
-- `/groups/{id}`, so that members and owners are rows of role_grant and activation.

alter table principal
    alter column issuer drop not null,
    alter column subject drop not null,
    -- Of a group: whether it may hold Entra and privileged roles and approve. Never changes.
    add column role_assignable boolean,
    add column deleted_time timestamptz,
    drop constraint principal_kind_check,
    add constraint principal_kind check (kind in ('user', 'service_principal', 'group')),
    add constraint principal_signs_in check (
        (kind = 'group') = (issuer is null) and (issuer is null) = (subject is null)
    ),
    add constraint principal_group check (
        case kind
            when 'group' then
                role_assignable is not null and person_id is null and enabled_since is null
                and not break_glass
            else role_assignable is null and deleted_time is null
        end
    );
create index principal_groups on principal (tenant_id, id) where kind = 'group';

alter table role_grant
    -- Who made it; absent where that was nobody of the directory, or is not known any more.
    add column granted_by uuid,
    add constraint role_grant_granted_by
        foreign key (tenant_id, granted_by) references principal (tenant_id, id),
    -- The group at whose scope it is.
    add column group_id uuid generated always as (
        case when starts_with(scope, '/groups/') then substr(scope, 9)::uuid end
    ) stored,
    add constraint role_grant_group
        foreign key (tenant_id, group_id) references principal (tenant_id, id);
create index role_grant_by_group on role_grant (tenant_id, group_id, role_id, principal_id)
    where ended_time is null and group_id is not null;

alter table activation
    -- Where a group is eligible: the memberships on the way to it, from the principal's own on.
    add column membership_ids uuid[] not null default '{}',
    add column group_id uuid generated always as (
        case when starts_with(scope, '/groups/') then substr(scope, 9)::uuid end
    ) stored,
    add constraint activation_group
        foreign key (tenant_id, group_id) references principal (tenant_id, id);
alter table activation alter column membership_ids drop default;
create index activation_by_group on activation (tenant_id, group_id, role_id, principal_id)
    where state <> 'ENDED' and group_id is not null;
create index activation_by_membership on activation using gin (membership_ids)
    where state <> 'ENDED';

-- Groups may approve: every user and every group whom the rules name.
alter table approval rename column user_ids to approver_ids;
