select
    a.id, a.activation_id, a.extension_id, a.rules as "rules: Json<Vec<ApprovalRule>>",
    a.shortest_duration, a.shortened_duration, a.expire_time, a.state, a.version, a.create_time,
    a.update_time,
    -- In the order in which they came, in the form in which the domain has them.
    coalesce((
        select jsonb_agg(jsonb_build_object(
            'approver', d.approver_id, 'person', d.person_id, 'verdict', d.verdict,
            'justification', justification(d.justification, (
                select w.text from words w
                where w.tenant_id = d.tenant_id and w.commitment = d.justification
            )), 'time', d.decide_time,
            'dropped', d.dropped_time) order by d.version)
        from decision d
        where d.tenant_id = a.tenant_id and d.approval_id = a.id
    ), '[]') as "decisions!: Json<Vec<Decision>>"
from approval a
where a.tenant_id = $1
    -- One of the two is given.
    and a.id in (
        select $2::uuid
        union all
        select x.id
        from approval x
        where x.tenant_id = $1 and x.activation_id = $3
            and x.extension_id is not distinct from $4
    )
