select min(at) from (
    select min(end_time) as at from activation where state = 'ACTIVE' and end_time > $1
    union all
    select min(expire_time) from activation where state = 'PENDING_APPROVAL' and expire_time > $1
    union all
    select min(x.expire_time)
    from activation a
    join extension x on x.tenant_id = a.tenant_id and x.id = a.extension_id
    where x.expire_time > $1 and x.expire_time < a.end_time
    union all
    select min(start_time) from activation where state = 'SCHEDULED' and start_time > $1
    union all
    select min(expire_time) from approval where state = 'PENDING' and expire_time > $1
    union all
    select min(end_time) from role_grant where ended_time is null and end_time > $1
    union all
    select min(expire_time) from change_request where state = 'PENDING' and expire_time > $1
) next
