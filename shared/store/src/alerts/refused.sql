select c.actor_id as "actor_id!", streak.count as "count!"
from (
    select actor_id
    from event
    where tenant_id = $1 and code = 'pim.call.refused' and event_time > $2
    group by actor_id
    having count(*) >= $3
) c
cross join lateral (
    select count(*)
    from event e
    where e.tenant_id = $1 and e.actor_id = c.actor_id and e.code = 'pim.call.refused'
        -- Since anything last succeeded.
        and e.event_time > coalesce(
            (
                select max(s.event_time)
                from event s
                where s.tenant_id = $1 and s.actor_id = c.actor_id and s.event_time > $2
                    and s.result = 'success'
            ),
            $2
        )
) streak
where streak.count >= $3
order by c.actor_id
limit $4
