select
    id as "id!", is_activation as "is_activation!", holder_id as "holder_id!",
    role_id as "role_id!", scope as "scope!", start_time as "start_time!", end_time,
    ended_time, is_booked as "is_booked!", path_start_time, path_end_time, path_ended_time,
    membership_ids as "membership_ids!", enabled_since, granted_by,
    update_time as "update_time!", is_membership as "is_membership!", is_asked as "is_asked!"
from grounds($1, $2, $3, $4, $5, $6)
