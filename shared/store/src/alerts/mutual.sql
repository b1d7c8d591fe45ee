with
-- Each yes to something that was approved.
yes as (
    select
        r.id as account_id, coalesce(r.person_id, r.id) as requester_id, d.person_id as approver_id,
        d.approval_id
    from decision d
    join approval p on p.tenant_id = d.tenant_id and p.id = d.approval_id and p.state = 'APPROVED'
    join activation a on a.tenant_id = p.tenant_id and a.id = p.activation_id
    join principal r on r.tenant_id = a.tenant_id and r.id = a.principal_id
    where d.tenant_id = $1 and d.decide_time > $2 and d.verdict = 'approve'
        and d.dropped_time is null
),
pair as (
    select
        requester_id, approver_id, count(distinct approval_id) as count,
        min(account_id::text)::uuid as account_id
    from yes
    group by requester_id, approver_id
),
whole as (
    select requester_id, count(distinct approval_id) as count from yes group by requester_id
)
select
    p.account_id as "account_id!", p.requester_id as "requester_id!",
    p.approver_id as "approver_id!", p.count as "count!", w.count as "of!"
from pair p
join whole w on w.requester_id = p.requester_id and w.count = p.count
join pair b on b.requester_id = p.approver_id and b.approver_id = p.requester_id
join whole v on v.requester_id = b.requester_id and v.count = b.count
where p.count >= $3 and b.count >= $3
-- Both of a pair follow each other.
order by least(p.requester_id, p.approver_id), greatest(p.requester_id, p.approver_id),
    p.requester_id
limit $4
