select
    s.tenant_id, s.path, s.parent, s.display_name, s.delete_time, s.version, s.create_time,
    s.update_time
from scope s
where s.tenant_id = $1
    and s.delete_time is null
    -- Put below it, or without a parent and of those before its path the nearest that is registered.
    and ($2::text is null or s.parent = $2 or (
        s.parent is null
        and ($2 = '/' or starts_with(s.path, $2 || '/'))
        and not exists (
            select from scope n
            where n.tenant_id = $1
                and n.delete_time is null
                and n.path <> s.path
                and n.path <> $2
                and n.path = any(scope_lineage($1, s.path))
                and ($2 = '/' or starts_with(n.path, $2 || '/'))
        )
    ))
    and ($3::text is null
        or starts_with(s.path || '/', $3 || '/')
        or scope_head(s.path) in (select scope_heads_below($1, $3)))
    and ($4::text[] is null or s.kind = any($4))
    and ($5::text is null or s.path > $5)
order by s.path
limit $6
