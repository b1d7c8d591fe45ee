select
    -- Put below it, or with its path before their own.
    exists (
        select from scope
        where tenant_id = $1
            and delete_time is null
            and (parent = $2 or starts_with(path, $2 || '/'))
    ) as "has_children!",
    exists (
        select from role_grant
        where tenant_id = $1
            and starts_with(scope || '/', $2 || '/')
            and ended_time is null
            and (end_time is null or end_time > $3)
    )
    or exists (
        select from activation
        where tenant_id = $1
            and starts_with(scope || '/', $2 || '/')
            and state <> 'ENDED'
            and coalesce(expire_time, end_time, 'infinity') > $3
    ) as "is_in_use!"
