insert into role
    (tenant_id, id, catalog, display_name, privileged, assignable, inherits, permissions,
     version, create_time, update_time)
select
    $1, new.id, new.catalog, new.display_name, new.privileged, new.assignable, new.inherits,
    new.permissions, 1, $3, $3
from jsonb_to_recordset($2::jsonb) as new (
    id uuid, catalog text, display_name text, privileged boolean, assignable boolean,
    inherits uuid[], permissions jsonb
)
on conflict (tenant_id, id) do update
set display_name = excluded.display_name,
    privileged = excluded.privileged,
    assignable = excluded.assignable,
    inherits = excluded.inherits,
    permissions = excluded.permissions,
    version = role.version + 1,
    update_time = excluded.update_time
-- What is the same stays as it is, and is not counted.
where (role.display_name, role.privileged, role.assignable, role.inherits, role.permissions)
    is distinct from
    (excluded.display_name, excluded.privileged, excluded.assignable, excluded.inherits,
     excluded.permissions)
