-- Roles that a tenant makes itself. Old code goes on and takes them for built-in ones that can be
-- granted anywhere, so none may be made before it has gone.

alter table role
    -- Of a custom role: it can be granted at these and below. Absent: it is built in.
    add column assignable_scopes text[],
    -- From then on it counts for nothing. The row stays.
    add column deleted_time timestamptz,
    add column deleted_by uuid,
    add foreign key (tenant_id, deleted_by) references principal (tenant_id, id),
    add constraint role_custom check (
        assignable_scopes is null or (cardinality(assignable_scopes) > 0 and catalog <> 'pim')
    ),
    add constraint role_deleted check (
        (deleted_time is null) = (deleted_by is null)
        and (deleted_time is null or assignable_scopes is not null)
    );
-- What concurrency could break: two custom roles of one name.
create unique index role_custom_name on role (tenant_id, lower(display_name))
    where assignable_scopes is not null and deleted_time is null;
-- What there is of deleted roles is due to end.
create index role_deleted on role (tenant_id, id) where deleted_time is not null;
create index role_grant_open_by_role on role_grant (tenant_id, role_id) where ended_time is null;
create index change_request_pending_by_role on change_request (tenant_id, role_id)
    where state = 'PENDING';
