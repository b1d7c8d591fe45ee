select
    e.thing_id as "thing_id!", e.subject_id as "subject_id!", e.role_id as "role_id!",
    e.scope as "scope!", e.event_time, a.signals ->> 'address' as "address!",
    before.addresses as "addresses!"
from event e
join activation a on a.tenant_id = e.tenant_id and a.id = e.thing_id
cross join lateral (
    select array_agg(h.address) as addresses
    from (
        select b.signals ->> 'address' as address
        from event p
        join activation b on b.tenant_id = p.tenant_id and b.id = p.thing_id
        where p.tenant_id = $1 and p.subject_id = e.subject_id and p.event_time < e.event_time
            and p.event_time > e.event_time - interval '90 days'
            and p.code = 'pim.activation.activated' and b.signals ->> 'address' is not null
        order by p.event_time desc
        limit 100
    ) h
) before
where e.tenant_id = $1 and e.code = 'pim.activation.activated' and e.event_time > $2
    and e.thing_id is not null and e.subject_id is not null and e.role_id is not null
    and e.scope is not null and a.signals ->> 'address' is not null
    -- As the rule: none from the same network. Of most, one of the last few is, and the rest need
    -- not be read.
    and not exists (
        select
        from (
            select b.signals ->> 'address' as address
            from event p
            join activation b on b.tenant_id = p.tenant_id and b.id = p.thing_id
            where p.tenant_id = $1 and p.subject_id = e.subject_id and p.event_time < e.event_time
                and p.event_time > e.event_time - interval '90 days'
                and p.code = 'pim.activation.activated' and b.signals ->> 'address' is not null
            order by p.event_time desc
            limit 100
        ) h
        where network_of(h.address) = network_of(a.signals ->> 'address')
    )
    and cardinality(before.addresses) >= $3
order by e.event_time, e.id
limit $4
