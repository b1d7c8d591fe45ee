select
    tenant_id as "tenant_id!", id as "id!", is_activation as "is_activation!",
    holder_id as "holder_id!", role_id as "role_id!", scope as "scope!",
    start_time as "start_time!", end_time as "end_time?", ended_time as "ended_time?",
    is_booked as "is_booked!", path_start_time as "path_start_time?",
    path_end_time as "path_end_time?", path_ended_time as "path_ended_time?",
    membership_ids as "membership_ids!", granted_by as "granted_by?", update_time as "update_time!"
from holding
