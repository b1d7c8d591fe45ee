select 'tenant' as "kind!", id as "id!", null::text as name, version as "version!"
from tenant where id = $1
union all
select 'catalog', id, null, version from catalog_import where tenant_id = $1
union all
-- Custom ones.
select 'role', id, null, version from role where tenant_id = $1 and assignable_scopes is not null
union all
select case kind when 'group' then 'group' else 'principal' end, id, null, version
from principal where tenant_id = $1
union all
-- Each version stays; the newest is the state.
select 'policy', role_id, scope, max(version) from policy where tenant_id = $1
group by role_id, scope
union all
select 'scope', $1, path, version from scope where tenant_id = $1
union all
select kind, id, null, version from role_grant where tenant_id = $1
union all
select 'activation', id, null, version from activation where tenant_id = $1
union all
select 'approval', id, null, version from approval where tenant_id = $1
union all
select 'change_request', id, null, version from change_request where tenant_id = $1
union all
select 'alert', id, null, version from alert where tenant_id = $1
union all
select 'alert_setting', $1, kind, version from alert_setting where tenant_id = $1
