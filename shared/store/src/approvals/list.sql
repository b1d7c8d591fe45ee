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
join activation v on v.tenant_id = a.tenant_id and v.id = a.activation_id
where a.tenant_id = $1
    -- May wait for somebody: who is named, has not answered, and did not ask.
    and ($2::uuid is null or (
        a.approver_ids && ($2 || $8::uuid[])
        and v.principal_id <> $2
        and not exists (
            select from decision d
            where d.tenant_id = a.tenant_id and d.approval_id = a.id and d.approver_id = $2
                and d.dropped_time is null
        )
    ))
    and ($3::text is null
        or starts_with(v.scope || '/', $3 || '/')
        or scope_head(v.scope) in (select scope_heads_below($1, $3)))
    and ($4::timestamptz is null or (
        a.state = 'PENDING' and a.expire_time > $4
        and case
            when a.extension_id is null then v.state = 'PENDING_APPROVAL'
            else v.state = 'ACTIVE' and v.extension_id = a.extension_id and v.end_time > $4
        end
    ))
    and ($5::text[] is null or exists (
        select from role r
        where r.tenant_id = v.tenant_id and r.id = v.role_id and r.catalog = any($5)
    ))
    and ($6::uuid is null or a.id > $6)
order by a.id
limit $7
