select
    e.thing_id as "thing_id!", e.subject_id as "subject_id!", e.role_id as "role_id!",
    e.scope as "scope!", e.event_time, before.times as "times!"
from event e
cross join lateral (
    select array_agg(h.event_time) as times
    from (
        select event_time
        from event
        where tenant_id = $1 and subject_id = e.subject_id and event_time < e.event_time
            and event_time > e.event_time - interval '90 days'
            and code = 'pim.activation.activated'
        order by event_time desc
        limit 100
    ) h
) before
where e.tenant_id = $1 and e.code = 'pim.activation.activated' and e.event_time > $2
    and e.thing_id is not null and e.subject_id is not null and e.role_id is not null
    and e.scope is not null
    -- As the rule: nothing near the same time of the day. Of most, one of the last few is, and the
    -- rest need not be read.
    and not exists (
        select
        from (
            select event_time
            from event
            where tenant_id = $1 and subject_id = e.subject_id and event_time < e.event_time
                and event_time > e.event_time - interval '90 days'
                and code = 'pim.activation.activated'
            order by event_time desc
            limit 100
        ) h
        cross join lateral (
            select abs(extract(epoch from h.event_time)::bigint % 86400
                - extract(epoch from e.event_time)::bigint % 86400) as apart
        ) d
        where least(d.apart, 86400 - d.apart) < $4
    )
    and cardinality(before.times) >= $3
order by e.event_time, e.id
limit $5
